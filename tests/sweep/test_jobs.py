"""Jobs that share a machine: known slowdowns, and both engines alike on torus, fat-tree and dragonfly."""

import pytest

from collsim.sweep.jobs import compare_placements
from collsim.topology.graph import Link, build
from collsim.units import serialisation_fs

GB, NS, US = 10**9, 10**6, 10**9
ENGINE = pytest.mark.parametrize("engine", ["compiled", "simpy"])


def dumbbell():
    """Hosts 0 and 1 on one switch, 2 and 3 on another, all links alike: jobs (0, 2) and (1, 3) share the cable between."""
    pairs = [(0, 4), (1, 4), (2, 5), (3, 5), (4, 5)]
    links = [Link(*ends, 16 * GB, 150 * NS) for a, b in pairs for ends in ((a, b), (b, a))]
    return build("dumbbell", 4, links, switches=2)


@ENGINE
@pytest.mark.parametrize(
    ("machine", "job"), [("switch8", "ring:4:64KiB"), ("torus4x4", "ring:4:64KiB"), ("fattree4", "direct:4:64KiB")]
)
def test_jobs_that_share_nothing_slow_nobody(engine, machine, job):
    # Rows of the torus, pods of the fat-tree: packed jobs have their links for themselves.
    mix = compare_placements(machine, [job, job], engine=engine).mixes[0]
    assert [s.slowdown for s in mix.shares] == [1.0, 1.0]
    assert [s.together for s in mix.shares] == [s.alone for s in mix.shares]
    assert mix.meetings == ()
    assert [s.link for s in mix.shares] == [-1, -1]


def test_groups_of_a_dragonfly_share_nothing_either():
    job = "ring:8:64KiB"
    mix = compare_placements("dragonfly2x4x2", [job] * 3).mixes[0]
    assert [s.slowdown for s in mix.shares] == [1.0] * 3


@ENGINE
def test_two_jobs_over_one_cable_take_twice_its_time(engine):
    # Spread: (0, 2) and (1, 3). Each all-gather sends 128 KiB each way, 32 packets, over the one cable. It never idles, so
    # the later job ends when 64 packets have passed, a packet's time before it the other: together = alone + 32 packets.
    run = compare_placements(dumbbell(), ["ring:2:256KiB:collective=all-gather"] * 2, ["spread"], engine=engine)
    first, second = run.mixes[0].shares
    packet = serialisation_fs(4096, 16 * GB)
    assert (first.hosts, second.hosts) == ((0, 2), (1, 3))
    assert second.together - second.alone == 32 * packet
    assert first.together - first.alone == 31 * packet
    assert second.alone == 32 * packet + 3 * 150 * NS + 2
    assert 1.8 < second.slowdown < 2
    cable = [m for m in run.mixes[0].meetings if run.case.topology.link_name(m.link) in ("s0->s1", "s1->s0")]
    assert len(cable) == len(run.mixes[0].meetings) == 2
    assert all(m.bytes_of == {"A": 131072, "B": 131072} for m in cable)


@ENGINE
@pytest.mark.parametrize("arbitration", ["lowest-step", "oldest"])
def test_arbiters_that_go_by_a_key_let_the_job_named_first_pass(engine, arbitration):
    # Steps and ready times are equal, so ids decide: all of the first job goes before all of the second.
    settings = {"engine": engine, "network": {"arbitration": arbitration}}
    run = compare_placements(dumbbell(), ["ring:2:256KiB:collective=all-gather"] * 2, ["spread"], **settings)
    first, second = run.mixes[0].shares
    assert first.together == first.alone
    assert second.together - second.alone == 32 * serialisation_fs(4096, 16 * GB)


def test_lowest_step_lets_a_job_pass_that_is_at_an_earlier_step():
    # The second job comes when the first is in its last step, and has only one: under lowest-step it goes before it.
    jobs = ["ring:2:4MiB", "ring:2:1MiB:collective=all-gather:start=200us"]
    runs = [
        compare_placements(dumbbell(), jobs, ["spread"], network={"arbitration": name}).mixes[0].shares[1]
        for name in ("lowest-step", "round-robin")
    ]
    assert runs[0].slowdown < 1.02
    assert runs[1].slowdown > 1.9


