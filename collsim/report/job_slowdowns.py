"""Bars of what sharing costs: for each job its slowdown against running alone, one bar a placement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from collsim.errors import InvalidValue
from collsim.report.output import check_drawable, write_file
from collsim.report.palette import GRID, HATCHES, SERIES

__all__ = ["plot_slowdowns"]

FILL = 0.8
"""Share of the room of a job that its bars take."""


def plot_slowdowns(rows: Sequence[Mapping[str, Any]], path: str | Path, title: str) -> None:
    """Draw `rows` (as `JobRun.rows` gives them) into the image `path`; a line at 1 is a job that nothing slows."""
    check_drawable(path)
    if not rows:
        raise InvalidValue("There is no job to draw.")
    placements = list(dict.fromkeys(str(row["placement"]) for row in rows))
    jobs = list(dict.fromkeys(str(row["job"]) for row in rows))
    labels = {str(row["job"]): f"{row['job']}\n{row['algorithm']}, {row['ranks']} ranks" for row in rows}
    value = {(str(row["placement"]), str(row["job"])): float(row["slowdown"]) for row in rows}
    figure = Figure(figsize=(max(5.5, 1.6 + 1.5 * len(jobs)), 4.4), layout="constrained")
    axes, width = figure.subplots(), FILL / len(placements)
    for k, placement in enumerate(placements):
        at = [j + (k + 0.5) * width - FILL / 2 for j in range(len(jobs))]
        heights = [value.get((placement, job), 0.0) for job in jobs]
        style = {"color": SERIES[k % len(SERIES)], "hatch": HATCHES[k % len(HATCHES)], "edgecolor": "white"}
        bars = axes.bar(at, heights, width * 0.94, label=placement, **style)  # type: ignore[arg-type]
        if len(jobs) * len(placements) <= 24:
            axes.bar_label(bars, [f"{height:.2f}" for height in heights], padding=2, fontsize=8)
    axes.axhline(1, color="black", linestyle="--", linewidth=1.1)
    axes.set_xticks(range(len(jobs)), [labels[job] for job in jobs])
    axes.set(ylabel="time together / time alone", title=title, ylim=(0, 1.1 * max(*value.values(), 1.0)))
    axes.grid(True, axis="y", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    figure.legend(title="placement", frameon=False, loc="outside lower center", ncols=len(placements))
    write_file(path, lambda temporary: figure.savefig(temporary, dpi=150))
