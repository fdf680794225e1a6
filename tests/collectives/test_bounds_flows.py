"""Minimum cuts: three ways of computing one agree with networkx, and the rounded way never overstates a bound."""

from fractions import Fraction

import networkx as nx
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from collsim.collectives.bounds import lower_bound
from collsim.collectives.capacities import capacities
from collsim.collectives.collective import collective
from collsim.collectives.flows import FlowGraph
from collsim.topology import load

HUGE = 10**12


@given(st.integers(2, 9), st.data())
def test_cuts_equal_those_of_networkx(nodes, data):
    pairs = [(u, v) for u in range(nodes) for v in range(nodes) if u != v]
    edges = data.draw(st.lists(st.sampled_from(pairs), min_size=1, unique=True))
    amounts = data.draw(st.lists(st.integers(0, 9), min_size=len(edges), max_size=len(edges)))
    tail, head = (np.array(column, dtype=np.int64) for column in zip(*edges, strict=True))
    other = nx.DiGraph()
    other.add_nodes_from(range(nodes))
    other.add_edges_from((u, v, {"capacity": c}) for (u, v), c in zip(edges, amounts, strict=True))
    expected = nx.maximum_flow_value(other, 0, nodes - 1)
    graph = FlowGraph(nodes, tail, head)
    for scale in (1, HUGE):
        found = graph.cut([scale * c for c in amounts], 0, nodes - 1)
        assert (found.value, found.exact) == (scale * expected, True)
        assert found.side[0]
        assert not found.side[nodes - 1]
        assert sum(c for (u, v), c in zip(edges, amounts, strict=True) if found.side[u] and not found.side[v]) == expected


def test_capacities_too_large_and_too_many_give_valid_bounds():
    """Odd rates of a mesh of 16 x 16 have no common divisor; the bounds are real cuts, close to those of rounded rates."""
    plain = load("mesh16x16", bandwidth=10**12)
    rates = 10**12 + np.arange(plain.links) * 2 + 1
    odd = plain.with_links(range(plain.links), rates)
    for name in ("all-reduce", "all-gather", "reduce-scatter", "broadcast"):
        near = lower_bound(plain, collective(name), range(256), 256 * 10**12)
        found = lower_bound(odd, collective(name), range(256), 256 * 10**12)
        assert near.exact
        assert not found.exact
        assert Fraction(999, 1000) < found.parts[0].seconds / near.parts[0].seconds <= 1


def test_capacities_leave_out_what_cannot_carry_and_add_up_parallels():
    caps = capacities(load("dgx1-v100"), range(8))
    assert caps.unit == 25 * 10**9
    assert sorted(set(caps.capacity.tolist())) == [1, 2]
    assert set(caps.node_out) == {6}
    assert caps.balanced
    part = capacities(load("switch8"), [1, 3, 5])
    assert part.nodes.tolist() == [1, 3, 5, 8]
    assert part.out(part.mask([1, 3])) == 2
