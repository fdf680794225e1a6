"""Training across sites: placement, bytes over the wide area, laws that hold to the tick, and what is refused."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from collsim.errors import CollsimError, InvalidValue, UnknownName
from collsim.network.config import NetworkConfig
from collsim.network.link_changes import parse_changes
from collsim.sweep.multi_site import WAYS, fitting_ways, frame, runs, setting, to_dict
from collsim.topology import load
from collsim.topology.compose import Wan, join_sites
from collsim.workloads.multi_site import (
    Job,
    activation_ratio,
    crossing,
    half_of_a_site,
    layout_of,
    pipeline_time,
    shape_of,
    wide_area,
    with_wide_area,
)

SECOND = 10**15
PAPER = Job(100 * 10**12, 400, 144_000, 60 * 10**6, 72, 7)
SMALL = Job(96 * 10**6, 8, 1024, 1 << 16, 2, 1, micro_batches=4)


def quiet(**settings):
    """Channels enough for each flow, and no accidents of a hash."""
    return NetworkConfig().with_settings({"routing": "up-down", "virtual_channels": 16, **settings})


@pytest.fixture(scope="module")
def small():
    return setting(load("nvl2x2x2"), SMALL, network=quiet(), compute=SECOND)


@pytest.fixture(scope="module")
def ways(small):
    return {way.name: way for way in runs(small)}


def test_the_papers_numbers_follow_from_the_formulas():
    assert crossing(2, 50 * 10**12 * 2) == 100 * 10**12
    rates = [crossing(2, n * 10**12 * 2) * 8 / t / 10**12 for n in (50, 100) for t in (10, 60, 300)]
    assert [round(float(rate), 1) for rate in rates] == [80, 13.3, 2.7, 160, 26.7, 5.3]
    assert round(float(activation_ratio(PAPER)), 1) == 11.6  # with N = 100 T; 12 L h^2 is 99.5 T
    assert Fraction(12 * 400 * 144_000, 60 * 10**6) == Fraction("11.52")
    assert shape_of(100 * 10**12) == (401, 144_360)
    assert PAPER.shard == -(-200 * 10**12 // 504)


def test_units_stay_in_racks_and_replicas_in_sites():
    net = load("nvl4x4x2")
    job = replace(SMALL, tensor=2, pipeline=4)
    plant = layout_of(net, job)
    assert (plant.sites, plant.replicas, plant.gpus) == (2, 2, 32)
    rack = {node: index for index, nodes in enumerate(net.levels[0].sets) for node in nodes}
    assert all(len({rack[h] for h in unit}) == 1 for site in plant.units for unit in site)
    groups = plant.groups()
    assert sorted(h for g in groups for h in g) == list(range(32))
    assert groups[0] == (0, 8, 16, 24)
    assert plant.groups(within=True)[0] == (0, 8)
    assert [unit[0] for unit in plant.stages(1, None)] == [8, 10, 12, 14, 24, 26, 28, 30]
    assert half_of_a_site(net) == (4, 2)
    assert half_of_a_site(load("nvl4x3x2")) == (4, 3)


def test_the_wide_area_can_be_changed():
    net = load("nvl2x2x2")
    slow = with_wide_area(net, 10**9, 20 * 10**12, 1000)
    assert [(s.rate, s.latency, s.loss, len(s.links)) for s in wide_area(slow)] == [(16 * 10**9, 10**13, 1000, 16)] * 2
    assert np.flatnonzero(slow.bandwidth != net.bandwidth).tolist() == sorted(k for s in wide_area(net) for k in s.links)


def test_bytes_over_the_wide_area_are_those_of_the_laws(ways):
    data = SMALL.parameters * SMALL.gradient
    assert ways["flat"].sent == ways["flat"].sent_law == 2 * 3 * data // 4
    assert ways["hierarchical"].sent == ways["hierarchical"].sent_law == data
    assert ways["swap"].sent == ways["swap"].sent_law == data
    assert ways["pipeline"].sent == ways["pipeline"].sent_law == SMALL.tokens * SMALL.hidden * SMALL.activation


def test_a_late_exchange_hides_under_the_next_step_exactly(small, ways):
    inside = ways["hierarchical"].step - ways["hierarchical"].communication
    assert inside > ways["hierarchical"].communication
    assert ways["late"].step == inside  # max(T_compute, T_wan), and the exchange is the shorter
    assert ways["late"].exposed == inside - small.compute


def test_swap_saves_one_crossing(ways):
    delay = 30 * 10**12
    saved = ways["hierarchical"].communication - ways["swap"].communication
    assert delay <= saved < 1.2 * delay


def test_pipelines_take_what_their_law_says(ways):
    assert ways["pipeline"].step == pytest.approx(ways["pipeline"].step_law, rel=1e-3)
    assert ways["flat"].step - ways["flat"].communication == pytest.approx(
        ways["flat"].step_law - ways["flat"].communication_law, rel=1e-4
    )
    assert pipeline_time(8, (3, 6), [1, 10, 1], 2) == 11 * 9 + 24
    assert pipeline_time(8, (3, 6), [1, 10, 1], 4) == 4 * 9 + 24 + 7 * 10


def test_rings_through_three_sites_share_the_links_to_the_next_alone():
    """The law of a site's whole rate would promise half of this time."""
    machine = join_sites(load("nvl2x2"), 3, Wan(10**9, 10**12, 1, 0))
    at = setting(machine, SMALL, network=quiet(), compute=SECOND)
    for way in runs(at, ("flat", "hierarchical")):
        assert way.communication == pytest.approx(way.communication_law, rel=0.02)


