"""networkx graphs to topologies and back."""

import json

import networkx as nx
import numpy as np
import pytest

from collsim.errors import FileFormatError, InvalidValue, TopologyError
from collsim.interop.node_link import to_node_link
from collsim.topology import build, load, machines
from collsim.topology.convert import from_networkx


@pytest.mark.parametrize("name", [*machines(), "ring2", "torus4x4", "mesh3x5", "dragonfly2x2x1", "fattree4"])
def test_round_trip_keeps_links_nodes_and_places(name):
    there = load(name)
    back = from_networkx(there.to_networkx())
    for field in ("source", "target", "bandwidth", "latency", "forwards", "coordinates"):
        assert np.array_equal(getattr(there, field), getattr(back, field)), field
    assert (back.name, back.names, back.hosts, back.family) == (there.name, there.names, there.hosts, "graph")


def test_plain_undirected_graph_is_hosts_and_cables():
    graph = nx.complete_graph(4)
    topology = from_networkx(graph, bandwidth=5, latency=7)
    assert (topology.hosts, topology.links, topology.names[0]) == (4, 12, "n0")
    assert (set(topology.bandwidth.tolist()), set(topology.latency.tolist())) == ({5}, {7})


def test_attributes_are_read():
    graph = nx.Graph(name="mine")
    graph.add_node("a", kind="gpu", forwards=True)
    graph.add_node("b", type="Switch", color="red")
    graph.add_node("c")
    graph.add_edge("a", "b", bandwidth="200Gb/s", latency="1us", count=2, weight=3.5)
    graph.add_edge("b", "c", bandwidth=10**9)
    topology = from_networkx(graph)
    assert (topology.name, topology.names, topology.hosts) == ("mine", ("a", "c", "b"), 2)
    assert topology.forwards.tolist() == [True, False, True]
    assert topology.bandwidth.tolist() == [25 * 10**9] * 4 + [10**9] * 2
    assert topology.latency.tolist() == [10**9] * 4 + [15 * 10**7] * 2


@pytest.mark.parametrize(
    "attributes,words",
    [
        ({"bandwith": 5}, "edge a to b: unknown key 'bandwith'. Did you mean 'bandwidth'"),
        ({"bandwidth": 0}, "above zero"),
        ({"latency": 5}, "needs a unit"),
        ({"latency_fs": -5}, "0 or more"),
        ({"count": "many"}, "Cannot read count"),
        ({"bandwidth": [5]}, "not a quantity"),
    ],
)
def test_bad_edges_are_named(attributes, words):
    graph = nx.Graph()
    graph.add_edge("a", "b", **attributes)
    with pytest.raises(FileFormatError, match=words):
        from_networkx(graph)


@pytest.mark.parametrize(
    "attributes,words",
    [
        ({"kind": "swich"}, "unknown kind 'swich'. Did you mean 'switch'"),
        ({"forwards": "perhaps"}, "neither yes nor no"),
        ({"x": "left", "y": 0}, "not numbers"),
        ({"forward": True}, "Did you mean 'forwards'"),
    ],
)
def test_bad_nodes_are_named(attributes, words):
    graph = nx.complete_graph(3)
    graph.add_node(0, **attributes)
    with pytest.raises(FileFormatError, match=words):
        from_networkx(graph)


def test_same_name_twice_and_stated_rates():
    graph = nx.complete_graph(3)
    graph.nodes[0]["name"] = "n1"
    with pytest.raises(FileFormatError, match="node 'n1' is stated twice"):
        from_networkx(graph)
    stated = nx.complete_graph(2)
    stated.edges[0, 1].update(bandwidth=3, latency="1ns")
    with pytest.raises(InvalidValue, match="states the bandwidth"):
        from_networkx(stated, bandwidth=5)


def test_disconnected_and_self_loops():
    with pytest.raises(TopologyError, match="disconnected"):
        from_networkx(nx.path_graph(3))
    looped = nx.complete_graph(2)
    looped.add_edge(0, 0)
    with pytest.raises(FileFormatError, match="to itself"):
        from_networkx(looped)


def test_loss_goes_through_networkx_and_node_link(tmp_path):
    rates = np.array([[0, 1, 10**9, 0], [1, 0, 10**9, 0], [1, 2, 10**9, 5], [2, 1, 10**9, 5]])
    net = build("line", 3, rates, forwards=[True] * 3, loss=np.array([0, 0, 1000, 25]))
    file = tmp_path / "net.json"
    file.write_text(json.dumps(to_node_link(net)))
    for again in (from_networkx(net.to_networkx()), load(file)):
        assert (again.loss.tolist(), again.digest) == (net.loss.tolist(), net.digest)
