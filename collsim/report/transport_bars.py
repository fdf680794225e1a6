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
    """Draw `rows` (fields of sweep.transports.Cell) into the image `path`: slowdown above, largest over mean load below.

    Where a row is the mean of several seeds a line through the end of its bar goes from the least to the most.
    """
    check_drawable(path)
    if not rows:
        raise InvalidValue("There is no run to draw.")
    states = list(dict.fromkeys(str(row["condition"]) for row in rows))
    figure = Figure(figsize=(max(6.0, 2.0 + 2.1 * len(states)), 6.4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    _bars(above, rows, states, "slowdown", "time / time on an ideal fabric")
    _bars(below, rows, states, "load", "largest / mean load of links\nthat messages could cross")
    below.set_xticks(range(len(states)), states)
    handles, labels = above.get_legend_handles_labels()
    seeds = max(int(row["seeds"]) for row in rows)
    figure.suptitle(title + (f"; means and ranges of {seeds} seeds" if seeds > 1 else ""))
    figure.legend(handles, labels, title="transport", frameon=False, loc="outside lower center", ncols=len(labels))
    write_file(path, lambda temporary: figure.savefig(temporary, dpi=150))


def _bars(axes: Axes, rows: Sequence[Mapping[str, Any]], states: Sequence[str], name: str, label: str) -> None:
    transports = list(dict.fromkeys(str(row["transport"]) for row in rows))
    known = {(str(row["condition"]), str(row["transport"])): row for row in rows}
    width = FILL / len(transports)
    for k, transport in enumerate(transports):
        own = [(j, known[state, transport]) for j, state in enumerate(states) if (state, transport) in known]
        at = [j + (k + 0.5) * width - FILL / 2 for j, _ in own]
        heights = [float(row[name] or 0) for _, row in own]
        style = {"color": COLOURS[k % len(COLOURS)], "hatch": HATCHES[k % len(HATCHES)], "edgecolor": "white"}
        axes.bar(at, heights, width * 0.94, label=transport, **style)  # type: ignore[arg-type]
        tops = _ranges(axes, at, heights, [row for _, row in own], name)
        if len(states) * len(transports) <= 24:
            for x, height, top in zip(at, heights, tops, strict=True):
                above = {"xytext": (0, 2), "textcoords": "offset points", "ha": "center", "va": "bottom", "fontsize": 7}
                text = f"{height:.2f}" if height else "stalls"
                axes.annotate(text, (x, top), **above)  # type: ignore[arg-type]
    axes.axhline(1, color="black", linestyle="--", linewidth=1.1)
    axes.set(ylabel=label, ylim=(0, 1.12 * max(*(float(row[f"{name}_max"] or 0) for row in rows), 1.0)))
    axes.grid(True, axis="y", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)


def _ranges(
    axes: Axes, at: Sequence[float], heights: Sequence[float], rows: Sequence[Mapping[str, Any]], name: str
) -> list[float]:
    """Draw the ranges of several seeds; return what is highest at each bar."""
    least, most = ([float(row[f"{name}_{end}"] or 0) for row in rows] for end in ("min", "max"))
    if any(int(row["seeds"]) > 1 for row in rows):
        down = [height - low for height, low in zip(heights, least, strict=True)]
        up = [high - height for height, high in zip(heights, most, strict=True)]
        axes.errorbar(at, heights, yerr=[down, up], fmt="none", ecolor="black", elinewidth=1, capsize=2.5)
    return most
