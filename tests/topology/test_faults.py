"""Faults: what a name picks, what is left, and what is said when nothing is or too much is gone."""

import pytest

from collsim.errors import InvalidValue, TopologyError, UnknownName
from collsim.topology import Link, build, load
from collsim.topology.faults import degrade_links, fail_links, fail_nodes, find_links


@pytest.mark.parametrize(
    "name,picked",
    [
        ("gpu0->gpu3", ["gpu0->gpu3#0", "gpu0->gpu3#1"]),
        ("gpu0-gpu3", ["gpu0->gpu3#0", "gpu3->gpu0#0", "gpu0->gpu3#1", "gpu3->gpu0#1"]),
        ("gpu0-gpu3#1", ["gpu0->gpu3#1", "gpu3->gpu0#1"]),
        ("gpu3->gpu0#0", ["gpu3->gpu0#0"]),
        ("gpu0->gpu1", ["gpu0->gpu1"]),
        ("gpu0->gpu1#0", ["gpu0->gpu1"]),
        (" gpu0 - gpu1 ", ["gpu0->gpu1", "gpu1->gpu0"]),
    ],
)
def test_names_pick_links(name, picked):
    machine = load("dgx1-v100")
    assert sorted(machine.link_name(link) for link in find_links(machine, name)) == sorted(picked)


def test_every_link_is_found_by_its_own_name():
    machine = load("dgx1-v100")
    for link in range(machine.links):
        assert find_links(machine, machine.link_name(link)) == (link,)


def test_node_names_may_hold_hyphens():
    net = build("n", 2, [Link(0, 1, 1, 0), Link(1, 0, 1, 0)], names=["a-b", "c-d"])
    assert find_links(net, "a-b-c-d") == (0, 1)
    assert find_links(net, "c-d->a-b") == (1,)


@pytest.mark.parametrize("name,guess", [("h0-h2", "h0-h"), ("h0->h11", "h0->h1"), ("h0-h99", "h0-h"), ("H0-H1", "h0-h1")])
def test_unknown_link_gets_the_nearest(name, guess):
    with pytest.raises(UnknownName, match=f"Unknown link '{name}'. Did you mean '{guess}"):
        fail_links(load("torus4x4"), [name])


def test_parallel_link_that_is_not_there():
    with pytest.raises(InvalidValue, match="parallel link 2, but 'gpu0-gpu3' has 2"):
        fail_links(load("dgx1-v100"), ["gpu0-gpu3#2"])


def test_failed_links_are_gone_and_the_family_promises_nothing():
    torus = load("torus4x4")
    left = fail_links(torus, ["h0-h1", "h5->h6"])
    assert (left.links, left.family, left.dims) == (61, "graph", ())
    assert not left.links_between(0, 1)
    assert not left.links_between(5, 6)
    assert left.links_between(6, 5)
    assert left.name == "torus4x4 without h0-h1, h5->h6"
    assert fail_links(torus, []) is torus


def test_disconnecting_failure_is_refused():
    with pytest.raises(TopologyError, match=r"Without gpu3-nvswitch the machine falls apart.*gpu0 cannot send to gpu3"):
        fail_links(load("dgx-a100"), ["gpu3-nvswitch"])
    with pytest.raises(TopologyError, match="falls apart"):
        fail_links(load("ring4"), ["h0-h1", "h2-h3"])


def test_one_direction_of_a_ring_is_enough():
    ring = load("ring4")
    assert fail_links(ring, [f"h{r}->h{(r + 1) % 4}" for r in range(4)]).links == 4


def test_degrading_scales_and_keeps_the_family():
    torus = load("torus4x4")
    slow = degrade_links(torus, {"h0-h1": 0.5, "h0->h4": "0.25"})
    assert (slow.family, slow.dims, slow.links) == ("torus", (4, 4), 64)
    assert {int(slow.bandwidth[k]) for k in find_links(slow, "h0-h1")} == {8 * 10**9}
    assert [int(slow.bandwidth[k]) for k in find_links(slow, "h0->h4")] == [4 * 10**9]
    assert int((slow.bandwidth != torus.bandwidth).sum()) == 3
    assert slow.digest != torus.digest
    assert degrade_links(torus, {}) is torus


def test_cable_and_direction_slow_one_after_the_other():
    slow = degrade_links(load("ring4"), {"h0-h1": 0.5, "h0->h1": 0.5})
    assert [int(slow.bandwidth[k]) for k in find_links(slow, "h0-h1")] == [4 * 10**9, 8 * 10**9]


@pytest.mark.parametrize("factor", [0, -1, "x", "nan", "inf", 1e-30, 1e30])
def test_impossible_factors_are_refused(factor):
    with pytest.raises(InvalidValue, match="h0-h1"):
        degrade_links(load("ring4"), {"h0-h1": factor})


def test_failed_nodes_close_up_ranks():
    left = fail_nodes(load("dragonfly2x4x2"), ["r0", "h0", "h1"])
    assert (left.hosts, left.switches, left.family) == (70, 35, "graph")
    assert left.names[0] == "h2"
    assert left.levels[1].sets[0][:2] == (0, 1)
    torus = fail_nodes(load("torus4x4"), ["h5"])
    assert (torus.hosts, torus.links) == (15, 56)
    assert torus.forwards.all()


def test_failed_nodes_are_known_and_leave_a_machine():
    with pytest.raises(UnknownName, match="Did you mean 'h5'"):
        fail_nodes(load("torus4x4"), ["H5"])
    with pytest.raises(TopologyError, match="falls apart"):
        fail_nodes(load("switch4"), ["s0"])
    with pytest.raises(TopologyError, match="at least 2"):
        fail_nodes(load("ring2"), ["h0"])


def test_a_link_named_twice_fails_once():
    assert fail_links(load("torus4x4"), ["h0-h1", "h0-h1"]).name == "torus4x4 without h0-h1"
