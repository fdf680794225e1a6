"""up*/down* routing of any graph with one class: no packet goes up a spanning tree once it went down.

Schroeder et al., "Autonet: a high-speed, self-configuring local area network using point-to-point links", IEEE JSAC 9(8),
1991. Links are ordered by a breadth-first tree from a root; a cycle of waiting buffers would need a turn from down to up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collsim.topology.graph import Topology
from collsim.topology.paths import hops_to
from collsim.topology.routing.candidates import ClassRule, IntArray, tabulate
from collsim.topology.routing.table import RouteTable

__all__ = ["ranks_from_roots", "up_star_down_star"]

Hops = NDArray[np.int16]
NEVER = np.int16(-1)


def up_star_down_star(topology: Topology) -> RouteTable:
    """Return all shortest legal paths: phase 0 (no link down yet) may go up or down, phase 1 down only; one class.

    A row is empty where no legal path exists, which takes links that have no reverse.
    """
    rank = ranks_from_roots(topology)
    # A host that does not forward ends every path that enters it, so a link into it can count as down.
    down = (rank[topology.target] > rank[topology.source]) | ~topology.forwards[topology.target]
    below = hops_to(topology, usable=down)
    legal = _legal_hops(topology, rank, down, below)
    counts = np.zeros((2, topology.nodes, topology.hosts), dtype=np.int64)
    found: tuple[list[IntArray], list[IntArray]] = ([], [])
    for node, out in enumerate(topology.out_links):
        links = np.array(out, dtype=np.int64)
        heads, falls = topology.target[links], down[links, None]
        for phase, here in enumerate((legal[node], below[node])):
            ahead = np.where(falls, below[heads], legal[heads] if phase == 0 else NEVER)
            passable = topology.forwards[heads, None] | (ahead == 0)
            nearer = (ahead == here - 1) & passable & (here > 0)
            counts[phase, node] = nearer.sum(axis=0)
            found[phase].append(links[np.nonzero(nearer.T)[1]])
    offsets = np.concatenate([[0], np.cumsum(counts.reshape(-1))]).astype(np.int64)
    # The bias is beyond every counter: the counter only tells the phases apart, and all hops are of class 0.
    rule = ClassRule(np.zeros(topology.links, dtype=np.int64), down.astype(np.int64), topology.links + 1)
    return tabulate("up-star-down-star", topology, (offsets, np.concatenate([*found[0], *found[1]])), rule, 1, phases=2)


def ranks_from_roots(topology: Topology) -> IntArray:
    """Return int64[N], a total order of the nodes in which links up lead to a smaller rank.

    Nodes that forward are ordered by (links from their root, id); hosts that do not come after all of them. Each connected
    part of the forwarding nodes has its root: the node from which the farthest of the part is nearest, ties to the least id.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    inner = np.flatnonzero(topology.forwards)
    depth = np.full(topology.nodes, topology.nodes, dtype=np.int64)
    if len(inner):
        place = np.full(topology.nodes, -1, dtype=np.int64)
        place[inner] = np.arange(len(inner))
        ends = place[topology.source], place[topology.target]
        kept = (ends[0] >= 0) & (ends[1] >= 0)
        joined = coo_array((np.ones(int(kept.sum())), (ends[0][kept], ends[1][kept])), shape=(len(inner), len(inner)))
        _, part = connected_components(joined, directed=False)
        hops = hops_to(topology, [(int(node),) for node in inner])[inner]
        for members in (np.flatnonzero(part == k) for k in range(int(part.max()) + 1)):
            within = hops[np.ix_(members, members)].astype(np.int64)
            within[within < 0] = topology.nodes
            root = int(np.argmin(within.max(axis=0)))
            depth[inner[members]] = within[:, root]
    order = np.lexsort((np.arange(topology.nodes), depth))
    rank = np.empty(topology.nodes, dtype=np.int64)
    rank[order] = np.arange(topology.nodes)
    return rank


def _legal_hops(topology: Topology, rank: IntArray, down: NDArray[np.bool_], below: Hops) -> Hops:
    """Return int16[N, hosts]: links on a shortest path that goes up, then down; -1 where there is none.

    Relaxed along the links up in ascending rank of their heads: one pass, because those links make no cycle.
    """
    far = np.int16(np.iinfo(np.int16).max - 1)
    legal = np.where(below < 0, far, below)
    for node in np.argsort(rank).tolist():
        for link in topology.out_links[node]:
            if not down[link]:
                np.minimum(legal[node], legal[topology.target[link]] + np.int16(1), out=legal[node])
    return np.where(legal >= far, NEVER, legal).astype(np.int16)
