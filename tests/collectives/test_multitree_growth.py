"""The fast growers against the construction read aloud, the bounds on steps, and the orders of neighbours."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.multitree_naive import grow as naive

from collsim.collectives.tree_growth import grow
from collsim.collectives.trees import least_steps, reverse_links, scan_order, transposed
from collsim.topology import load
from collsim.topology.graph import Level, Link, build


def as_lists(forest):
    trees = [[] for _ in range(forest.ranks * forest.chunks)]
    columns = (forest.tree, forest.child, forest.parent, forest.step)
    for edge, (tree, *rest) in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
        trees[tree].append((*rest, tuple(forest.path_of(edge))))
    return trees


def assert_equal(forest, other):
    for column in ("tree", "child", "parent", "step", "path_offsets", "path_links"):
        assert np.array_equal(getattr(forest, column), getattr(other, column))


def assert_same(topology, hosts, termination="any-tree", neighbour_order="ascending", ports=0, **rest):
    options = {"termination": termination, "neighbour_order": neighbour_order, "ports": ports, **rest}
    forest = grow(topology, hosts, **options, compiled=False)
    expected = naive(topology, list(hosts), termination, scan_order(topology, neighbour_order), ports, **rest)
    assert as_lists(forest) == expected
    assert_equal(forest, grow(topology, hosts, **options, compiled=True))
    assert forest.steps >= least_steps(topology, hosts, ports, forest.chunks)
    return forest


@pytest.mark.parametrize("ports, chunks, turns", [(0, 1, "roots"), (0, 3, "roots"), (1, 1, "smallest"), (2, 2, "smallest")])
@pytest.mark.parametrize("termination", ["any-tree", "authors"])
@pytest.mark.parametrize(
    "name",
    [
        *("ring7", "full5", "switch7", "torus4x4", "torus2x3x4", "mesh4x4", "mesh3x5", "fattree4", "fattree4x2"),
        *("leafspine4x4x2", "dragonfly2x2x1", "bigraph4x8", "dgx1-v100", "dgx-a100-x2", "gaudi3"),
    ],
)
def test_growers_equal_the_naive_construction(name, termination, ports, chunks, turns):
    topology = load(name)
    assert_same(topology, range(topology.hosts), termination, ports=ports, chunks=chunks, turns=turns)


def random_machine(seed):
    """A connected machine of hosts (some forward) and switches, with parallel, one-way and unequal links."""
    draw = random.Random(seed)
    hosts, switches = draw.randint(2, 9), draw.randint(1, 4)
    forwards = [draw.random() < 0.4 for _ in range(hosts)] + [True] * switches
    pairs = [(hosts + s, hosts + draw.randrange(s)) for s in range(1, switches)]
    pairs += [(host, hosts + draw.randrange(switches)) for host in range(hosts)]
    pairs += [tuple(draw.sample(range(hosts + switches), 2)) for _ in range(draw.randint(0, 8))]
    ends = [end for a, b in pairs for end in ((a, b), (b, a))]
    ends += [tuple(draw.sample(range(hosts + switches), 2)) for _ in range(draw.randint(0, 4))]
    draw.shuffle(ends)
    links = [Link(a, b, draw.choice([1, 4, 16]) * 10**9, 1000) for a, b in ends]
    group = draw.sample(range(hosts), draw.randint(2, hosts))
    return build(f"random{seed}", hosts, links, switches=switches, forwards=forwards), group


@given(
    st.integers(0, 10**6),
    st.sampled_from(["any-tree", "authors"]),
    st.sampled_from(["ascending", "descending", "fastest"]),
    st.integers(0, 3),
    st.integers(1, 3),
    st.sampled_from(["roots", "smallest"]),
)
def test_growers_equal_the_naive_construction_on_any_machine_and_group(seed, termination, order, ports, chunks, turns):
    topology, group = random_machine(seed)
    forest = assert_same(topology, group, termination, order, ports, chunks=chunks, turns=turns)
    for tree in range(forest.ranks * chunks):
        joined = [tree // chunks]
        for child, parent, _ in forest.edges_of(tree):
            assert parent in joined
            assert child not in joined
            joined.append(child)
        assert sorted(joined) == list(range(len(group)))


@given(st.integers(0, 10**6))
def test_growers_equal_the_naive_construction_between_hosts_alone(seed):
    draw = random.Random(seed)
    n = draw.randint(2, 10)
    ends = [(draw.randrange(k), k) for k in range(1, n)]
    ends = [e for a, b in ends for e in ((a, b), (b, a))] + [
        tuple(draw.sample(range(n), 2)) for _ in range(draw.randint(0, 9))
    ]
    topology = build("hosts", n, [Link(a, b, 10**9, 0) for a, b in ends], forwards=[True] * n)
    assert_same(topology, range(n), draw.choice(["any-tree", "authors"]), ports=draw.choice([0, 1, 2]))
    assert_same(topology, draw.sample(range(n), draw.randint(2, n)))


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8, 9])
def test_a_ring_takes_half_its_length_and_a_complete_graph_one_step(n):
    assert grow(load(f"ring{n}"), range(n)).steps == least_steps(load(f"ring{n}")) == n // 2
    assert grow(load(f"full{n}"), range(n)).steps == least_steps(load(f"full{n}")) == 1


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize("n", [2, 3, 7, 12, 16, 33])
def test_one_switch_takes_a_step_a_peer_whatever_the_number_of_ranks(n, order):
    switch = load(f"switch{n}")
    assert grow(switch, range(n), neighbour_order=order).steps == least_steps(switch) == n - 1
    group = list(range(n))[:: -2 if n > 3 else -1]
    assert grow(switch, group, neighbour_order=order).steps == len(group) - 1


def test_a_one_way_ring_is_walked_round():
    ring = build("oneway", 5, [Link(k, (k + 1) % 5, 10**9, 0) for k in range(5)], forwards=[True] * 5)
    assert reverse_links(ring) is None
    assert grow(ring, range(5)).edges_of(2) == [(3, 2, 0), (4, 3, 1), (0, 4, 2), (1, 0, 3)]
    assert grow(transposed(ring), range(5)).edges_of(2) == [(1, 2, 0), (0, 1, 1), (4, 0, 2), (3, 4, 3)]


def test_the_nearest_free_host_of_any_parent_comes_first():
    """A host on a parent's own switch goes before one behind the next switch, whichever parent was there first."""
    wires = [(0, 4), (1, 4), (2, 5), (3, 5), (4, 5)]
    links = [Link(a, b, 10**9, 0) for pair in wires for a, b in (pair, pair[::-1])]
    machine = build("two-switches", 4, links, switches=2)
    assert grow(machine, range(4)).edges_of(0) == [(1, 0, 0), (2, 0, 1), (3, 2, 2)]