def test_long_messages_over_one_cable_come_to_a_factor_of_two():
    run = compare_placements(dumbbell(), ["ring:2:64MiB:collective=all-gather"] * 2, ["spread"])
    assert run.mixes[0].shares[1].slowdown == pytest.approx(2, abs=1e-3)


def test_two_rings_over_the_same_links_take_twice_as_long():
    # Even and odd hosts of a ring of 8: each hop of either job is two links long, so all links carry both.
    run = compare_placements("ring8", ["ring:4:16MiB"] * 2, ["spread"])
    assert [s.slowdown for s in run.mixes[0].shares] == pytest.approx([2, 2], abs=0.02)
    loads = [tuple(m.bytes_of.values()) for m in run.mixes[0].meetings]
    assert len(loads) == 8
    assert all(a == b for a, b in loads)


@pytest.mark.parametrize("machine", ["torus4x4", "fattree4", "dragonfly2x2x1"])
def test_both_engines_say_the_same(machine):
    jobs = ["ring:4:40KiB:calls=2:compute=3us", "multitree:3:24KiB:start=1us"]
    jobs += ["direct:4:32KiB:collective=all-to-all"]
    runs = [
        compare_placements(machine, jobs, ["packed", "spread", "random:3"], engine=engine, slow=["1=2"])
        for engine in ("compiled", "simpy")
    ]
    for one, other in zip(runs[0].mixes, runs[1].mixes, strict=True):
        assert [(s.alone, s.together, s.full_speed) for s in one.shares] == [
            (s.alone, s.together, s.full_speed) for s in other.shares
        ]
        assert one.meetings == other.meetings


def test_a_later_start_is_not_counted_and_can_dodge_the_others():
    early, late = (
        compare_placements(dumbbell(), ["ring:2:1MiB", f"ring:2:1MiB:start={t}"], ["spread"]) for t in ("0", "9ms")
    )
    assert early.mixes[0].shares[1].slowdown > 1.5
    assert [s.slowdown for s in late.mixes[0].shares] == [1.0, 1.0]
    assert late.mixes[0].shares[1].alone == early.mixes[0].shares[1].alone


def test_a_straggler_costs_what_it_computes_longer():
    run = compare_placements("ring4", ["ring:4:64KiB:calls=2:compute=100us"], slow=["2=1.5"])
    share = run.mixes[0].shares[0]
    # All ranks end the first call at once, and the second waits for the slow host.
    assert share.alone - share.full_speed == 50 * US
    assert share.slowdown == 1.0


def test_a_slow_nic_is_a_slow_link():
    plain, slow = (
        compare_placements("switch4", ["ring:4:4MiB"], degrade=degrade).mixes[0].shares[0].alone
        for degrade in ({}, {"h1->s0": 0.5})
    )
    assert slow / plain == pytest.approx(2, rel=0.01)


def test_links_that_change_hit_the_job_alone_as_well():
    texts = ["1us:h0->s0=fail", "100us:h0->s0=restore"]
    share = compare_placements("switch4", ["ring:2:64KiB", "ring:2:64KiB"], at=texts).mixes[0].shares
    assert share[0].alone > 100 * US > share[1].alone
    assert [s.slowdown for s in share] == [1.0, 1.0]


def test_rows_and_json_agree(tmp_path):
    run = compare_placements("torus4x4", ["ring:8:64KiB", "ring:8:64KiB"], ["spread", "packed"])
    value = run.to_dict()
    assert len(value["jobs"]) == 4
    assert [row["placement"] for row in value["jobs"]] == ["spread", "spread", "packed", "packed"]
    assert run.frame()["slowdown"].tolist() == [row["slowdown"] for row in value["jobs"]]
    assert value["placements"][0]["hosts"]["A"] == ["h0", "h2", "h4", "h6", "h8", "h10", "h12", "h14"]
    for row in value["jobs"]:
        assert row["bound_of_a_call_s"] <= min(row["alone_s"], row["together_s"])
    run.plot(tmp_path / "bars.svg")
    assert (tmp_path / "bars.svg").stat().st_size > 1000


def test_a_comparison_of_placements_shows_itself():
    found = compare_placements("torus4x4", ["ring:8:64KiB", "ring:8:64KiB"], ["packed", "spread"], engine="analytic")
    assert len(str(found).splitlines()) == 4
    assert found._repr_html_().count("<tr") == 5
