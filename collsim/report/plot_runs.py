"""Figures of one run: how busy each link was, drawn on the machine, and a space-time diagram of its transfers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from collsim.collectives.schedule import Schedule
from collsim.report.drawing import MOST_LABELS, canvas, draw_nodes, headline, name_nodes, save, show_chunks
from collsim.report.output import check_drawable
from collsim.report.palette import PALE, SCALE, VERMILION, of_chunk
from collsim.report.picture import Picture, picture
from collsim.report.shapes import directed_shapes, spacing
from collsim.report.spacetime import Bars, bars_of_run, bars_of_steps, shortened
from collsim.result import Outcome
from collsim.topology.graph import Topology
from collsim.units import format_size, format_time

__all__ = ["plot_links", "plot_steps", "plot_time"]

LOWEST = 4.0
"""Inches of a page below which the scale of colours lies under the drawing."""
THINNEST = 0.001
"""Part of the axis of time that a bar takes at least, or the shortest would not be seen."""
HALO = [withStroke(linewidth=3, foreground="white")]
"""What keeps a line apart from bars of its own colour."""


def plot_links(outcome: Outcome, path: str | Path | None = None) -> Picture | None:
    """Draw the machine with each link coloured by the share of the run in which it was sending, into the image `path`.

    Without a path the picture is returned, for a notebook. Each direction of a cable is a line of its own, on the right of
    its way. Links that sent nothing are pale.
    """
    if path is not None:
        check_drawable(path)
    t, use = outcome.topology, outcome.link_use
    shapes = directed_shapes(t)
    figure, axes, scale = canvas(t, shapes, aside=1.3)
    # Beside a low drawing there is no room for what the scale says.
    flat = figure.get_figheight() < LOWEST
    if flat:
        figure, axes, scale = canvas(t, shapes, aside=0.3, below=0.9)
    order = np.argsort(use, kind="stable")
    idle, busy = order[use[order] == 0], order[use[order] > 0]
    most = max(float(use.max()), 1e-9)
    # The two directions of a cable stay apart: `directed_shapes` puts them 0.07 of the spacing from each other.
    widest = float(np.clip(0.055 * spacing(t) * scale, 0.25, 3.4))
    colours = ScalarMappable(Normalize(0, most), f"{SCALE}_r")
    axes.add_collection(LineCollection([shapes[k] for k in idle], linewidths=0.4 * widest, colors=PALE, zorder=1))
    widths = widest * (0.4 + 0.6 * use[busy] / most)
    shades = colours.to_rgba(use[busy])
    axes.add_collection(LineCollection([shapes[k] for k in busy], linewidths=widths, colors=shades, zorder=2))
    draw_nodes(axes, t, scale)
    if t.nodes <= MOST_LABELS:
        name_nodes(axes, t, dict(enumerate(t.names)), scale)
    side: dict[str, Any] = {"location": "bottom", "aspect": 35} if flat else {"location": "right", "shrink": 0.75}
    bar = figure.colorbar(colours, ax=axes, label="share of the run that the link was sending", **side)
    (bar.ax.xaxis if flat else bar.ax.yaxis).set_major_formatter(PercentFormatter(xmax=1.0))
    hot = outcome.bottleneck
    busiest = f"busiest: {t.link_name(hot)}, {use[hot]:.1%}; mean {use.mean():.1%}; {len(idle):,} of {t.links:,} links idle"
    headline(figure, axes, f"{_what(outcome)}\n{busiest}", 10, aside=0.3 if flat else 1.3)
    return picture(lambda place: save(figure, place), path)


def plot_time(outcome: Outcome, path: str | Path | None = None, rows: str = "auto") -> Picture | None:
    """Draw links or ranks by time, a bar a transfer, coloured by chunk, with the end and the bound, into the image `path`.

    `rows` as for `bars_of_run`; without a path the picture is returned.
    """
    if path is not None:
        check_drawable(path)
    bars = bars_of_run(outcome, rows)
    end = outcome.result.time
    figure, axes = _diagram(bars, outcome.schedule, end)
    axes.set_xlabel("time")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_time(round(value)) if value > 0 else "0"))
    marks = [(end, "-", "end"), (outcome.bound.time, "--", "lower bound")]
    if outcome.bound.time == end:
        marks = [(end, "-", "end, which is the lower bound")]
    for at, line, label in marks if end else ():
        axes.axvline(at, color=VERMILION, linestyle=line, linewidth=1.3, path_effects=HALO)
        side: dict[str, Any] = {"ha": "left", "xytext": (3, 3)} if label == "end" else {"ha": "right", "xytext": (-3, 3)}
        place = {"xy": (at, 1), "xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
        axes.annotate(label, **place, va="bottom", fontsize=8, color=VERMILION, **side)  # type: ignore[arg-type]
    headline(figure, axes, _what(outcome) + _missing(bars), 10, aside=3.0, pad=16)
    return picture(lambda place: save(figure, place), path)


def plot_steps(schedule: Schedule, topology: Topology, path: str | Path | None = None, rows: str = "auto") -> Picture | None:
    """Draw links or ranks by step, a bar a transfer, coloured by chunk, into the image `path`; no times are known.

    Without a path the picture is returned.
    """
    if path is not None:
        check_drawable(path)
    bars = bars_of_steps(schedule, topology, rows)
    figure, axes = _diagram(bars, schedule, schedule.steps)
    axes.set_xlabel("step (a version number, not a time)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    title = f"{schedule.algorithm}: {schedule.collective.text} on {topology.name}{_missing(bars)}"
    headline(figure, axes, title, 10, aside=3.0, pad=6)
    return picture(lambda place: save(figure, place), path)


def _diagram(bars: Bars, schedule: Schedule, end: int) -> tuple[Figure, Axes]:
    count = len(bars.labels)
    figure = Figure(figsize=(10.5, float(np.clip(0.17 * count + 1.4, 3.0, 14.0))), layout="constrained")
    axes = figure.add_subplot()
    top, bottom = bars.row - 0.42 + 0.84 * bars.low, bars.row - 0.42 + 0.84 * bars.high
    stop = np.maximum(bars.end, bars.start + end * THINNEST)
    corners = [(bars.start, top), (stop, top), (stop, bottom), (bars.start, bottom)]
    shapes = np.stack([np.stack(corner, axis=-1) for corner in corners], axis=1).astype(np.float64)
    shades = [of_chunk(chunk, schedule.chunks) for chunk in schedule.chunk[bars.transfer].tolist()]
    edge = 0.3 if len(shapes) < 3000 else 0.0
    axes.add_collection(PolyCollection(list(shapes), facecolors=shades, edgecolors="white", linewidths=edge))
    axes.set(xlim=(0, 1.005 * max(end, 1)), ylim=(count - 0.5, -0.5), ylabel=f"{bars.what}")
    every = max(1, -(-count // 64))
    axes.set_yticks(
        range(0, count, every), [shortened(label) for label in bars.labels[::every]], fontsize=7 if count > 24 else 8
    )
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(True, axis="x", color=PALE, linewidth=0.7)
    show_chunks(figure, [axes], schedule.chunks)
    return figure, axes


def _missing(bars: Bars) -> str:
    return f"\nthe first {len(bars.labels)} of {len(bars.labels) + bars.left_out:,} {bars.what}s" if bars.left_out else ""


def _what(outcome: Outcome) -> str:
    what = f"{outcome.schedule.collective.name} of {format_size(outcome.size)}"
    return f"{what} on {outcome.topology.name} by {outcome.algorithm}: {format_time(outcome.result.time)}"