@pytest.mark.parametrize("name", ["torus4x4", "torus3x5", "torus2x3", "torus2x2", "mesh2x2", "mesh3x5", "mesh2x3"])
def test_north_south_west_east_is_the_order_of_link_ids(name):
    topology = load(name)
    assert scan_order(topology, "NSWE") == scan_order(topology, "ascending")
    assert scan_order(topology, "EWSN") == scan_order(topology, "descending")


def test_directions_by_hand():
    mesh = load("mesh3x3")
    assert [int(mesh.target[link]) for link in scan_order(mesh, "WNES")[4]] == [3, 1, 5, 7]
    torus = load("torus3x4")
    assert [int(torus.target[link]) for link in scan_order(torus, "ESNW")[0]] == [1, 4, 8, 3]


def test_fastest_looks_at_wide_links_first_and_keeps_the_order_of_equals():
    links = [Link(a, b, w * 10**9, 0) for a, b, w in [(0, 1, 1), (0, 2, 4), (0, 3, 1), (0, 4, 4)]]
    links += [Link(link.target, 0, link.bandwidth, 0) for link in links]
    star = build("star", 5, links, forwards=[True] * 5)
    assert scan_order(star, "fastest")[0] == [1, 3, 0, 2]


def test_reverse_links_pair_parallel_links_in_order():
    ends = [(0, 1), (1, 0), (0, 1), (1, 0), (1, 2), (2, 1)]
    line = build("line", 3, [Link(a, b, 10**9, 0) for a, b in ends], forwards=[True] * 3)
    assert reverse_links(line).tolist() == [1, 0, 3, 2, 5, 4]


