"""Families: counts, degrees, diameters by formula, smallest sizes, link order, names, levels, and sizes refused."""

import numpy as np
import pytest

from collsim.errors import TopologyError
from collsim.topology import load
from collsim.topology.family import FAMILIES
from collsim.topology.measures import measure

# name: hosts, switches, directed links, host degree, diameter between hosts
COUNTS = {
    "ring2": (2, 0, 2, 1, 1),
    "ring3": (3, 0, 6, 2, 1),
    "ring8": (8, 0, 16, 2, 4),
    "ring9": (9, 0, 18, 2, 4),
    "full2": (2, 0, 2, 1, 1),
    "full8": (8, 0, 56, 7, 1),
    "switch2": (2, 1, 4, 1, 2),
    "switch16": (16, 1, 32, 1, 2),
    "hypercube2": (2, 0, 2, 1, 1),
    "hypercube16": (16, 0, 64, 4, 4),
    "torus2": (2, 0, 2, 1, 1),
    "torus2x2": (4, 0, 8, 2, 2),
    "torus4x4": (16, 0, 64, 4, 4),
    "torus3x5": (15, 0, 60, 4, 3),
    "torus4x4x4": (64, 0, 384, 6, 6),
    "fattree2": (2, 5, 12, 1, 6),
    "fattree4": (16, 20, 96, 1, 6),
    "fattree2x2": (4, 4, 16, 1, 4),
    "fattree4x2": (16, 8, 64, 1, 4),
    "fattree8x2": (64, 16, 256, 1, 4),
    "leafspine4x4x2": (16, 6, 48, 1, 4),
    "leafspine2x1x1": (2, 2, 6, 1, 2),
    "dragonfly1x1x1": (2, 2, 6, 1, 3),
    "dragonfly2x4x2": (72, 36, 324, 1, 5),
    "bigraph1x2": (2, 2, 6, 1, 3),
    "bigraph4x8": (32, 8, 96, 1, 4),
    "nvl4x2": (8, 15, 56, 2, 6),
    "nvl8x3x2": (48, 48, 352, 2, 7),
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts_follow_the_formula(name):
    hosts, switches, links, degree, diameter = COUNTS[name]
    found = measure(load(name))
    assert (found.hosts, found.switches, found.links) == (hosts, switches, links)
    assert found.host_degree == (degree, degree)
    assert found.diameter == diameter


@pytest.mark.parametrize("dims", [(2,), (5,), (2, 2), (3, 5), (4, 4), (2, 3, 4), (2, 2, 2, 2)])
def test_meshes_have_one_cable_between_neighbours(dims):
    mesh = load("mesh" + "x".join(map(str, dims)))
    hosts = int(np.prod(dims))
    assert mesh.links == sum(2 * hosts // size * (size - 1) for size in dims)
    assert measure(mesh).diameter == sum(size - 1 for size in dims)
    assert mesh.dims == dims


@pytest.mark.parametrize("k", [2, 4, 6])
def test_three_level_fat_tree_has_the_published_counts(k):
    tree = load(f"fattree{k}")
    assert (tree.hosts, tree.switches) == (k**3 // 4, 5 * k * k // 4)
    degree = np.bincount(tree.source)[tree.hosts :]
    assert set(degree.tolist()) == {k}


@pytest.mark.parametrize("p,a,h", [(1, 1, 1), (2, 4, 2), (1, 2, 3), (3, 3, 1)])
def test_dragonfly_joins_each_pair_of_groups_once(p, a, h):
    fly = load(f"dragonfly{p}x{a}x{h}")
    groups = a * h + 1
    assert (fly.hosts, fly.switches) == (p * a * groups, a * groups)
    group = np.full(fly.nodes, -1)
    for index, members in enumerate(next(level for level in fly.levels if level.name == "group").sets):
        group[list(members)] = index
    pairs = sorted((group[s], group[t]) for s, t in zip(fly.source, fly.target, strict=True) if group[s] != group[t])
    assert pairs == [(i, j) for i in range(groups) for j in range(groups) if i != j]
    across = [int(s) for s, t in zip(fly.source, fly.target, strict=True) if group[s] != group[t]]
    assert set(np.bincount(across, minlength=fly.nodes)[fly.hosts :].tolist()) == {h}
    assert dict(fly.parameters) == {"p": p, "a": a, "h": h, "groups": groups}


def test_dragonfly_global_ports_are_absolute():
    fly = load("dragonfly2x4x2")
    # Port q of group i leads to group q, or q + 1 from i on; port q sits on router q // 2 of the group.
    router = {name: node for node, name in enumerate(fly.names)}
    assert fly.links_between(router["r0"], router["r4"])  # group 0 port 0 to group 1 port 0
    assert fly.links_between(router["r3"], router["r32"])  # group 0 port 7 to group 8 port 0
    assert fly.links_between(router["r7"], router["r32"])  # group 1 port 7 to group 8 port 1


def test_bigraph_switches_of_a_half_are_not_joined():
    graph = load("bigraph4x8")
    upper = set(range(32, 36))
    between = [(int(s), int(t)) for s, t in zip(graph.source, graph.target, strict=True) if min(s, t) >= 32]
    assert len(between) == 2 * 16
    assert all((s in upper) != (t in upper) for s, t in between)


@pytest.mark.parametrize("name,host,expected", [("torus4x4", 5, [1, 9, 4, 6]), ("torus4x4", 0, [12, 4, 3, 1])])
def test_torus_neighbours_come_axis_by_axis_minus_first(name, host, expected):
    torus = load(name)
    assert [int(torus.target[link]) for link in torus.out_links[host]] == expected


def test_three_dimensional_neighbours_come_axis_by_axis():
    torus = load("torus3x4x5")
    assert [int(torus.target[link]) for link in torus.out_links[0]] == [40, 20, 15, 5, 4, 1]


def test_mesh_corner_has_only_what_is_there():
    mesh = load("mesh3x3")
    assert [int(mesh.target[link]) for link in mesh.out_links[0]] == [3, 1]
    assert [int(mesh.target[link]) for link in mesh.out_links[4]] == [1, 7, 3, 5]


def test_axis_zero_of_a_hypercube_is_the_most_significant_digit():
    cube = load("hypercube8")
    assert [int(cube.target[link]) for link in cube.out_links[0]] == [4, 2, 1]


@pytest.mark.parametrize("name", ["torus2", "torus2x2", "torus2x4", "ring2", "hypercube4"])
def test_dimension_of_two_has_one_link_pair(name):
    topology = load(name)
    pairs = list(zip(topology.source.tolist(), topology.target.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)


@pytest.mark.parametrize("name", COUNTS)
def test_every_cable_is_two_links_alike(name):
    topology = load(name)
    there = sorted(zip(topology.source, topology.target, topology.bandwidth, topology.latency, strict=True))
    back = sorted(zip(topology.target, topology.source, topology.bandwidth, topology.latency, strict=True))
    assert there == back


@pytest.mark.parametrize("name", COUNTS)
def test_hosts_forward_only_on_direct_networks(name):
    topology = load(name)
    assert topology.forwards[topology.hosts :].all()
    direct = topology.family in ("ring", "torus", "mesh", "hypercube")
    assert topology.forwards[: topology.hosts].all() == direct
    assert topology.forwards[: topology.hosts].any() == direct
    assert bool(topology.dims) == direct


@pytest.mark.parametrize("name", COUNTS)
def test_nodes_have_places_and_shell_friendly_names_of_their_own(name):
    topology = load(name)
    assert len({tuple(at) for at in topology.coordinates.round(6).tolist()}) == topology.nodes
    assert all(node.replace("/", "").isalnum() for node in topology.names)
    if topology.family != "clos":
        assert topology.names[: topology.hosts] == tuple(f"h{r}" for r in range(topology.hosts))


@pytest.mark.parametrize("name", [n for n in COUNTS if load(n).levels] + ["mesh3x4", "torus2x3x4"])
def test_levels_hold_all_hosts(name):
    topology = load(name)
    for level in topology.levels:
        members = [node for nodes in level.sets for node in nodes]
        assert set(range(topology.hosts)) <= set(members)
        assert all(nodes for nodes in level.sets)


def test_levels_of_a_grid_are_its_rows_and_columns():
    levels = {level.name: level.sets for level in load("mesh2x3").levels}
    assert levels == {"row": ((0, 1, 2), (3, 4, 5)), "column": ((0, 3), (1, 4), (2, 5))}


def test_grid_is_drawn_row_by_row_downwards():
    at = load("mesh2x3").coordinates.tolist()
    assert at == [[0, 0], [1, 0], [2, 0], [0, -1], [1, -1], [2, -1]]


@pytest.mark.parametrize(
    "name,cure",
    [
        ("ring1", "2 or more"),
        ("ring4x4", "one number"),
        ("full1", "2 or more"),
        ("switch1", "2 or more"),
        ("hypercube12", "power of two, like hypercube8 or hypercube16"),
        ("hypercube1", "hypercube2"),
        ("torus1", "at least 2"),
        ("torus4x0", "at least 2"),
        ("mesh1x4", "at least 2"),
        ("fattree3", "even k"),
        ("fattree4x3", "fattree<m>x2"),
        ("fattree1x2", "from 2 on"),
        ("leafspine4x4", "three numbers"),
        ("leafspine1x1x1", "2 hosts or more"),
        ("dragonfly2x4", "like dragonfly2x4x2"),
        ("dragonfly0x4x2", "1 or more"),
        ("bigraph4x7", "even"),
        ("bigraph4", "two numbers"),
        ("torus99999x99999", "links and the most is"),
        ("full2000", "links and the most is"),
        ("ring999999999", "links and the most is"),
        ("dragonfly100x100x100", "links and the most is"),
        ("fattree9998", "links and the most is"),
        ("bigraph100x10000", "links and the most is"),
        ("torus" + "x".join(["2"] * 40), "links and the most is"),
    ],
)
def test_impossible_sizes_say_which_exist(name, cure):
    with pytest.raises(TopologyError) as refusal:
        load(name)
    assert name in str(refusal.value)
    assert cure in str(refusal.value)


def test_every_family_builds_its_example():
    for name, family in FAMILIES.items():
        built = load(family.example)
        assert built.family == ("clos" if name == "nvl" else name)
        assert built.name == family.example
        assert built.about == family.about


def test_links_take_the_bandwidth_and_latency_asked_for():
    torus = load("torus4x4", bandwidth="200Gb/s", latency="0.5us")
    assert set(torus.bandwidth.tolist()) == {25 * 10**9}
    assert set(torus.latency.tolist()) == {5 * 10**8}
    default = load("torus4x4")
    assert set(default.bandwidth.tolist()) == {16 * 10**9}
    assert set(default.latency.tolist()) == {15 * 10**7}
