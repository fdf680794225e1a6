"""Routing by the widest shortest path, against a search over all shortest paths."""

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from topology.routing_cases import FAMILY_NAMES, pairs, random_graph

from collsim.topology import Topology, load
from collsim.topology.routing import route, slower_ways


def unequal(topology: Topology, seed: int) -> Topology:
    rates = np.random.default_rng(seed).choice([1, 2, 3, 5], topology.links).astype(np.int64) * 10**9
    return topology.with_links(range(topology.links), rates)


def widths(topology, source, target):
    """The width of each shortest path from one host to another, over the links and parallel links it may take."""
    passable = nx.MultiDiGraph()
    for k in range(topology.links):
        a, b = int(topology.source[k]), int(topology.target[k])
        if (topology.forwards[a] or a == source) and (topology.forwards[b] or b == target):
            passable.add_edge(a, b, key=k)
    found = {}
    for nodes in nx.all_shortest_paths(nx.DiGraph(passable), source, target):
        ways = [[]]
        for a, b in pairwise(nodes):
            ways = [[*way, k] for way in ways for k in passable[a][b]]
        found |= {tuple(way): min(int(topology.bandwidth[k]) for k in way) for way in ways}
    return found


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_widest_takes_only_and_all_of_the_widest_shortest_paths(seed):
    topology = unequal(random_graph(seed), seed)
    routing, (least, most) = route(topology, "widest"), slower_ways(topology)
    for source, target in pairs(topology):
        ways = widths(topology, source, target)
        assert (least[source, target], most[source, target]) == (min(ways.values()), max(ways.values()))
        taken = {
            tuple(link for link, _ in routing.path(source, target, (0, 0, transfer))) for transfer in range(8 * len(ways))
        }
        assert taken <= {way for way, width in ways.items() if width == max(ways.values())}


@pytest.mark.parametrize("name", [n for n in FAMILY_NAMES if n not in ("mesh8x8", "fattree8")])
def test_widest_is_ecmp_where_all_links_are_equal(name):
    topology = load(name)
    widest, ecmp = route(topology, "widest").table, route(topology, "ecmp").table
    assert widest.offsets.tolist() == ecmp.offsets.tolist()
    assert widest.links.tolist() == ecmp.links.tolist()


def test_neighbours_in_a_box_use_its_switch_and_others_the_network():
    boxes = load("dgx-a100-x2")
    names, routing = boxes.names, route(boxes, "widest")
    for source, target in pairs(boxes):
        (first, _), _ = routing.path(source, target, (0, 0, 0))
        through = names[int(boxes.target[first])]
        assert (through == "ib") == (source // 8 != target // 8)
