from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from topology.routing_cases import FAMILY_NAMES, faulted, graph, link, pairs, random_graph

from collsim.errors import RoutingError
from collsim.topology import load
from collsim.topology.routing import channel_cycle, channels_of, fitting, name_cycle, route


def chains(routing, channels, keys=((0, 0, 0),), packets=(0,)):
    found = set()
    for source, target in pairs(routing.topology):
        for key in keys:
            for packet in packets:
                found.add(tuple(routing.path(source, target, key, packet)))
    return [[(k, range(*channels_of(cls, routing.classes, channels))) for k, cls in path] for path in found]


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_no_family_can_deadlock_by_any_of_its_routings(name):
    topology = load(name)
    for routing_name in fitting(topology):
        if routing_name in ("valiant", "ugal") and (topology.switches or topology.hosts) < 3:
            with pytest.raises(RoutingError, match="turn at"):
                route(topology, routing_name)
            continue
        routing = route(topology, routing_name)
        assert routing.cycle() is None, routing_name
        if topology.hosts <= 40:
            assert channel_cycle(topology, chains(routing, routing.classes, packets=(0, 1))) is None
            assert channel_cycle(topology, chains(routing, 2 * routing.classes + 1)) is None


@pytest.mark.parametrize("name", ["ring6", "torus5x5", "torus3x4x5", "ring64"])
def test_a_torus_with_one_channel_has_a_cycle_that_is_one(name):
    torus = load(name)
    cycle = channel_cycle(torus, chains(route(torus), 1))
    assert cycle
    for (before, c), (after, d) in zip(cycle, cycle[1:] + cycle[:1], strict=True):
        assert torus.target[before] == torus.source[after]
        assert c == d == 0
    assert name_cycle(torus, cycle).count(torus.link_name(cycle[0][0])) == 2


def test_a_ring_of_four_has_none_because_the_last_link_holds_no_buffer():
    ring = load("ring4")
    one = chains(route(ring), 1)
    assert channel_cycle(ring, one) is None  # paths of two links hold one buffer and ask for none
    assert channel_cycle(ring, one, last_counts=True)
    assert channel_cycle(ring, chains(route(ring), 2), last_counts=True) is None


def test_the_cycle_is_named_by_hand():
    ring = graph(3, [(0, 1), (1, 2), (2, 0)], forwards=[True] * 3)
    clockwise = [link(ring, i, (i + 1) % 3) for i in range(3)]
    paths = [[(clockwise[(i + k) % 3], (0,)) for k in range(3)] for i in range(3)]
    cycle = channel_cycle(ring, paths)
    assert cycle == [(clockwise[0], 0), (clockwise[1], 0), (clockwise[2], 0)]
    assert name_cycle(ring, cycle) == ("h0->h1 channel 0, h1->h2 channel 0, h2->h0 channel 0, then h0->h1 channel 0 again")
    assert channel_cycle(ring, paths[:2]) is None
    assert channel_cycle(ring, []) is None


@pytest.mark.parametrize("name", ["torus4x4", "hypercube16", "fattree4", "dragonfly1x2x1", "bigraph2x4"])
def test_message_flow_control_is_safe_when_the_last_hop_counts(name):
    topology = load(name)
    for routing_name in fitting(topology):
        if routing_name in ("spray", "least-queued", "ugal"):
            continue
        assert route(topology, routing_name, last_counts=True).cycle() is None, routing_name


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 11), min_size=2, max_size=5, unique=True), max_size=8))
def test_cycles_are_found_exactly_when_networkx_finds_one(paths):
    topology = load("ring6")
    found = channel_cycle(topology, [[(k, (0, 1)) for k in path] for path in paths])
    edges = {(a, b) for path in paths for a, b in pairwise(path[:-1])}
    assert (found is None) == nx.is_directed_acyclic_graph(nx.DiGraph(edges))
    if found:
        links = [k for k, _ in found]
        assert all(pair in edges for pair in zip(links, links[1:] + links[:1], strict=True))


@pytest.mark.parametrize("name", ["torus4x4", "mesh4x4", "fattree4", "dragonfly1x2x1", "bigraph2x4", "hypercube8"])
@pytest.mark.parametrize("routing_name", ["auto", "ecmp", "up-star-down-star"])
def test_dependencies_are_those_of_all_paths(name, routing_name):
    topology = load(name)
    routing = route(topology, routing_name)
    expected = set()
    for source, target in pairs(topology):
        expected |= _listed(routing, target, [], source, 0, -1)
    assert {tuple(edge) for edge in routing.dependencies().tolist()} == expected


def _listed(routing, target, held, node, counter, previous):
    """Dependencies of every path from here on, by plain recursion over the table; the last link left out."""
    found = set()
    for k in routing.table.candidates(node, target, counter).tolist():
        grown, cls = routing.table.advance(counter, previous, k)
        head = int(routing.topology.target[k])
        if head != target:
            found |= {(*held, k, cls)} if held else set()
            found |= _listed(routing, target, (k, cls), head, grown, k)
    return found


@pytest.mark.parametrize("name, routing_name", [("dragonfly1x2x1", "valiant"), ("dragonfly1x2x1", "ugal"),
                                                ("torus3x3", "valiant"), ("bigraph2x4", "valiant")])  # fmt: skip
def test_dependencies_of_valiant_contain_those_of_its_paths(name, routing_name):
    topology = load(name)
    routing = route(topology, routing_name)
    known = {tuple(edge) for edge in routing.dependencies().tolist()}
    for source, target in pairs(topology):
        for packet in range(12):
            inner = routing.path(source, target, (5, 0, 1), packet)[:-1]
            assert {(*a, *b) for a, b in pairwise(inner)} <= known


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_no_random_graph_can_deadlock(seed):
    topology = random_graph(seed)
    for name in ("ecmp", "minimal", "valiant", "up-star-down-star"):
        assert route(topology, name).cycle() is None


def test_few_channels_send_a_graph_to_up_star_down_star():
    torus = faulted("torus4x4")
    assert route(torus, virtual_channels=8).name == "ecmp"
    assert route(torus, virtual_channels=1).name == "up-star-down-star"
    assert channel_cycle(torus, chains(route(torus, virtual_channels=1), 1)) is None


def test_a_large_check_is_fast_enough_to_make_before_every_run():
    topology = load("torus16x16")
    routing = route(topology)
    some = np.random.default_rng(1).integers(0, 256, (4000, 2)).tolist()
    found = [[(k, (cls,)) for k, cls in routing.path(s, d, (0, 0, 0))] for s, d in some if s != d]
    assert channel_cycle(topology, found) is None
