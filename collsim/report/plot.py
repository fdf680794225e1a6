"""Figures, the only place that knows matplotlib: a comparison over sizes, a topology, a schedule step by step.

Figures are drawn without a window or global state, with units on every axis and legends outside the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from collsim.collectives.schedule import Schedule
from collsim.errors import InvalidValue
from collsim.report.output import FORMATS, check_drawable, write_file
from collsim.report.shapes import bowed, hits_a_node, link_shapes, spacing
from collsim.result import Outcome
from collsim.topology.graph import Topology
from collsim.units import FS_PER_SECOND, format_bandwidth, format_size, format_time

__all__ = ["FORMATS", "plot_comparison", "plot_schedule", "plot_topology"]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#6A3D9A", "#8C564B", "#7F7F7F", "#B2A800")
MARKERS = "osD^vP*X<>"
HOST, SWITCH, LINK = "#4C8DC9", "#F0B95A", "#9AA5B1"
MOST_PANELS = 36
MOST_LABELS = 80


def plot_comparison(outcomes: Sequence[Outcome], path: str | Path, metric: str = "time") -> None:
    """Draw time or algorithm bandwidth over size, one line an algorithm and the bound dashed, into the image `path`."""
    check_drawable(path)
    if metric not in ("time", "bandwidth"):
        raise InvalidValue(f"The metric '{metric}' is neither time nor bandwidth.")
    if not outcomes:
        raise InvalidValue("There is no run to draw.")
    figure = Figure(figsize=(8.6, 4.8), layout="constrained")
    axes = figure.add_subplot()
    names = list(dict.fromkeys(o.algorithm for o in outcomes))
    for place, name in enumerate(names):
        own = sorted((o for o in outcomes if o.algorithm == name), key=lambda o: o.size)
        values = [o.time_s if metric == "time" else o.algbw / 1e9 for o in own]
        style = {"color": COLOURS[place % len(COLOURS)], "marker": MARKERS[place % len(MARKERS)], "markersize": 5}
        axes.plot([o.size for o in own], values, label=name, linewidth=1.6, **style)  # type: ignore[arg-type]
    bounds = {o.size: o.bound.time / FS_PER_SECOND for o in sorted(outcomes, key=lambda o: o.size)}
    limits = [b if metric == "time" else size / b / 1e9 for size, b in bounds.items() if b > 0]
    label = "lower bound" if metric == "time" else "upper bound"
    axes.plot([size for size, b in bounds.items() if b > 0], limits, "k--", linewidth=1.3, label=label)
    first = outcomes[0]
    axes.set(xscale="log", yscale="log", xlabel="size of a rank's buffer")
    axes.set_ylabel("time" if metric == "time" else "algorithm bandwidth (GB/s)")
    axes.set_title(f"{first.schedule.collective.name} on {first.topology.name}, {first.schedule.ranks} ranks")
    _size_axis(axes, list(bounds))
    if metric == "time":
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_time(value * FS_PER_SECOND)))
    else:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(True, which="major", color="#DDDDDD", linewidth=0.7)
    figure.legend(loc="outside right upper", frameon=False)
    _save(figure, path)


def plot_topology(topology: Topology, path: str | Path) -> None:
    """Draw hosts as circles, switches as squares and links as wide as they are fast, into the image `path`."""
    check_drawable(path)
    figure = Figure(figsize=(8.5, 6.5), layout="constrained")
    axes = figure.add_subplot()
    _draw_machine(axes, topology, labels=topology.nodes <= MOST_LABELS)
    axes.set_title(f"{topology.name}: {topology.hosts} hosts, {topology.switches} switches, {topology.links} directed links")
    figure.legend(handles=_legend(topology), loc="outside right upper", frameon=False)
    _save(figure, path)


def plot_schedule(schedule: Schedule, topology: Topology, path: str | Path, first: int = 0, last: int | None = None) -> None:
    """Draw steps `first` to `last` (both included) as arrows on the topology, coloured by chunk, into the image `path`.

    Raises InvalidValue for more than 36 steps: choose some.
    """
    check_drawable(path)
    last = schedule.steps - 1 if last is None else last
    panels = last - first + 1
    if panels > MOST_PANELS:
        raise InvalidValue(
            f"{panels} steps do not fit a figure; draw up to {MOST_PANELS}, like --steps {first}:{first + 11}."
        )
    columns = min(panels, 4)
    rows = -(-panels // columns)
    figure = Figure(figsize=(3.3 * columns + 1, 3.2 * rows + 0.6), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    mesh = None
    for place, axes in enumerate(grid.flat):
        if place >= panels:
            axes.set_axis_off()
            continue
        _draw_machine(axes, topology, labels=topology.hosts <= 20, faint=True)
        mesh = _draw_step(axes, schedule, topology, first + place) or mesh
        axes.set_title(f"step {first + place}", fontsize=10)
    figure.suptitle(f"{schedule.algorithm}: {schedule.collective.name} on {topology.name}")
    if mesh is not None and schedule.chunks > 1:
        figure.colorbar(mesh, ax=grid.ravel().tolist(), label="chunk", shrink=0.6, ticks=MaxNLocator(integer=True))
    _save(figure, path)


def _draw_machine(axes: Axes, t: Topology, labels: bool, faint: bool = False) -> None:
    shapes, links = link_shapes(t)
    crowd = float(np.clip((40 / t.nodes) ** 0.5, 0.4, 1.0)) * (0.6 if faint else 1.0)
    widths = crowd * _widths(t.bandwidth[links], t)
    axes.add_collection(LineCollection(shapes, linewidths=widths, colors="#DDE1E6" if faint else LINK, zorder=1))
    where = t.coordinates
    reach = float(np.ptp(where, axis=0).max()) or 1.0
    across = float(np.clip(0.5 * spacing(t) / reach * (130 if faint else 400), 3, 12 if faint else 27))
    for nodes, marker, colour in ((slice(0, t.hosts), "o", HOST), (slice(t.hosts, None), "s", SWITCH)):
        x, y = where[nodes].T
        axes.scatter(x, y, s=across**2, marker=marker, c=colour, edgecolors="white", linewidths=0.8, zorder=3)
    # Names sit in their nodes where they fit, else just above them.
    inside = across >= 13
    style = {"ha": "center", "va": "center"} if inside else {"ha": "center", "va": "bottom", "xytext": (0, across / 2)}
    font = float(np.clip(across / 2.9, 4.5, 9)) if inside else 5.5
    for node in range(t.nodes if labels else 0):
        if inside or not faint:
            font_here = font * min(1.0, 4 / len(t.names[node])) ** 0.5
            axes.annotate(
                t.names[node],
                tuple(where[node]),
                textcoords=None if inside else "offset points",
                fontsize=font_here,
                zorder=6,
                **style,
            )
    axes.set_aspect("equal" if _is_roomy(t) else "auto")
    axes.margins(0.12)
    axes.autoscale_view()
    axes.set_axis_off()


def _draw_step(axes: Axes, schedule: Schedule, t: Topology, step: int) -> Any:
    """Draw the transfers of one step as arrows, each link of a given path on its own; return what a colour bar needs."""
    gap = spacing(t)
    lines, colours = [], []
    for transfer in np.flatnonzero(schedule.step == step).tolist():
        links = schedule.path_of(transfer).tolist()
        ranks = int(schedule.src[transfer]), int(schedule.dst[transfer])
        hosts = [(int(schedule.ranks_to_hosts[ranks[0]]), int(schedule.ranks_to_hosts[ranks[1]]))]
        for a, b in [(int(t.source[k]), int(t.target[k])) for k in links] or hosts:
            start, end = t.coordinates[a], t.coordinates[b]
            height = 0.12 * gap
            if hits_a_node(t, a, b, 0.16 * gap):
                height = max(0.4 * gap, 0.0 if links else 0.25 * float(np.hypot(*(end - start))))
            lines.append(bowed(start, end, height)[2:-2])
            colours.append(int(schedule.chunk[transfer]))
    if not lines:
        return None
    drawn = LineCollection(lines, array=np.array(colours), linewidths=1.2, cmap="turbo", zorder=5)
    axes.add_collection(drawn)
    tips, tails = np.array([line[-1] for line in lines]), np.array([line[-4] for line in lines])
    heads = {"angles": "xy", "scale_units": "xy", "scale": 1, "headaxislength": 5, "headlength": 5, "width": 0.008}
    arrows = axes.quiver(*tails.T, *(tips - tails).T, np.array(colours), cmap="turbo", zorder=5, **heads)  # type: ignore[arg-type]
    for drawing in (drawn, arrows):
        drawing.set_clim(0, max(schedule.chunks - 1, 1))
    axes.autoscale_view()
    return drawn


def _widths(rates: Any, t: Topology) -> Any:
    """Return line widths in points: all links alike are thin, else from 0.6 for the slowest to 3.2 for the fastest."""
    low, high = int(t.bandwidth.min()), int(t.bandwidth.max())
    return 1.3 + 0 * rates if low == high else 0.6 + 2.6 * rates / high


def _is_roomy(t: Topology) -> bool:
    """Whether the drawing is about as high as wide, so that equal axes waste no room."""
    width, height = np.ptp(t.coordinates, axis=0)
    return bool(min(width, height) > 0.35 * max(width, height))


def _legend(t: Topology) -> list[Line2D]:
    entries = [Line2D([], [], marker="o", linestyle="", color=HOST, markersize=9, label="host")]
    if t.switches:
        entries.append(Line2D([], [], marker="s", linestyle="", color=SWITCH, markersize=9, label="switch"))
    rates = sorted(set(t.bandwidth.tolist()), reverse=True)
    shown = rates if len(rates) <= 5 else [rates[0], rates[len(rates) // 2], rates[-1]]
    for rate in shown:
        width = float(_widths(np.float64(rate), t))
        entries.append(Line2D([], [], color=LINK, linewidth=width, label=f"link, {format_bandwidth(rate)}"))
    return entries


def _size_axis(axes: Axes, sizes: Sequence[int]) -> None:
    shown = sizes if len(sizes) <= 9 else sizes[:: -(-len(sizes) // 9)]
    axes.set_xticks(shown, [format_size(size) for size in shown], fontsize=9)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())


def _save(figure: Figure, path: str | Path) -> None:
    write_file(path, lambda temporary: figure.savefig(temporary, dpi=150))
