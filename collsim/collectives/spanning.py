"""Spanning trees for an all-reduce between directly linked ranks: how many fit, at which rate, over which links.

A tree's edge carries sums one way and totals the other, so a pair of links with capacity c both ways has room for the
trees of c bytes a second. T trees of equal rate s fit as long as each pair holds floor(c / s) of them; s is made as large
as T trees allow, and T s comes as near as T permits to the strength of the graph (Nash-Williams 1961, Tutte 1961).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import gcd

import numpy as np

from collsim.collectives.candidates import best_partition
from collsim.collectives.capacities import capacities
from collsim.collectives.packed_trees import Hop, PackedTree, Packing, rooted
from collsim.collectives.strength import strength
from collsim.collectives.tree_packing import distances, incidence, pack_spanning_trees
from collsim.topology.graph import Topology

__all__ = ["Pairs", "linked_pairs", "pack", "strength_of", "tree_rates"]


@dataclass(frozen=True, slots=True)
class Pairs:
    """The pairs of ranks with links both ways: their `ends`, links `ahead` and `back`, and `rates` bytes/s of all links."""

    ranks: int
    ends: tuple[tuple[int, int], ...]
    ahead: tuple[tuple[int, ...], ...]
    back: tuple[tuple[int, ...], ...]
    rates: tuple[int, ...]

    def room(self, pair: int, rate: Fraction) -> int:
        """Return how many trees of `rate` bytes a second fit the pair; a tree stays on one link each way."""
        sides = self.ahead[pair], self.back[pair]
        return int(min(sum(self.rates[link] // rate for link in side) for side in sides))

    @property
    def connected(self) -> bool:
        """Whether pairs join all ranks."""
        return min(distances(incidence(self.ranks, self.ends), 0)) >= 0


def linked_pairs(topology: Topology, hosts: Sequence[int]) -> Pairs:
    """Return the pairs among `hosts` (by rank) that are linked directly, both ways."""
    rank = {host: r for r, host in enumerate(hosts)}
    ends, ahead, back = [], [], []
    for u, host in enumerate(hosts):
        nearby = {rank.get(int(topology.target[link]), -1) for link in topology.out_links[host]}
        for v in sorted(v for v in nearby if v > u):
            returns = topology.links_between(hosts[v], host)
            if returns:
                ends.append((u, v))
                ahead.append(topology.links_between(host, hosts[v]))
                back.append(returns)
    return Pairs(len(hosts), tuple(ends), tuple(ahead), tuple(back), tuple(topology.bandwidth.tolist()))


def strength_of(topology: Topology, hosts: Sequence[int], pairs: Pairs) -> Fraction:
    """Return the bytes a second that spanning trees on the linked pairs can carry together, at most.

    The least capacity between the sets of a partition over (sets - 1); exact up to 256 ranks and where all links are alike
    on a ring, torus, hypercube or full mesh, else an upper limit.
    """
    whole = capacities(topology, hosts)
    wide = [
        min(sum(pairs.rates[link] for link in side) for side in (a, b)) for a, b in zip(pairs.ahead, pairs.back, strict=True)
    ]
    unit = gcd(*wide)
    ends = np.array(pairs.ends, dtype=np.int64)
    local = np.searchsorted(whole.nodes, np.asarray(hosts, dtype=np.int64))
    tail, head = (local[np.concatenate([ends[:, k], ends[:, 1 - k]])] for k in (0, 1))
    amount = np.array([c // unit for c in wide] * 2, dtype=np.int64)
    alike = len(pairs.ends) * 2 == topology.links
    caps = replace(whole, tail=tail, head=head, capacity=amount, unit=unit, transitive=whole.transitive and alike)
    found = strength(caps, best_partition(caps, topology))
    return unit / found.load / 2


def tree_rates(pairs: Pairs, limit: Fraction, trees: int) -> list[Fraction]:
    """Return the rates (bytes/s) worth a try for `trees` trees, best first: those at which a link has room for one more.

    No rate above `limit` / trees can work; below half of what the best can, nothing is gained over fewer trees.
    """
    most = limit / trees
    alike = {pairs.rates[link] for sides in (pairs.ahead, pairs.back) for side in sides for link in side}
    steps = {Fraction(rate, -(-rate // most) + more) for rate in alike for more in range(4)}
    return sorted({Fraction(rate) for rate in steps if rate <= most}, reverse=True)


def pack(pairs: Pairs, limit: Fraction, trees: int) -> Packing | None:
    """Return `trees` spanning trees of equal and largest rate found, rooted at their centres; None where none was found."""
    for rate in tree_rates(pairs, limit, trees):
        room = [pairs.room(pair, rate) for pair in range(len(pairs.ends))]
        if sum(room) >= trees * (pairs.ranks - 1):
            found = pack_spanning_trees(pairs.ranks, pairs.ends, room, trees)
            if found is not None:
                return Packing(tuple(_routed(pairs, found, rate)), trees, rate)
    return None


def _routed(pairs: Pairs, trees: Sequence[Sequence[int]], rate: Fraction) -> list[PackedTree]:
    """Give every tree a root at its centre, and every edge a link each way that has room for it."""
    left = {link: pairs.rates[link] // rate for sides in (pairs.ahead, pairs.back) for side in sides for link in side}
    result = []
    for tree in trees:
        links: dict[tuple[int, int], tuple[int, ...]] = {}
        for pair in tree:
            u, v = pairs.ends[pair]
            for ends, side in (((u, v), pairs.ahead[pair]), ((v, u), pairs.back[pair])):
                link = next(link for link in side if left[link])
                left[link] -= 1
                links[ends] = (link,)
        edges = rooted(_centre(pairs.ranks, [pairs.ends[pair] for pair in tree]), [pairs.ends[pair] for pair in tree])
        up = tuple(Hop(v, u, links[v, u]) for u, v in reversed(edges))
        down = tuple(Hop(u, v, links[u, v]) for u, v in edges)
        result.append(PackedTree(edges[0][0], 1, up, down))
    return result


def _centre(ranks: int, edges: Sequence[tuple[int, int]]) -> int:
    """Return the middle of a longest way through a tree."""
    around = incidence(ranks, edges)
    away = distances(around, 0)
    one = away.index(max(away))
    away = distances(around, one)
    other, radius = away.index(max(away)), (max(away) + 1) // 2
    back = distances(around, other)
    return next(u for u in range(ranks) if away[u] + back[u] == max(away) and away[u] == radius)
