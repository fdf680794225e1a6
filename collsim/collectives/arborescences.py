"""Out-trees for all-gather, broadcast and their reverses on any network, switches and unequal links included.

The least time is set by one cut, found by max-flow. Capacities are scaled until that time is whole numbers of trees, the
switches are split off, and Edmonds' theorem (1973) gives out-trees that use the cut to the full: k from every rank for an
all-gather, k from the root for a broadcast. Source: Zhao et al., ForestColl, 2024.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.candidates import node_sets
from collsim.collectives.capacities import capacities
from collsim.collectives.cuts import gather_cut, root_cut
from collsim.collectives.edge_splitting import Logical, split_switches
from collsim.collectives.packed_trees import Hop
from collsim.topology.graph import Topology

__all__ = ["OutTree", "OutTrees", "pack_out"]

IntArray = NDArray[np.int64]
FIRST_BUNCHES = 4
COARSE = 2**24
"""Most trees a rank; rates without a common divisor ask for more, and both ways together then for more than 64 bits."""
MAX_SUM = 2**62


@dataclass(frozen=True, slots=True)
class OutTree:
    """`count` trees alike: `hops` from `root` outwards, parents before children."""

    root: int
    count: int
    hops: tuple[Hop, ...]


@dataclass(frozen=True, slots=True)
class OutTrees:
    """Trees in order of roots, `each` of a root (all of them, if one root is asked for), each of `rate` bytes/s."""

    trees: tuple[OutTree, ...]
    each: int
    rate: Fraction


def pack_out(topology: Topology, hosts: Sequence[int], *, root: int | None = None, spread: bool = False) -> OutTrees | None:
    """Return out-trees from `root`, or as many from every rank, at the largest rate that the smallest cut allows.

    Where link rates have no common divisor to speak of, at a rate that is lower by at most a tree a link in 2^24.

    None where a switch has unequal capacities in and out and cannot be split off without loss.
    """
    caps = capacities(topology, hosts)
    cut = gather_cut(caps, node_sets(caps, topology)) if root is None else root_cut(caps, int(caps.ranks[root]))
    ranks, loss = len(hosts), gcd(cut.load.denominator, *caps.capacity.tolist())
    rate, each = Fraction(caps.unit * loss, cut.load.numerator), cut.load.denominator // loss
    grouped = set(hosts)
    nodes = [*hosts, *(node for node in caps.nodes.tolist() if node not in grouped)]
    usable = np.flatnonzero(np.isin(topology.source, caps.nodes) & np.isin(topology.target, caps.nodes))
    if each > COARSE or int(int(topology.bandwidth[usable].max()) / rate) * len(nodes) ** 2 > MAX_SUM:
        # Rooms rounded down lose at most a tree a link, which so many slower trees a rank make up for in every cut.
        rate, each = rate * each / COARSE * (1 - Fraction(len(usable), COARSE)), COARSE
    needs = np.full(ranks, each, dtype=np.int64) if root is None else np.where(np.arange(ranks) == root, each, 0)
    rooms = {link: int(int(topology.bandwidth[link]) / rate) for link in usable.tolist()}
    logical = split_switches(topology, nodes, rooms, needs.astype(np.int64), spread=spread)
    if logical is None:
        return None
    return OutTrees(tuple(_grown(logical, needs.astype(np.int64))), each, rate)


def _grown(logical: Logical, needs: IntArray) -> list[OutTree]:
    """Return the trees, bunches divided until every edge of a bunch has one way to go; in order of roots."""
    from collsim.collectives.kernels.arborescences import pack_out_trees

    most = FIRST_BUNCHES * len(needs)
    while True:
        bunches, root, count, parent, _, order = pack_out_trees(logical.room.copy(), needs, most)
        if bunches >= 0:
            break
        assert bunches == -2, "Edmonds' theorem promises the trees"
        most *= 2
    trees = []
    for bunch in sorted(range(bunches), key=lambda b: (int(root[b]), b)):
        joined = np.argsort(order[bunch], kind="stable")[1:].tolist()
        edges = [(int(parent[bunch, node]), node) for node in joined]
        trees += _divided(logical, int(root[bunch]), int(count[bunch]), edges)
    return trees


def _divided(logical: Logical, root: int, count: int, edges: Sequence[tuple[int, int]]) -> list[OutTree]:
    trees = []
    while count:
        ways = [logical.routes[edge][0] for edge in edges]
        part = min(count, *(way.count for way in ways))
        hops = tuple(Hop(u, v, way.path) for (u, v), way in zip(edges, ways, strict=True))
        trees.append(OutTree(root, part, hops))
        for edge, way in zip(edges, ways, strict=True):
            way.count -= part
            if not way.count:
                logical.routes[edge].pop(0)
        count -= part
    return trees
