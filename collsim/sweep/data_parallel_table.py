"""The table of schemes beside each other that `collsim workload dp` prints and a notebook shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collsim.units import format_time

if TYPE_CHECKING:
    from collsim.sweep.data_parallel_run import SchemeRun

__all__ = ["HEADS", "scheme_row"]

HEADS = ["scheme", "iteration", "least", "most", "exposed", "samples/s", "over ssgd", "efficiency", "law", "run against law"]


def scheme_row(run: SchemeRun, baseline: SchemeRun | None) -> list[str]:
    """Return the cells of one scheme under HEADS."""
    least, most = run.spread
    return [
        run.scheme.name,
        format_time(float(run.mean)),
        format_time(least),
        format_time(most),
        format_time(run.exposed),
        f"{run.throughput:,.0f}",
        "" if baseline is None else f"{float(baseline.mean / run.mean):.3f}x",
        f"{100 * run.efficiency:.1f} %",
        format_time(float(run.expected)),
        _against(run),
    ]


def _against(run: SchemeRun) -> str:
    if run.exact:
        return "equal to the tick"
    return "equal in the mean" if run.mean == run.expected else f"{100 * run.difference:+.2g} %"
