"""Native YAML: what each key does, round trips, and every mistake answered with its file and place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collsim.errors import CollsimError, FileFormatError, InvalidValue, TopologyError
from collsim.topology import Link, build, load, machines
from collsim.topology.faults import degrade_links, fail_links
from collsim.topology.write import to_yaml

GB = 10**9


@pytest.fixture
def read(tmp_path):
    def reader(text, **settings):
        file = tmp_path / "net.yaml"
        file.write_text(text)
        return load(file, **settings)

    return reader


def test_explicit_nodes_and_unequal_links(read):
    net = read(
        """
        name: pair
        about: two boxes
        bandwidth: 10GB/s
        hosts: [a0..1, b]
        switches: [top]
        links:
          - {between: [a*, top], latency: 1us}
          - {between: [b, top], bandwidth: 200Gb/s, latency: 0, count: 2}
          - {from: a0, to: a1, latency: 150ns}
        levels:
          box: [[a0..1], [b]]
        coordinates: {a0: [0, 0], a1: [1, 0], b: [2, 0], top: [1, 1.5]}
        """
    )
    assert (net.name, net.about, net.family, net.hosts, net.switches) == ("pair", "two boxes", "graph", 3, 1)
    assert net.names == ("a0", "a1", "b", "top")
    names = [net.link_name(link) for link in range(net.links)]
    assert names == [
        "a0->top",
        "top->a0",
        "a1->top",
        "top->a1",
        "b->top#0",
        "top->b#0",
        "b->top#1",
        "top->b#1",
        "a0->a1",
    ]
    assert net.bandwidth.tolist() == [10 * GB] * 4 + [25 * GB] * 4 + [10 * GB]
    assert net.latency.tolist() == [10**9] * 4 + [0] * 4 + [15 * 10**7]
    assert net.levels[0].sets == ((0, 1), (2,))
    assert net.coordinates[3].tolist() == [1, 1.5]
    assert not net.forwards[:3].any()


def test_numbers_of_nodes_and_full_mesh_glob(read):
    net = read("hosts: 4\nlinks: [{between: ['h*', 'h*']}]")
    full = load("full4")
    assert sorted(zip(net.source, net.target, strict=True)) == sorted(zip(full.source, full.target, strict=True))
    assert net.name == "net"
    assert set(net.bandwidth.tolist()) == {16 * GB}


def test_hosts_forward_where_the_file_says_so(read):
    line = "hosts: 3\nlinks: [{between: [h0, h1]}, {between: [h1, h2]}]\n"
    with pytest.raises(TopologyError, match="disconnected"):
        read(line)
    assert read(line + "forwards: [h1]").forwards.tolist() == [False, True, False]
    assert read(line + "forwards: true").forwards.all()


def test_hosts_come_first_whatever_the_order(read):
    net = read("switches: 1\nhosts: 2\nlinks: [{between: [s0, 'h*']}]")
    assert net.names == ("h0", "h1", "s0")
    assert net.source.tolist() == [2, 0, 2, 1]


def test_defaults_of_the_caller_serve_open_links_only(read):
    text = "hosts: 2\nlinks: [{from: h0, to: h1, bandwidth: 5GB/s}, {from: h1, to: h0}]"
    assert read(text, bandwidth="7GB/s").bandwidth.tolist() == [5 * GB, 7 * GB]
    assert set(read(text, latency="3ns").latency.tolist()) == {3 * 10**6}
    with pytest.raises(InvalidValue, match=r"net\.yaml states the bandwidth"):
        read("bandwidth: 1GB/s\n" + text, bandwidth="7GB/s")


def test_family_with_other_uplinks(read):
    net = read("family: leafspine4x4x1\nlinks: [{between: ['leaf*', 'spine*'], bandwidth: 8GB/s}]")
    assert (net.family, net.parameters["leaves"]) == ("leafspine", 4)
    up = (net.source >= net.hosts) & (net.target >= net.hosts)
    assert set(net.bandwidth[up].tolist()) == {8 * GB}
    assert set(net.bandwidth[~up].tolist()) == {16 * GB}


def test_family_takes_the_callers_rate_unless_it_states_one(read):
    assert set(read("family: ring4", bandwidth="3GB/s", latency="1ns").bandwidth.tolist()) == {3 * GB}
    with pytest.raises(InvalidValue, match="states the latency"):
        read("family: ring4\nlatency: 1us", latency="2us")


def test_later_rules_win_and_one_direction_can_be_named(read):
    net = read(
        """
        family: ring4
        links:
          - {between: ['*', '*'], latency: 1us}
          - {from: h0, to: h1, latency: 2us, bandwidth: 1GB/s}
        """
    )
    link = net.links_between(0, 1)[0]
    assert (net.latency[link], net.bandwidth[link]) == (2 * 10**9, GB)
    assert set(np.delete(net.latency, link).tolist()) == {10**9}


def test_across_a_level(read):
    net = read("family: mesh2x2\nlinks: [{between: ['*', '*'], across: row, latency: 9ns}]")
    slow = {(int(net.source[k]), int(net.target[k])) for k in np.flatnonzero(net.latency == 9 * 10**6)}
    assert slow == {(0, 2), (2, 0), (1, 3), (3, 1)}


def test_file_builds_on_a_file_beside_it(tmp_path, monkeypatch):
    (tmp_path / "deep").mkdir()
    (tmp_path / "base.csv").write_text("source,target,bidirectional\na,b,yes\n")
    (tmp_path / "deep" / "top.yaml").write_text(
        "file: ../base.csv\nbandwidth: 2GB/s\nlinks: [{from: a, to: b, latency: 1ns}]"
    )
    monkeypatch.chdir("/")
    net = load(tmp_path / "deep" / "top.yaml")
    assert (net.name, net.names) == ("top", ("a", "b"))
    assert net.latency.tolist() == [10**6, 15 * 10**7]
    assert net.bandwidth.tolist() == [2 * GB] * 2


def test_files_that_build_on_each_other_are_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("file: b.yaml")
    (tmp_path / "b.yaml").write_text("file: a.yaml")
    with pytest.raises(FileFormatError, match="leads back"):
        load(tmp_path / "a.yaml")


TWO = "hosts: 2\nlinks: [{between: [h0, h1]}]\n"


@pytest.mark.parametrize(
    "text,words",
    [
        ("", "is empty"),
        ("  \n", "is empty"),
        ("[1, 2]", "is a mapping"),
        ("hosts: 2\nlinks: [{between: [h0", "line 2: not YAML"),
        ("hosts: 2\n\tlinks: 3", "line 2: not YAML"),
        ("hosts: 2\nhosts: 3\nlinks: []", "line 2: not YAML: key 'hosts' is stated twice"),
        ("host: 2\nlinks: []", "unknown key 'host'. Did you mean 'hosts'"),
        ("family: ring4\nbandwith: 1GB/s", "unknown key 'bandwith'. Did you mean 'bandwidth'"),
        ("family: ring4\nhosts: 4", "unknown key 'hosts'"),
        ("family: rnig4", "Did you mean 'ring4'"),
        ("family: hypercube12", "power of two"),
        ("family: ring4\nfile: x.yaml", "not both"),
        ("file: nowhere.yaml", "no file"),
        ("hosts: 2", "state 'hosts' and 'links'"),
        ("hosts: -1\nlinks: []", "not a number of nodes"),
        ("hosts: 99999999\nlinks: []", "not a number of nodes"),
        ("hosts: {a: 1}\nlinks: []", "hosts: .* is not a list"),
        ("hosts: [a5..2]\nlinks: []", "the range 'a5..2'"),
        ("hosts: [a, a]\nlinks: []", "node 'a' is stated twice"),
        ("hosts: 2\nlinks: 5", "links: '5' is not a list"),
        ("hosts: 2\nlinks: [5]", "links, entry 1: '5' is not a mapping"),
        ("hosts: 2\nlinks: [{between: ['h{0,1}', h1]}]", "is not among the nodes. A pattern may hold"),
        ("hosts: 2\nlinks: [{between: [h0, h7]}]", "links, entry 1 names the node 'h7', which is not among the nodes"),
        ("hosts: [gpu0, gpu1]\nlinks: [{between: [gpu0, gpu11]}]", "Did you mean 'gpu1'"),
        ("hosts: 2\nlinks: [{between: [h0, h0]}]", "joins 'h0' to itself"),
        ("hosts: 2\nlinks: [{between: [h0]}]", "between: \\[a, b\\]"),
        ("hosts: 2\nlinks: [{from: h0}]", "'from' and 'to'"),
        ("hosts: 2\nlinks: [{between: [h0, h1], bandwidth: 0}]", "links, entry 1: The bandwidth '0' must be above zero"),
        ("hosts: 2\nlinks: [{between: [h0, h1], bandwidth: fast}]", "entry 1: Cannot read bandwidth 'fast'"),
        ("hosts: 2\nlinks: [{between: [h0, h1], bandwidth: yes}]", "is not a quantity"),
        ("hosts: 2\nlinks: [{between: [h0, h1], latency: 5}]", "needs a unit"),
        ("hosts: 2\nlinks: [{between: [h0, h1], count: 0}]", "count 0 is too small"),
        ("hosts: 2\nlinks: [{between: [h0, h1], count: 99999999}]", "parallel links"),
        ("hosts: 2\nlinks: [{between: [h0, h1], latncy: 5ns}]", "Did you mean 'latency'"),
        (TWO + "forwards: [h9]", "forwards: unknown key 'h9'"),
        (TWO + "coordinates: {h0: [0, 0]}", "'h1' has no coordinates"),
        (TWO + "coordinates: {h0: [0, x], h1: [0, 0]}", "not a pair of numbers"),
        (TWO + "coordinates: {h7: [0, 0]}", "unknown key 'h7'"),
        (TWO + "levels: {box: [[h0], [h5]]}", "level 'box' names the node 'h5'"),
        (TWO + "levels: {box: [[h0], [h0]]}", "Level 'box'"),
        ("hosts: 2\nlinks: []", "disconnected"),
        ("hosts: 1\nlinks: []", "at least 2"),
        ("family: ring4\nlinks: [{between: [h0, h2], latency: 1ns}]", "no link joins 'h0' and 'h2'"),
        ("family: ring4\nlinks: [{between: [h0, h1]}]", "neither a bandwidth nor a latency"),
        ("family: mesh2x2\nlinks: [{between: [h0, h1], across: rows, latency: 1ns}]", "Did you mean 'row'"),
        ("family: mesh2x2\nlinks: [{between: [h0, h1], across: row, latency: 1ns}]", "as asked"),
    ],
)
def test_mistakes_name_the_file_and_the_place(read, text, words):
    with pytest.raises((FileFormatError, TopologyError), match=words) as refusal:
        read(text)
    assert "net.yaml" in str(refusal.value) or "nowhere.yaml" in str(refusal.value)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\xff\xfe", b"hosts: 2\0", b"\xff" * 100])
def test_binary_files_are_refused(tmp_path, content):
    (tmp_path / "x.yaml").write_bytes(content)
    with pytest.raises(FileFormatError, match="is not text"):
        load(tmp_path / "x.yaml")


def test_unreadable_file_is_named(tmp_path):
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    with pytest.raises(FileFormatError, match=r"loop\.yaml"):
        load(tmp_path / "loop.yaml")


@given(cut=st.integers(0, 400))
def test_truncated_files_never_crash(cut, tmp_path_factory):
    whole = to_yaml(load("leafspine2x2x1"))
    file = tmp_path_factory.mktemp("cut") / "x.yaml"
    file.write_text(whole[: cut % len(whole)])
    try:
        message = load(file).name
    except CollsimError as refusal:
        message = str(refusal)
    assert message == "leafspine2x2x1" or str(file) in message


def assert_equal(a, b):
    for name in ("source", "target", "bandwidth", "latency", "forwards", "coordinates"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name
    assert (a.name, a.names, a.hosts, a.family, a.levels) == (b.name, b.names, b.hosts, b.family, b.levels)


SHAPES = [
    "ring2",
    "ring8",
    "full5",
    "switch4",
    "hypercube8",
    "torus4x4",
    "torus2x3x4",
    "mesh3x5",
    "fattree2",
    "fattree4",
    "fattree4x2",
    "leafspine4x4x2",
    "dragonfly2x2x1",
    "bigraph2x4",
]


@pytest.mark.parametrize("name", [*machines(), *SHAPES])
def test_yaml_reads_back_equal(read, name):
    topology = load(name)
    again = read(to_yaml(topology))
    assert_equal(topology, again)
    assert topology.digest == again.digest


def test_broken_and_degraded_machines_read_back_equal(read):
    torus = load("torus4x4")
    slowed = degrade_links(torus, {"h0-h1": 0.3, "h5->h6": 0.001})
    assert_equal(slowed, read(to_yaml(slowed)))
    assert "family: torus4x4" in to_yaml(slowed)
    cut = fail_links(torus, ["h0-h1"])
    assert_equal(cut, read(to_yaml(cut)))
    assert "family" not in to_yaml(cut)


@given(
    rates=st.lists(st.tuples(st.integers(1, 10**18), st.integers(0, 10**15)), min_size=3, max_size=6),
    hosts=st.integers(2, 4),
)
def test_any_rates_read_back_to_the_byte_and_femtosecond(rates, hosts, tmp_path_factory):
    ring = [(r, (r + 1) % hosts) for r in range(hosts)]
    links = [Link(*ring[i % hosts], *rate) for i, rate in enumerate(rates * hosts)]
    topology = build("any", hosts, links, forwards=[True] * hosts)
    file = tmp_path_factory.mktemp("any") / "x.yaml"
    file.write_text(to_yaml(topology))
    assert_equal(topology, load(file))


LOSSY = """
hosts: [a, b]
switches: [s, t]
links:
  - {between: [a, s]}
  - {between: [b, t]}
  - {between: [s, t], loss: 1e-6, count: 2}
  - {from: s, to: t, loss: 0.001%}
