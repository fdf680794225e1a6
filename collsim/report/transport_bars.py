"""Bars of transports: how much longer than on an ideal fabric each takes, and how unevenly it loads the links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from collsim.errors import InvalidValue
from collsim.report.output import check_drawable, write_file
from collsim.report.palette import GREY, GRID, HATCHES, SERIES

__all__ = ["plot_transports"]

COLOURS = (GREY, *SERIES)
FILL = 0.84
"""Share of the room of a condition that its bars take."""


def plot_transports(rows: Sequence[Mapping[str, Any]], path: str | Path, title: str) -> None:
    """Draw `rows` (fields of sweep.transports.Point) into the image `path`: slowdown above, largest over mean load below."""
    check_drawable(path)
    if not rows:
        raise InvalidValue("There is no run to draw.")
    states = list(dict.fromkeys(str(row["condition"]) for row in rows))
    figure = Figure(figsize=(max(6.0, 2.0 + 2.1 * len(states)), 6.4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    _bars(above, rows, states, "slowdown", "time / time on an ideal fabric")
    _bars(below, rows, states, "load", "largest / mean load\nof links between switches")
    below.set_xticks(range(len(states)), states)
    handles, labels = above.get_legend_handles_labels()
    figure.suptitle(title)
    figure.legend(handles, labels, title="transport", frameon=False, loc="outside lower center", ncols=len(labels))
    write_file(path, lambda temporary: figure.savefig(temporary, dpi=150))


def _bars(axes: Axes, rows: Sequence[Mapping[str, Any]], states: Sequence[str], name: str, label: str) -> None:
    transports = list(dict.fromkeys(str(row["transport"]) for row in rows))
    value = {(str(row["condition"]), str(row["transport"])): float(row[name]) for row in rows}
    width = FILL / len(transports)
    for k, transport in enumerate(transports):
        at = [j + (k + 0.5) * width - FILL / 2 for j in range(len(states))]
        heights = [value.get((state, transport), 0.0) for state in states]
        style = {"color": COLOURS[k % len(COLOURS)], "hatch": HATCHES[k % len(HATCHES)], "edgecolor": "white"}
        bars = axes.bar(at, heights, width * 0.94, label=transport, **style)  # type: ignore[arg-type]
        if len(states) * len(transports) <= 24:
            axes.bar_label(bars, [f"{height:.2f}" if height else "" for height in heights], padding=2, fontsize=7)
    axes.axhline(1, color="black", linestyle="--", linewidth=1.1)
    axes.set(ylabel=label, ylim=(0, 1.12 * max(*value.values(), 1.0)))
    axes.grid(True, axis="y", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
