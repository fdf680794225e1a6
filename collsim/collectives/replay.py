"""Replays a schedule on symbolic contributions, step by step, with step as the version number of a value.

Two algebras share one replay. Exact: two bits a rank, "contributed" and "contributed more than once". Fingerprint: the
sum of random numbers modulo the Mersenne prime 2^61 - 1 and the number of contributions, one word each. Both fold a
delivery into a cell (rank, chunk) with one vectorised expression.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.demand import Demand
from collsim.collectives.schedule import REDUCE, Schedule
from collsim.collectives.wellformed import describe
from collsim.errors import ScheduleError

if TYPE_CHECKING:
    from collsim.collectives.kernels.replaying import Moves

__all__ = ["NO_SOURCE", "NO_TARGET", "PRIME", "Algebra", "clash", "exact", "fingerprint", "moves_of", "not_held", "replay"]

PRIME = 2**61 - 1
NO_SOURCE, NO_TARGET = "its source does not hold", "its destination has nothing to reduce with"
# Chunks carried from which on the kernel is faster, though numba has to be imported and it to be read from the cache.
COMPILED_CHUNKS = 500_000
Words = NDArray[np.uint64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Algebra:
    """How multisets of contributions are written: `leaf` uint64[n, width], the multiset {rank}; `add` their sum.

    `counts`: whether these are fingerprints with a count, which kernels know.
    """

    leaf: Words
    add: Callable[[Words, Words], Words]
    counts: bool = False

    def sum(self, rows: Words) -> Words:
        """Return uint64[width], the sum of all `rows` (uint64[k, width], k >= 1)."""
        while len(rows) > 1:
            half = len(rows) // 2
            rows = np.concatenate([self.add(rows[:half], rows[half : 2 * half]), rows[2 * half :]])
        return np.asarray(rows[0])


def exact(ranks: int) -> Algebra:
    """Return the algebra of exact multisets, of which only 0, 1 and "2 or more" need telling apart."""
    words = -(-ranks // 64)
    leaf = np.zeros((ranks, 2 * words), dtype=np.uint64)
    r = np.arange(ranks)
    leaf[r, r // 64] = np.uint64(1) << (r % 64).astype(np.uint64)

    def add(a: Words, b: Words) -> Words:
        once = a[:, :words] | b[:, :words]
        twice = a[:, words:] | b[:, words:] | (a[:, :words] & b[:, :words])
        return np.concatenate([once, twice], axis=1)

    return Algebra(leaf, add)


def fingerprint(ranks: int, seed: int) -> Algebra:
    """Return the algebra of random 61-bit sums beside the number of contributions, which stops at n + 1.

    With the right number of contributions a multiset other than the wanted one differs from it by coefficients below
    the prime, so its fingerprint agrees with probability 1 / (2^61 - 1).
    """
    draws = np.random.default_rng(seed).integers(0, PRIME, ranks, dtype=np.uint64)
    leaf = np.stack([draws, np.ones(ranks, dtype=np.uint64)], axis=1)
    prime, most = np.uint64(PRIME), np.uint64(ranks + 1)

    def add(a: Words, b: Words) -> Words:
        total = a + b
        total[:, 0] %= prime
        np.minimum(total[:, 1], most, out=total[:, 1])
        return np.asarray(total)

    return Algebra(leaf, add, counts=True)


def replay(schedule: Schedule, demand: Demand, algebra: Algebra, *, compiled: bool | None = None) -> tuple[Words, IntArray]:
    """Return (values uint64[n C, width] after the last step, needs int64[T]); cell = rank C + chunk, zeros if undefined.

    `needs` of a transfer counts the pairs (delivery, chunk) into its source with a smaller step among its chunks.
    Raises ScheduleError for data that a source does not hold, for a reduce into nothing, and for two deliveries into one
    cell in one step of which one is a copy. `compiled`: whether a kernel replays fingerprints, with the same result; None
    leaves it to the number of chunks carried.
    """
    s, chunks = schedule, schedule.chunks
    if algebra.counts and (int(s.count.sum()) >= COMPILED_CHUNKS if compiled is None else compiled):
        found = _replay_compiled(schedule, demand, algebra)
        if found is not None:
            return found
    defined = demand.contributes.ravel().copy()
    rank = np.repeat(np.arange(s.ranks), chunks)
    values = np.where(defined[:, None], algebra.leaf[rank], np.uint64(0))
    arrived = np.zeros(s.ranks * chunks, dtype=np.int64)
    needs = np.zeros(s.transfers, dtype=np.int64)
    order = np.argsort(s.step, kind="stable")
    for ids in np.split(order, np.flatnonzero(np.diff(s.step[order])) + 1):
        owner, chunk = _carried(s, ids)
        origin, cell = s.src[owner] * chunks + chunk, s.dst[owner] * chunks + chunk
        _check_held(s, owner, chunk, defined[origin], NO_SOURCE)
        needs[ids] = np.add.reduceat(arrived[origin], _starts(s.count[ids])) if ids.size else 0
        reduces = s.op[owner] == REDUCE
        _check_held(s, owner[reduces], chunk[reduces], defined[cell[reduces]], NO_TARGET)
        _land(s, algebra, values, (owner, cell), values[origin])
        defined[cell] = True
        np.add.at(arrived, cell, 1)
    return values, needs


def _replay_compiled(s: Schedule, demand: Demand, algebra: Algebra) -> tuple[Words, IntArray] | None:
    """Return what `replay` does, None where something is wrong, which plain replay then names."""
    from collsim.collectives.kernels.replaying import replay_fingerprints

    values = np.where(demand.contributes[:, :, None], algebra.leaf[:, None, :], np.uint64(0)).reshape(-1, 2)
    needs, well = replay_fingerprints(moves_of(s), values, np.uint64(PRIME), np.uint64(s.ranks + 1))
    return (values, needs) if well else None


def moves_of(s: Schedule) -> Moves:
    """Return what kernels read of a schedule."""
    from collsim.collectives.kernels.replaying import Moves

    ordered = bool((s.step[1:] >= s.step[:-1]).all())
    order = np.arange(s.transfers) if ordered else np.argsort(s.step, kind="stable")
    order, *columns = map(np.ascontiguousarray, (order, s.step, s.src, s.dst, s.chunk, s.count, s.op))
    step, src, dst, chunk, count, op = columns
    return Moves(order, step, src, dst, chunk, count, op, s.chunks)


def _carried(schedule: Schedule, ids: IntArray) -> tuple[IntArray, IntArray]:
    """Return (transfer, chunk), one entry for each chunk that each transfer of `ids` carries."""
    counts = schedule.count[ids]
    if (counts == 1).all():
        return ids, schedule.chunk[ids]
    owner = np.repeat(ids, counts)
    offset = np.arange(len(owner)) - np.repeat(_starts(counts), counts)
    return owner, (schedule.chunk[owner] + offset) % schedule.chunks


def _starts(counts: IntArray) -> IntArray:
    return np.asarray(np.cumsum(counts) - counts)


def _land(s: Schedule, algebra: Algebra, values: Words, landing: tuple[IntArray, IntArray], moved: Words) -> None:
    """Fold one step's deliveries into their cells: single ones at once, the k-th of several reduces in round k."""
    owner, cell = landing
    reduces = s.op[owner] == REDUCE
    order = np.argsort(cell, kind="stable")
    ordered = cell[order]
    fresh = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    if fresh.all():
        values[cell[~reduces]] = moved[~reduces]
        into = cell[reduces]
        if into.size:
            values[into] = algebra.add(values[into], moved[reduces])
        return
    first = np.flatnonzero(fresh)
    sizes = np.diff(np.append(first, len(cell)))
    several = np.repeat(sizes > 1, sizes)
    clash = np.flatnonzero(several & ~reduces[order])
    if clash.size:
        _clash(s, owner[order], ordered, int(clash[0]))
    turn = np.arange(len(cell)) - np.repeat(first, sizes)
    by_turn = np.argsort(turn, kind="stable")
    for k in np.split(by_turn, np.cumsum(np.bincount(turn))[:-1]):
        here, into = order[k], ordered[k]
        folded = algebra.add(values[into], moved[here])
        values[into] = np.where(reduces[here][:, None], folded, moved[here])


