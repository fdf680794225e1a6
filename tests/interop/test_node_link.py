"""Node-link JSON: both spellings, all four kinds of graph, what networkx writes, and mistakes by place."""

import json

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collsim.errors import CollsimError, FileFormatError
from collsim.interop.node_link import to_node_link
from collsim.topology import load, machines


@pytest.fixture
def read(tmp_path):
    def reader(document, **settings):
        file = tmp_path / "net.json"
        file.write_text(document if isinstance(document, str) else json.dumps(document))
        return load(file, **settings)

    return reader


def document(**changes):
    whole = {
        "directed": False,
        "multigraph": False,
        "graph": {},
        "nodes": [{"id": "a"}, {"id": "b"}, {"id": "s", "kind": "switch"}],
        "edges": [
            {"source": "a", "target": "s", "bandwidth": "10GB/s", "latency": "1us"},
            {"source": "b", "target": "s", "bandwidth": "200Gb/s", "latency": 0},
        ],
    }
    return {key: value for key, value in (whole | changes).items() if value is not None}


def assert_equal(a, b):
    for field in ("source", "target", "bandwidth", "latency", "forwards", "coordinates"):
        assert np.array_equal(getattr(a, field), getattr(b, field)), field
    assert (a.names, a.hosts) == (b.names, b.hosts)


def test_undirected_edges_are_cables(read):
    net = read(document())
    assert (net.name, net.names, net.hosts, net.links) == ("net", ("a", "b", "s"), 2, 4)
    assert net.bandwidth.tolist() == [10**10, 10**10, 25 * 10**9, 25 * 10**9]
    assert net.latency.tolist() == [10**9, 10**9, 0, 0]


def test_edges_may_be_called_links(read):
    other = document()
    other["links"] = other.pop("edges")
    assert_equal(read(document()), read(other))


def test_directed_edges_are_one_way(read):
    pair = [{"source": "a", "target": "b"}, {"source": "b", "target": "a"}, {"source": "b", "target": "a"}]
    net = read(document(directed=True, multigraph=True, nodes=[{"id": "a"}, {"id": "b"}], edges=pair))
    assert (net.source.tolist(), net.target.tolist()) == ([0, 1, 1], [1, 0, 0])


@pytest.mark.parametrize("name", [*machines(), "torus4x4", "dragonfly2x2x1"])
@pytest.mark.parametrize("spelling", ["links", "edges"])
def test_what_networkx_writes_reads_back_equal(read, name, spelling):
    topology = load(name)
    assert_equal(topology, read(nx.node_link_data(topology.to_networkx(), edges=spelling)))


@pytest.mark.parametrize("name", [*machines(), "torus4x4"])
def test_our_own_json_reads_back_equal_here_and_in_networkx(read, name):
    topology = load(name)
    data = to_node_link(topology)
    assert_equal(topology, read(data))
    graph = nx.node_link_graph(data, edges="edges")
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (topology.nodes, topology.links)


@pytest.mark.parametrize("kind", [nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph])
def test_every_kind_of_networkx_graph(read, kind):
    graph = kind(nx.cycle_graph(5))
    nx.set_node_attributes(graph, True, "forwards")
    net = read(nx.node_link_data(graph, edges="edges"))
    assert (net.hosts, net.links) == (5, 10)
    assert net.names == tuple(f"n{n}" for n in range(5))


def test_defaults_serve_open_links(read):
    edges = [{"source": "a", "target": "s"}, {"source": "b", "target": "s", "bandwidth": 5}]
    net = read(document(edges=edges), bandwidth="2GB/s", latency="3ns")
    assert net.bandwidth.tolist() == [2 * 10**9] * 2 + [5] * 2
    assert set(net.latency.tolist()) == {3 * 10**6}


NODES = [{"id": "a"}, {"id": "b"}]


@pytest.mark.parametrize(
    "text,words",
    [
        ("", "is empty"),
        ("[]", "is an object"),
        ("{", "line 1, column 2: not JSON"),
        ('{"nodes": [', "not JSON"),
        ("[" * 100_000, "cannot be read|not JSON"),
        ({"nodes": []}, "needs 'nodes' and 'edges'"),
        ({"nods": [], "edges": []}, "unknown key 'nods'. Did you mean 'nodes'"),
        (document(directed="yes"), "directed: 'yes' is neither"),
        (document(direkted=True), "unknown key 'direkted'"),
        (document(nodes=5), "nodes is not a list"),
        (document(nodes=[5]), r"nodes\[0\] is not an object"),
        (document(nodes=[{"name": "a"}]), r"nodes\[0\] has no 'id'"),
        (document(nodes=[{"id": "a"}, {"id": "a"}]), "'a' is stated twice"),
        (document(nodes=[{"id": "a", "kind": "swich"}]), r"nodes\[0\]: unknown kind 'swich'. Did you mean 'switch'"),
        (document(nodes=[{"id": "a", "forwards": "hm"}]), "neither yes nor no"),
        (document(nodes=[{"id": "a", "kinds": "switch"}]), "Did you mean 'kind'"),
        (document(edges=7), "edges is not a list"),
        (document(edges=[7]), r"edges\[0\] is not an object"),
        (document(edges=[{"source": "a"}]), r"edges\[0\] has no 'target'"),
        (document(edges=[{"source": "a", "traget": "s"}]), "Did you mean 'target'"),
        (document(edges=[{"source": "a", "target": "z"}]), r"edges\[0\] names the node 'z'"),
        (document(edges=[{"source": "a", "target": "a"}]), r"edges\[0\] joins 'a' to itself"),
        (document(edges=[{"source": "a", "target": "s", "bandwidth": 0}]), r"edges\[0\]: The bandwidth '0' must be above"),
        (document(edges=[{"source": "a", "target": "s", "bandwidth": {}}]), r"edges\[0\]: .* not a quantity"),
        (document(edges=[{"source": "a", "target": "s", "bandwith": 1}]), "Did you mean 'bandwidth'"),
        (document(edges=[{"source": "a", "target": "s", "latency": 3}]), r"edges\[0\]: .* needs a unit"),
        (document(edges=[{"source": "a", "target": "s", "count": -1}]), r"edges\[0\]: The count -1 is too small"),
        (document(edges=[]), "disconnected"),
        (document(nodes=[]), "names the node 'a'"),
        (document(nodes=[], edges=[]), "at least 2"),
    ],
)
def test_mistakes_name_the_file_and_the_place(read, text, words):
    with pytest.raises(CollsimError, match=words) as refusal:
        read(text)
    assert "net.json" in str(refusal.value)


@given(cut=st.integers(0, 2000))
def test_truncated_files_never_crash(cut, tmp_path_factory):
    whole = json.dumps(to_node_link(load("switch4")))
    file = tmp_path_factory.mktemp("cut") / "x.json"
    file.write_text(whole[: cut % len(whole)])
    with pytest.raises(FileFormatError, match=r"x\.json"):
        load(file)
