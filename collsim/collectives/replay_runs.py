"""The replay of fingerprints by runs of chunks: for schedules that move many chunks at once or leave most cells untouched.

`replay` holds one value for each (rank, chunk). Halving-doubling among 4,096 ranks has 16.8 million of them, an all-to-all
among 1,024 ranks a billion, though both make few transfers. Here neighbouring chunks of a rank that hold the same are one
run (kernels/runs.py), and cost follows transfers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.demand import ALL, Demand
from collsim.collectives.replay import NO_SOURCE, NO_TARGET, PRIME, Algebra, clash, moves_of, not_held
from collsim.collectives.schedule import Schedule

__all__ = ["Ends", "pays", "replay_by_runs"]

IntArray = NDArray[np.int64]
# Cells and chunks carried from which on importing numba pays.
LEAST = 500_000
# What a run that is moved costs in cells (halving-doubling and 2-D ring on 4,096 ranks, all-to-all on 256).
RUN = 16
# Cells (16 bytes each) up to which plain replay may look for what is wrong.
MOST_CELLS = 1 << 26


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """`needs` as of `replay`, and the first (rank, chunk) that does not end as demanded, if any."""

    needs: IntArray
    wrong: tuple[int, int] | None


def pays(schedule: Schedule, demand: Demand, algebra: Algebra) -> bool:
    """Tell whether runs are the cheaper way to replay `schedule`.

    Where all ranks contribute, a transfer moves a few runs; where each chunk is another rank's, every chunk is one.
    """
    carried = int(schedule.count.sum())
    moved = schedule.transfers if (demand.wanted == ALL).all() else carried
    return algebra.counts and schedule.ranks * schedule.chunks + carried >= max(LEAST, RUN * moved)


def replay_by_runs(schedule: Schedule, demand: Demand, algebra: Algebra, *, most_cells: int = MOST_CELLS) -> Ends | None:
    """Return what a replay of fingerprints finds; None where `replay` should name what is wrong.

    Raises ScheduleError as `replay` does where there are more than `most_cells` cells; of several faults in one step it
    may then name another one.
    """
    from collsim.collectives.kernels import runs

    s, leaf = schedule, algebra.leaf.astype(np.int64)
    if _mixed(demand.wanted) or _mixed(demand.owner):
        return None
    owned = _lists(demand.wanted, s.ranks)
    found = runs.replay_runs(moves_of(s), s.ranks, leaf, owned, PRIME, s.ranks + 1)
    needs, table, places, fault, transfer, chunk = found
    if fault == runs.FINE:
        whole = algebra.sum(algebra.leaf).astype(np.int64)
        rank, chunk = runs.first_wrong(table, places, _lists(demand.owner, s.ranks), demand.wanted, leaf, whole)
        return Ends(needs, None if rank < 0 else (int(rank), int(chunk)))
    if s.ranks * s.chunks <= most_cells:
        return None
    if fault == runs.TWO_AT_ONCE:
        rank, step = int(s.dst[transfer]), s.step[transfer]
        others = np.flatnonzero((s.dst == rank) & (s.step == step) & ((chunk - s.chunk) % s.chunks < s.count))
        raise clash(s, (int(others[0]), int(others[1])), int(chunk), rank)
    raise not_held(s, int(transfer), int(chunk), NO_SOURCE if fault == runs.NOT_HELD else NO_TARGET)


def _mixed(ranks: IntArray) -> bool:
    """Tell whether some chunks name a rank and others all."""
    return bool((ranks == ALL).any()) and not bool((ranks == ALL).all())


def _lists(ranks: IntArray, n: int) -> tuple[Any, Any, bool]:
    """Return (first int64[n + 1], the chunks of each rank in ascending order, whether every rank has all)."""
    if bool((ranks == ALL).all()):
        return np.zeros(n + 1, dtype=np.int64), np.zeros(0, dtype=np.int64), True
    chunks = np.argsort(ranks, kind="stable")
    return np.searchsorted(ranks[chunks], np.arange(n + 1)).astype(np.int64), chunks, False
