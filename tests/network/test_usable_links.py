"""Over which links the load is called even or not: known answers, and nothing busy outside of them in either engine."""

from time import perf_counter

import numpy as np
import pytest

from collsim.engines.engine import ENGINES
from collsim.network.usable_links import load_imbalance, shared_links, usable_links
from collsim.program import single_call
from collsim.simulate import prepare, simulate
from collsim.topology import load
from collsim.topology.compose import Fabric, join_racks
from collsim.topology.families.nvl import rack
from collsim.topology.routing import fitting, route


def usable(topology, algorithm="direct", size=2**16, **settings):
    case = prepare(topology, collective=settings.pop("collective", "all-to-all"), **settings)
    return usable_links(case.topology, case.plan(algorithm, size)[0], size, case.network)


def names(topology, links):
    return {load(topology).link_name(int(link)) for link in links}


def test_of_four_leaves_two_talk():
    """8 of 16 hosts, on two leaves: 2 x 4 cables, up on one and down on the other, both ways; the rest cannot be met."""
    found = usable("leafspine4x4x4", hosts=range(8))
    assert len(found) == 2 * 2 * 4
    assert {name.replace("->", " ").split()[0] for name in names("leafspine4x4x4", found)} == {
        *("leaf0", "leaf1"),
        *("spine0", "spine1", "spine2", "spine3"),
    }
    assert len(usable("leafspine4x4x4")) == len(shared_links(load("leafspine4x4x4"))) == 32


def test_one_leaf_uses_no_link_between_switches_and_is_even():
    assert len(usable("leafspine4x4x4", hosts=range(4))) == 0
    outcome = simulate("leafspine4x4x4", "ring", size="64KiB", hosts=range(4), engine="analytic")
    assert outcome.link_imbalance == 1
    assert outcome.to_dict()["link_load_links"] == 0


def test_a_ring_of_neighbours_has_no_other_links():
    """On a torus each message goes to a neighbour, one link away: 16 of 64 links, all as busy as each other."""
    outcome = simulate("torus4x4", "ring", size="1MiB", engine="analytic")
    assert len(outcome.usable_links) == 16
    assert outcome.link_imbalance == 1


def test_a_single_path_is_held_against_all_that_are_as_short():
    """A ring's one flow out of each leaf takes one uplink of four by up-down, and the three others count as idle."""
    outcome = simulate("leafspine4x4x4", "ring", size="1MiB", network={"routing": "up-down"}, engine="analytic")
    assert len(outcome.usable_links) == 32
    assert outcome.link_imbalance == 4
    assert simulate("leafspine4x4x4", "ring", size="1MiB", network={"routing": "spray"}).link_imbalance == 1


def planes_of(count):
    """Eight racks of 8 GPUs in a Clos of `count` planes, a leaf a rack and plane, 8 spines in all, one core."""
    return join_racks(rack(8), 8, Fabric(count, 100 * 10**9, 500 * 10**6, 8 // count), f"{count} planes")


def test_planes_that_no_message_enters_do_not_count():
    """Of four planes a ring crosses from the last GPU of a rack, on plane 3, to the first of the next, on plane 0: up the
    2 uplinks of 8 leaves, over the core and down as many; hierarchical groups stay in all 4 planes and off the core."""
    machine = planes_of(4)
    ring = usable(machine, "ring", collective="all-reduce")
    assert (len(ring), len(shared_links(machine))) == (16 + 2 + 2 + 16, 128 + 16)
    assert sum("core" in machine.link_name(int(link)) for link in ring) == 4
    sprayed = simulate(machine, "ring", size="1MiB", network={"routing": "spray"})
    assert sprayed.link_imbalance == pytest.approx(1)
    assert len(usable(machine, "hierarchical:group=rack", collective="all-reduce")) == 128
    assert len(usable(planes_of(1), "ring", collective="all-reduce")) == 128


def test_ways_that_are_not_shortest_count_where_the_routing_takes_them():
    one = {"hosts": [0, 1], "collective": "broadcast"}
    assert len(usable("torus4x4", **one)) == 1
    assert len(usable("torus4x4", network={"routing": "valiant"}, **one)) > 16


def test_paths_of_a_schedule_count_as_they_are():
    case = prepare("torus4x4")
    plan, _ = case.plan("multitree", 2**20)
    found = usable_links(case.topology, plan, 2**20, case.network)
    assert np.array_equal(found, np.unique(plan.path_links))


def test_messages_without_bytes_do_not_count():
    """Three bytes among four chunks leave one chunk empty, and so the links that would carry it alone."""
    assert len(usable("full4", collective="broadcast", size=2)) == 3
    assert len(usable("full4", "ring", collective="all-gather", size=3)) == 4
    assert len(usable("full4", size=4)) == 12
    assert len(usable("full4", size=1)) == 3


def test_the_measure_is_largest_over_mean():
    busy = np.array([7, 0, 4, 2])
    assert load_imbalance(busy, np.array([1, 2, 3])) == 2
    assert load_imbalance(busy, np.array([1])) == load_imbalance(busy, np.array([], dtype=np.int64)) == 1


CASES = [(name, way) for name in ("leafspine3x2x2", "torus3x3", "dragonfly1x2x1") for way in fitting(load(name))]


@pytest.mark.parametrize("engine", ["compiled", "simpy"])
@pytest.mark.parametrize(("name", "way"), CASES)
def test_no_other_link_is_ever_busy(name, way, engine):
    rng = np.random.default_rng(len(way))
    hosts = rng.choice(load(name).hosts, size=4, replace=False).tolist()
    for algorithm, collective in (("direct", "all-to-all"), ("ring", "all-reduce")):
        case = prepare(name, collective=collective, hosts=hosts, network={"routing": way}, seed=5)
        plan, _ = case.plan(algorithm, 2**15)
        result = ENGINES.get(engine)(case.topology, single_call(plan, 2**15), case.network, seed=5)
        busy = set(np.flatnonzero(result.link_busy).tolist()) & set(shared_links(case.topology).tolist())
        assert busy <= set(usable_links(case.topology, plan, 2**15, case.network).tolist())


@pytest.mark.slow
def test_two_thousand_hosts_take_no_time():
    case = prepare("nvl72x14x2", network={"routing": "up-down"})
    plan, _ = case.plan("hierarchical:group=all,outer=swap", 2**30)
    route(case.topology, "up-down")  # as the run before has done
    started = perf_counter()
    found = usable_links(case.topology, plan, 2**30, case.network)
    assert perf_counter() - started < 3
    assert len(found) == len(shared_links(case.topology)) == 4352
