"""Link lists of ns-3: both first lines, counts that must agree, round trips, and damage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from interop.fuzz import survives

from collsim.errors import CollsimError, TopologyError
from collsim.interop.link_list import to_link_list
from collsim.topology import load
from collsim.topology.graph import Link, build

ASTRA = "5 1 4\n4\n0 4 200Gbps 0.0005ms 0\n1 4 200Gbps 0.0005ms 0\n2 4 200Gbps 0.0005ms 1e-6\n3 4 100Gbps 1us 0\n"
SIMAI = """8 2 2 2 10 H100
4 5 6 7
0 4 2880Gbps 0.000025ms 0
1 4 2880Gbps 0.000025ms 0
2 5 2880Gbps 0.000025ms 0
3 5 2880Gbps 0.000025ms 0
0 6 400Gbps 0.0005ms 0
1 7 400Gbps 0.0005ms 0
2 6 400Gbps 0.0005ms 0
3 7 400Gbps 0.0005ms 0
6 7 400Gbps 0.0005ms 0
6 7 400Gbps 0.0005ms 0
"""


@pytest.fixture
def read(tmp_path):
    def reader(text, name="topo", **more):
        (tmp_path / name).write_text(text)
        return load(tmp_path / name, **more)

    return reader


@pytest.mark.parametrize("name", ["topo", "topo.txt", "topo.topo"])
def test_the_first_line_of_astra_sim(read, name):
    net = read(ASTRA, name)
    assert (net.names, net.hosts, net.links) == (("h0", "h1", "h2", "h3", "s4"), 4, 8)
    assert net.bandwidth.tolist() == [25 * 10**9] * 6 + [125 * 10**8] * 2
    assert net.latency.tolist() == [500 * 10**6] * 6 + [10**9] * 2
    assert net.loss.tolist() == [0] * 4 + [1000] * 2 + [0] * 2


def test_the_first_line_of_simai(read):
    net = read(SIMAI)
    assert (net.hosts, net.switches, net.links) == (4, 4, 20)
    (level,) = net.levels
    assert (level.name, level.sets) == ("server", ((0, 1), (2, 3)))
    assert len(net.links_between(6, 7)) == 2


def test_without_switches(read):
    assert read("2 0 1\n\n0 1 1Gbps 1us 0\n").links == 2


@pytest.mark.parametrize(
    "change, sentence",
    [
        (("5 1 4", "5 1 5"), "line 1: the header counts 5 links and the list has 4"),
        (("5 1 4", "5 1 3"), "line 6: the header counts 3 links and the list goes on, where ns-3 stops reading; correct"),
        (("5 1 4", "5 2 4"), "line 2: the header counts 2 switches and this line names 1"),
        (("5 1 4", "4 1 4"), "line 2: '4' is no node; nodes are 0 to 3"),
        (("3 4 100Gbps", "3 9 100Gbps"), "line 6: '9' is no node"),
        (("3 4 100Gbps", "3 3 100Gbps"), "joins 'h3' to itself"),
        (("100Gbps", "100"), "line 6: the rate '100' has no unit"),
        (("100Gbps", "100Gbqs"), "line 6: Unknown unit 'Gbqs'"),
        (("1us 0", "1 0"), "line 6: The time '1' needs a unit"),
        (("1us 0", "1us"), "line 6 has 4 words; a link is five"),
        (("1e-6", "1"), "line 5: The loss rate '1' is not 0 or more and below 1"),
        (("5 1 4", "5 1 4 7"), "none of them"),
    ],
)
def test_what_is_refused(read, change, sentence):
    with pytest.raises(CollsimError) as caught:
        read(ASTRA.replace(*change))
    assert sentence in str(caught.value)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_words_behind_the_last_link_are_passed_over(read, end):
    # Published files explain themselves there, and ns-3 reads no further than the count.
    told = "\nFirst line: total node #, switch node #, link #\nsrc0 dst0 rate delay error_rate\n...\n"
    assert same(read(ASTRA), read((ASTRA + told).replace("\n", end), "told.txt"))


def test_huge_counts(read):
    with pytest.raises(CollsimError, match="are more than"):
        read("999999999 1 4\n4\n")


@pytest.mark.parametrize("name", ["switch8", "leafspine4x4x2", "fattree4", "hgx-h100"])
def test_round_trip_of_machines(read, name):
    net = load(name)
    assert same(net, read(to_link_list(net)))


def same(a, b):
    pairs = (
        (a.source, b.source),
        (a.target, b.target),
        (a.bandwidth, b.bandwidth),
        (a.latency, b.latency),
        (a.loss, b.loss),
    )
    return a.hosts == b.hosts and all(np.array_equal(x, y) for x, y in pairs)


@st.composite
def nets(draw):
    hosts, switches = draw(st.integers(2, 6)), draw(st.integers(1, 4))
    cables = [(h, hosts + draw(st.integers(0, switches - 1))) for h in range(hosts)]
    cables += [(hosts + k, hosts + k + 1) for k in range(switches - 1)]
    cables += draw(st.lists(st.sampled_from(cables), max_size=3))
    links = []
    for a, b in cables:
        what = draw(st.integers(1, 10**15)), draw(st.integers(0, 10**12)), draw(st.integers(0, 10**9 - 1))
        links += [Link(a, b, *what), Link(b, a, *what)]
    return build("net", hosts, links, switches=switches)


@settings(max_examples=40, deadline=None)
@given(net=nets())
def test_round_trip(tmp_path_factory, net):
    path = tmp_path_factory.mktemp("l") / "net"
    path.write_text(to_link_list(net))
    assert same(net, load(path))


@pytest.mark.parametrize("name, sentence", [("ring4", "pass traffic on"), ("one-way", "has no equal one back")])
def test_what_cannot_be_written(name, sentence):
    one_way = build("x", 2, [Link(0, 1, 5, 0), Link(1, 0, 6, 0)])
    with pytest.raises(TopologyError, match=sentence):
        to_link_list(one_way if name == "one-way" else load(name))


def test_damage(tmp_path):
    assert survives(tmp_path / "a", ASTRA, flips=80) > 80
    assert survives(tmp_path / "s.txt", SIMAI, step=5, flips=80) > 50
