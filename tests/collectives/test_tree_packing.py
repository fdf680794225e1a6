"""Spanning trees: as many as Nash-Williams and Tutte allow, on graphs small enough to try every partition."""

from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collsim.collectives.spanning import linked_pairs, pack, strength_of
from collsim.collectives.tree_packing import distances, incidence, pack_spanning_trees
from collsim.topology import build, load
from collsim.topology.graph import Link


def partitions(items):
    """Yield every partition of a list into non-empty lists."""
    if not items:
        yield []
        return
    first, *rest = items
    for parts in partitions(rest):
        yield [[first], *parts]
        for k, part in enumerate(parts):
            yield [*parts[:k], [first, *part], *parts[k + 1 :]]


def strength_by_trying(nodes, ends, room):
    ratios = []
    for parts in partitions(list(range(nodes))):
        if len(parts) > 1:
            owner = {node: k for k, part in enumerate(parts) for node in part}
            between = sum(r for (u, v), r in zip(ends, room, strict=True) if owner[u] != owner[v])
            ratios.append(Fraction(between, len(parts) - 1))
    return min(ratios)


def check(nodes, ends, room, trees):
    used = [0] * len(ends)
    for tree in trees:
        assert len(tree) == nodes - 1
        assert min(distances(incidence(nodes, [ends[e] for e in tree]), 0)) == 0
        for e in tree:
            used[e] += 1
    assert all(u <= r for u, r in zip(used, room, strict=True))


@st.composite
def graphs(draw):
    nodes = draw(st.integers(2, 6))
    pairs = list(combinations(range(nodes), 2))
    ends = draw(st.lists(st.sampled_from(pairs), unique=True, min_size=1))
    return nodes, ends, draw(st.lists(st.integers(1, 5), min_size=len(ends), max_size=len(ends)))


@given(graphs())
def test_as_many_trees_as_every_partition_leaves_room_for_and_no_more(graph):
    nodes, ends, room = graph
    most = int(strength_by_trying(nodes, ends, room))
    check(nodes, ends, room, pack_spanning_trees(nodes, ends, room, most))
    assert pack_spanning_trees(nodes, ends, room, most + 1) is None


@pytest.mark.parametrize(
    "name, trees, copies", [("mesh8x8", 16, 9), ("mesh4x4", 8, 5), ("torus8x8", 2, 1), ("hypercube16", 32, 15)]
)
def test_packings_of_grids_use_the_graph_to_its_strength(name, trees, copies):
    pairs = linked_pairs(load(name), range(load(name).hosts))
    room = [copies] * len(pairs.ends)
    check(pairs.ranks, pairs.ends, room, pack_spanning_trees(pairs.ranks, pairs.ends, room, trees))
    assert pack_spanning_trees(pairs.ranks, pairs.ends, room, trees + 1) is None


def test_strength_of_the_mesh_is_112_edges_over_63_sets():
    mesh = load("mesh8x8", bandwidth="63GB/s")
    assert strength_of(mesh, range(64), linked_pairs(mesh, range(64))) == 112 * 10**9


def test_parallel_and_unequal_links_hold_as_many_trees_as_they_have_room_for():
    machine = load("dgx1-v100")
    pairs = linked_pairs(machine, range(8))
    limit = strength_of(machine, range(8), pairs)
    packing = pack(pairs, limit, 24)
    assert packing.parts * packing.unit == limit
    load_of = dict.fromkeys(range(machine.links), 0)
    for tree in packing.trees:
        for hop in (*tree.up, *tree.down):
            (link,) = hop.path
            assert (machine.source[link], machine.target[link]) == (hop.src, hop.dst)
            load_of[link] += packing.unit
    assert all(load_of[link] <= machine.bandwidth[link] for link in load_of)


def test_a_fast_and_a_slow_way_round_a_ring_share_by_capacity():
    rates = {(0, 1): 30, (1, 2): 20, (2, 0): 10}
    links = [Link(*ends, rate, 0) for (u, v), rate in rates.items() for ends in ((u, v), (v, u))]
    ring = build("unequal", 3, links, forwards=[True] * 3)
    pairs = linked_pairs(ring, range(3))
    assert strength_of(ring, range(3), pairs) == 30
    assert [int(p.parts * p.unit) for p in (pack(pairs, Fraction(30), k) for k in (1, 3))] == [20, 30]
