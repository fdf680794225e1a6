"""Transports compared: the ideal, what a slow cable and losses cost each, and what is refused."""

from dataclasses import replace

import pytest

from collsim.errors import CollsimError, InvalidValue
from collsim.simulate import prepare, simulate
from collsim.sweep.transports import TRANSPORTS, compare_transports, conditions, one_switch, study
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
        assert bad[transport].time_s > (3 if transport == "ecmp" else 1.15) * sound[transport].time_s
    # A hash loses nine in ten of a packet's attempts, a turn that goes on only the first one.
    assert bad["ecmp"].lost > 7 * bad["spray"].lost


@pytest.mark.parametrize("impair", ["20us:leaf0-spine0=drop", "leaf0-spine0=drop"])
def test_feedback_avoids_a_cable_that_dies_unnoticed_and_a_hash_never_gets_away(impair):
    found, last = points(prepare(CLOS), "ring", 2**20, impair=impair)
    state = impair if ":" in impair else "leaf0-spine0 drops everything"
    bad = {transport: found[state, transport] for transport in TRANSPORTS}
    assert "leaf0->spine0 from" in bad["ecmp"].stalled or "spine0->leaf0 from" in bad["ecmp"].stalled
    assert (bad["ecmp"].time_s, bad["ecmp"].slowdown, bad["ecmp"].load) == (None, None, None)
    assert 0 < bad["feedback"].lost <= 8 < 10 * 8 < bad["spray"].lost < bad["least-queued"].lost
    assert bad["feedback"].slowdown < bad["spray"].slowdown < bad["least-queued"].slowdown
    assert bad["feedback"].load < 1.5 < bad["spray"].load
    assert last.to_dict()["runs"][4]["slowdown"] is None
    assert last.frame()["slowdown"].isna().sum() == 1


def test_a_link_that_changes_for_a_while_is_a_condition():
    (_, state) = conditions(load(CLOS), " 5us : leaf0->spine0=0.5")
    assert [(change.time, change.rate) for change in state.changes] == [(5 * 10**9, 8 * 10**9)]
    assert state.topology.bandwidth.min() == state.topology.bandwidth.max()


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


def test_each_seed_is_a_run_of_its_own_and_cells_are_their_means_and_ranges():
    several = compare_transports(CLOS, "direct", 2**16, ["ecmp"], collective="all-to-all", impair="none", losses=[], seeds=3)
    hashed = {"collective": "all-to-all", "size": 2**16, "network": {"routing": "ecmp"}}
    alone = [simulate(CLOS, "direct", **hashed, seed=seed) for seed in range(3)]
    assert [p.seed for p in several.points] == [0, 1, 2]
    times = [one.time_s for one in alone]
    assert [p.time_s for p in several.points] == times
    assert [p.load for p in several.points] == [one.link_imbalance for one in alone]
    (cell,) = several.cells
    assert (cell.seeds, cell.time_min_s, cell.time_max_s) == (3, min(times), max(times))
    assert cell.time_s == pytest.approx(sum(times) / 3)
    assert cell.load == pytest.approx(sum(p.load for p in several.points) / 3)
    assert cell.load_min < cell.load < cell.load_max
    assert cell.slowdown_min < cell.slowdown < cell.slowdown_max
    frame = several.frame()
    assert (len(frame), len(several.runs()), frame.seeds[0]) == (1, 3, 3)
    assert frame.time_s[0] == cell.time_s


def test_what_draws_nothing_runs_once_and_losses_are_draws():
    found = compare_transports(CLOS, "ring", 2**16, ["up-down", "spray"], impair="none", losses=["1e-3"], seeds=2, seed=7)
    seeds = {(cell.condition, cell.transport): cell.seeds for cell in found.cells}
    assert seeds == {
        ("as it is", "up-down"): 1,
        ("as it is", "spray"): 2,
        ("loss 0.001", "up-down"): 2,
        ("loss 0.001", "spray"): 2,
    }
    assert {p.seed for p in found.points} == {7, 8}


