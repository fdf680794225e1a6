"""What a schedule must achieve, as arrays: who contributes to each chunk, and who must end with which contributions.

The proof replays a schedule against this, so a collective is defined here once, next to the rule on equal shares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.collective import PARTIAL
from collsim.collectives.partial import check_share
from collsim.collectives.schedule import Schedule
from collsim.errors import ScheduleError

__all__ = ["ALL", "Demand", "demand"]

EXACT = 2**53
"""Whole numbers below this are exact in floating point."""
ALL = -1
"""In `Demand.wanted`: the contributions of all ranks; a rank number otherwise."""


@dataclass(frozen=True, eq=False)
class Demand:
    """Of n ranks and C chunks: who contributes to a chunk before (`wanted` int64[C]) and who must hold it after (`owner`).

    Each entry is a rank or ALL. An owner must end with every contribution to the chunk, exactly once.
    """

    ranks: int
    wanted: NDArray[np.int64]
    owner: NDArray[np.int64]

    @property
    def contributes(self) -> NDArray[np.bool_]:
        """bool[n, C]: whether a rank contributes to a chunk."""
        return _table(self.wanted, self.ranks)

    @property
    def ends(self) -> NDArray[np.bool_]:
        """bool[n, C]: whether a rank must end with a chunk."""
        return _table(self.owner, self.ranks)


def _table(ranks: NDArray[np.int64], n: int) -> NDArray[np.bool_]:
    if (ranks == ALL).all():
        return np.broadcast_to(np.True_, (n, len(ranks)))
    return np.asarray((ranks == ALL) | (ranks == np.arange(n)[:, None]), dtype=np.bool_)


def demand(schedule: Schedule) -> Demand:
    """Return what the collective of `schedule` demands of its chunks.

    Raises ScheduleError when chunks name no rank where the collective needs one, or when the ranks' shares of an
    all-gather, reduce-scatter or all-to-all differ, or chunks are not the share of a partial all-reduce.
    """
    n, chunks = schedule.ranks, schedule.chunks
    kind, root = schedule.collective.name, schedule.collective.root
    from_source, to_owner = kind in ("all-gather", "all-to-all"), kind in ("reduce-scatter", "all-to-all")
    everyone = np.full(chunks, ALL, dtype=np.int64)
    wanted = _ranks(schedule, "chunk_src") if from_source else everyone
    owner = _ranks(schedule, "chunk_dst") if to_owner else everyone
    if root is not None:
        if not 0 <= root < n:
            raise ScheduleError(f"{schedule.algorithm}: the root {root} of {kind} is no rank; ranks are 0..{n - 1}.")
        only = np.full(chunks, root, dtype=np.int64)
        wanted, owner = (only, owner) if kind == "broadcast" else (wanted, only)
    _check_shares(schedule, from_source, to_owner)
    return Demand(n, wanted, owner)


def _ranks(schedule: Schedule, name: str) -> NDArray[np.int64]:
    ranks: NDArray[np.int64] = getattr(schedule, name)
    wrong = np.flatnonzero((ranks < 0) | (ranks >= schedule.ranks))
    if wrong.size:
        raise ScheduleError(
            f"{schedule.algorithm}: chunk {wrong[0]} of {schedule.collective.name} has {name} {ranks[wrong[0]]}; "
            f"name a rank of 0..{schedule.ranks - 1}."
        )
    return ranks


def _check_shares(schedule: Schedule, from_source: bool, to_owner: bool) -> None:
    """Every rank (or ordered pair of ranks) owns unit / n; own blocks of an all-to-all may be left out altogether."""
    n, unit = schedule.ranks, schedule.unit
    if schedule.collective.name == PARTIAL:
        check_share(schedule)
    elif not (from_source and to_owner):
        total = sum(schedule.weights.tolist())
        if total != unit:
            raise ScheduleError(f"{schedule.algorithm}: the chunks weigh {total} together, the buffer {unit}; they agree.")
    if not (from_source or to_owner):
        return
    own = np.zeros(schedule.chunks, dtype=np.int64)
    if from_source:
        own = schedule.chunk_src
    if to_owner:
        own = own * n + schedule.chunk_dst if from_source else schedule.chunk_dst
    owners = n * n if from_source and to_owner else n
    if unit < EXACT and (np.bincount(own, schedule.weights, owners) * n == unit).all():
        return
    shares = [0] * owners
    for owner, weight in zip(own.tolist(), schedule.weights.tolist(), strict=True):
        shares[owner] += weight
    for owner, share in enumerate(shares):
        left_out = from_source and to_owner and owner // n == owner % n and share == 0
        if share * n != unit and not left_out:
            who = f"rank {owner // n} for rank {owner % n}" if from_source and to_owner else f"rank {owner}"
            raise ScheduleError(
                f"{schedule.algorithm}: the share of {who} weighs {share} of {unit}; "
                f"{schedule.collective.name} gives every one of {n} ranks an equal share."
            )
