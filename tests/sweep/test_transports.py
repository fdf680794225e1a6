"""Transports compared: the ideal, what a slow cable and losses cost each, and what is refused."""

from dataclasses import replace

import pytest

from collsim.errors import CollsimError
from collsim.simulate import prepare, simulate
from collsim.sweep.transports import TRANSPORTS, conditions, one_switch, study
from collsim.topology import load
from collsim.topology.routing import route
from collsim.units import parse_bandwidth

CLOS = "leafspine4x4x4"


def points(case, algorithm, size, *, transports=TRANSPORTS, **states):
    *_, last = study(case, algorithm, size, transports, conditions(case.topology, **states))
    return {(p.condition, p.transport): p for p in last.points}, last


def test_the_ideal_is_one_switch():
    merged = one_switch(load(CLOS))
    assert (merged.hosts, merged.switches, merged.links) == (16, 1, 32)
    _, last = points(prepare(CLOS, collective="all-to-all"), "direct", 2**18, transports=["spray"], impair="none")
    assert last.ideal == simulate("switch16", "direct", collective="all-to-all", size=2**18).result.time
    assert last.ideal >= last.bound


def test_the_ideal_of_a_composed_machine_keeps_the_switch_of_each_rack():
    merged = one_switch(load("nvl4x4"))
    assert (merged.hosts, merged.switches, merged.links) == (16, 5, 64)
    inside, across = (route(merged, "widest").path(0, host, key=(0, 0, 0)) for host in (1, 4))
    rates = [{int(merged.bandwidth[link]) for link, _ in path} for path in (inside, across)]
    assert rates == [{parse_bandwidth("900GB/s")}, {parse_bandwidth("800Gb/s")}]


def test_feedback_goes_round_a_slow_cable_and_blind_spraying_does_not():
    for algorithm, collective in (("ring", "all-reduce"), ("direct", "all-to-all")):
        found, _ = points(prepare(CLOS, collective=collective), algorithm, 2**21)
        slow = {transport: found["leaf0-spine0 at 0.25", transport] for transport in TRANSPORTS}
        assert slow["feedback"].slowdown < 0.7 * slow["spray"].slowdown
        assert slow["feedback"].slowdown < slow["least-queued"].slowdown < slow["ecmp"].slowdown
        assert slow["spray"].load > 3
        assert slow["feedback"].load < 2.5
        assert found["as it is", "spray"].load == pytest.approx(1)


def test_feedback_leaves_a_path_that_fails_and_the_others_keep_sending_into_it():
    """A link that loses nine packets of ten and that routing takes for sound: a path that has failed, as NICs see it."""
    found, _ = points(prepare(CLOS), "ring", 2**20, impair="leaf0->spine0=loss:0.9")
    bad = {transport: found["leaf0->spine0 loses 0.9", transport] for transport in TRANSPORTS}
    sound = {transport: found["as it is", transport] for transport in TRANSPORTS}
    assert 1 <= bad["feedback"].lost <= 4
    assert bad["feedback"].time_s < 1.02 * sound["feedback"].time_s
    for transport in ("ecmp", "spray", "least-queued"):
        assert bad[transport].lost > 20 * bad["feedback"].lost
        assert bad[transport].time_s > 1.5 * sound[transport].time_s


def test_hashing_collides_and_spraying_does_not():
    found, last = points(prepare(CLOS, collective="all-to-all"), "direct", 2**20, impair="none")
    assert found["as it is", "ecmp"].slowdown > 1.3 * found["as it is", "spray"].slowdown
    assert found["as it is", "ecmp"].load > 1.3
    assert found["as it is", "ecmp"].reorder_peak == 0 < found["as it is", "spray"].reorder_peak
    assert all(p.slowdown >= 1 for p in last.points)


def test_losses_cost_go_back_n_more_than_selective_repeat():
    states = {"impair": "none", "losses": ["1e-3"]}
    selective, _ = points(prepare(CLOS), "ring", 2**20, transports=["ecmp", "spray"], **states)
    back, _ = points(prepare(CLOS, network={"recovery": "go-back-n"}), "ring", 2**20, transports=["ecmp", "spray"], **states)
    for transport in ("ecmp", "spray"):
        one, other = selective["loss 0.001", transport], back["loss 0.001", transport]
        assert one.repeated == one.lost > 0 == one.discarded
        assert other.repeated == other.lost + other.discarded > one.repeated
        assert other.time_s > one.time_s > selective["as it is", transport].time_s


def test_both_engines_see_the_same():
    case = prepare(CLOS, collective="all-to-all", seed=3)
    _, compiled = points(case, "direct", 2**16, losses=["0.01"])
    _, simpy = points(replace(case, engine="simpy"), "direct", 2**16, losses=["0.01"])
    strip = [replace(p, wall_s=0.0) for p in compiled.points]
    assert strip == [replace(p, wall_s=0.0) for p in simpy.points]
    assert compiled.ideal == simpy.ideal


@pytest.mark.parametrize(
    ("topology", "algorithm", "options", "words"),
    [
        ("torus4x4", "ring", {}, "fabric"),
        ("full4", "ring", {}, "fabric"),
        (CLOS, "ring", {"transports": ["sprey"]}, "spray"),
        (CLOS, "ring", {"impair": "leaf0-spine9=0.5"}, "leaf0"),
        (CLOS, "ring", {"impair": "leaf0"}, "LINK=SHARE"),
        (CLOS, "ring", {"impair": "leaf0-spine0=fast"}, "above zero"),
        (CLOS, "ring", {"impair": "leaf0-spine0=loss:1"}, "below 1"),
        (CLOS, "ring", {"impair": "leaf0-spine9=loss:0.5"}, "leaf0"),
        (CLOS, "ring", {"losses": ["1"]}, "below 1"),
    ],
)
def test_what_cannot_be_compared_is_refused(topology, algorithm, options, words):
    with pytest.raises(CollsimError, match=words):
        points(prepare(topology), algorithm, 2**16, **options)


def test_fixed_paths_and_the_analytic_engine_are_refused():
    with pytest.raises(CollsimError, match="fixes the paths"):
        points(prepare(CLOS), "multitree", 2**16)
    with pytest.raises(CollsimError, match="compiled"):
        points(prepare(CLOS, engine="analytic"), "ring", 2**16)
