"""Composition: counts by formula, names, ranks rack by rack, planes, rates, levels, sites, files, and what is refused."""

import re
from fractions import Fraction

import numpy as np
import pytest

from collsim.errors import CollsimError, InvalidValue, TopologyError
from collsim.topology import load
from collsim.topology.compose import Fabric, Wan, join_racks, join_sites
from collsim.topology.measures import measure
from collsim.topology.routing import paths_of, route
from collsim.topology.write import to_yaml
from collsim.units import parse_bandwidth, parse_time

GB = 10**9
WAN = Wan(100 * GB, 30 * 10**12, 3, 1000)


def fabric(planes=4, spines=2, **changed):
    return Fabric(planes, 50 * GB, 5 * 10**8, spines, **changed)


@pytest.mark.parametrize(("racks", "planes", "spines"), [(2, 1, 0), (3, 4, 0), (3, 4, 2), (5, 2, 1)])
def test_counts_follow_the_formula(racks, planes, spines):
    site = join_racks(load("dgx-a100"), racks, fabric(planes, spines))
    assert site.hosts == 8 * racks
    assert site.switches == racks + (racks * planes if spines else 0) + planes * max(spines, 1) + 1
    # in the racks, from ports, from leaves, from the tops of planes
    assert site.links == racks * 16 + 16 * racks + 2 * racks * planes * spines + 2 * planes * max(spines, 1)
    assert measure(site).host_degree == (2, 2)


def test_names_say_where_a_node_is_and_ranks_are_rack_contiguous():
    site = join_racks(load("dgx-a100"), 3, fabric())
    assert site.names[:9] == (*(f"rack0/gpu{i}" for i in range(8)), "rack1/gpu0")
    assert {"rack2/nvswitch", "rack1/leaf3", "plane3/spine1", "core"} < set(site.names)
    wide = join_sites(site, 2, WAN)
    assert wide.names[24] == "site1/rack0/gpu0"
    assert [level.name for level in wide.levels] == ["rack", "site"]
    assert [set(range(24 * s, 24 * s + 24)) < set(nodes) for s, nodes in enumerate(wide.levels[1].sets)] == [True, True]
    assert set(range(8, 16)) < set(wide.levels[0].sets[1])


def test_the_port_of_gpu_i_leads_to_plane_i_mod_k():
    site = join_racks(load("dgx-a100"), 2, fabric(4, 2))
    for host in range(site.hosts):
        leaf = next(site.names[site.target[k]] for k in site.out_links[host] if "leaf" in site.names[site.target[k]])
        assert leaf == f"rack{host // 8}/leaf{host % 8 % 4}"


