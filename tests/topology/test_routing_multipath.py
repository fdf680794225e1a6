from collections import Counter

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from topology.routing_cases import FAMILY_NAMES, faulted, graph, random_graph

from collsim.topology import load
from collsim.topology.routing import paths_of, route
from collsim.topology.routing.splitmix import fold


def assert_candidates_are_all_shortest_next_hops(topology, table):
    """Oracle: networkx on the graph whose non-forwarding hosts cannot be passed through."""
    for target in range(topology.hosts):
        passable = nx.DiGraph()
        passable.add_nodes_from(range(topology.nodes))
        for k in range(topology.links):
            a, b = int(topology.source[k]), int(topology.target[k])
            if topology.forwards[b] or b == target:
                passable.add_edge(b, a)
        # Distances to the target: paths may begin at any node, so only heads must forward.
        distance = nx.single_source_shortest_path_length(passable, target)
        for node in range(topology.nodes):
            expected = [
                k
                for k in topology.out_links[node]
                if node in distance
                and node != target
                and (topology.forwards[topology.target[k]] or topology.target[k] == target)
                and distance.get(int(topology.target[k])) == distance[node] - 1
            ]
            assert table.candidates(node, target).tolist() == expected


@pytest.mark.parametrize("name", [n for n in FAMILY_NAMES if n not in ("mesh8x8", "fattree8")])
def test_ecmp_candidates_are_all_shortest_next_hops(name):
    topology = load(name)
    assert_candidates_are_all_shortest_next_hops(topology, route(topology, "ecmp").table)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_ecmp_candidates_on_random_graphs(seed):
    topology = random_graph(seed)
    assert_candidates_are_all_shortest_next_hops(topology, route(topology).table)


def test_hosts_that_do_not_forward_are_no_short_cut():
    # h0 and h2 share the dual-homed h1's two switches only through it; the way round is longer but legal.
    topology = graph(3, [(0, 3), (1, 3), (1, 4), (2, 4), (3, 5), (5, 4)], switches=3)
    assert len(route(topology).path(0, 2, (0, 0, 0))) == 4


def test_a_pick_is_read_digit_by_digit():
    tree = load("fattree8")
    key, source, target = (7, 1, 9), 0, 127
    routing = route(tree, "ecmp")
    pick, node, expected = fold(7, source, target, 1, 9), source, []
    while node != target:
        options = routing.table.candidates(node, target).tolist()
        pick, digit = divmod(pick, len(options))
        expected.append(options[digit])
        node = int(tree.target[options[digit]])
    assert [k for k, _ in routing.path(source, target, key)] == expected


def test_hashing_is_deterministic_and_reads_every_part_of_the_key():
    tree = load("fattree8")
    first, second = route(tree, "ecmp"), route(tree, "ecmp")
    keys = [(s, c, t) for s in range(6) for c in range(6) for t in range(6)]
    paths = [first.path(0, 127, key) for key in keys]
    assert paths == [second.path(0, 127, key, packet=5) for key in keys]  # ecmp keeps a message together
    assert len({tuple(path) for path in paths}) == 16
    for part in range(3):
        varied = {tuple(first.path(0, 127, tuple(v if k == part else 0 for k in range(3)))) for v in range(40)}
        assert len(varied) > 8


def test_hashing_is_balanced():
    routing, messages = route(load("fattree8"), "ecmp"), 8000
    zeros = np.zeros(messages, dtype=np.int64)
    paths = paths_of(routing, zeros, zeros + 127, (1, 0, np.arange(messages)))
    counts = Counter(map(tuple, paths.links.reshape(messages, 6).tolist()))
    assert len(counts) == 16
    chi_square = sum((c - 500) ** 2 / 500 for c in counts.values())
    assert chi_square < 37.7  # 15 degrees of freedom, one in a thousand


def test_spray_takes_all_minimal_paths_in_turn():
    tree = load("fattree8")
    routing = route(tree, "spray")
    paths = [tuple(routing.path(0, 127, (3, 0, 2), packet)) for packet in range(33)]
    assert len(set(paths[:16])) == 16
    assert paths[:16] == paths[16:32]
    assert paths[0] == tuple(route(tree, "ecmp").path(0, 127, (3, 0, 2)))
    assert routing.per_packet
    assert not routing.adaptive


def test_least_queued_offers_all_candidates_rotated_and_prefers_the_spray_path():
    tree = load("fattree4")
    routing, spray = route(tree, "least-queued"), route(tree, "spray")
    for packet in range(8):
        state = routing.start(0, 15, (1, 0, 0), packet)
        (first,) = routing.choices(0, 15, state)
        options = routing.choices(int(tree.target[first.link]), 15, first.state)
        assert sorted(o.link for o in options) == routing.table.candidates(16, 15).tolist()
        assert all(o.weight == 1 for o in options)
        assert [first.link, options[0].link] == [k for k, _ in spray.path(0, 15, (1, 0, 0), packet)[:2]]
    assert routing.choices(15, 15, state) == ()


@pytest.mark.parametrize("name", ["ring7", "torus3x4", "hypercube8", "fattree4", "dragonfly1x2x1", "dragonfly2x4x2",
                                  "bigraph2x4", "full5"])  # fmt: skip
@pytest.mark.parametrize("routing_name", ["auto", "ecmp", "spray", "least-queued", "valiant", "ugal", "up-star-down-star"])
def test_paths_at_once_are_the_paths_one_by_one(name, routing_name):
    from collsim.errors import RoutingError

    topology = load(name)
    try:
        routing = route(topology, routing_name)
    except RoutingError:
        assert routing_name in ("valiant", "ugal")
        return
    rng = np.random.default_rng(2)
    ends = rng.integers(0, topology.hosts, (2, 60))
    calls, transfers, packets = rng.integers(0, 9, (3, 60))
    arrays = paths_of(routing, *ends, (11, calls, transfers), packets)
    for m in range(60):
        expected = routing.path(*ends[:, m].tolist(), (11, int(calls[m]), int(transfers[m])), int(packets[m]))
        low, high = arrays.offsets[m], arrays.offsets[m + 1]
        assert list(zip(arrays.links[low:high].tolist(), arrays.classes[low:high].tolist(), strict=True)) == expected


def test_parallel_links_share_the_load():
    topology = graph(2, [(0, 2), (2, 3), (2, 3), (2, 3), (3, 1)], switches=2)
    routing = route(topology, "spray")
    middle = {routing.path(0, 1, (0, 0, 0), packet)[1][0] for packet in range(3)}
    assert middle == set(topology.links_between(2, 3))


def test_a_faulted_topology_is_hashed_over_what_is_left():
    topology = faulted("fattree4", link=40)
    assert_candidates_are_all_shortest_next_hops(topology, route(topology).table)
