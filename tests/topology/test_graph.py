"""The topology type: validation, exact connectivity against a naive search, links by name, digest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collsim.errors import TopologyError
from collsim.topology import Level, Link, build, load


def links(*ends, bandwidth=10, latency=5):
    return [Link(a, b, bandwidth, latency) for a, b in ends]


def naive_cut_off(nodes, hosts, ends, forwards):
    """Return the pairs of hosts without a path through forwarding nodes, by a search from every host."""
    missing = []
    for start in range(hosts):
        seen, stack = {start}, [start]
        while stack:
            node = stack.pop()
            if node != start and not forwards[node]:
                continue
            for a, b in ends:
                if a == node and b not in seen:
                    seen.add(b)
                    stack.append(b)
        missing += [(start, other) for other in range(hosts) if other not in seen]
    return missing


@st.composite
def graphs(draw):
    nodes = draw(st.integers(2, 6))
    hosts = draw(st.integers(2, nodes))
    pairs = [(a, b) for a in range(nodes) for b in range(nodes) if a != b]
    ends = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=16))
    forwards = draw(st.lists(st.booleans(), min_size=nodes, max_size=nodes))
    return nodes, hosts, ends, forwards


@given(graphs())
def test_connectivity_is_exact(graph):
    nodes, hosts, ends, forwards = graph
    missing = naive_cut_off(nodes, hosts, ends, forwards)
    if not missing:
        assert build("g", hosts, links(*ends), switches=nodes - hosts, forwards=forwards).links == len(ends)
        return
    with pytest.raises(TopologyError, match="disconnected") as refusal:
        build("g", hosts, links(*ends), switches=nodes - hosts, forwards=forwards)
    names = [f"h{r}" for r in range(hosts)]
    assert any(f"{names[a]} cannot send to {names[b]} " in str(refusal.value) for a, b in missing)


def test_host_zero_that_does_not_forward_joins_nobody():
    # Both others reach host 0 and are reached from it, but not through it.
    with pytest.raises(TopologyError, match="h1 cannot send to h2"):
        build("star", 3, links((0, 1), (1, 0), (0, 2), (2, 0)))


def test_host_that_forwards_joins_the_others():
    assert build("star", 3, links((0, 1), (1, 0), (0, 2), (2, 0)), forwards=[True, False, False]).links == 4


def test_many_parallel_links_stay_links():
    assert build("pair", 2, links(*[(0, 1), (1, 0)] * 300), forwards=[True, True]).links == 600


@pytest.mark.parametrize(
    "hosts,ends,options,words",
    [
        (1, [], {}, "at least 2"),
        (0, [], {}, "at least 2"),
        (2, [(0, 1)], {}, "h1 cannot send to h0"),
        (2, [], {}, "disconnected"),
        (2, [(0, 1), (1, 0), (0, 2)], {}, "joins node 0 to 2, but nodes are 0..1"),
        (2, [(0, 1), (1, 0), (1, 1)], {}, "joins h1 to itself"),
        (2, [(0, 1), (1, 0)], {"names": ["a", "a"]}, "repeats a node name"),
        (2, [(0, 1), (1, 0)], {"names": ["a"]}, "repeats a node name or lacks one"),
        (2, [(0, 1), (1, 0)], {"levels": (Level("row", ((0, 0),)),)}, "Level 'row'"),
        (2, [(0, 1), (1, 0)], {"levels": (Level("row", ((0, 7),)),)}, "Level 'row'"),
    ],
)
def test_graphs_that_cannot_be_simulated_are_refused(hosts, ends, options, words):
    with pytest.raises(TopologyError, match=words):
        build("g", hosts, links(*ends), **options)


@pytest.mark.parametrize(
    "bandwidth,latency,words",
    [(0, 0, "no bandwidth"), (1, -1, "negative"), (2**70, 1, "overflows"), (1, 10**19, "overflows")],
)
def test_link_values_are_checked(bandwidth, latency, words):
    with pytest.raises(TopologyError, match=words):
        build("g", 2, [Link(0, 1, bandwidth, latency), Link(1, 0, 1, 0)])


@pytest.mark.parametrize("bandwidth,latency", [(10**18 + 1, 0), (1, 36 * 10**17 + 1), (1, -1)])
def test_extremes_in_arrays_are_checked(bandwidth, latency):
    with pytest.raises(TopologyError, match="h0->h1"):
        build("g", 2, np.array([[0, 1, bandwidth, latency], [1, 0, 1, 0]]))


def test_link_names_number_parallel_links():
    pair = build("pair", 2, links((0, 1), (0, 1), (1, 0)))
    assert [pair.link_name(link) for link in range(3)] == ["h0->h1#0", "h0->h1#1", "h1->h0"]
    assert pair.links_between(0, 1) == (0, 1)
    assert pair.links_between(1, 1) == ()


def test_incidence_is_ascending():
    mesh = load("mesh2x2")
    assert [list(mesh.source[list(each)]) for each in mesh.out_links] == [[n] * 2 for n in range(4)]
    assert [list(mesh.target[list(each)]) for each in mesh.in_links] == [[n] * 2 for n in range(4)]
    assert all(list(each) == sorted(each) for each in (*mesh.out_links, *mesh.in_links))


def test_digest_tells_results_apart_and_ignores_names():
    torus = load("torus4x4")
    assert torus.digest == load("torus4x4").digest
    assert torus.digest != load("torus4x4", bandwidth="17GB/s").digest
    assert torus.digest != load("torus4x4", latency="1ns").digest
    assert torus.digest != load("mesh4x4").digest


def test_with_links_keeps_the_family_only_whole():
    torus = load("torus4x4")
    assert torus.with_links(range(64), torus.bandwidth).family == "torus"
    cut = torus.with_links(range(1, 64), torus.bandwidth)
    assert (cut.family, cut.dims, cut.links) == ("graph", (), 63)


def test_networkx_graph_carries_everything():
    fly = load("dragonfly1x2x1")
    graph = fly.to_networkx()
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (fly.nodes, fly.links)
    assert graph.nodes[0]["kind"] == "host"
    assert graph.nodes[fly.hosts] == {
        "name": "r0",
        "kind": "switch",
        "forwards": True,
        "x": fly.coordinates[fly.hosts, 0],
        "y": fly.coordinates[fly.hosts, 1],
    }
    assert graph.edges[0, 6, 0] == {"bandwidth": 16 * 10**9, "latency_fs": 15 * 10**7}


def test_hosts_that_do_not_forward_are_named_as_a_cure_where_they_are_one():
    line = [Link(*ends, 10**9, 0) for pair in ((0, 1), (1, 2)) for ends in (pair, pair[::-1])]
    with pytest.raises(TopologyError, match="or let the hosts between them pass traffic on"):
        build("line", 3, line)
    assert build("line", 3, line, forwards=[True] * 3).links == 4
    with pytest.raises(TopologyError, match=r"add the missing link\.$"):
        build("line", 4, line)
