import pickle
from itertools import pairwise

import numpy as np
import pytest
from topology.routing_cases import FAMILY_NAMES, faulted, link, nodes_of, pairs

from collsim.errors import RoutingError, UnknownName
from collsim.topology import load
from collsim.topology.paths import host_hops
from collsim.topology.routing import NAMES, fitting, route


def links_of(routing, source, target, key=(0, 0, 0), packet=0):
    return [k for k, _ in routing.path(source, target, key, packet)]


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("routing_name", ["auto", "ecmp", "spray", "least-queued"])
def test_every_pair_arrives_over_a_shortest_path(name, routing_name):
    topology = load(name)
    routing, hops = route(topology, routing_name), host_hops(topology)
    for source, target in pairs(topology)[:: max(1, topology.hosts // 16)]:
        if topology.family == "dragonfly" and routing_name == "auto":
            continue  # one link between groups, see below
        path = links_of(routing, source, target, (1, 2, source), packet=3)
        nodes = nodes_of(topology, path)
        assert (nodes[0], nodes[-1], len(path)) == (source, target, hops[source, target])
        assert all(topology.forwards[node] for node in nodes[1:-1])


@pytest.mark.parametrize(
    "name, expected",
    [
        ("ring8", "dimension-order"),
        ("torus4x4", "dimension-order"),
        ("mesh8x8", "dimension-order"),
        ("hypercube16", "e-cube"),
        ("fattree4", "up-down"),
        ("fattree4x2", "up-down"),
        ("leafspine4x4x2", "up-down"),
        ("dragonfly2x4x2", "minimal"),
        ("bigraph4x8", "minimal"),
        ("full8", "ecmp"),
        ("switch16", "ecmp"),
    ],
)
def test_auto_is_the_default_of_the_family(name, expected):
    assert route(load(name)).name == expected


def test_a_torus_that_lost_a_cable_is_a_graph():
    topology = faulted("torus4x4")
    routing, hops = route(topology), host_hops(topology)
    assert routing.name == "ecmp"
    assert all(len(routing.path(s, d, (0, 0, 0))) == hops[s, d] for s, d in pairs(topology))
    assert routing.cycle() is None


def test_dimensions_go_in_the_order_of_the_name_and_ties_to_plus():
    torus = load("torus4x6")
    route_of = route(torus)
    # (0, 0) to (2, 3): two steps down the first dimension, half way around, then three of six: plus both times.
    assert nodes_of(torus, links_of(route_of, 0, 2 * 6 + 3)) == [0, 6, 12, 13, 14, 15]
    # (0, 0) to (3, 4): the wrap back in both dimensions.
    assert nodes_of(torus, links_of(route_of, 0, 3 * 6 + 4)) == [0, 18, 23, 22]


def test_a_torus_dimension_of_two_has_one_link_pair_and_no_wrap():
    torus = load("torus2x3")
    assert len(torus.links_between(0, 3)) == 1
    routing = route(torus)
    assert routing.path(0, 3, (0, 0, 0)) == [(link(torus, 0, 3), 0)]
    assert routing.path(3, 0, (0, 0, 0)) == [(link(torus, 3, 0), 0)]


def test_e_cube_corrects_the_lowest_digit_first():
    cube = load("hypercube16")
    assert nodes_of(cube, links_of(route(cube), 0b0000, 0b1011)) == [0b0000, 0b0001, 0b0011, 0b1011]


@pytest.mark.parametrize("name", ["fattree4", "fattree8", "fattree4x2"])
def test_d_mod_k_takes_every_cyclic_shift_without_contention(name):
    tree = load(name)
    routing = route(tree)
    for shift in range(1, tree.hosts):
        used = [k for s in range(tree.hosts) for k in links_of(routing, s, (s + shift) % tree.hosts)]
        assert len(used) == len(set(used))


def test_d_mod_k_by_hand_on_fattree4():
    tree = load("fattree4")
    names = [tree.names[node] for node in nodes_of(tree, links_of(route(tree), 0, 14))]
    # 14 mod 2 = 0: the first aggregation switch; 14 // 2 mod 2 = 1: its second core switch.
    assert names == ["h0", "edge0", "aggr0", "core1", "aggr6", "edge7", "h14"]


@pytest.mark.parametrize("name", ["dragonfly1x1x1", "dragonfly1x2x1", "dragonfly2x4x2", "dragonfly1x3x3"])
def test_a_dragonfly_takes_one_link_between_groups_and_one_within_each(name):
    dragonfly = load(name)
    routing, p, a = route(dragonfly), dragonfly.parameters["p"], dragonfly.parameters["a"]
    for source, target in pairs(dragonfly):
        routers = nodes_of(dragonfly, links_of(routing, source, target))[1:-1]
        assert [routers[0], routers[-1]] == [dragonfly.hosts + source // p, dragonfly.hosts + target // p]
        groups = [(router - dragonfly.hosts) // a for router in routers]
        crossings = sum(x != y for x, y in pairwise(groups))
        assert crossings == (groups[0] != groups[-1])
        assert all(groups.count(group) <= 2 for group in set(groups))


def test_bigraph_goes_by_the_other_half():
    bigraph = load("bigraph4x8")
    names = [bigraph.names[node] for node in nodes_of(bigraph, links_of(route(bigraph), 0, 6))]
    assert names == ["h0", "upper0", "lower2", "upper1", "h6"]


@pytest.mark.parametrize(
    "name, routing", [("torus4x4", "up-down"), ("fattree4", "dimension-order"), ("mesh4x4", "ugal"), ("full8", "e-cube")]
)
def test_a_routing_that_does_not_fit_names_those_that_do(name, routing):
    topology = load(name)
    with pytest.raises(RoutingError, match=fitting(topology)[0]) as caught:
        route(topology, routing)
    assert routing in str(caught.value)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="'dimension-order'"):
        route(load("ring4"), "dimension_order")


def test_every_name_of_the_network_settings_is_a_routing():
    from collsim.network.config import CHOICES

    assert set(CHOICES["routing"]) == set(NAMES)


def test_ugal_needs_hosts_behind_one_router():
    graph = faulted("torus4x4")
    with pytest.raises(RoutingError, match="first router"):
        route(graph, "ugal")


def test_tables_of_a_thousand_hosts_are_whole():
    for name in ("torus32x32", "dragonfly4x8x4", "fattree16"):
        topology = load(name)
        table = route(topology).table
        counts = np.diff(table.offsets).reshape(topology.nodes, topology.hosts)
        own = np.zeros_like(counts, dtype=bool)
        own[np.arange(topology.hosts), np.arange(topology.hosts)] = True
        assert (counts[own] == 0).all()
        assert (counts[~own] == 1).all()


def test_what_was_asked_last_is_kept_with_the_topology():
    topology = load("fattree4")
    first = route(topology)
    assert route(topology) is first
    other = route(topology, "ecmp")
    assert other.name == "ecmp"
    assert route(topology).name == first.name
    assert route(load("fattree4")) is not first
    assert "worked_out" not in vars(pickle.loads(pickle.dumps(topology)))
