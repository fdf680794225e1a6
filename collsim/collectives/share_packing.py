"""Packings for any network: what leads outwards for all-gather and broadcast, back for their reverses, both for all-reduce.

An all-reduce by reduce-scatter and all-gather shares each link between the way up and the way down of the same trees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import lcm

import numpy as np

from collsim.collectives.arborescences import OutTree, OutTrees, pack_out
from collsim.collectives.collective import Collective
from collsim.collectives.packed_trees import Hop, PackedTree, Packing, full_use
from collsim.collectives.trees import reverse_links, transposed
from collsim.topology.graph import Topology

__all__ = ["pack_shares"]


def pack_shares(topology: Topology, hosts: Sequence[int], collective: Collective, *, spread: bool) -> Packing | None:
    """Return the packing of least time for shares of equal size, None where switches cannot be split off without loss."""
    down = up = None
    if collective.name in ("all-gather", "broadcast", "all-reduce"):
        down = pack_out(topology, hosts, root=collective.root, spread=spread)
        if down is None:
            return None
    if collective.reduces:
        up = _mirrored(topology, down) if down is not None else None
        if up is None:
            up = pack_out(transposed(topology), hosts, root=collective.root, spread=spread)
            if up is None:
                return None
            up = _turned(up)
    return _joined(topology, up, down, len(hosts) if collective.root is None else 1)


def _turned(trees: OutTrees) -> OutTrees:
    """Read trees of the transposed topology backwards: from the leaves to the root, over the same links."""
    rows = [tuple(Hop(hop.dst, hop.src, hop.path[::-1]) for hop in reversed(tree.hops)) for tree in trees.trees]
    return OutTrees(
        tuple(OutTree(t.root, t.count, row) for t, row in zip(trees.trees, rows, strict=True)), trees.each, trees.rate
    )


def _mirrored(topology: Topology, trees: OutTrees) -> OutTrees | None:
    """Lead the trees back over the links back, None where a link has none of the same capacity."""
    back = reverse_links(topology)
    if back is None or not np.array_equal(topology.bandwidth, topology.bandwidth[back]):
        return None
    way = back.tolist()
    rows = [
        tuple(Hop(hop.dst, hop.src, tuple(way[link] for link in reversed(hop.path))) for hop in reversed(tree.hops))
        for tree in trees.trees
    ]
    return OutTrees(
        tuple(OutTree(t.root, t.count, row) for t, row in zip(trees.trees, rows, strict=True)), trees.each, trees.rate
    )


def _joined(topology: Topology, up: OutTrees | None, down: OutTrees | None, roots: int) -> Packing:
    """Give both ways the same pieces: where bunches on the way up and down end differently, they are cut."""
    ways = [way for way in (up, down) if way is not None]
    each = lcm(*(way.each for way in ways))
    pieces = []
    for root, weight, hops in _pieces([(way.trees, each // way.each) for way in ways]):
        pieces.append(PackedTree(root, weight, hops[0] if up is not None else (), hops[-1] if down is not None else ()))
    # Both ways together, not each by itself: a link that is full on the way down may be idle on the way up.
    return Packing(tuple(pieces), roots * each, full_use(pieces, topology))


def _pieces(ways: Sequence[tuple[Sequence[OutTree], int]]) -> Iterator[tuple[int, int, list[tuple[Hop, ...]]]]:
    """Yield (root, weight, hops of each way): the trees of all ways side by side, each weighing its count times a factor."""
    at, left = [0] * len(ways), [trees[0].count * factor for trees, factor in ways]
    while at[0] < len(ways[0][0]):
        weight = min(left)
        yield ways[0][0][at[0]].root, weight, [trees[k].hops for (trees, _), k in zip(ways, at, strict=True)]
        for k, (trees, factor) in enumerate(ways):
            left[k] -= weight
            if not left[k]:
                at[k] += 1
                left[k] = trees[at[k]].count * factor if at[k] < len(trees) else 0