def test_least_steps_counts_ports_links_and_cuts():
    assert least_steps(load("switch7")) == 6
    assert least_steps(load("torus4x4"), ports=1) == 15
    assert least_steps(load("full5"), ports=2) == 2
    # Two boxes of 4: the only cable between them must carry 4 chunks each way, though 3 links a host would do in 3.
    box = [(a, b) for base in (0, 4) for a in range(base, base + 4) for b in range(base, base + 4) if a != b]
    cable = [(0, 4), (4, 0)]
    boxes = build(
        "boxes",
        8,
        [Link(a, b, 10**9, 0) for a, b in box + cable],
        forwards=[True] * 8,
        levels=(Level("box", ((0, 1, 2, 3), (4, 5, 6, 7))),),
    )
    assert least_steps(boxes) == 4
    assert grow(boxes, range(8)).steps >= 4


# (steps in order of roots, steps with the smallest tree first, least possible) of 1, 2, 4 and 8 pieces a rank.
PIECES = {
    "torus4x4": [(5, 5, 4), (8, 8, 8), (15, 15, 15), (30, 30, 30)],
    "torus3x4x5": [(12, 12, 10), (20, 20, 20), (40, 40, 40), (81, 79, 79)],
    "mesh5x5": [(12, 12, 12), (24, 24, 24), (48, 48, 48), (130, 96, 96)],
}


@pytest.mark.parametrize("name", PIECES)
def test_more_pieces_a_rank_fill_the_last_steps(name):
    topology = load(name)
    for chunks, wanted in zip((1, 2, 4, 8), PIECES[name], strict=True):
        found = [grow(topology, range(topology.hosts), chunks=chunks, turns=turns).steps for turns in ("roots", "smallest")]
        assert (*found, least_steps(topology, chunks=chunks)) == wanted


@pytest.mark.parametrize("name", ["torus4x4x4", "leafspine8x16x4", "dragonfly2x4x2", "fattree8", "nvl72"])
def test_kernels_grow_the_same_trees_on_machines_too_large_for_the_naive(name):
    topology = load(name)
    hosts = range(topology.hosts)
    for options in ({}, {"chunks": 2, "turns": "smallest"}):
        assert_equal(grow(topology, hosts, **options, compiled=False), grow(topology, hosts, **options, compiled=True))
    assert_equal(grow(topology, hosts[::3], compiled=False), grow(topology, hosts[::3], compiled=True))


def test_many_hops_need_more_room_for_paths_than_is_set_aside():
    """A chain of switches with a host at each end and one on the way: paths longer than four links an edge."""
    chain = [(3 + k, 4 + k) for k in range(20)]
    wires = [(0, 3), (1, 13), (2, 23), *chain]
    links = [Link(a, b, 10**9, 0) for pair in wires for a, b in (pair, pair[::-1])]
    machine = build("chain", 3, links, switches=21)
    forest = assert_same(machine, range(3))
    assert len(forest.path_links) > 4 * len(forest.step) + machine.nodes


def test_the_same_call_gives_the_same_forest():
    first, second = (grow(load("dragonfly2x2x1"), range(12)) for _ in range(2))
    assert np.array_equal(first.path_links, second.path_links)
    assert np.array_equal(first.step, second.step)


def test_a_forest_of_256_ranks():
    forest = grow(load("torus16x16"), range(256), compiled=True)
    assert_equal(forest, grow(load("torus16x16"), range(256), compiled=False))
    assert forest.steps == 64 == least_steps(load("torus16x16"))
    assert sum(forest.new_edges()) == 256 * 255
