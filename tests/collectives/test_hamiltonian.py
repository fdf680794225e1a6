"""Ring orders: the formulas of every family, the search elsewhere, and boxes in a row behind switches."""

from itertools import pairwise

import networkx as nx
import pytest

from collsim.collectives.hamiltonian import family_ring, is_ring, ring_order, ring_orders, rotate_ring, search_ring
from collsim.topology import load
from collsim.topology.graph import Link, build


def from_edges(nodes, edges, bandwidth=10**9):
    links = [Link(*ends, bandwidth, 0) for edge in edges for ends in (edge, edge[::-1])]
    return build("net", nodes, links, forwards=[True] * nodes)


def visited(topology, hosts=None):
    hosts = list(range(topology.hosts)) if hosts is None else hosts
    order = ring_order(topology, hosts)
    assert sorted(order) == list(range(len(hosts)))
    return [hosts[rank] for rank in order]


RINGS = (
    "ring2",
    "ring3",
    "ring8",
    "full2",
    "full7",
    "hypercube2",
    "hypercube8",
    "hypercube64",
    "torus2x2",
    "torus2x3",
    "torus3x3",
    "torus4x4",
    "torus3x4",
    "torus4x3",
    "torus5x7",
    "torus2x3x4",
    "torus3x3x3",
    "torus3x5x3",
    "torus3x3x3x3",
    "mesh2x2",
    "mesh2x5",
    "mesh5x2",
    "mesh4x5",
    "mesh5x4",
    "mesh3x4x5",
    "mesh3x5x2",
    "mesh2x2x2",
    "dgx1-v100",
    "gaudi3",
)


@pytest.mark.parametrize("name", RINGS)
def test_every_hop_is_a_link(name):
    topology = load(name)
    assert is_ring(topology, visited(topology))


def test_the_order_of_the_multitree_paper():
    assert visited(load("torus4x4")) == [0, 1, 2, 3, 7, 11, 15, 14, 10, 6, 5, 9, 13, 12, 8, 4]


@pytest.mark.parametrize("name", ["mesh3x3", "mesh3x5", "mesh5x3", "mesh5x7", "mesh3x3x3", "mesh3x3x5"])
def test_odd_meshes_have_one_hop_of_two_links_that_no_other_hop_uses(name):
    topology = load(name)
    order = visited(topology)
    hops = list(zip(order, [*order[1:], order[0]], strict=True))
    far = [(a, b) for a, b in hops if not topology.links_between(a, b)]
    assert len(far) == 1
    (a, b), between = far[0], (far[0][0] + far[0][1]) // 2
    for hop in ((a, between), (between, b)):
        assert topology.links_between(*hop)
        assert hop not in hops


@pytest.mark.parametrize("name", ["mesh3x3", "mesh5x5", "mesh3x7", "mesh3x3x3", "mesh4x4", "torus3x3", "ring8"])
def test_opposite_rings_share_no_link(name):
    topology = load(name)
    used = []
    for order in ring_orders(topology, list(range(topology.hosts))):
        assert sorted(order) == list(range(topology.hosts))
        for a, b in zip(order, [*order[1:], order[0]], strict=True):
            stops = [a, b] if topology.links_between(a, b) else [a, (a + b) // 2, b]
            used += pairwise(stops)
    assert len(used) == len(set(used))
    assert all(topology.links_between(*hop) for hop in used)


@pytest.mark.parametrize("name", ["dragonfly2x4x2", "dragonfly2x2x1", "bigraph4x8", "bigraph2x4"])
def test_linked_switches_are_visited_along_a_ring_of_theirs(name):
    topology = load(name)
    leaf = [int(topology.target[topology.out_links[host][0]]) for host in visited(topology)]
    hops = [hop for hop in zip(leaf, [*leaf[1:], leaf[0]], strict=True) if hop[0] != hop[1]]
    assert all(topology.links_between(*hop) for hop in hops)
    assert len(hops) == len(set(hops)) == len(set(leaf))


@pytest.mark.parametrize("size", [2, 4, 8])
def test_switched_hosts_are_visited_leaf_by_leaf(size):
    topology = load(f"fattree{size}x2")
    order = visited(topology)
    leaves = [host // size for host in order]
    assert sum(a != b for a, b in zip(leaves, leaves[1:] + leaves[:1], strict=True)) == size


def test_placement_does_not_change_the_ring():
    hosts = [9, 4, 15, 0, 7, 12, 3, 10, 5, 14, 1, 8, 13, 2, 11, 6]
    assert visited(load("torus4x4"), hosts) == visited(load("torus4x4"))
    assert visited(load("fattree4x2"), hosts) == list(range(16))


def test_a_sub_grid_has_its_own_ring_and_a_scattered_group_follows_the_whole_one():
    torus = load("torus8x8")
    for hosts in (list(range(16)), [9, 10, 17, 18], list(range(32))):
        assert is_ring(torus, visited(torus, hosts))
    whole = family_ring(torus)
    scattered = [0, 20, 50, 35]
    assert visited(torus, scattered) == [host for host in whole if host in scattered]


def test_a_torus_with_failed_links_keeps_a_ring():
    torus = load("torus8x8")
    broken = torus.with_links([k for k in range(torus.links) if k not in (0, 5, 77)], torus.bandwidth)
    assert is_ring(broken, visited(broken))


@pytest.mark.parametrize("nodes, degree", [(16, 3), (64, 3), (64, 4), (200, 5)])
def test_random_regular_graphs_have_rings_that_are_found_alike_twice(nodes, degree):
    graph = nx.random_regular_graph(degree, nodes, seed=1)
    topology = from_edges(nodes, graph.edges)
    assert is_ring(topology, visited(topology))
    assert visited(topology) == visited(topology)


def test_a_one_way_ring_is_followed_in_its_direction():
    links = [Link(a, (a + 3) % 8, 10**9, 0) for a in range(8)]
    topology = build("loop", 8, links, forwards=[True] * 8)
    assert visited(topology) == [3 * k % 8 for k in range(8)]


def test_the_widest_ring_is_preferred():
    links = [Link(*ends, 2, 0) for a in range(6) for ends in ((a, (a + 5) % 6), ((a + 5) % 6, a))]
    links = [Link(k.source, k.target, 9 if abs(k.source - k.target) in (1, 5) else 1, 0) for k in links]
    links += [Link(a, b, 1, 0) for a in range(6) for b in range(6) if (a - b) % 6 not in (0, 1, 5)]
    order = visited(build("wide", 6, links, forwards=[True] * 6))
    assert order in ([0, 1, 2, 3, 4, 5], [0, 5, 4, 3, 2, 1])


def test_graphs_without_a_ring_end_in_rank_order_after_a_bounded_search():
    star = from_edges(6, [(0, k) for k in range(1, 6)])
    assert visited(star) == list(range(6))
    petersen = from_edges(10, nx.petersen_graph().edges)
    assert visited(petersen) == list(range(10))
    two_way = [ends for a, b in nx.petersen_graph().edges for ends in ((a, b), (b, a))]
    assert search_ring(list(range(10)), two_way, 10**6) is None
    assert rotate_ring(list(range(10)), two_way, 1000) is None


def test_the_ring_of_dgx1_takes_its_double_links():
    topology = load("dgx1-v100")
    order = visited(topology)

    def width(a, b):
        return sum(int(topology.bandwidth[link]) for link in topology.links_between(a, b))

    widths = {width(a, b) for a, b in zip(order, [*order[1:], order[0]], strict=True)}
    assert widths == {max(width(0, b) for b in range(1, 8))}
