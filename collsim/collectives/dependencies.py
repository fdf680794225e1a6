"""Which deliveries a transfer must wait for, worked out from the steps of a schedule with array operations.

A separate file because it is the part of schedule construction that decides its speed: a ring over 1,024 ranks has two
million transfers. `tests/oracles/dependencies.py` says the same thing in a plain loop, and a test compares them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["infer_dependencies"]

IntArray = NDArray[np.int64]
Sets = tuple[IntArray, IntArray, IntArray]


# Chunks carried from which on kernels are faster, though numba has to be imported and they to be read from the cache.
COMPILED_CHUNKS = 500_000
# Looking at a pair of transfers is so many times cheaper than sorting a chunk carried.
PAIRS_A_CHUNK = 40


def infer_dependencies(
    step: IntArray,
    src: IntArray,
    dst: IntArray,
    chunk: IntArray,
    count: IntArray,
    chunks: int,
    *,
    compiled: bool | None = None,
) -> Sets:
    """Return (dep_set, set_offsets, set_members): all deliveries into a transfer's (source, chunks) before its step.

    Arguments are int64[T] columns of a schedule and its number of chunks. Transfers with equal sets share one; sets are
    numbered in the order of first use by ascending (step, id), set 0 is empty; members ascend. `compiled`: whether kernels
    do it, which give the same; None leaves it to the number of chunks carried.
    """
    if len(step) == 0:
        return np.zeros(0, np.int64), np.zeros(2, np.int64), np.zeros(0, np.int64)
    ordered = bool((step[1:] >= step[:-1]).all())
    order = np.arange(len(step)) if ordered else np.argsort(step, kind="stable")
    carried, single = int(count.sum()), int(count.max()) == 1
    if compiled is None:
        compiled = carried >= COMPILED_CHUNKS and (single or _pairs(src, dst) < PAIRS_A_CHUNK * carried)
    if compiled:
        from collsim.collectives.kernels.sets import Transfers, range_sets, single_sets

        ranks = max(int(src.max()), int(dst.max())) + 1
        order, step, src, dst, chunk, count = map(np.ascontiguousarray, (order, step, src, dst, chunk, count))
        transfers = Transfers(order, step, src, dst, chunk, count, ranks, chunks)
        dep_set, set_offsets, set_members = (single_sets if single else range_sets)(transfers)
        return dep_set, set_offsets, set_members
    arrivals = _Arrivals(step, dst, chunk, count, chunks, order)
    if single:
        return _single_chunks(step, src, chunk, chunks, order, arrivals)
    return _ranges(np.stack([step, src, chunk, count], axis=1)[order], chunks, order, arrivals)


def _pairs(src: IntArray, dst: IntArray) -> int:
    """Return how many pairs (send, delivery) at one rank there are: what looking through all deliveries costs."""
    ranks = max(int(src.max()), int(dst.max())) + 1
    return int(np.bincount(src, minlength=ranks) @ np.bincount(dst, minlength=ranks))


class _Arrivals:
    """Deliveries sorted by (rank and chunk, step, id), searchable for those into a cell before a step.

    `ids`: the sorted transfers; `ascending`: whether they ascend within every cell.
    """

    def __init__(
        self, step: IntArray, dst: IntArray, chunk: IntArray, count: IntArray, chunks: int, order: IntArray
    ) -> None:
        carried = _expand(chunk[order], count[order]) % chunks
        ids = np.repeat(order, count[order])
        cell = dst[ids] * chunks + carried
        by_cell = np.argsort(cell, kind="stable")
        self.ids = ids[by_cell]
        self.stride = int(step.max()) + 1
        self._cell = cell[by_cell]
        self._key = self._cell * self.stride + step[self.ids]
        begins = np.flatnonzero(np.diff(self._cell, prepend=-1))
        self._begin = np.repeat(begins, np.diff(begins, append=len(cell)))
        self.ascending = bool(np.all((np.diff(self.ids) > 0) | (np.diff(self._cell) > 0)))

    def before(self, cell: IntArray, step: IntArray) -> tuple[IntArray, IntArray]:
        """Return (low, high): `ids[low:high]` are the deliveries into each cell before each step."""
        high = np.searchsorted(self._key, cell * self.stride + step)
        last = np.maximum(high - 1, 0)
        return np.where((high > 0) & (self._cell[last] == cell), self._begin[last], high), high


def _single_chunks(
    step: IntArray, src: IntArray, chunk: IntArray, chunks: int, order: IntArray, arrivals: _Arrivals
) -> Sets:
    """Every delivery lands in one cell, so two sets are equal exactly when their cell and their length are."""
    low, high = arrivals.before((src * chunks + chunk)[order], step[order])
    total = len(order)
    # The end of a run of deliveries names its cell and its length; 0 stands for all empty sets.
    key = np.where(high > low, high, 0)
    first_use = np.zeros(total + 1, dtype=np.int64)
    first_use[key[::-1]] = np.arange(total - 1, -1, -1)
    opens = np.zeros(total, dtype=np.bool_)
    opens[first_use[key]] = True
    opens &= key > 0
    number = np.cumsum(opens)
    dep_set = np.empty(total, dtype=np.int64)
    dep_set[order] = np.where(key > 0, number[first_use[key]], 0)
    begin = low[opens]
    lengths = high[opens] - begin
    members = arrivals.ids[_expand(begin, lengths)]
    if not arrivals.ascending:
        owner = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
        members = np.sort(owner * total + members) - owner * total
    return dep_set, np.concatenate([[0, 0], np.cumsum(lengths)]).astype(np.int64), members


def _ranges(table: IntArray, chunks: int, order: IntArray, arrivals: _Arrivals) -> Sets:
    """A delivery may land in several cells: collect each distinct question's deliveries, then compare whole sets.

    `table`: int64[T, 4] rows (step, src, chunk, count) in `order`.
    """
    questions, inverse = np.unique(table, axis=0, return_inverse=True)
    asked_step, asked_src, asked_chunk, asked_count = questions.T
    owner = np.repeat(np.arange(len(questions), dtype=np.int64), asked_count)
    cell = asked_src[owner] * chunks + _expand(asked_chunk, asked_count) % chunks
    low, high = arrivals.before(cell, asked_step[owner])
    found = arrivals.ids[_expand(low, high - low)]
    total = len(order)
    pairs = np.unique(np.repeat(owner, high - low) * total + found)
    found = pairs % total
    bounds = np.searchsorted(pairs, np.arange(len(questions) + 1, dtype=np.int64) * total).tolist()
    sets: dict[bytes, int] = {b"": 0}
    kept: list[IntArray] = []
    number = np.full(len(questions), -1, dtype=np.int64)
    inverse = inverse.ravel()
    _, first_use = np.unique(inverse, return_index=True)
    for question in np.argsort(first_use, kind="stable").tolist():
        members = found[bounds[question] : bounds[question + 1]]
        blob = members.tobytes()
        if blob not in sets:
            sets[blob] = len(sets)
            kept.append(members)
        number[question] = sets[blob]
    dep_set = np.empty(total, dtype=np.int64)
    dep_set[order] = number[inverse]
    offsets = np.concatenate([[0, 0], np.cumsum([len(s) for s in kept], dtype=np.int64)]).astype(np.int64)
    return dep_set, offsets, np.concatenate([np.zeros(0, np.int64), *kept])


def _expand(first: IntArray, lengths: IntArray) -> IntArray:
    """Return first[0], first[0] + 1, ... (lengths[0] numbers), then the same for each following pair."""
    ends = np.cumsum(lengths)
    return np.arange(int(ends[-1]) if len(ends) else 0, dtype=np.int64) + np.repeat(first - ends + lengths, lengths)
