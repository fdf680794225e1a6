"""Packing out-trees by Edmonds' theorem, compiled: trees with one root and one shape so far are one bunch with a count.

A bunch grows by the edge (x, y) as often as no set A with x inside and y outside is left with less capacity out than the
bunches still need that have not left A (Schrijver, Combinatorial Optimization, 2003, section 53.6; Zhao et al.,
ForestColl, 2024). That number is one maximum flow.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from collsim.collectives.kernels.flow import push
from collsim.jit.compile import kernel, small_kernel

__all__ = ["pack_out_trees"]

Array = Any


@kernel
def pack_out_trees(room: Array, needs: Array, most: int) -> Any:
    """Return (bunches, root, count, parent, depth, order) of out-trees that span all nodes, at most `most` bunches.

    `room` int64[n, n]: how many trees may use the edge between two nodes, used up on return; `needs` int64[n]: trees wanted
    with each root. `parent`, `depth`, `order` int64[most, n]: of each node in each bunch, `order` the turn in which it
    joined. bunches = -1: the trees do not exist, -2: `most` is too few.
    """
    n = len(room)
    root, count = np.zeros(most, np.int64), np.zeros(most, np.int64)
    parent, depth = np.full((most, n), -1, np.int64), np.full((most, n), -1, np.int64)
    order, size = np.full((most, n), -1, np.int64), np.zeros(most, np.int64)
    bunches = 0
    for node in range(n):
        if needs[node] > 0:
            root[bunches], count[bunches], size[bunches] = node, needs[node], 1
            depth[bunches, node] = order[bunches, node] = 0
            bunches += 1
    while True:
        bunch = _smallest(size, bunches, n)
        if bunch < 0:
            return bunches, root, count, parent, depth, order
        x, y, amount = _next_edge(room, bunch, bunches, count, size, depth)
        if amount == 0:
            return -1, root, count, parent, depth, order
        if amount < count[bunch]:
            if bunches == most:
                return -2, root, count, parent, depth, order
            root[bunches], count[bunches], size[bunches] = root[bunch], count[bunch] - amount, size[bunch]
            parent[bunches], depth[bunches], order[bunches] = parent[bunch], depth[bunch], order[bunch]
            bunches += 1
            count[bunch] = amount
        parent[bunch, y], depth[bunch, y], order[bunch, y] = x, depth[bunch, x] + 1, size[bunch]
        size[bunch] += 1
        room[x, y] -= amount


@small_kernel
def _smallest(size: Array, bunches: int, n: int) -> int:
    """Return the bunch of fewest nodes, -1 when all span: trees that grow side by side leave each other short ways."""
    best = -1
    for bunch in range(bunches):
        if size[bunch] < n and (best < 0 or size[bunch] < size[best]):
            best = bunch
    return best


@small_kernel
def _next_edge(room: Array, bunch: int, bunches: int, count: Array, size: Array, depth: Array) -> Any:
    """Return (x, y, copies) of an edge by which the bunch may grow, the shallowest first, of equals that with most room."""
    n = len(room)
    tried = np.zeros((n, n), np.bool_)
    while True:
        x, y = -1, -1
        for a in range(n):
            if depth[bunch, a] >= 0 and (x < 0 or depth[bunch, a] <= depth[bunch, x]):
                for b in range(n):
                    if depth[bunch, b] < 0 and room[a, b] > 0 and not tried[a, b]:
                        nearer = x < 0 or depth[bunch, a] < depth[bunch, x]
                        if nearer or room[a, b] > room[x, y]:
                            x, y = a, b
        if x < 0:
            return -1, -1, 0
        tried[x, y] = True
        amount = _copies(room, (x, y), bunch, count[:bunches], size, depth)
        if amount > 0:
            return x, y, amount


@small_kernel
def _copies(room: Array, edge: Any, bunch: int, count: Array, size: Array, depth: Array) -> Any:
    """Return how many trees of `bunch` may take the `edge` (x, y).

    In the network beside the nodes each other unfinished bunch without y is a node that x fills with the bunch's count and
    that flows freely to the bunch's members: a cut between x and y pays for the bunches that have left x's side.
    """
    n, (x, y) = len(room), edge
    want = min(room[x, y], count[bunch])
    others = np.empty(len(count), np.int64)
    k, owed = 0, 0
    for other in range(len(count)):
        if other != bunch and size[other] < n and depth[other, y] < 0:
            others[k] = other
            k += 1
            owed += count[other]
    network = np.zeros((n + k, n + k), np.int64)
    network[:n, :n] = room
    for place in range(k):
        other = others[place]
        network[x, n + place] = count[other]
        for node in range(n):
            if depth[other, node] >= 0 and node != x:
                network[n + place, node] = owed + want
    sources = np.zeros(n + k, np.bool_)
    sources[x] = True
    return max(0, push(network, sources, y, owed + want) - owed)
