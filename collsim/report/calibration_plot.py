"""The figure of a fit: measured and fitted time over size, and the relative error below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from collsim.report.output import check_drawable, write_file
from collsim.report.palette import BLUE, GREY, GRID, VERMILION
from collsim.units import FS_PER_SECOND, format_size, format_time

__all__ = ["plot_calibration"]

COLOURS = (BLUE, VERMILION)


def plot_calibration(records: Sequence[Mapping[str, Any]], about: str, path: str | Path) -> None:
    """Draw `records` (as Calibration.records gives them) into the image file `path`; OutputError if impossible."""
    check_drawable(path)
    sizes = [record["size_bytes"] for record in records]
    figure = Figure(figsize=(7.6, 5.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    above.plot(sizes, [r["measured_s"] for r in records], "o", color=COLOURS[0], markersize=7, label="measured")
    above.plot(sizes, [r["fitted_s"] for r in records], "-", color=COLOURS[1], linewidth=1.8, label="fitted")
    above.set(xscale="log", yscale="log", ylabel="time", title=about)
    low, high = above.get_ylim()
    above.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 1000 * low else (1,)))
    above.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_time(value * FS_PER_SECOND)))
    above.legend(frameon=False)
    below.axhline(0, color=GREY, linewidth=0.8)
    below.plot(sizes, [100 * r["relative_error"] for r in records], "s-", color=COLOURS[1], markersize=4, linewidth=1)
    below.set(xlabel="size of a rank's buffer", ylabel="error (%)")
    shown = sizes[:: max(1, -(-len(sizes) // 8))]
    below.set_xticks(shown, [format_size(size) for size in shown])
    for axes in (above, below):
        axes.minorticks_off()
        axes.grid(True, which="major", color=GRID, linewidth=0.7)
    write_file(path, lambda temporary: figure.savefig(temporary, dpi=150))
