"""The table of algorithms over sizes that `collsim compare` prints and a notebook shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collsim.units import FS_PER_SECOND, format_bandwidth, format_size, format_time

if TYPE_CHECKING:
    from collsim.result import Outcome
    from collsim.sweep.compare import Comparison

__all__ = ["comparison_table"]


def comparison_table(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Return heads and one row of texts a run; the fastest at a size, all having run there, has a star.

    A measured run has a row before those of its size, and a column with the times of the others over its own.
    """
    heads = ["size", "algorithm", "time", "algbw", "busbw", "speedup", "of bound"]
    heads += ["over measured"] if comparison.measured else []
    rows: list[list[str]] = []
    shown: set[int] = set()
    for o in comparison.outcomes:
        if o.size not in shown:
            rows += _measured_row(comparison, o)
            shown.add(o.size)
        best = comparison.best(o.size) if comparison.complete(o.size) else None
        rows.append(
            [
                format_size(o.size),
                o.algorithm + (" *" if o is best else ""),
                format_time(o.result.time),
                format_bandwidth(o.algbw),
                format_bandwidth(o.busbw),
                f"{comparison.speedup(o):.2f}x",
                f"{o.percent_of_bound:.1f} %",
            ]
        )
        if comparison.measured:
            ratio = comparison.over_measured(o)
            rows[-1].append("" if ratio is None else f"{ratio:.2f}")
    return heads, rows


def _measured_row(comparison: Comparison, outcome: Outcome) -> list[list[str]]:
    """Return the row of the measured run at the size of `outcome`; none where it was not measured."""
    time = None if comparison.measured is None else comparison.measured.time(outcome.size)
    if time is None:
        return []
    rate = outcome.size * FS_PER_SECOND / time
    bus = rate * float(outcome.schedule.collective.bus_factor(outcome.schedule.ranks))
    share = f"{100 * outcome.bound.time / time:.1f} %"
    cells = [format_size(outcome.size), "measured", format_time(time), format_bandwidth(rate), format_bandwidth(bus)]
    return [[*cells, "", share, ""]]
