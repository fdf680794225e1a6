"""The latency-load curve, the figure by which interconnection networks are judged: how late, and how much gets through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from collsim.errors import InvalidValue
from collsim.report.output import check_drawable, write_file
from collsim.report.palette import BLUE, GREEN, GREY, GRID, PURPLE, SHADE, VERMILION

__all__ = ["plot_latency_load"]

MEAN, TAIL, NETWORK, ACCEPTED, THERE = BLUE, VERMILION, GREEN, PURPLE, GREY

WIDE = 8
"""Latencies further apart than this factor are drawn on a logarithmic axis."""


def plot_latency_load(
    points: Sequence[Mapping[str, Any]], path: str | Path, title: str, zero_load: float, channel_bound: float | None
) -> None:
    """Draw `points` (rows as `LoadPoint.to_dict` gives them, in any order) into the image `path`.

    On the left latency in cycles over offered load, below saturation only: above it latency is a matter of how long one
    measures. On the right accepted over offered load. `zero_load`: the mean latency in an idle network, dotted;
    `channel_bound`: a load that no run can get beyond, dashed.
    """
    check_drawable(path)
    if not points:
        raise InvalidValue("There is no load to draw.")
    rows = sorted(points, key=lambda p: float(p["offered"]))
    figure = Figure(figsize=(10.5, 4.6), layout="constrained")
    late, through = figure.subplots(1, 2)
    _latency(late, rows, zero_load)
    _accepted(through, rows)
    reach = 1.05 * max(float(p["offered"]) for p in rows)
    for axes in (late, through):
        axes.set(xlim=(0, reach), xlabel="offered load (flits per cycle and sending host)")
        first = min((float(p["offered"]) for p in rows if p["saturated"]), default=None)
        if first is not None:
            below = max((float(p["offered"]) for p in rows if p["offered"] < first), default=0.0)
            axes.axvspan((below + first) / 2, reach, color=SHADE, zorder=0, label="saturated")
        if channel_bound is not None and channel_bound <= reach:
            axes.axvline(channel_bound, color="black", linestyle="--", linewidth=1.1, label="a link is full")
        axes.grid(True, color=GRID, linewidth=0.7)
        axes.set_axisbelow(True)
    figure.suptitle(title)
    handles, labels = late.get_legend_handles_labels()
    more = zip(*through.get_legend_handles_labels(), strict=True)
    extra = [(handle, label) for handle, label in more if label not in labels]
    figure.legend(
        [*handles, *(h for h, _ in extra)], [*labels, *(t for _, t in extra)], loc="outside right upper", frameon=False
    )
    write_file(path, lambda temporary: figure.savefig(temporary, dpi=150))


def _latency(axes: Axes, rows: Sequence[Mapping[str, Any]], zero_load: float) -> None:
    stable = [p for p in rows if not p["saturated"]]
    at = [float(p["offered"]) for p in stable]
    for name, label, colour, marker in (
        ("latency_p99", "99th percentile", TAIL, "s"),
        ("latency_mean", "mean", MEAN, "o"),
        ("network_mean", "mean in the network", NETWORK, "^"),
    ):
        axes.plot(
            at, [float(p[name]) for p in stable], color=colour, marker=marker, markersize=4, linewidth=1.5, label=label
        )
    axes.axhline(zero_load, color=THERE, linestyle=":", linewidth=1.3, label="mean if alone")
    if not stable:
        axes.text(0.5, 0.5, "saturated at every load", ha="center", va="center", transform=axes.transAxes)
    axes.set(ylabel="latency (cycles)", title="Latency")
    values = [zero_load, *(float(p["latency_p99"]) for p in stable)]
    if max(values) < WIDE * min(values):
        axes.set_ylim(0, None)
        return
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _accepted(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    at = [float(p["offered"]) for p in rows]
    axes.plot([0, at[-1]], [0, at[-1]], color=THERE, linewidth=1.0, label="all that is offered")
    style = {"color": ACCEPTED, "marker": "o", "markersize": 4, "linewidth": 1.5}
    axes.plot(at, [float(p["accepted"]) for p in rows], label="accepted", **style)  # type: ignore[arg-type]
    axes.set(ylabel="accepted load (flits per cycle and sending host)", title="Throughput", ylim=(0, None))
