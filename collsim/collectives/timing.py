"""Proves that a schedule's dependencies make its result independent of timing.

Three demands: no cycle; a dependency is known at the source (it ends there, or the source sent it); and every delivery
into the data that a transfer carries, with a smaller step, is complete before, directly or through a chain.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.schedule import Schedule
from collsim.collectives.wellformed import describe
from collsim.errors import ScheduleError

__all__ = ["check_dependencies"]

IntArray = NDArray[np.int64]
BLOCK = 1 << 21


def check_dependencies(schedule: Schedule, needs: IntArray) -> None:
    """Raise ScheduleError unless the dependencies hold; `needs` int64[T] as returned by `replay`.

    Linear in transfers plus pairs (transfer, dependency), transfers that share source, step, chunks and set counted once.
    """
    _check_acyclic(schedule)
    s = schedule
    for block in _blocks(s, _distinct(s)):
        owner, member = _pairs(s, block)
        arrives = s.dst[member] == s.src[owner]
        strange = np.flatnonzero(~arrives & (s.src[member] != s.src[owner]))
        if strange.size:
            k = strange[0]
            raise ScheduleError(
                f"{s.algorithm}: {describe(s, owner[k])} waits for {describe(s, member[k])}, of which rank "
                f"{s.src[owner[k]]} knows nothing; it can wait for what ends there or for what it sends."
            )
        counts = arrives & (s.step[member] < s.step[owner])
        common = np.where(counts, _overlap(s, member, owner), 0)
        met = np.bincount(owner, weights=common, minlength=s.transfers)[block].astype(np.int64)
        for t in block[met < needs[block]].tolist():
            _check_chain(s, t)


def _check_acyclic(s: Schedule) -> None:
    """Accept at once when every dependency has a smaller step; else look for a strongly connected component."""
    if not s.set_members.size:
        return
    sizes = np.diff(s.set_offsets)
    latest = np.full(len(sizes), -1, dtype=np.int64)
    full = np.flatnonzero(sizes)
    latest[full] = np.maximum.reduceat(s.step[s.set_members], s.set_offsets[full])
    if (latest[s.dep_set] < s.step).all():
        return
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    # Nodes: transfers, then sets; a transfer points to its set and a set to its members, so shared sets stay shared.
    rows = np.concatenate([np.arange(s.transfers), s.transfers + np.repeat(np.arange(len(sizes)), sizes)])
    columns = np.concatenate([s.transfers + s.dep_set, s.set_members])
    nodes = s.transfers + len(sizes)
    graph = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(nodes, nodes))
    _, label = connected_components(graph.tocsr(), directed=True, connection="strong")
    looped = np.flatnonzero(np.bincount(label)[label[: s.transfers]] > 1)
    if looped.size:
        start = int(looped[0])
        cycle = [t for t in looped.tolist() if label[t] == label[start]]
        raise ScheduleError(
            f"{s.algorithm}: the dependencies of {describe(s, start)} lead back to it; none of the transfers "
            f"{cycle[:8]} could ever start."
        )


def _distinct(s: Schedule) -> IntArray:
    """Return one transfer for each distinct demand; sorting them pays only when large sets are shared."""
    ids = np.arange(s.transfers)
    if int(np.diff(s.set_offsets)[s.dep_set].sum()) < 4 * s.transfers + BLOCK:
        return ids
    keys = np.stack([s.dep_set, s.src, s.step, s.chunk, s.count])
    order = np.lexsort(keys)
    fresh = np.concatenate([[True], (np.diff(keys[:, order], axis=1) != 0).any(axis=0)])
    return np.sort(order[fresh])


def _blocks(s: Schedule, ids: IntArray) -> Iterator[IntArray]:
    """Yield `ids` in runs of about BLOCK pairs, so that memory stays bounded."""
    pairs = np.cumsum(np.diff(s.set_offsets)[s.dep_set[ids]])
    if ids.size:
        yield from np.split(ids, np.flatnonzero(np.diff(pairs // BLOCK)) + 1)


def _pairs(s: Schedule, ids: IntArray) -> tuple[IntArray, IntArray]:
    """Return (transfer, dependency), one entry for each dependency of each transfer of `ids`."""
    first = s.set_offsets[s.dep_set[ids]]
    sizes = s.set_offsets[s.dep_set[ids] + 1] - first
    owner = np.repeat(ids, sizes)
    offset = np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return owner, s.set_members[np.repeat(first, sizes) + offset]


def _overlap(s: Schedule, a: IntArray, b: IntArray) -> IntArray:
    """Return how many chunks transfers `a` and `b` have in common (their ranges are cyclic)."""
    shift = (s.chunk[b] - s.chunk[a]) % s.chunks
    end = shift + s.count[b]
    plain = np.maximum(np.minimum(s.count[a], np.minimum(end, s.chunks)) - shift, 0)
    return np.asarray(plain + np.minimum(s.count[a], np.maximum(end - s.chunks, 0)))


def _check_chain(s: Schedule, transfer: int) -> None:
    """Walk the dependencies of `transfer` backwards until every delivery that it needs has been met.

    A send of the same source and chunk stands for all deliveries before its own step, because it is checked as well.
    """
    source, step = int(s.src[transfer]), int(s.step[transfer])
    chunks = set(s.chunks_of(transfer))
    before = np.flatnonzero((s.dst == source) & (s.step < step)).tolist()
    open_ = {(int(s.step[d]), d, c) for d in before for c in chunks.intersection(s.chunks_of(d))}
    seen: set[int] = set()
    stack = s.deps_of(transfer).tolist()
    while stack and open_:
        u = stack.pop()
        if u in seen:
            continue
        seen.add(u)
        if s.dst[u] == source:
            open_ -= {(int(s.step[u]), u, c) for c in chunks}
        elif s.src[u] == source:
            shared = chunks.intersection(s.chunks_of(u))
            open_ = {need for need in open_ if not (need[2] in shared and need[0] < s.step[u])}
        stack.extend(s.deps_of(u).tolist())
    if open_:
        _, delivery, chunk = min(open_)
        raise ScheduleError(
            f"{s.algorithm}: {describe(s, transfer)} may start before {describe(s, delivery)} has brought chunk {chunk} "
            f"to rank {source}; add transfer {delivery} to its dependencies."
        )
