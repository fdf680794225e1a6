"""Up and down a fat-tree, D-mod-K: where several links lead up, the destination's number picks one.

Zahavi, "Fat-trees routing and node ordering providing contention free traffic for MPI global collectives", JPDC 2012:
at level l of a tree whose lower levels have w_1, w_2, ... uplinks a node, destination d takes uplink d // (w_1 ... ) mod w,
so that every cyclic shift of the hosts is free of contention. No shortest path of a fat-tree turns up after down, so one
class is enough.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collsim.topology.graph import Topology
from collsim.topology.paths import hops_to
from collsim.topology.routing.candidates import IntArray, Rows, by_destination, next_links

__all__ = ["up_down"]


def up_down(topology: Topology, hops: NDArray[np.int16]) -> Rows:
    """Return one candidate link a row: on shortest paths, uplinks (and parallel links) spread over destinations."""
    return by_destination(next_links(topology, hops), topology.hosts, _divisors(topology))


def _divisors(topology: Topology) -> IntArray:
    """Return int64[N]: for a node of level l the product of the uplink counts of a node of each level below l."""
    level = hops_to(topology, [range(topology.hosts)])[:, 0].astype(np.int64)
    rises = level[topology.target] > level[topology.source]
    uplinks = np.bincount(topology.source[rises], minlength=topology.nodes)
    divisor = np.ones(topology.nodes, dtype=np.int64)
    product = 1
    for height in range(int(level.max()) + 1):
        divisor[level == height] = product
        below = uplinks[(level == height) & (uplinks > 0)]
        product *= int(below.min()) if len(below) else 1
    return divisor