"""


def test_links_state_the_share_of_packets_they_lose(read):
    net = read(LOSSY)
    assert net.loss.tolist() == [0] * 4 + [1000] * 4 + [10_000]
    assert read(to_yaml(net)).loss.tolist() == net.loss.tolist()
    assert fail_links(net, ["s->t#2"]).loss.tolist() == [0] * 4 + [1000] * 4


def test_loss_is_part_of_the_digest_only_where_there_is_some(read):
    clean = read(LOSSY.replace(", loss: 1e-6", "").replace(", loss: 0.001%", ""))
    assert read(LOSSY.replace("1e-6", "0").replace("0.001%", "0")).digest == clean.digest != read(LOSSY).digest


def test_rules_give_loss_to_a_familys_links(read):
    net = read("family: ring4\nlinks: [{from: h0, to: h1, loss: 1e-5}]")
    assert np.flatnonzero(net.loss).tolist() == list(net.links_between(0, 1))
    again = read(to_yaml(net))
    assert (again.family, again.digest) == ("ring", net.digest)


@pytest.mark.parametrize("loss", ["1", "-0.1", "1e-12", "often", "100%", "1us"])
def test_impossible_losses_are_refused_with_their_place(read, loss):
    with pytest.raises(FileFormatError, match=r"net.yaml: links, entry 3: .*loss rate"):
        read(LOSSY.replace("1e-6", loss))


def test_an_end_is_a_name_a_range_a_glob_or_a_list_of_them(read):
    net = read(
        """
        hosts: [g0..11]
        switches: [box0..2, rail]
        forwards: [g0..7, "g1?", g8, g9]
        links:
          - {between: [g0..3, box0]}
          - {between: [["g[4-6]", g7], box1]}
          - {between: [[g8..9, "g1[01]"], box2]}
          - {between: [[g0, g4, g8], rail]}
        levels:
          box: [[g0..3, box0], [g4..7, box1], [g8, g9, "g1?", box2]]
        """
    )
    ups = {net.link_name(link).partition("->")[::2] for link in range(net.links)}
    boxes = {(f"g{i}", f"box{i // 4}") for i in range(12)} | {("g0", "rail"), ("g4", "rail"), ("g8", "rail")}
    assert ups == boxes | {(b, a) for a, b in boxes}
    assert net.levels[0].sets == ((0, 1, 2, 3, 12), (4, 5, 6, 7, 13), (8, 9, 10, 11, 14))
    assert net.forwards.all()


def test_numbers_in_brackets_are_no_range(read):
    """A glob takes [8-15] as the character 5, which would join another host than the one that was meant."""
    with pytest.raises(FileFormatError, match=r"entry 1: brackets in 'g\[8-15\]'.*write g8\.\.15"):
        read("hosts: [g0..15]\nswitches: [s]\nlinks: [{between: ['g[8-15]', s]}]")


def test_hosts_of_a_machine_that_is_built_on_can_be_made_to_forward(read):
    """A host whose network card fails is then reached by way of the others in its box."""
    text = "compose: {rack: hgx-h100, racks: 2, planes: 8, port: 200Gb/s}\n"
    stated = read(text)
    assert not stated.forwards[: stated.hosts].any()
    with pytest.raises(TopologyError, match="forwards: true"):
        fail_links(stated, ["rack1/gpu3-plane3"])
    passing = read("forwards: true\n" + text)
    assert passing.forwards.all()
    assert passing.family == "graph"
    assert fail_links(passing, ["rack1/gpu3-plane3"]).links == stated.links - 2
    assert read("family: ring4\nforwards: true").family == "ring"
    with pytest.raises(TopologyError, match="disconnected"):
        read("family: ring4\nforwards: false")


def test_a_rule_names_the_node_that_is_not_there(read):
    with pytest.raises(FileFormatError, match="entry 1 names the node 'h4', which is not among the nodes"):
        read("family: ring4\nlinks: [{between: [h0..4, h1], latency: 1ns}]")
