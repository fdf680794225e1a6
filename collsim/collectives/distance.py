"""Bounds from distance: the latency of the cheapest path from the farthest contributor, and the links that blocks cross."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.capacities import Capacities
from collsim.collectives.collective import Collective
from collsim.topology.graph import Topology

__all__ = ["farthest", "link_volume"]

IntArray = NDArray[np.int64]
EXACT_FLOAT = 2**52
FEW = 30_000
"""Up to so many links times sources Python takes less time than the import of scipy."""
NEVER = 2**63 - 1


def farthest(
    topology: Topology, collective: Collective, hosts: Sequence[int], few: bool, delays: tuple[int, int]
) -> tuple[int, int, int]:
    """Return (fs, source node, target node): the longest of the cheapest paths that some byte has to take.

    `few`: there are fewer bytes than ranks, so that all shares but one may be empty. `delays`: (overhead of a message,
    delay of a node passed), fs. A rank on the way may pass data on as a router does or receive it and send it anew,
    whichever is cheaper.
    """
    overhead, hop = delays
    ranks = np.asarray(hosts, dtype=np.int64)
    passing = np.where(topology.forwards, hop, -1)
    passing[ranks] = np.where(topology.forwards[ranks], min(hop, overhead), overhead)
    usable = (passing[topology.source] >= 0) & (passing[topology.target] >= 0)
    tail, head = topology.source[usable], topology.target[usable]
    cost = topology.latency[usable] + passing[head]
    sources = ranks if collective.root is None else ranks[[collective.root]]
    backwards = collective.name == "reduce"
    ends = (head, tail) if backwards else (tail, head)
    found = _distances(topology.nodes, ends, cost, sources)[:, ranks]
    found = np.minimum(found, NEVER - overhead)
    # The node at the end passes nothing on; a backward search starts there.
    last = passing[sources][:, None] if backwards else passing[ranks][None, :]
    distance = np.where(sources[:, None] == ranks[None, :], 0, found - last + overhead)
    row, column = _decisive(collective.name, distance, few)
    near, far = int(sources[row]), int(ranks[column])
    return int(distance[row, column]), *((far, near) if backwards else (near, far))


def _decisive(name: str, distance: IntArray, few: bool) -> tuple[int, int]:
    """Return the indices of the path that is sure to be needed; with `few` bytes only some share has any."""
    if few and name == "all-to-all":
        return 0, 0
    if few and name in ("all-gather", "reduce-scatter"):
        axis = 1 if name == "all-gather" else 0
        nearest = int(distance.max(axis=axis).argmin())
        other = int(np.take(distance, nearest, axis=1 - axis).argmax())
        return (nearest, other) if name == "all-gather" else (other, nearest)
    row, column = divmod(int(distance.argmax()), distance.shape[1])
    return row, column


def _distances(nodes: int, ends: tuple[IntArray, IntArray], cost: IntArray, sources: IntArray) -> IntArray:
    """Return int64[sources, nodes], 0 where no way leads; exact, or where scipy would leave 2^53 behind rounded down."""
    if len(sources) * len(cost) <= FEW:
        return np.array([_from(int(source), nodes, ends, cost) for source in sources], dtype=np.int64)
    return _by_scipy(nodes, ends, cost, sources)


def _from(source: int, nodes: int, ends: tuple[IntArray, IntArray], cost: IntArray) -> list[int]:
    """Return the distances from one node to all, by Dijkstra's algorithm on Python integers."""
    after: list[list[tuple[int, int]]] = [[] for _ in range(nodes)]
    for a, b, c in zip(ends[0].tolist(), ends[1].tolist(), cost.tolist(), strict=True):
        after[a].append((b, c))
    known: dict[int, int] = {}
    left = [(0, source)]
    while left:
        far, node = heappop(left)
        if node not in known:
            known[node] = far
            for other, more in after[node]:
                if other not in known:
                    heappush(left, (far + more, other))
    return [min(known.get(node, 0), NEVER) for node in range(nodes)]


def _by_scipy(nodes: int, ends: tuple[IntArray, IntArray], cost: IntArray, sources: IntArray) -> IntArray:
    """Return the same: floats count integers up to 2^53, beyond that costs are rounded down.

    A stored zero is no edge to scipy, so every cost c becomes c (nodes + 1) + 1, which hops cannot carry over.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    tail, head = ends
    scale, shift = nodes + 1, 0
    while ((int(cost.max(initial=0)) >> shift) * scale + 1) * nodes > EXACT_FLOAT:
        shift += 1
    pairs = tail * nodes + head
    order = np.lexsort((cost, pairs))
    first = order[np.flatnonzero(np.concatenate([[True], np.diff(pairs[order]) != 0]))]
    weights = ((cost[first] >> shift) * scale + 1).astype(np.float64)
    graph = csr_array((weights, (tail[first], head[first])), shape=(nodes, nodes))
    found = dijkstra(graph, indices=sources)
    found = np.where(np.isfinite(found), found, 0)
    return np.asarray((found.astype(np.int64) // scale) << shift)


def link_volume(caps: Capacities) -> int:
    """Return the number of links that one block for every ordered pair of ranks crosses at least, summed over all pairs."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    ones = np.ones(len(caps.tail))
    graph = csr_array((ones, (caps.tail, caps.head)), shape=(caps.size, caps.size))
    hops = dijkstra(graph, indices=caps.ranks, unweighted=True)[:, caps.ranks]
    return int(hops.sum())
