"""How machines are drawn, whatever is shown on them: nodes, their names, the frame around them.

Lengths are in units of the coordinates but for fonts and line widths, which are in points.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import EllipseCollection, PolyCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from collsim.report.output import write_file
from collsim.report.palette import HOST, SCALE, SERIES, SWITCH, of_chunk
from collsim.report.shapes import beside, node_radii, rate_shares, spacing
from collsim.report.spacetime import shortened
from collsim.topology.graph import Topology

__all__ = [
    "MOST_LABELS",
    "canvas",
    "count",
    "crowd",
    "draw_nodes",
    "fitted",
    "framed",
    "headline",
    "name_nodes",
    "save",
    "set_frame",
    "show_chunks",
    "widths",
]

MOST_LABELS = 80
SMALLEST = 5.5
"""Points below which a name does not go into its node but above it."""


def canvas(
    t: Topology, lines: Sequence[NDArray[np.float64]], aside: float = 1.9, below: float = 0.0
) -> tuple[Figure, Axes, float]:
    """Return (figure, axes, points a unit) for a machine and what is drawn between its nodes.

    `aside`, `below`: inches for a legend. Machines of many nodes, or of many in a row, get a larger page.
    """
    box = framed(t, lines)
    row = float(np.ptp(t.coordinates, axis=0).max()) / spacing(t)
    side = float(np.clip(max(6.6 * (t.nodes / 300) ** 0.4, 0.08 * row), 6.6, 14.0))
    width, height = fitted(box, side, side)
    figure = Figure(figsize=(max(width, 4.0) + aside, height + 0.5 + below), layout="constrained")
    axes = figure.add_subplot()
    set_frame(axes, box)
    return figure, axes, 72 * width / float(np.ptp(box[:, 0]))


def crowd(t: Topology) -> float:
    """Return the factor, 1 or less, by which lines are thinner where there are many."""
    return float(np.clip((40 / t.nodes) ** 0.4 * min(1.0, 4 * t.nodes / t.links), 0.08, 1.0))


def show_chunks(figure: Figure, axes: list[Axes], chunks: int) -> None:
    """Add what says which colour is which chunk: a legend while chunks have colours of their own, else a scale."""
    if 1 < chunks <= len(SERIES):
        handles = [Patch(color=of_chunk(chunk, chunks), label=f"chunk {chunk}") for chunk in range(chunks)]
        figure.legend(handles=handles, loc="outside right upper", frameon=False)
    elif chunks > 1:
        colours = ScalarMappable(Normalize(0, chunks - 1), SCALE)
        figure.colorbar(colours, ax=axes, label="chunk", shrink=0.6, ticks=MaxNLocator(integer=True))


def headline(figure: Figure, axes: Axes, text: str, size: float = 12.0, aside: float = 1.9, pad: float = 13.0) -> None:
    """Write `text` above the drawing, its lines broken where it ends, `aside` inches from the end of the page."""
    room = max(24, int((figure.get_figwidth() - aside) * 72 / (0.55 * size)))
    lines = [part for line in text.split("\n") for part in wrap(line, room)]
    figure.set_figheight(figure.get_figheight() + 1.3 * size / 72 * (len(lines) - 1))
    # The topmost node may have its name above it.
    axes.set_title("\n".join(lines), fontsize=size, pad=pad)


def draw_nodes(axes: Axes, t: Topology, scale: float) -> None:
    """Draw hosts as circles and switches as squares; `scale`: points a unit."""
    # However small the page is for them, nodes are to be seen, if only as a line of them.
    radii = np.maximum(node_radii(t), 0.8 / scale)
    radius = float(radii[-1])
    # Small nodes have a narrow rim, or nothing would be left of them.
    rims = np.clip(0.12 * scale * radii, 0.0, 0.6)
    style: dict[str, Any] = {"edgecolors": "white", "linewidths": rims[: t.hosts], "zorder": 3}
    hosts, switches = t.coordinates[: t.hosts], t.coordinates[t.hosts :]
    size = 2 * radii[: t.hosts]
    axes.add_collection(
        EllipseCollection(
            size, size, 0 * size, units="xy", offsets=hosts, offset_transform=axes.transData, facecolors=HOST, **style
        )
    )
    corners = 0.9 * radius * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    style["linewidths"] = rims[t.hosts :]
    axes.add_collection(PolyCollection([at + corners for at in switches], facecolors=SWITCH, **style))


def name_nodes(axes: Axes, t: Topology, names: dict[int, str], scale: float) -> None:
    """Write names into their nodes where they fit, else above them where there is room; `scale`: points a unit."""
    radii = node_radii(t)
    for kind in (slice(0, t.hosts), slice(t.hosts, t.nodes)):
        own = {node: shortened(name, 24) for node, name in names.items() if kind.start <= node < kind.stop}
        longest, inside = max(map(len, own.values()), default=0), 2 * scale * float(radii[kind.stop - 1])
        font = min(9.0, 0.85 * inside / (0.62 * max(longest, 2)))
        style: dict[str, Any] = {"va": "center", "xytext": (0, 0)}
        if font < SMALLEST:
            # Names at the rim make the drawing a little smaller than `scale` says.
            font = min(7.0, 0.9 * scale * min(beside(t, kind), spacing(t, kind)) / (0.6 * longest))
            if font < 0.9 * SMALLEST:
                continue
            # Links end at the rim of the node, so that a name above it stands on some of them.
            behind = {"facecolor": "white", "edgecolor": "none", "pad": 0.2, "alpha": 0.85}
            style = {"va": "bottom", "xytext": (0, inside / 2 + 0.5), "bbox": behind}
            half, across = 0.32 * font * longest / scale, t.coordinates[list(own), 0]
            left, right = axes.get_xlim()
            axes.set_xlim(min(left, float(across.min()) - half), max(right, float(across.max()) + half))
        style |= {"textcoords": "offset points", "ha": "center", "fontsize": font, "zorder": 6}
        for node, name in own.items():
            axes.annotate(name, tuple(t.coordinates[node].tolist()), **style)


def framed(t: Topology, lines: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return [[least x, y], [greatest x, y]] of all nodes and lines with a margin; never empty in a direction."""
    rim = 1.6 * node_radii(t)[:, None]
    nodes = t.coordinates
    every = np.concatenate(
        [nodes - rim, nodes + rim, *(line + rim[0] / 4 for line in lines), *(line - rim[0] / 4 for line in lines)]
    )
    return np.array([every.min(axis=0), every.max(axis=0)])


def fitted(frame: NDArray[np.float64], width: float, most: float) -> tuple[float, float]:
    """Return (width, height) in inches of a drawing of `frame` that is up to `width` wide and `most` high."""
    across, up = np.ptp(frame, axis=0).tolist()
    scale = min(width / across, most / up)
    return scale * across, max(scale * up, 0.8)


def set_frame(axes: Axes, frame: NDArray[np.float64]) -> None:
    """Show what lies in `frame`, and no axes."""
    (left, low), (right, high) = frame.tolist()
    axes.set(xlim=(left, right), ylim=(low, high), aspect="equal")
    axes.set_axis_off()


def widths(rates: Any, t: Topology) -> Any:
    """Return line widths in points: all links alike are thin, else up to 3.2 for the fastest, by the root of the rate."""
    widest = 1.3 if t.bandwidth.min() == t.bandwidth.max() else 3.2
    return widest * np.asarray(rate_shares(rates, t))


def count(number: int, one: str, many: str | None = None) -> str:
    """Return "1 host" or "16 hosts"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def save(figure: Figure, path: str | Path) -> None:
    """Write the figure to the image `path`."""
    write_file(path, lambda temporary: figure.savefig(temporary, dpi=150))
