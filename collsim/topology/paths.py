"""Shortest paths through nodes that forward: distances of all pairs at once, and one path at a time.

Routing tables, bounds and measures need all distances, algorithms one path between two hosts; both count links and pass
only through nodes that forward traffic of others (the two ends of a path need not).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from collsim.topology.graph import Topology

__all__ = ["host_hops", "hops_to", "shortest_path"]

Targets = Sequence[Sequence[int]]


def hops_to(
    topology: Topology, targets: Targets | None = None, usable: NDArray[np.bool_] | None = None
) -> NDArray[np.int16]:
    """Return int16[N, T]: links on a shortest path from each node to the nearest node of each target set, -1 if none.

    `targets`: T sets of node ids, default every host alone. `usable`: the links that may be used, bool[L], or bool[L, T]
    for each target; default all.
    Breadth-first from all targets together, a bit a target: O(diameter x links x T / 8) bytes touched.
    """
    sets: Targets = [(host,) for host in range(topology.hosts)] if targets is None else targets
    reached = np.zeros((topology.nodes, len(sets)), dtype=np.bool_)
    for column, members in enumerate(sets):
        reached[list(members), column] = True
    links = np.arange(topology.links) if usable is None or usable.ndim == 2 else np.flatnonzero(usable)
    links = links[np.argsort(topology.source[links], kind="stable")]
    senders, first = np.unique(topology.source[links], return_index=True)
    heads = topology.target[links]
    seen = np.packbits(reached, axis=1)
    open_to = np.where(topology.forwards[:, None], np.uint8(255), seen)
    allowed = np.packbits(usable[links], axis=1) if usable is not None and usable.ndim == 2 else np.uint8(255)
    hops = np.where(reached, 0, 1).astype(np.int16)
    while len(senders):
        arrived = seen.copy()
        arrived[senders] |= np.bitwise_or.reduceat((seen & open_to)[heads] & allowed, first, axis=0)
        if np.array_equal(arrived, seen):
            break
        seen = arrived
        hops += ~np.unpackbits(seen, axis=1, count=len(sets)).view(np.bool_)
    hops[~np.unpackbits(seen, axis=1, count=len(sets)).view(np.bool_)] = -1
    return hops


def host_hops(topology: Topology) -> NDArray[np.int16]:
    """Return int16[hosts, hosts]: links on a shortest path from host (row) to host (column), -1 where there is none."""
    return hops_to(topology)[: topology.hosts]


def shortest_path(
    topology: Topology, source: int, target: int, usable: NDArray[np.bool_] | None = None
) -> tuple[int, ...] | None:
    """Return the link ids of a shortest path from node to node, () from a node to itself, None where there is none.

    Of several the one found first when nodes are left in order of discovery along ascending link ids.
    """
    before = {source: -1}
    queue = deque([source])
    while queue and target not in before:
        node = queue.popleft()
        if node != source and not topology.forwards[node]:
            continue
        for link in topology.out_links[node]:
            neighbour = int(topology.target[link])
            if neighbour not in before and (usable is None or usable[link]):
                before[neighbour] = link
                queue.append(neighbour)
    if target not in before:
        return None
    path: list[int] = []
    while target != source:
        path.append(before[target])
        target = int(topology.source[before[target]])
    return tuple(reversed(path))