def changed(*texts, **options):
    """Return the ways of a setting whose links change, TIME counted from the start of a step."""
    machine = load("nvl2x2x2")
    job = replace(SMALL, pipeline=2, parameters=10**6, micro_batches=2)
    network = quiet(packet_payload="64KiB")
    at = setting(machine, job, network=network, compute=10**12, changes=parse_changes(machine, texts), **options)
    return {way.name: way for way in runs(at, ("hierarchical", "late"))}, at


WIDE = [f"site{a}/core->site{b}/core#{k}" for a, b in ((0, 1), (1, 0)) for k in range(16)]


@pytest.mark.parametrize("engine", ["compiled", "simpy"])
def test_links_that_change_change_what_comes_after_alone(engine):
    plain, _ = changed(engine=engine)
    assert {n: w.step for n, w in changed("9s:site0/core->site1/core#0=0.5", engine=engine)[0].items()} == {
        name: way.step for name, way in plain.items()
    }
    slow, at = changed(*(f"0s:{link}=10MB/s" for link in WIDE), engine=engine)
    assert slow["hierarchical"].communication > plain["hierarchical"].communication + 10**12
    assert slow["late"].late.exact
    assert to_dict(at, list(slow.values()))["link_changes"][0].startswith("0 ")
    assert set(to_dict(at, list(slow.values()))["provenance"]) == {"topology", "link_changes"}


def test_a_sum_sees_what_links_became_while_gpus_computed():
    """A link that fails and comes back before the sum of gradients begins costs nothing; one that is slow by then does."""
    plain, _ = changed()
    back, _ = changed(*(f"10us:{link}=fail" for link in WIDE), *(f"500us:{link}=restore" for link in WIDE))
    assert back["hierarchical"].step == plain["hierarchical"].step
    slow, _ = changed(*(f"500us:{link}=10MB/s" for link in WIDE))
    from_start, _ = changed(*(f"0s:{link}=10MB/s" for link in WIDE))
    assert slow["hierarchical"].step == from_start["hierarchical"].step > plain["hierarchical"].step


def test_a_slow_port_in_the_second_site_slows_the_pipelines_there():
    machine = load("nvl2x2x2")
    host = machine.names[6]
    port = next(machine.link_name(k) for k in machine.out_links[6] if "leaf" in machine.link_name(k))
    slow, _ = changed(f"0s:{port}=0.01")
    assert host in port
    assert slow["hierarchical"].step - slow["hierarchical"].communication > 10**12
    plain, _ = changed()
    assert slow["hierarchical"].step > plain["hierarchical"].step


def test_both_engines_agree():
    job = replace(SMALL, parameters=10**6, micro_batches=2)
    times = []
    for engine in ("compiled", "simpy"):
        at = setting(load("nvl2x2x2"), job, network=quiet(packet_payload="64KiB"), engine=engine, compute=10**12)
        times.append([(w.sent, w.communication, w.step) for w in runs(at)])
    assert times[0] == times[1]


def test_rows_carry_what_was_asked(small, ways):
    rows = frame(small, list(ways.values()))
    assert rows["way"].tolist() == list(WAYS)
    assert set(rows["round_trip_s"]) == {0.06}
    assert to_dict(small, list(ways.values()))["ways"][0]["way"] == "flat"


def test_three_sites_of_one_replica_leave_swap_out():
    plant = layout_of(load("nvl2x2x3"), replace(SMALL, pipeline=2))
    assert fitting_ways(plant) == ("flat", "hierarchical", "late", "pipeline")


@pytest.mark.parametrize(
    ("machine", "changed", "words"),
    [
        ("torus4x4", {}, "no racks in sites"),
        ("nvl2x2", {}, "no racks in sites"),
        ("nvl4x2x2", {"tensor": 3}, "does not divide the 4 GPUs"),
        ("nvl4x2x2", {"tensor": 4, "pipeline": 3}, "does not divide the 2 units"),
    ],
)
def test_what_does_not_fit_is_refused(machine, changed, words):
    with pytest.raises(CollsimError, match=words):
        setting(load(machine), replace(SMALL, **changed))


def test_impossible_jobs_and_ways_are_refused(small):
    with pytest.raises(InvalidValue, match="1 micro batches or more"):
        replace(SMALL, micro_batches=0)
    with pytest.raises(UnknownName, match="hierarchical"):
        list(runs(small, ("hierarchial",)))
