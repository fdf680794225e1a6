"""How many paths a host tells apart under routing "feedback" (rule 32): those behind the first link, up to `MOST_PATHS`.

Path k of a pair behind a first link is the one that a packet with pick k takes from there on (walk.py).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collsim.topology.routing.walk import Routing

__all__ = ["MOST_PATHS", "path_counts"]

MOST_PATHS = 64
"""A host remembers no more paths to another one than this, behind each of its links."""


def path_counts(routing: Routing, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return int64[P], how many paths lie behind the first link for each of `pairs` (int64[P, 2] of hosts), at least 1.

    It is the product of the numbers of candidates along the first of them. Raises nothing: a pair without a route has 1.
    """
    table, topology = routing.table, routing.topology
    count = np.ones(len(pairs), dtype=np.int64)
    active = np.arange(len(pairs))
    node, target = pairs.T.astype(np.int64)
    counter, previous = np.zeros_like(node), np.full_like(node, -1)
    while len(active):
        row = (np.minimum(counter, table.phases - 1) * table.nodes + node) * table.hosts + target
        width = table.offsets[row + 1] - table.offsets[row]
        routed = (width > 0) & (node != target)
        active, node, target, counter, previous, row, width = (
            a[routed] for a in (active, node, target, counter, previous, row, width)
        )
        inner = previous >= 0
        count[active[inner]] = np.minimum(count[active[inner]] * width[inner], MOST_PATHS)
        link = table.links[table.offsets[row]]
        kept = (previous < 0) | (table.stage[previous] == table.stage[link])
        counter = np.where(kept, counter, 0) + table.bump[link]
        node, previous = topology.target[link], link
    return count
