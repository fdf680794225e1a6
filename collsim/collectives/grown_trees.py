"""MULTITREE beyond its paper: trees grown on links as wide as they are, and handed to the pipeline of pieces.

A link twice as wide as the narrowest is two links to the trees that grow, so it takes two edges a step. The trees of a
forest packed as they are, each link with room for all that cross it, get a timetable like any others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from collsim.collectives.packed_trees import Hop, PackedTree, Packing, full_use
from collsim.collectives.schedule import IntArray
from collsim.collectives.trees import Forest
from collsim.topology.graph import Topology

__all__ = ["narrowed", "on_wide_links", "packing_of"]

MOST_COPIES = 32


def narrowed(topology: Topology) -> tuple[Topology, IntArray]:
    """Return the topology with wide links as several of the narrowest width, and for each of its links the one it is of.

    A link is as many as it holds of the narrowest, rounded down, at most 32.
    """
    copies = np.minimum(topology.bandwidth // topology.bandwidth.min(), MOST_COPIES)
    origin = np.repeat(np.arange(topology.links), copies)
    parts = (column[origin] for column in (topology.source, topology.target, topology.latency))
    source, target, latency = parts
    rate = np.full(len(origin), topology.bandwidth.min())
    return replace(topology, source=source, target=target, latency=latency, bandwidth=rate), origin


def on_wide_links(forest: Forest, origin: IntArray) -> Forest:
    """Return a forest grown on a narrowed topology as one over the links that there are."""
    return replace(forest, path_links=origin[forest.path_links])


def packing_of(topology: Topology, hosts: Sequence[int], down: Forest | None, up: Forest | None) -> Packing:
    """Return the trees of a forest as a packing, as many parts as trees, at the rate that the fullest link allows.

    `down` leads copies from the roots; `up` is read backwards, its edges' paths lead from child to parent already.
    """
    count = next(forest.chunks for forest in (down, up) if forest is not None) * len(hosts)
    ways_up = [_hops(up, tree, up=True) if up is not None else () for tree in range(count)]
    ways_down = [_hops(down, tree, up=False) if down is not None else () for tree in range(count)]
    per_rank = count // len(hosts)
    trees = tuple(PackedTree(tree // per_rank, 1, ways_up[tree], ways_down[tree]) for tree in range(count))
    return Packing(trees, count, full_use(trees, topology))


def _hops(forest: Forest, tree: int, *, up: bool) -> tuple[Hop, ...]:
    """Return the edges of one tree in the order of the data, those of one step in order of insertion."""
    rows = np.arange(tree * (forest.ranks - 1), (tree + 1) * (forest.ranks - 1))
    rows = rows[np.argsort(forest.step[rows], kind="stable")]
    hops = []
    for edge in (rows[::-1] if up else rows).tolist():
        parent, child = int(forest.parent[edge]), int(forest.child[edge])
        src, dst = (child, parent) if up else (parent, child)
        hops.append(Hop(src, dst, tuple(forest.path_of(edge))))
    return tuple(hops)
