import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from topology.routing_cases import FAMILY_NAMES, graph, nodes_of, random_graph

from collsim.topology import load
from collsim.topology.paths import hops_to, host_hops, shortest_path


def oracle(topology, source):
    """Links from one node to every other, by networkx: other nodes that do not forward keep no way out."""
    passable = topology.to_networkx()
    passable.remove_edges_from(
        [edge for edge in passable.edges(keys=True) if edge[0] != source and not topology.forwards[edge[0]]]
    )
    lengths = nx.single_source_shortest_path_length(nx.DiGraph(passable), source)
    return [lengths.get(host, -1) for host in range(topology.hosts)]


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_distances_agree_with_networkx(name):
    topology = load(name)
    hops = hops_to(topology)
    assert hops.dtype == np.int16
    for node in range(0, topology.nodes, max(1, topology.nodes // 12)):
        assert hops[node].tolist() == oracle(topology, node)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_distances_and_paths_agree_with_networkx_on_random_graphs(seed):
    topology = random_graph(seed)
    hops = host_hops(topology)
    for source in range(topology.hosts):
        assert hops[source].tolist() == oracle(topology, source)
        for target in range(topology.hosts):
            path = shortest_path(topology, source, target)
            assert len(path) == hops[source, target]
            if path:
                nodes = nodes_of(topology, path)
                assert (nodes[0], nodes[-1]) == (source, target)
                assert all(topology.forwards[node] for node in nodes[1:-1])


def test_target_sets_and_usable_links():
    ring = load("ring6")
    assert hops_to(ring, [(0, 3), (1,)])[:, 0].tolist() == [0, 1, 1, 0, 1, 1]
    clockwise = (ring.target - ring.source) % 6 == 1
    assert hops_to(ring, usable=clockwise)[0].tolist() == [0, 1, 2, 3, 4, 5]
    assert len(shortest_path(ring, 0, 5, clockwise)) == 5
    assert hops_to(ring, usable=np.zeros(12, dtype=bool))[0].tolist() == [0, -1, -1, -1, -1, -1]
    assert shortest_path(ring, 0, 5, np.zeros(12, dtype=bool)) is None


def test_a_host_that_does_not_forward_has_a_way_out_of_its_own():
    line = graph(3, [(0, 3), (1, 3), (1, 4), (2, 4), (3, 4)], switches=2)
    assert host_hops(line).tolist() == [[0, 2, 3], [2, 0, 2], [3, 2, 0]]
