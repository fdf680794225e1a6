"""Trees that share a machine: what each carries, and over which links its edges run, up to its root and down again.

What packings (of spanning trees, of arborescences) hand to the pipeline, and nothing more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from collsim.topology.graph import Topology

__all__ = ["Hop", "PackedTree", "Packing", "full_use", "rooted"]


@dataclass(frozen=True, slots=True)
class Hop:
    """Rank `src` hands what it has to rank `dst` over the link ids `path`."""

    src: int
    dst: int
    path: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PackedTree:
    """A tree of ranks that carries `weight` parts of the data: `up` sums lead to `root`, `down` copies lead from it.

    Hops stand in the order of the data: children before parents on the way up, parents first on the way down.
    """

    root: int
    weight: int
    up: tuple[Hop, ...]
    down: tuple[Hop, ...]


@dataclass(frozen=True, slots=True)
class Packing:
    """Trees that together carry `parts` parts of the data while a link of capacity c (bytes/s) has room for c / `unit`.

    So a buffer of S bytes takes S / (parts unit) seconds at full use of the tightest link.
    """

    trees: tuple[PackedTree, ...]
    parts: int
    unit: Fraction


def full_use(trees: Sequence[PackedTree], topology: Topology) -> Fraction:
    """Return the largest `unit` of a packing of these trees: capacity over weight on the link that is fullest."""
    load: Counter[int] = Counter()
    for tree in trees:
        for hop in (*tree.up, *tree.down):
            for link in hop.path:
                load[link] += tree.weight
    return min(Fraction(int(topology.bandwidth[link]), weight) for link, weight in load.items())


def rooted(root: int, edges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the edges of a tree as (parent, child), breadth first from `root`."""
    around: dict[int, list[int]] = {}
    for u, v in edges:
        around.setdefault(u, []).append(v)
        around.setdefault(v, []).append(u)
    order, seen, queue = [], {root}, [root]
    for u in queue:
        for v in around.get(u, ()):
            if v not in seen:
                seen.add(v)
                queue.append(v)
                order.append((u, v))
    return order
