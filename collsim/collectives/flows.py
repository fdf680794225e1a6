"""Exact minimum cuts on integer capacities of any size, the tool beneath every bound.

scipy's maximum flow is fast but counts in 32 bits. Capacities that fit go there; small graphs that do not fit are solved
by Dinic's algorithm in Python integers; large ones are rounded down, which is said, so that the caller can evaluate the
cut that was found exactly and give up the claim that it is the smallest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Cut", "FlowGraph"]

IntArray = NDArray[np.int64]
MOST_32_BIT = 2**31 - 1
MOST_PYTHON_EDGES = 400


@dataclass(frozen=True, eq=False)
class Cut:
    """A cut: its `value` (of rounded capacities unless `exact`), `side` bool[nodes]: the nodes on the source's side."""

    value: int
    side: NDArray[np.bool_]
    exact: bool


class FlowGraph:
    """A directed graph without parallel edges whose capacities change from call to call.

    Parameters: number of `nodes`; `tail`, `head`: int64[E] node ids of the edges.
    """

    def __init__(self, nodes: int, tail: IntArray, head: IntArray):
        self.nodes, self.tail, self.head = nodes, tail, head
        self._order = np.lexsort((head, tail))
        self._indices = head[self._order].astype(np.int32)
        self._indptr = np.concatenate([[0], np.cumsum(np.bincount(tail, minlength=nodes))]).astype(np.int32)

    def cut(self, capacity: Sequence[int], source: int, sink: int) -> Cut:
        """Return a minimum cut between `source` and `sink` for `capacity` (E integers of 0 or more)."""
        leaving = sum(capacity[e] for e in np.flatnonzero(self.tail == source).tolist())
        most = max(leaving, *capacity)
        if most <= MOST_32_BIT:
            return self._fast(np.array(capacity, dtype=np.int32), source, sink, True)
        if len(capacity) <= MOST_PYTHON_EDGES:
            return self._dinic(capacity, source, sink)
        shift = most.bit_length() - 31
        return self._fast(np.array([c >> shift for c in capacity], dtype=np.int32), source, sink, False)

    def _fast(self, capacity: NDArray[np.int32], source: int, sink: int, exact: bool) -> Cut:
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import breadth_first_order, maximum_flow

        shape = (self.nodes, self.nodes)
        graph = csr_array((capacity[self._order], self._indices, self._indptr), shape=shape)
        result = maximum_flow(graph, source, sink)
        residual = csr_array(graph - result.flow)
        residual.eliminate_zeros()
        side = np.zeros(self.nodes, dtype=np.bool_)
        side[breadth_first_order(residual, source, return_predecessors=False)] = True
        return Cut(int(result.flow_value), side, exact)

    def _dinic(self, capacity: Sequence[int], source: int, sink: int) -> Cut:
        """Dinic (1970) with edge 2e for edge e and 2e + 1 for its reverse."""
        room = [0] * (2 * len(capacity))
        room[::2] = capacity
        ends = [0] * len(room)
        ends[::2], ends[1::2] = self.head.tolist(), self.tail.tolist()
        edges: list[list[int]] = [[] for _ in range(self.nodes)]
        for e in range(len(room)):
            edges[ends[e ^ 1]].append(e)
        value = 0
        while True:
            depth = _depths(source, edges, ends, room)
            if sink not in depth:
                side = np.zeros(self.nodes, dtype=np.bool_)
                side[list(depth)] = True
                return Cut(value, side, True)
            value += _block(source, sink, depth, edges, ends, room)


def _depths(source: int, edges: list[list[int]], ends: list[int], room: list[int]) -> dict[int, int]:
    depth, queue = {source: 0}, deque([source])
    while queue:
        node = queue.popleft()
        for e in edges[node]:
            if room[e] and ends[e] not in depth:
                depth[ends[e]] = depth[node] + 1
                queue.append(ends[e])
    return depth


def _block(source: int, sink: int, depth: dict[int, int], edges: list[list[int]], ends: list[int], room: list[int]) -> int:
    """Saturate every shortest path (those along rising `depth`); return what was sent."""
    sent, place, path = 0, [0] * len(edges), list[int]()
    while True:
        node = ends[path[-1]] if path else source
        if node == sink:
            least = min(room[e] for e in path)
            sent += least
            for e in path:
                room[e] -= least
                room[e ^ 1] += least
            path = path[: next(k for k, e in enumerate(path) if not room[e])]
            continue
        while place[node] < len(edges[node]):
            e = edges[node][place[node]]
            if room[e] and depth.get(ends[e], -1) == depth[node] + 1:
                path.append(e)
                break
            place[node] += 1
        else:
            if not path:
                return sent
            path.pop()
            node = ends[path[-1]] if path else source
            place[node] += 1
