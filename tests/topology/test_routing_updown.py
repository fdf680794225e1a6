import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from topology.routing_cases import faulted, graph, pairs, random_graph

from collsim.errors import RoutingError
from collsim.topology import Link, build, load
from collsim.topology.routing import route
from collsim.topology.routing.updown import ranks_from_roots


def shortest_legal(topology, source):
    """Length of the shortest legal path to each host, by networkx on (node, went down) pairs."""
    rank = ranks_from_roots(topology)
    layers = nx.DiGraph()
    for k in range(topology.links):
        a, b = int(topology.source[k]), int(topology.target[k])
        if a != source and not topology.forwards[a]:
            continue
        down = rank[b] > rank[a] or not topology.forwards[b]
        layers.add_edges_from([((a, 0), (b, int(down)))] + ([((a, 1), (b, 1))] if down else []))
    lengths = nx.single_source_shortest_path_length(layers, (source, 0))
    return {node: min(d for (n, _), d in lengths.items() if n == node) for node, _ in lengths}


def check(topology):
    routing, rank = route(topology, "up-star-down-star"), ranks_from_roots(topology)
    for source, target in pairs(topology):
        path = [k for k, _ in routing.path(source, target, (3, 1, 4))]
        assert len(path) == shortest_legal(topology, source)[target]
        falls = [
            bool(rank[topology.target[k]] > rank[topology.source[k]]) or not topology.forwards[topology.target[k]]
            for k in path
        ]
        assert falls == sorted(falls)  # never up after down


@pytest.mark.parametrize("name", ["torus4x4", "fattree4x2", "dragonfly1x2x1", "hypercube8", "full4", "ring7"])
def test_paths_are_legal_and_shortest_among_the_legal(name):
    check(load(name))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_paths_are_legal_on_random_graphs(seed):
    check(random_graph(seed))


def test_all_shortest_legal_paths_are_candidates():
    # A square of switches, the root at s0: from s3 both neighbours lead up, the far corner goes down both ways.
    square = graph(4, [(i, 4 + i) for i in range(4)] + [(4, 5), (4, 6), (5, 7), (6, 7)], switches=4)
    table = route(square, "up-star-down-star").table
    heads = [{int(square.target[k]) for k in table.candidates(node, host)} for node, host in ((7, 0), (4, 3), (5, 2))]
    assert heads == [{5, 6}, {5, 6}, {4}]  # from s1 to s2 only by the root: by s3 would be down, then up


def test_the_root_is_central_and_each_part_has_one():
    line = graph(2, [(0, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 1)], switches=5)
    assert int(ranks_from_roots(line).argmin()) == 4
    planes = graph(3, [(h, s) for h in range(3) for s in (3, 4)], switches=2)
    check(planes)


def test_a_table_of_one_way_links_may_lack_a_legal_path_and_says_so():
    ring = [Link(i, (i + 1) % 4, 10**9, 0) for i in range(4)]
    one_way = build("one-way", 4, ring, forwards=[True] * 4)
    assert route(one_way, virtual_channels=1).name == "ecmp"
    routing = route(one_way, "up-star-down-star")
    assert routing.path(0, 1, (0, 0, 0)) == [(0, 0)]
    with pytest.raises(RoutingError, match="finds no way from h0 to h3"):
        routing.path(0, 3, (0, 0, 0))


def test_a_faulted_fat_tree_keeps_one_class():
    topology = faulted("fattree4", link=40)
    assert (route(topology).name, route(topology).classes) == ("ecmp", 1)
