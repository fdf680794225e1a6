"""Bars of ways to train across sites: computing, work inside sites, and the wide area that nothing hides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from matplotlib.figure import Figure

from collsim.errors import InvalidValue
from collsim.report.output import check_drawable, write_file
from collsim.report.palette import BLUE, GRID, HATCHES, ORANGE, VERMILION
from collsim.units import FS_PER_SECOND, format_time

__all__ = ["plot_ways"]

PARTS = (
    ("compute_s", "computing", BLUE),
    ("inside_s", "inside sites: sums, pipelines", ORANGE),
    ("across_s", "wide area, not hidden", VERMILION),
)
SCALES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))
TITLE, NAME = 78, 26
"""Letters in a line of the title, and of the name of a way with its algorithm."""


def plot_ways(rows: Sequence[Mapping[str, Any]], path: str | Path, title: str) -> None:
    """Draw `rows` (as `collsim.sweep.multi_site.frame` has them) into the image `path`: a bar a way, laws as lines."""
    check_drawable(path)
    if not rows:
        raise InvalidValue("There is no way to draw.")
    longest = max(float(row[name]) for row in rows for name in ("step_s", "step_law_s"))
    scale, unit = next((each for each in SCALES if longest >= each[0]), SCALES[-1])
    places = range(len(rows))
    figure = Figure(figsize=(8.4, 1.9 + 0.62 * len(rows)), layout="constrained")
    axes = figure.subplots()
    left = [0.0] * len(rows)
    for k, (name, label, colour) in enumerate(PARTS):
        lengths = [float(row[name]) / scale for row in rows]
        axes.barh(places, lengths, 0.66, left, label=label, color=colour, hatch=HATCHES[k], edgecolor="white")
        left = [start + length for start, length in zip(left, lengths, strict=True)]
    laws = [float(row["step_law_s"]) / scale for row in rows]
    axes.vlines(laws, [k - 0.4 for k in places], [k + 0.4 for k in places], color="black", linewidth=1.4, label="law")
    for place, end, law, row in zip(places, left, laws, rows, strict=True):
        text = format_time(float(row["step_s"]) * FS_PER_SECOND)
        axes.annotate(text, (max(end, law), place), (4, 0), textcoords="offset points", va="center", fontsize=9)
    algorithms = [str(row["algorithm"]).replace(",", ", ").replace("  ", " ") for row in rows]
    names = [f"{row['way']}\n{fill(text, NAME, break_on_hyphens=False)}" for row, text in zip(rows, algorithms, strict=True)]
    axes.set_yticks(places, names, fontsize=8)
    axes.invert_yaxis()
    axes.set(xlabel=f"time of a step ({unit})", xlim=(0, 1.13 * longest / scale))
    axes.grid(True, axis="x", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    figure.suptitle(fill(title, TITLE), fontsize=10)
    figure.legend(frameon=False, loc="outside lower center", ncols=len(PARTS) + 1, fontsize=9)
    write_file(path, lambda temporary: figure.savefig(temporary, dpi=150))
