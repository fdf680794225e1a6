"""Node sets and partitions worth trying as bounds: single hosts, the topology's levels, runs and mixtures of them.

Every one is certified by what its cut measures, so a poor candidate costs strength and never truth. They start the exact
searches, and are all there is where those do not apply: large graphs, unequal directions, all-to-all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.capacities import Capacities, Mask
from collsim.collectives.cuts import Ratio
from collsim.topology.graph import Topology

__all__ = ["best_partition", "node_sets", "widest_exchange"]

MOST_SETS = 512
MOST_RUNS = 64
MOST_BRUTE_NODES = 14


def node_sets(caps: Capacities, topology: Topology) -> list[Mask]:
    """Return sets with a rank inside and one outside: hosts, level sets, runs of both in order, and all complements."""
    n = len(caps.ranks)
    singles = [_only(caps, [r]) for r in caps.ranks[np.argsort(_thinness(caps))[:MOST_SETS]].tolist()]
    chosen = singles + _runs(caps, [_only(caps, [r]) for r in caps.ranks.tolist()])
    for level in _levels(caps, topology):
        chosen += level[:MOST_SETS] + _runs(caps, level)
    return [side for a in chosen for side in (a, ~a) if 0 < caps.count(side) < n]


def _thinness(caps: Capacities) -> NDArray[np.float64]:
    ways = np.minimum(np.array(caps.node_out, dtype=np.float64), np.array(caps.reverse.node_out, dtype=np.float64))
    return np.asarray(ways[caps.ranks])


def _only(caps: Capacities, nodes: list[int]) -> Mask:
    mask = np.zeros(caps.size, dtype=np.bool_)
    mask[nodes] = True
    return mask


def _levels(caps: Capacities, topology: Topology) -> list[list[Mask]]:
    """Return for each level its sets that hold a rank, finest level first."""
    levels = [[caps.mask(members) for members in level.sets] for level in topology.levels]
    return [[mask for mask in level if caps.count(mask)] for level in levels]


def _runs(caps: Capacities, sets: list[Mask]) -> list[Mask]:
    """Return unions of the first k sets, for about MOST_RUNS values of k."""
    picked = set(np.linspace(1, max(len(sets) - 1, 1), min(MOST_RUNS, max(len(sets) - 1, 1))).astype(int).tolist())
    runs, union = [], np.zeros(caps.size, dtype=np.bool_)
    for k, mask in enumerate(sets, start=1):
        union = union | mask
        if k in picked:
            runs.append(union)
    return runs


@dataclass(frozen=True, eq=False)
class _Branch:
    """A set of a laminar family: its nodes, its thinner capacity, and the sets right inside that hold its ranks."""

    mask: Mask
    capacity: int
    inside: tuple[_Branch, ...]


def best_partition(caps: Capacities, topology: Topology) -> Ratio:
    """Return the largest (k-1) / sum(capacity of A_i) over partitions made of hosts and level sets, mixtures included.

    The capacity is that out of all sets or that into all sets, whichever sums to less. A tree of nested sets is searched
    with Newton's iteration: for a ratio each set decides whether to stay whole or to be split into the sets inside it.
    """
    levels = _levels(caps, topology)
    orders = [[level] for level in levels] + [sorted(levels, key=len)]
    best = Ratio(Fraction(0), (), False)
    for way in (caps,) if caps.balanced else (caps, caps.reverse):
        for order in orders:
            found = _newton(_tree(way, order))
            best = found if found.load > best.load else best
    return best


def _tree(caps: Capacities, levels: list[list[Mask]]) -> tuple[_Branch, ...]:
    """Return the outermost sets that together hold all ranks; `levels` from coarse to fine, sets that cross left out."""
    label = np.zeros(caps.size, dtype=np.int64)
    masks, children = [np.ones(caps.size, dtype=np.bool_)], [list[int]()]
    for mask in [m for level in levels for m in level]:
        around = np.unique(label[mask])
        fits = around.size == 1 and caps.count(mask) < caps.count(masks[int(around[0])])
        if fits and caps.count(mask) > 1:
            label[mask] = len(masks)
            children[int(around[0])].append(len(masks))
            masks.append(mask)
            children.append([])
    out = caps.node_out
    loose: list[list[_Branch]] = [[] for _ in masks]
    for rank in caps.ranks.tolist():
        loose[int(label[rank])].append(_Branch(_only(caps, [rank]), out[rank], ()))
    built: dict[int, _Branch] = {}
    for k in range(len(masks) - 1, -1, -1):
        inside = tuple(built[c] for c in children[k]) + tuple(loose[k])
        built[k] = _Branch(masks[k], caps.out(masks[k]) if k else 0, inside)
    return built[0].inside


def _newton(tree: tuple[_Branch, ...]) -> Ratio:
    best = _ratio(list(_leaves(tree)))
    while True:
        chosen: list[_Branch] = []
        for branch in tree:
            chosen += _cheapest(branch, best.load)[1]
        found = _ratio(chosen)
        if found.load <= best.load:
            return best
        best = found


def _leaves(tree: tuple[_Branch, ...]) -> Iterator[_Branch]:
    for branch in tree:
        if branch.inside:
            yield from _leaves(branch.inside)
        else:
            yield branch


def _cheapest(branch: _Branch, load: Fraction) -> tuple[int, list[_Branch]]:
    """Return (least sum of load capacity - 1, in units of 1 / denominator, and the sets that reach it)."""
    whole = load.numerator * branch.capacity - load.denominator
    if not branch.inside:
        return whole, [branch]
    parts = [_cheapest(inner, load) for inner in branch.inside]
    split = sum(value for value, _ in parts)
    if whole <= split:
        return whole, [branch]
    return split, [leaf for _, leaves in parts for leaf in leaves]


def _ratio(sets: list[_Branch]) -> Ratio:
    if len(sets) < 2:
        return Ratio(Fraction(0), (), False)
    return Ratio(Fraction(len(sets) - 1, sum(s.capacity for s in sets)), tuple(s.mask for s in sets), False)


def widest_exchange(caps: Capacities, candidates: list[Mask]) -> Ratio:
    """Return the largest (ranks in A) (ranks outside) / (capacity out of A), the load of an all-to-all's pairs.

    The largest over all sets is NP-hard to find; it is exact up to 14 nodes, where all are tried.
    """
    n, exact = len(caps.ranks), caps.size <= MOST_BRUTE_NODES
    if exact:
        candidates = _every_set(caps)
    loads = [(Fraction(caps.count(a) * (n - caps.count(a)), caps.out(a)), a) for a in candidates]
    load, worst = max(loads, key=lambda pair: pair[0])
    return Ratio(load, (worst,), exact)


def _every_set(caps: Capacities) -> list[Mask]:
    """Return the one or two best of all node sets, found in floats with a margin that the caller settles exactly."""
    bits = (np.arange(1 << caps.size)[:, None] >> np.arange(caps.size)) & 1 == 1
    inside = bits[:, caps.ranks].sum(axis=1)
    out = (bits[:, caps.tail] & ~bits[:, caps.head]) @ caps.capacity.astype(np.float64)
    pairs = inside * (len(caps.ranks) - inside)
    load = np.where(pairs > 0, pairs / np.maximum(out, 1e-300), 0.0)
    return list(bits[load >= load.max() * (1 - 1e-9)])