def test_uplinks_carry_the_ports_or_a_fraction_of_them():
    for over, rate in ((Fraction(1), 50 * GB), (Fraction(2), 25 * GB), (Fraction(3), -(-50 * GB // 3))):
        site = join_racks(load("dgx-a100"), 2, fabric(4, 2, oversubscription=over))
        ends = site.names.index("rack0/leaf0"), site.names.index("plane0/spine1")
        assert site.bandwidth[list(site.links_between(*ends))].tolist() == [rate]
    stated = join_racks(load("dgx-a100"), 2, fabric(4, 2, uplink=7 * GB))
    assert 7 * GB in stated.bandwidth.tolist()


def test_each_pair_of_sites_has_its_parallel_links():
    wide = join_sites(join_racks(load("dgx-a100"), 2, fabric()), 3, WAN)
    cores = [wide.names.index(f"site{s}/core") for s in range(3)]
    for a in cores:
        for b in cores:
            links = list(wide.links_between(a, b))
            assert len(links) == (0 if a == b else 3)
            assert set(wide.bandwidth[links].tolist()) <= {100 * GB}
            assert set(wide.latency[links].tolist()) <= {30 * 10**12}
            assert set(wide.loss[links].tolist()) <= {1000}
    assert int((wide.loss > 0).sum()) == 3 * 2 * 3


def test_traffic_of_a_rack_stays_on_its_switch_and_rails_keep_to_their_plane():
    wide = join_sites(join_racks(load("dgx-a100"), 2, fabric(4, 2)), 2, WAN)
    for name in ("auto", "up-down", "spray"):
        routing = route(wide, name)
        inside = [wide.names[wide.target[link]] for link, _ in routing.path(0, 4, (0, 0, 0))]
        assert inside == ["site0/rack0/nvswitch", "site0/rack0/gpu4"]
        across = [wide.names[wide.target[link]] for link, _ in routing.path(1, 9, (0, 0, 0))]
        assert [re.sub(r"spine\d", "spine", n) for n in across[:3]] == [
            "site0/rack0/leaf1",
            "site0/plane1/spine",
            "site0/rack1/leaf1",
        ]
        assert len(routing.path(1, 17, (0, 0, 0))) == 7
        assert routing.classes == 1
        assert routing.cycle() is None


def test_up_down_gives_each_port_of_a_leaf_a_spine_of_its_own():
    site = join_racks(load("nvl72"), 2, Fabric(4, 100 * GB, 0, 18))
    here, there = np.arange(72), np.arange(72) + 72
    spread = paths_of(route(site, "up-down"), here, there, (0, 0, here))
    assert len(np.unique(spread.links)) == len(spread.links) == 4 * 72
    hashed = paths_of(route(site, "ecmp"), here, there, (0, 0, here))
    assert len(np.unique(hashed.links)) < len(hashed.links)


def test_the_family_names_sites_of_racks_at_the_rates_of_the_hardware():
    site, wide = load("nvl72x3"), load("nvl8x2x3")
    assert (site.name, site.hosts, site.family, site.switches) == ("nvl72x3", 216, "clos", 3 + 12 + 72 + 1)
    assert site.bandwidth[: load("nvl72").links].tolist() == load("nvl72").bandwidth.tolist()
    assert (wide.hosts, len(wide.levels[1].sets)) == (48, 3)
    assert set(site.bandwidth.tolist()) == {900 * GB, 100 * GB, 300 * GB}
    assert parse_time("30ms") == int(wide.latency.max())
    with pytest.raises(InvalidValue, match="compose:"):
        load("nvl72x2", bandwidth="1GB/s")
    for bad in ("nvl8", "nvl8x1", "nvl1x8", "nvl8x2x1", "nvl8x2x2x2"):
        with pytest.raises(TopologyError, match="nvl72x14x2"):
            load(bad)


FILE = """
name: coasts
compose:
  rack: nvl72
  racks: 2
  planes: 4
  port: 400Gb/s
  spines: 9
  oversubscription: 2
  sites: 2
  wan: {rate: 800Gb/s, links: 2, round_trip: 20ms, loss: 1e-6}
links:
  - {between: ["site*/core", "site*/core"], latency: 11ms}
"""


@pytest.fixture
def read(tmp_path):
    def reader(text, **settings):
        file = tmp_path / "net.yaml"
        file.write_text(text)
        return load(file, **settings)

    return reader


def test_a_file_composes_and_its_rules_still_apply(read):
    net = read(FILE)
    assert (net.name, net.hosts, net.family) == ("coasts", 288, "clos")
    wide = [k for k in range(net.links) if net.loss[k]]
    assert len(wide) == 4
    assert set(net.latency[wide].tolist()) == {11 * 10**12}
    assert parse_bandwidth("50GB/s") in net.bandwidth.tolist()
    again = read(to_yaml(net))
    for field in ("source", "target", "bandwidth", "latency", "loss", "coordinates"):
        assert np.array_equal(getattr(net, field), getattr(again, field)), field
    assert (again.names, again.levels) == (net.names, net.levels)


def test_a_rack_may_be_a_file_beside(read, tmp_path):
    (tmp_path / "rack.yaml").write_text("hosts: 4\nswitches: 1\nlinks: [{between: [h*, s0]}]")
    net = read("compose: {rack: rack.yaml, racks: 3, planes: 2}")
    assert (net.hosts, net.names[0]) == (12, "rack0/h0")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("racks: 2", "racks: two"), "racks 'two'"),
        (("  racks: 2\n", ""), "needs 'racks'"),
        (("racks: 2", "racks: 1"), "2 racks or more"),
        (("planes: 4", "planes: 5"), "do not divide the 72 hosts"),
        (("planes", "plains"), "unknown key 'plains'. Did you mean 'planes'"),
        (("spines: 9", "spines: 0"), "have no uplinks"),
        (("oversubscription: 2", "oversubscription: 1/2"), "below 1"),
        (("oversubscription: 2", "oversubscription: much"), "not a ratio"),
        (("sites: 2", "sites: 1"), "one site"),
        (("loss: 1e-6", "loss: 1"), "loss rate"),
        (("links: 2, round", "links: 0, round"), "links 0"),
        (("round_trip: 20ms", "round_trip: 1fs"), "odd"),
        (("rack: nvl72", "rack: nvl73"), "nvl72"),
        (("name: coasts", "latency: 1us"), "means nothing beside"),
        (("name: coasts", "family: ring4"), "state one of"),
    ],
)
def test_mistakes_are_answered_with_place_and_cure(read, change, words):
    with pytest.raises(CollsimError, match=re.escape(words)):
        read(FILE.replace(*change))


def test_a_site_needs_a_way_out():
    with pytest.raises(TopologyError, match="no switch 'core'"):
        join_sites(load("dgx-a100"), 2, WAN)
    assert join_sites(load("dgx-a100"), 2, WAN, border="nvswitch").hosts == 16
