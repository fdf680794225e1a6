"""Speedups of a comparison as bars: a group a size, a bar an algorithm, each with its number while there is room."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from collsim.errors import InvalidValue
from collsim.report.drawing import headline, save
from collsim.report.output import check_drawable
from collsim.report.palette import GREY, GRID, HATCHES, SERIES
from collsim.result import Outcome
from collsim.units import format_size

__all__ = ["plot_speedups"]

MOST_NUMBERS, NUMBER = 60, 0.27
"""Bars that get a number each, and the inches that one takes."""


def plot_speedups(runs: Sequence[tuple[Outcome, float]], path: str | Path) -> None:
    """Draw (run, speedup) pairs into the image `path`; the first algorithm is what they are over. Raises InvalidValue."""
    check_drawable(path)
    if not runs:
        raise InvalidValue("There is no run to draw.")
    names = list(dict.fromkeys(run.algorithm for run, _ in runs))
    sizes = sorted({run.size for run, _ in runs})
    width = float(np.clip(3.0 + 0.34 * len(runs), 6.5, 16.0))
    figure = Figure(figsize=(width, 4.4), layout="constrained")
    axes, wide = figure.add_subplot(), 0.84 / len(names)
    inches = (width - 2.8) / len(sizes) * wide
    for place, name in enumerate(names):
        own = [(sizes.index(run.size), speedup) for run, speedup in runs if run.algorithm == name]
        at = [k - 0.42 + wide * (place + 0.5) for k, _ in own]
        style: dict[str, Any] = {"color": SERIES[place % len(SERIES)], "hatch": HATCHES[place % len(HATCHES)]}
        bars = axes.bar(at, [speedup for _, speedup in own], wide, label=name, edgecolor="white", linewidth=0.5, **style)
        if len(runs) <= MOST_NUMBERS:
            axes.bar_label(bars, fmt="%.2f", fontsize=7, rotation=90 if inches < NUMBER else 0, padding=2)
    axes.axhline(1, color=GREY, linewidth=1, zorder=0)
    axes.set_xticks(range(len(sizes)), [format_size(size) for size in sizes], rotation=45 if len(sizes) > 10 else 0)
    first = runs[0][0]
    axes.set(xlabel="size of a rank's buffer", ylabel=f"speedup over {names[0]}")
    axes.margins(y=0.12)
    title = f"{first.schedule.collective.text} on {first.topology.name}, {first.schedule.ranks} ranks"
    headline(figure, axes, title, aside=2.4, pad=6)
    axes.grid(True, axis="y", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    figure.legend(loc="outside right upper", frameon=False)
    save(figure, path)