def _clash(s: Schedule, owner: IntArray, cell: IntArray, place: int) -> None:
    other = place + 1 if place + 1 < len(cell) and cell[place + 1] == cell[place] else place - 1
    rank, chunk = divmod(int(cell[place]), s.chunks)
    raise clash(s, (int(owner[place]), int(owner[other])), chunk, rank)


def clash(s: Schedule, pair: tuple[int, int], chunk: int, rank: int) -> ScheduleError:
    """Return the error of two transfers that land in one chunk of `rank` in one step."""
    return ScheduleError(
        f"{s.algorithm}: {describe(s, pair[0])} and {describe(s, pair[1])} both land in chunk {chunk} of rank "
        f"{rank} in one step; a copy must be alone there, so move one to another step."
    )


def _check_held(s: Schedule, owner: IntArray, chunk: IntArray, held: NDArray[np.bool_], what: str) -> None:
    wrong = np.flatnonzero(~held)
    if wrong.size:
        raise not_held(s, int(owner[wrong[0]]), int(chunk[wrong[0]]), what)


def not_held(s: Schedule, transfer: int, chunk: int, what: str) -> ScheduleError:
    """Return the error of a transfer that moves what is not there; `what`: NO_SOURCE or NO_TARGET."""
    return ScheduleError(
        f"{s.algorithm}: {describe(s, transfer)} moves chunk {chunk}, which {what} before step {s.step[transfer]}; "
        "deliver it there in an earlier step."
    )
