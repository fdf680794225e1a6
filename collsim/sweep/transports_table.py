"""A comparison of transports as a table, the same on the terminal and in a notebook's cell."""

from __future__ import annotations

from collsim.sweep.transports_study import Cell, Study
from collsim.units import FS_PER_SECOND, format_size, format_time

__all__ = ["note", "table"]


def table(found: Study) -> tuple[list[str], list[list[str]]]:
    """Return (heads, rows), one row a condition and transport; with the range of the seeds where there are several."""
    several = found.seeds > 1
    heads = ["condition", "transport", "time", "slowdown", *(["least to most"] if several else []), "max/mean load"]
    heads += [*(["least to most"] if several else []), "lost", "sent again", "reorder peak", "busiest"]
    return heads, [_row(cell, several) for cell in found.cells]


def note(found: Study) -> str:
    """Return what the numbers of the table are, in a sentence."""
    first, last = found.case.seed, found.case.seed + found.seeds - 1
    means = f"Means over the seeds {first} to {last}, the largest reorder peak and the busiest link of the slowest run. "
    ideal = f"Slowdown against an ideal fabric, {format_time(found.ideal)}."
    return (means if found.seeds > 1 else "") + ideal


def _row(cell: Cell, several: bool) -> list[str]:
    if cell.time_s is None:
        return [cell.condition, cell.transport, "stalls", *["-"] * (8 if several else 6)]
    stalls = f", {cell.stalls} stall{'s' if cell.stalls == 1 else ''}" if cell.stalls else ""
    times = [format_time(cell.time_s * FS_PER_SECOND) + stalls, f"{cell.slowdown:.3f}x"]
    load = [f"{cell.load:.2f}"]
    if several:
        times.append(f"{cell.slowdown_min:.3f} to {cell.slowdown_max:.3f}")
        load.append(f"{cell.load_min:.2f} to {cell.load_max:.2f}")
    packets = [_count(cell.lost), _count(cell.repeated), format_size(cell.reorder_peak)]
    return [cell.condition, cell.transport, *times, *load, *packets, cell.busiest]


def _count(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
