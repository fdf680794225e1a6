"""BookSim's anynet: lines from either end, latencies both ways, round trips, and damage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from interop.fuzz import survives

from collsim.errors import CollsimError, TopologyError
from collsim.interop.anynet import to_anynet
from collsim.topology import load
from collsim.topology.graph import Link, build

TEXT = "router 0 node 0 node 1 router 1 5\nrouter 1 node 2 3\nnode 3 router 1\n"
NS = 10**6


@pytest.fixture
def read(tmp_path):
    def reader(text, name="net.anynet", **more):
        (tmp_path / name).write_text(text)
        return load(tmp_path / name, **more)

    return reader


def links(net):
    names = net.names
    return {(names[a], names[b]): int(t) // NS for a, b, t in zip(net.source, net.target, net.latency, strict=True)}


@pytest.mark.parametrize("name", ["net", "net.txt", "net.anynet"])
def test_lines_from_either_end(read, name):
    net = read(TEXT, name)
    assert net.names == ("n0", "n1", "n2", "n3", "r0", "r1")
    want = {("r0", "n0"): 1, ("r0", "n1"): 1, ("r0", "r1"): 5, ("r1", "n2"): 3, ("n3", "r1"): 1}
    # Between routers a latency is of the way stated alone: BookSim's link from r1 back to r0 has one cycle.
    assert links(net) == want | {(b, a): cycles for (a, b), cycles in want.items()} | {("r1", "r0"): 1}
    assert set(net.bandwidth.tolist()) == {16 * 10**9}


@pytest.mark.parametrize(
    "text, there, back",
    [
        ("router 0 node 0 router 1 15\nrouter 1 node 1\n", 15, 1),
        ("router 0 node 0 router 1\nrouter 1 node 1 router 0 15\n", 1, 15),
        ("router 0 node 0 router 1 15\nrouter 1 node 1 router 0\n", 15, 1),
        ("router 1 node 1 router 0 3\nrouter 0 node 0\n", 1, 3),
    ],
)
def test_a_way_that_no_line_states_takes_one_cycle(read, text, there, back):
    net = read(text)
    assert (links(net)["r0", "r1"], links(net)["r1", "r0"]) == (there, back)


def test_a_direction_stated_from_the_other_end_has_its_own_latency(read):
    net = read("router 0 node 0 router 1 5\nrouter 1 node 1 router 0 7\n")
    assert (links(net)["r0", "r1"], links(net)["r1", "r0"]) == (5, 7)


def test_rates_and_the_cycle_are_asked_for(read):
    net = read(TEXT, bandwidth="200Gb/s", latency="2ns")
    assert set(net.bandwidth.tolist()) == {25 * 10**9}
    assert links(net)["r0", "r1"] == 10


@pytest.mark.parametrize(
    "text, sentence",
    [
        (TEXT + "router 1 node 0\n", "line 4: node 0 is on router 0 already"),
        (TEXT + "node 0 node 2\n", "line 4: nodes 0 and 2 are linked"),
        (TEXT + "router 1 router 1\n", "line 4: router 1 is linked to itself"),
        (TEXT + "router 1 rooter 0\n", "line 4: 'rooter' is neither router nor node"),
        (TEXT + "router 1 1 0\n", "line 4: '1' is neither router nor node"),
        (TEXT + "router 1 router\n", "line 4: the line is cut off after 'router'"),
        (TEXT + "router 1\n", "line 4: router 1 is linked to nothing"),
        (TEXT + "router 0 router 1 6\n", "line 4: this link has 5 cycles in line 1"),
        (TEXT + "switch 0 node 9\n", "line 4: 'switch' starts no line"),
        ("router 0 node 0\nrouter 1 node 1\n", "disconnected"),
    ],
)
def test_what_is_refused(read, text, sentence):
    with pytest.raises(CollsimError) as caught:
        read(text)
    assert sentence in str(caught.value)


@st.composite
def nets(draw):
    hosts, switches = draw(st.integers(2, 6)), draw(st.integers(1, 5))
    pairs = {(h, hosts + draw(st.integers(0, switches - 1))) for h in range(hosts)}
    pairs |= {(hosts + k, hosts + k + 1) for k in range(switches - 1)}
    pairs |= set(
        draw(st.lists(st.sampled_from([(hosts + i, hosts + j) for i in range(switches) for j in range(i)] or [(0, 0)])))
    )
    found = []
    for a, b in sorted({(min(p), max(p)) for p in pairs if p[0] != p[1]}):
        there, back = (draw(st.integers(1, 99)) * NS for _ in range(2))
        found += [Link(a, b, 16 * 10**9, there), Link(b, a, 16 * 10**9, there if a < hosts else back)]
    return build("net", hosts, found, switches=switches)


@settings(max_examples=60, deadline=None)
@given(net=nets())
def test_round_trip(tmp_path_factory, net):
    path = tmp_path_factory.mktemp("a") / "net.anynet"
    path.write_text(to_anynet(net))
    back = load(path)
    assert back.hosts == net.hosts
    order = [np.lexsort((t.target, t.source)) for t in (net, back)]
    for what in ("source", "target", "latency", "bandwidth"):
        assert np.array_equal(getattr(net, what)[order[0]], getattr(back, what)[order[1]])


@pytest.mark.parametrize(
    "name, more, sentence",
    [
        ("ring4", {}, "pass traffic on"),
        ("dgx-a100-x2", {}, "different rates"),
        ("switch4", {"latency": "1.5ns"}, "no whole"),
    ],
)
def test_what_cannot_be_written(name, more, sentence):
    with pytest.raises(TopologyError, match=sentence):
        to_anynet(load(name, **more))


def test_damage(tmp_path):
    assert survives(tmp_path / "a.anynet", TEXT, flips=150) > 100
