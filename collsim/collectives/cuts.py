"""Smallest cuts for all-gather, broadcast and all-reduce, exact by maximum flow on graphs of up to 256 nodes.

All-gather: the largest ratio of ranks inside to capacity out, over all node sets with a rank outside (Zhao et al.,
ForestColl, 2024): Newton's iteration on the ratio, one flow a rank plus one for each better set found.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from collsim.collectives.capacities import Capacities, Mask
from collsim.collectives.flows import FlowGraph

__all__ = ["MOST_NODES", "Ratio", "gather_cut", "root_cut", "separating_cut"]

MOST_NODES = 256


@dataclass(frozen=True, eq=False)
class Ratio:
    """A bound found: `load` per unit of capacity (larger is slower), the node sets behind it, whether none is larger."""

    load: Fraction
    sets: tuple[Mask, ...]
    exact: bool


def gather_cut(caps: Capacities, candidates: list[Mask]) -> Ratio:
    """Return the largest (ranks in A) / (capacity out of A) over node sets A that leave a rank outside.

    `candidates` start the search and are all there is above 256 nodes. On vertex-transitive graphs no set has less
    capacity out than a node has (Mader 1971), so all but one node is the worst set.
    """
    n = len(caps.ranks)
    best = _largest(caps, candidates)
    if caps.transitive:
        return Ratio(best.load, best.sets, True)
    if caps.size > MOST_NODES:
        return best
    source = caps.size
    tail = np.concatenate([caps.tail, np.full(n, source)])
    graph = FlowGraph(source + 1, tail, np.concatenate([caps.head, caps.ranks]))
    amounts, exact = caps.capacity.tolist(), True
    for sink in caps.ranks.tolist():
        while True:
            # Rank r offers p, edges carry q: all of n p arrives unless some A has q out(A) < p ranks(A).
            p, q = best.load.denominator, best.load.numerator
            found = graph.cut([q * c for c in amounts] + [p] * n, source, sink)
            exact = exact and found.exact
            side = found.side[:source]
            better = Fraction(caps.count(side), caps.out(side)) if caps.count(side) else Fraction(0)
            if found.value >= n * p or better <= best.load:
                break
            best = Ratio(better, (side,), True)
    return Ratio(best.load, best.sets, exact)


def _largest(caps: Capacities, candidates: list[Mask]) -> Ratio:
    n = len(caps.ranks)
    loads = [(Fraction(caps.count(a), caps.out(a)), a) for a in candidates if 0 < caps.count(a) < n]
    load, worst = max(loads, key=lambda pair: pair[0])
    return Ratio(load, (worst,), False)


def root_cut(caps: Capacities, root: int) -> Ratio:
    """Return 1 / (smallest cut from node `root` to any rank), the load of a broadcast; exact up to 256 nodes."""
    single = np.arange(caps.size) == root
    best = Ratio(Fraction(1, caps.out(single)), (single,), caps.transitive)
    others = [r for r in caps.ranks.tolist() if r != root]
    for rank in others:
        all_but = np.arange(caps.size) != rank
        best = _worse(best, Ratio(Fraction(1, caps.out(all_but)), (all_but,), caps.transitive))
    if caps.transitive or caps.size > MOST_NODES:
        return best
    graph, exact, amounts = FlowGraph(caps.size, caps.tail, caps.head), True, caps.capacity.tolist()
    for rank in others:
        found = graph.cut(amounts, root, rank)
        exact = exact and found.exact
        best = _worse(best, Ratio(Fraction(1, caps.out(found.side)), (found.side,), True))
    return Ratio(best.load, best.sets, exact)


def separating_cut(caps: Capacities) -> Ratio:
    """Return 1 / (smallest cut, in its thinner direction, that separates two ranks): rule (a) of an all-reduce."""
    first = int(caps.ranks[0])
    return _worse(root_cut(caps, first), root_cut(caps.reverse, first))


def _worse(a: Ratio, b: Ratio) -> Ratio:
    return a if a.load >= b.load else b
