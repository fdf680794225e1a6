"""The strength of a network: the partition of the ranks that makes an all-reduce slowest, exact in polynomial time.

Each of k disjoint sets must hand its partial sum out or pass the total on; of 2(k-1) copies of the data each leaves some
set. Where every cut is equal both ways the least of sum(capacity out) / (k-1) over all partitions is found by Newton's
iteration; one round minimises a sum of cut functions, each lowered by the current ratio, by the greedy algorithm for
intersecting submodular functions (Cunningham 1985; Cheng and Cunningham 1994), one maximum flow a rank. Without switches
this is the strength of the graph, and spanning trees reach it (Nash-Williams 1961, Tutte 1961).
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from collsim.collectives.capacities import Capacities, Mask
from collsim.collectives.cuts import MOST_NODES, Ratio
from collsim.collectives.flows import FlowGraph

__all__ = ["strength"]


def strength(caps: Capacities, start: Ratio) -> Ratio:
    """Return the largest (k-1) / sum(capacity out of A_i) over disjoint node sets A_1..A_k that hold all ranks.

    `start` is the best partition known. Exact when every cut is equal both ways and there are at most 256 nodes, or on
    vertex-transitive graphs, whose worst partition is into single nodes (Mader 1971: no set has a smaller cut).
    """
    if caps.transitive:
        return Ratio(start.load, start.sets, True)
    if not caps.balanced or caps.size > MOST_NODES:
        return start
    graph = _graph(caps)
    best = start
    while True:
        found = _round(caps, graph, best.load)
        if found is None:
            return Ratio(best.load, best.sets, False)
        if found.load <= best.load:
            return Ratio(best.load, best.sets, True)
        best = found


def _graph(caps: Capacities) -> FlowGraph:
    """Nodes of `caps`, a source N and a sink N + 1 joined to every rank."""
    n, source, sink = len(caps.ranks), caps.size, caps.size + 1
    tail = np.concatenate([caps.tail, np.full(n, source), caps.ranks])
    head = np.concatenate([caps.head, caps.ranks, np.full(n, sink)])
    return FlowGraph(sink + 1, tail, head)


def _round(caps: Capacities, graph: FlowGraph, load: Fraction) -> Ratio | None:
    """Minimise sum(q out(A_i) - p) over partitions, p / q = 1 / load; None where a flow had to be rounded.

    y_i is the least of q out(X) - p - y(X) over node sets X with rank i and no later rank; where it is attained X is
    tight, and tight sets that meet unite. The blocks so united are an optimal partition, and y sums to its value.
    """
    n, p, q = len(caps.ranks), load.denominator, load.numerator
    amounts = [q * c for c in caps.capacity.tolist()]
    endless = sum(amounts) + 1
    y: list[int] = []
    block = list(range(n))
    for i in range(n):
        gain = [max(v, 0) for v in y]
        cost = [max(-v, 0) for v in y]
        wall = endless + sum(gain) + sum(cost)
        offers = gain + [wall] + [0] * (n - i - 1)
        drains = cost + [0] + [wall] * (n - i - 1)
        found = graph.cut(amounts + offers + drains, caps.size, caps.size + 1)
        if not found.exact:
            return None
        y.append(found.value - sum(gain) - p)
        united = {block[j] for j in range(i + 1) if found.side[caps.ranks[j]]}
        block[: i + 1] = [i if block[j] in united or j == i else block[j] for j in range(i + 1)]
    names = sorted(set(block))
    if len(names) == 1:
        return Ratio(Fraction(0), (), True)
    total = sum(y) + len(names) * p
    sets = tuple(_rank_mask(caps, [j for j in range(n) if block[j] == name]) for name in names)
    return Ratio(Fraction(q * (len(names) - 1), total), sets, True)


def _rank_mask(caps: Capacities, ranks: list[int]) -> Mask:
    mask = np.zeros(caps.size, dtype=np.bool_)
    mask[caps.ranks[ranks]] = True
    return mask
