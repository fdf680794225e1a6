"""A topology as bounds see it: the nodes that may carry data of a group, and the capacity between each two of them.

Hosts of the group receive, reduce and send on as they like, so they always relay; other nodes relay where they forward
and are left out where they do not. Capacities are divided by their greatest common divisor, so that flows stay small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import gcd

import numpy as np
from numpy.typing import NDArray

from collsim.topology.graph import Topology

__all__ = ["Capacities", "Mask", "capacities"]

IntArray = NDArray[np.int64]
Mask = NDArray[np.bool_]

TRANSITIVE = ("full", "hypercube", "ring", "torus")


@dataclass(frozen=True, eq=False)
class Capacities:
    """N nodes, n ranks and E directed edges without parallels.

    `nodes` int64[N]: ids in the topology; `ranks` int64[n]: which of the N nodes hold ranks; `tail`, `head` int64[E];
    `capacity` int64[E] in units of `unit` bytes/s; `transitive`: every node looks like every other one.
    """

    nodes: IntArray
    ranks: IntArray
    tail: IntArray
    head: IntArray
    capacity: IntArray
    unit: int
    transitive: bool

    @property
    def size(self) -> int:
        """Number of nodes N."""
        return len(self.nodes)

    @cached_property
    def balanced(self) -> bool:
        """Whether at every node as much capacity enters as leaves, so that every cut is equal both ways."""
        return self.node_out == self.reverse.node_out

    @cached_property
    def node_out(self) -> list[int]:
        """N integers: capacity out of each node."""
        total = [0] * self.size
        for node, amount in zip(self.tail.tolist(), self.capacity.tolist(), strict=True):
            total[node] += amount
        return total

    @cached_property
    def reverse(self) -> Capacities:
        """The same nodes with every edge turned round."""
        return replace(self, tail=self.head, head=self.tail)

    def out(self, mask: Mask) -> int:
        """Return the capacity out of the nodes in `mask` (bool[N])."""
        return sum(self.capacity[mask[self.tail] & ~mask[self.head]].tolist())

    def count(self, mask: Mask) -> int:
        """Return the number of ranks in `mask` (bool[N])."""
        return int(mask[self.ranks].sum())

    def mask(self, members: Sequence[int]) -> Mask:
        """Return bool[N] with the nodes of the topology ids `members` that are present."""
        return np.isin(self.nodes, np.asarray(members, dtype=np.int64))

    def ids(self, mask: Mask) -> tuple[int, ...]:
        """Return the topology ids of the nodes in `mask`, ascending."""
        return tuple(self.nodes[mask].tolist())


def capacities(topology: Topology, hosts: Sequence[int]) -> Capacities:
    """Return what the group `hosts` (node ids by rank) can use of `topology`."""
    relays = topology.forwards.copy()
    relays[list(hosts)] = True
    nodes = np.flatnonzero(relays)
    local = np.full(topology.nodes, -1, dtype=np.int64)
    local[nodes] = np.arange(len(nodes))
    usable = relays[topology.source] & relays[topology.target]
    key = local[topology.source[usable]] * len(nodes) + local[topology.target[usable]]
    total: dict[int, int] = {}
    for pair, rate in zip(key.tolist(), topology.bandwidth[usable].tolist(), strict=True):
        total[pair] = total.get(pair, 0) + rate
    unit = gcd(*total.values())
    pairs = np.array(sorted(total), dtype=np.int64)
    amount = np.array([total[pair] // unit for pair in sorted(total)], dtype=np.int64)
    tail, head = pairs // len(nodes), pairs % len(nodes)
    uniform = len(set(total.values())) == 1 and len(pairs) == int(usable.sum())
    regular = np.unique(np.bincount(tail, minlength=len(nodes))).size == 1
    whole = len(hosts) == topology.nodes and topology.family in TRANSITIVE
    ranks = local[np.asarray(hosts, dtype=np.int64)]
    return Capacities(nodes, ranks, tail, head, amount, unit, bool(whole and uniform and regular))