def test_links_change_as_the_case_says():
    """A cable that is slow from the start is the same whether the machine or a change says so, but for who knows it."""
    changed = prepare(CLOS, at=["0s:leaf0-spine0=0.25"])
    found, last = points(changed, "ring", 2**20, impair="leaf0-spine0=0.25")
    plain, _ = points(prepare(CLOS), "ring", 2**20, impair="leaf0-spine0=0.25")
    assert found["as it is", "spray"].time_s > 1.5 * plain["as it is", "spray"].time_s
    for way in ("ecmp", "spray"):
        assert found["as it is", way].time_s == plain["leaf0-spine0 at 0.25", way].time_s
        assert simulate(CLOS, "ring", size=2**20, network={"routing": way}, at=["0s:leaf0-spine0=0.25"]).time_s == (
            found["as it is", way].time_s
        )
    assert last.to_dict()["link_changes"] == ["0 fs: leaf0->spine0 at 4 GB/s", "0 fs: spine0->leaf0 at 4 GB/s"]
    # The ideal has no such link, and stays what it is.
    assert last.ideal == points(prepare(CLOS), "ring", 2**20, transports=["spray"], impair="none")[1].ideal


def test_a_link_that_fails_stalls_every_transport():
    found, last = points(prepare(CLOS, at=["0s:leaf0-spine0=fail"]), "ring", 2**18, impair="none")
    for transport in TRANSPORTS:
        assert "leaf0->spine0 failed at 0 fs" in found["as it is", transport].stalled
    assert [(cell.time_s, cell.stalls, cell.seeds) for cell in last.cells] == [(None, 1, 1)] * 4
    assert str(last).count("stalls") == 4


def test_means_are_of_the_runs_that_end():
    """One message, which some seeds hash onto the cable."""
    settings = {"impair": "leaf0->spine0=drop", "losses": [], "seeds": 8, "collective": "broadcast"}
    found = compare_transports("leafspine2x2x4", "direct", "64KiB", ["ecmp"], **settings)
    cell = found.cells[1]
    ended = [p for p in found.points if p.condition == cell.condition and not p.stalled]
    assert 0 < cell.stalls < cell.seeds == 8
    assert len(ended) == 8 - cell.stalls
    assert cell.time_s == pytest.approx(sum(p.time_s for p in ended) / len(ended))
    assert cell.packets == ended[0].packets > 0
    assert "leaf0->spine0" in cell.stalled
    assert f"{cell.stalls} stall" in found._repr_html_()


def test_changes_of_the_case_and_of_a_condition_add_up():
    case = prepare(CLOS, at=["5us:leaf1-spine1=0.5"])
    found, _ = points(case, "ring", 2**18, transports=["feedback"], impair="1us:leaf0-spine0=drop")
    assert found["1us:leaf0-spine0=drop", "feedback"].lost > 0 == found["as it is", "feedback"].lost
    with pytest.raises(InvalidValue, match="twice"):
        points(case, "ring", 2**18, transports=["feedback"], impair="5us:leaf1-spine1=drop")


def test_links_that_no_message_can_cross_count_for_nothing():
    """Two of four leaves talk: the even load of spraying is even, whatever the rest of the machine does not do."""
    case = prepare(CLOS, collective="all-to-all", hosts=range(8))
    found, _ = points(case, "direct", 2**18, transports=["spray", "up-down"], impair="none")
    for way in ("spray", "up-down"):
        assert found["as it is", way].load_links == 16
        assert found["as it is", way].load == pytest.approx(1, abs=0.01)


def test_a_study_shows_itself():
    found = compare_transports("leafspine2x2x2", "ring", "16KiB", ["ecmp"], losses=[], seeds=2)
    assert str(found).count("\n") == 1
    html = found._repr_html_()
    assert html.count("<tr") == 3
    assert "Means over the seeds 0 to 1" in html


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
        (CLOS, "ring", {"impair": "1us:leaf0-spine9=drop"}, "leaf0"),
        (CLOS, "ring", {"impair": "1us:leaf0-spine0=loss:1"}, "drop"),
        (CLOS, "ring", {"losses": ["1"]}, "below 1"),
    ],
)
def test_what_cannot_be_compared_is_refused(topology, algorithm, options, words):
    with pytest.raises(CollsimError, match=words):
        points(prepare(topology), algorithm, 2**16, **options)


def test_a_study_without_runs_is_refused():
    with pytest.raises(CollsimError, match="1 or more"):
        compare_transports(CLOS, seeds=0)
    with pytest.raises(CollsimError, match="at least one"):
        compare_transports(CLOS, transports=[])


def test_fixed_paths_and_the_analytic_engine_are_refused():
    with pytest.raises(CollsimError, match="fixes the paths"):
        points(prepare(CLOS), "multitree", 2**16)
    with pytest.raises(CollsimError, match="compiled"):
        points(prepare(CLOS, engine="analytic"), "ring", 2**16)
