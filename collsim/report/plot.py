"""Figures: a comparison over sizes, a topology, a schedule step by step.

Figures are drawn without a window or global state, with units on every axis and legends outside the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from collsim.collectives.schedule import Schedule
from collsim.errors import InvalidValue
from collsim.report.drawing import (
    MOST_LABELS,
    canvas,
    count,
    crowd,
    draw_nodes,
    fitted,
    framed,
    headline,
    name_nodes,
    save,
    set_frame,
    show_chunks,
    widths,
)
from collsim.report.output import FORMATS, check_drawable
from collsim.report.palette import GRID, HOST, LINK, MARKERS, PALE, SERIES, SWITCH, of_chunk
from collsim.report.shapes import Arrow, arrow, link_shapes, node_radii, node_radius, rates_shown, spacing, way
from collsim.result import Outcome
from collsim.topology.graph import Topology
from collsim.units import FS_PER_SECOND, format_bandwidth, format_size, format_time

__all__ = ["FORMATS", "plot_comparison", "plot_schedule", "plot_topology"]

MOST_PANELS = 36
TICKS: tuple[tuple[int, ...], ...] = (tuple(range(1, 10)), (1, 2, 5), (1,))


def plot_comparison(
    outcomes: Sequence[Outcome], path: str | Path, metric: str = "time", measured: Mapping[int, float] | None = None
) -> None:
    """Draw time or algorithm bandwidth over size, one line an algorithm and the bound dashed, into the image `path`.

    `measured`: seconds by size of a run on the real machine, drawn as crosses.
    """
    check_drawable(path)
    if metric not in ("time", "bandwidth"):
        raise InvalidValue(f"The metric '{metric}' is neither time, bandwidth nor speedup.")
    if not any(o.result.time for o in outcomes):
        raise InvalidValue("There is no run to draw that took any time.")
    figure = Figure(figsize=(8.6, 4.8), layout="constrained")
    axes = figure.add_subplot()
    names = list(dict.fromkeys(o.algorithm for o in outcomes))
    for place, name in enumerate(names):
        own = sorted((o for o in outcomes if o.algorithm == name), key=lambda o: o.size)
        values = [o.time_s if metric == "time" else o.algbw / 1e9 for o in own]
        style = {"color": SERIES[place % len(SERIES)], "marker": MARKERS[place % len(MARKERS)], "markersize": 5}
        axes.plot([o.size for o in own], values, label=name, linewidth=1.6, **style)  # type: ignore[arg-type]
    if measured:
        points = [(size, time if metric == "time" else size / time / 1e9) for size, time in sorted(measured.items())]
        axes.plot(*zip(*points, strict=True), "kX", markersize=8, label="measured")
    bounds = {o.size: o.bound.time / FS_PER_SECOND for o in sorted(outcomes, key=lambda o: o.size)}
    limits = [b if metric == "time" else size / b / 1e9 for size, b in bounds.items() if b > 0]
    label = "lower bound" if metric == "time" else "upper bound"
    alone = "_" if len(limits) == 1 else None  # a line of one point would not be seen
    sized = [size for size, b in bounds.items() if b > 0]
    axes.plot(sized, limits, "k--", linewidth=1.3, marker=alone, markersize=16, label=label)
    first = outcomes[0]
    axes.set(xscale="log", yscale="log", xlabel="size of a rank's buffer")
    axes.set_ylabel("time" if metric == "time" else "algorithm bandwidth (GB/s)")
    headline(figure, axes, f"{first.schedule.collective.text} on {first.topology.name}, {first.schedule.ranks} ranks", pad=6)
    _size_axis(axes, list(bounds))
    if metric == "time":
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_time(value * FS_PER_SECOND)))
    else:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=TICKS[int(high > 4 * low) + int(high > 100 * low)]))
    axes.grid(True, which="major", color=GRID, linewidth=0.7)
    figure.legend(loc="outside right upper", frameon=False)
    save(figure, path)


def plot_topology(topology: Topology, path: str | Path) -> None:
    """Draw hosts as circles, switches as squares and links as wide as they are fast, into the image `path`."""
    check_drawable(path)
    shapes, links = link_shapes(topology)
    figure, axes, scale = canvas(topology, shapes)
    thin = crowd(topology)
    style: dict[str, Any] = {"linewidths": thin * widths(topology.bandwidth[links], topology), "alpha": 0.55 + 0.45 * thin}
    axes.add_collection(LineCollection(shapes, colors=LINK, zorder=1, **style))
    draw_nodes(axes, topology, scale)
    if topology.nodes <= MOST_LABELS:
        name_nodes(axes, topology, dict(enumerate(topology.names)), scale)
    switches = [count(topology.switches, "switch", "switches")] if topology.switches else []
    counts = [count(topology.hosts, "host"), *switches, count(topology.links, "directed link")]
    headline(figure, axes, f"{topology.name}: {', '.join(counts)}")
    figure.legend(handles=_legend(topology), loc="outside right upper", frameon=False)
    save(figure, path)


def plot_schedule(schedule: Schedule, topology: Topology, path: str | Path, first: int = 0, last: int | None = None) -> None:
    """Draw steps `first` to `last` (both included) as arrows on the topology, coloured by chunk, into the image `path`.

    Hosts carry the number of their rank. Raises InvalidValue for no steps at all, and for more than 36: choose some.
    """
    check_drawable(path)
    last = schedule.steps - 1 if last is None else last
    panels = last - first + 1
    if panels < 1:
        raise InvalidValue(f"{schedule.algorithm} sends nothing here, so there is no step to draw.")
    if panels > MOST_PANELS:
        raise InvalidValue(
            f"{panels} steps do not fit a figure; draw up to {MOST_PANELS}, like --steps {first}:{first + 11}."
        )
    shapes, _ = link_shapes(topology)
    steps = [_arrows(schedule, topology, step) for step in range(first, last + 1)]
    box = framed(topology, [*shapes, *(each.shaft for arrows, _ in steps for each in arrows)])
    across = float(np.ptp(box[:, 0]))
    # Wide enough that numbers fit the nodes, as far as a page allows.
    width, height = fitted(box, float(np.clip(across / spacing(topology) * 0.25, 3.2, 6.4)), 6.4)
    columns = min(panels, max(1, int(13.5 / width)))
    rows = -(-panels // columns)
    figure = Figure(figsize=(width * columns + 1, (height + 0.3) * rows + 0.4), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    ranks = {int(host): str(rank) for rank, host in enumerate(schedule.ranks_to_hosts)}
    for place, axes in enumerate(grid.flat):
        if place >= panels:
            axes.set_axis_off()
            continue
        axes.add_collection(LineCollection(shapes, linewidths=0.6, colors=PALE, zorder=1))
        draw_nodes(axes, topology, 72 * width / across)
        name_nodes(axes, topology, ranks, 72 * width / across)
        arrows, chunks = steps[place]
        shades = [of_chunk(chunk, schedule.chunks) for chunk in chunks]
        thin = float(np.clip(72 * width / across * node_radius(topology) / 6, 0.4, 1.2))
        axes.add_collection(LineCollection([each.shaft for each in arrows], linewidths=thin, colors=shades, zorder=5))
        axes.add_collection(PolyCollection([each.head for each in arrows], facecolors=shades, linewidths=0, zorder=5))
        set_frame(axes, box)
        axes.set_title(f"step {first + place}", fontsize=10)
    title = f"{schedule.algorithm}: {schedule.collective.name} on {topology.name}"
    figure.suptitle(fill(title, max(24, int(figure.get_figwidth() * 12))), fontsize=11)
    show_chunks(figure, grid.ravel().tolist(), schedule.chunks)
    save(figure, path)


def _arrows(schedule: Schedule, t: Topology, step: int) -> tuple[list[Arrow], list[int]]:
    """Return the arrows of a step and their chunks: each link of a given path on its own, else from host to host."""
    gap, rims = spacing(t), 1.15 * node_radii(t)
    arrows, chunks = [], []
    for transfer in np.flatnonzero(schedule.step == step).tolist():
        links = schedule.path_of(transfer).tolist()
        src, dst = int(schedule.src[transfer]), int(schedule.dst[transfer])
        ends = int(schedule.ranks_to_hosts[src]), int(schedule.ranks_to_hosts[dst])
        hops = [
            (int(t.source[k]), int(t.target[k]), t.links_between(int(t.source[k]), int(t.target[k])).index(k)) for k in links
        ]
        for a, b, place in hops or [(*ends, 0)]:
            line = way(t, a, b, gap, (0.12 + 0.1 * place) * gap, link=bool(links))
            arrows.append(arrow(line, float(rims[a]), float(rims[b]), 0.6 * float(rims[0])))
            chunks.append(int(schedule.chunk[transfer]))
    return arrows, chunks


def _legend(t: Topology) -> list[Line2D]:
    entries = [Line2D([], [], marker="o", linestyle="", color=HOST, markersize=9, label="host")]
    if t.switches:
        entries.append(Line2D([], [], marker="s", linestyle="", color=SWITCH, markersize=9, label="switch"))
    rates = rates_shown(t)
    for rate, width in zip(rates, widths(np.array(rates), t).tolist(), strict=True):
        entries.append(Line2D([], [], color=LINK, linewidth=width, label=f"link, {format_bandwidth(rate)}"))
    return entries


def _size_axis(axes: Axes, sizes: Sequence[int]) -> None:
    shown = sizes if len(sizes) <= 9 else sizes[:: -(-len(sizes) // 9)]
    if len(sizes) == 1:
        axes.set_xlim(sizes[0] / 4, sizes[0] * 4)  # in the middle, not at the edge
    axes.set_xticks(shown, [format_size(size) for size in shown], fontsize=9)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
