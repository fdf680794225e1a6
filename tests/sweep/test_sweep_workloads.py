"""Workloads as points of sweeps: the numbers of their own functions, whoever works the points off."""

import pickle

import pytest

import collsim
from collsim.sweep.answer import Bench, answer
from collsim.sweep.grid import make_grid
from collsim.sweep.runner import RUNNERS
from collsim.sweep.sweeping import make_plan, refusals

SMALL = {
    "run": {"topologies": "ring4", "sizes": "1KiB"},
    "tp": {"topologies": "gaudi3", "models": "llama2-7b", "p": [1, 0.5], "mode": "decode", "sequence": 128},
    "dp": {"topologies": [None, "torus"], "ranks": 4, "schemes": ["ssgd", "dcs3gd", "asgd"], "iterations": 4},
    "traffic": {
        "topologies": "switch4",
        "loads": "0.1:0.3:0.2",
        "packet": 4,
        "warmup": 100,
        "measure": 500,
        "engines": "simpy",
    },
    "sites": {"topologies": "nvl8x4x2", "parameters": "100B", "tokens": "4M", "compute": "1s", "ways": ["flat", "late"]},
    "jobs": {"topologies": "torus4x4", "mixes": [["ring:8:64KiB", "direct:8:64KiB"]], "placements": ["packed", "spread"]},
    "transports": {
        **{"topologies": "leafspine2x2x2", "sizes": "16KiB", "loss": ["0", "1e-2"], "impair": [None, "leaf0-spine0=0.25"]},
        **{"transports": ["ecmp", "spray"], "engines": "simpy"},
    },
}


def swept(kind, **more):
    given = {"workload": kind, "engines": "analytic"} | SMALL[kind] | more
    return collsim.sweep(**given, jobs=0).rows


def test_every_kind_of_point_is_tested():
    assert set(SMALL) == set(RUNNERS)


@pytest.mark.parametrize("kind", SMALL)
def test_work_can_be_sent_to_another_process_and_gives_the_same(kind):
    plan = make_plan(make_grid({"workload": kind, "engines": "analytic"} | SMALL[kind]))
    works = [job.work for job in plan.jobs]
    assert None not in works
    bench, sent = Bench(), Bench()
    for work in works:
        here, there = answer(work, bench), answer(pickle.loads(pickle.dumps(work)), sent)
        assert (here.status, here.error) == ("done", "")
        times = ("wall_s",)
        assert {k: v for k, v in here.results.items() if k not in times} == {
            k: v for k, v in there.results.items() if k not in times
        }


def test_tensor_parallel_points_are_those_of_a_study():
    from collsim.sweep.tensor_parallel_study import tensor_parallel

    study = tensor_parallel("gaudi3", "llama2-7b", [1, 0.5], mode="decode", sequence=128, engine="analytic")
    rows = swept("tp")
    assert [row.results["time_fs"] for row in rows] == [point.time for point in study.points]
    assert [row.results["speedup_over_own_p1"] for row in rows] == [point.over(study.own) for point in study.points]
    assert [row.results["speedup_over_stock_megatron"] for row in rows] == [p.over(study.stock) for p in study.points]


def test_data_parallel_points_are_those_of_a_study():
    from collsim.sweep.data_parallel import Job, data_parallel

    study = data_parallel(4, "ssgd,dcs3gd", job=Job(iterations=4, warmup=2), engine="analytic")
    rows = [row for row in swept("dp") if row.point["topology"] == "switch4"]
    assert [row.results["iteration_s"] for row in rows] == [record["iteration_s"] for record in study.records()]
    assert [row.results["speedup"] for row in rows] == [record["speedup_over_ssgd"] for record in study.records()]
    # A parameter server has a host of its own on the switch.
    assert [row.point["topology"] for row in swept("dp", schemes="asgd")] == ["switch5", "torus2x2"]


def test_points_of_traffic_are_those_of_a_curve():
    from collsim.sweep.traffic import traffic

    curve = traffic("switch4", [0.1, 0.3], packet=4, warmup=100, measure=500, engine="simpy")
    rows = swept("traffic")
    assert [row.results["latency_mean"] for row in rows] == [point.latency_mean for point in curve.points]
    assert {row.results["channel_bound"] for row in rows} == {curve.expected.bound}


def test_points_of_jobs_are_those_of_a_comparison():
    from collsim.sweep.jobs import compare_placements

    mixed = compare_placements("torus4x4", SMALL["jobs"]["mixes"][0], ["packed", "spread"], engine="analytic")
    for row, mix in zip(swept("jobs"), mixed.mixes, strict=True):
        assert row.results["time_fs"] == mix.time
        assert [row.results[f"slowdown_{share.job.name}"] for share in mix.shares] == [
            share.slowdown for share in mix.shares
        ]


def test_points_of_transports_are_those_of_a_study():
    from collsim.simulate import prepare
    from collsim.sweep.transports import conditions, study

    case = prepare("leafspine2x2x2", engine="simpy")
    states = conditions(case.topology, "leaf0-spine0=0.25", ["1e-2"])
    *_, found = study(case, "direct", 16384, ["ecmp", "spray"], states)
    rows = {(row.point["impair"], row.point["loss"], row.point["transport"]): row.results for row in swept("transports")}
    wanted = [(None, "0"), ("leaf0-spine0=0.25", "0"), (None, "1e-2")]
    for point, key in zip(found.points, [(*state, name) for state in wanted for name in ("ecmp", "spray")], strict=True):
        assert (rows[key]["time_s"], rows[key]["lost"], rows[key]["slowdown"]) == (point.time_s, point.lost, point.slowdown)


def test_a_point_of_transports_that_stalls_has_failed_and_the_others_are_done():
    more = {"transports": ["ecmp", "feedback"], "impair": "1us:leaf0-spine0=drop", "loss": "0", "sizes": "64KiB"}
    rows = {row.point["transport"]: row for row in swept("transports", **more)}
    assert (rows["ecmp"].status, rows["feedback"].status) == ("failed", "done")
    assert "spine0" in rows["ecmp"].error
    assert rows["feedback"].results["lost"] > 0


def test_points_of_sites_are_its_ways():
    rows = swept("sites")
    assert [row.point["way"] for row in rows] == ["flat", "late"]
    assert rows[1].results["time_fs"] < rows[0].results["time_fs"]
    assert rows[0].results["compute_fs"] == 10**15


CHANGED = {
    "tp": ("1us:gaudi0->gaudi1=0.1", {}),
    "dp": ("1us:h0->s0=0.1", {"topologies": "switch4", "schemes": "dcs3gd"}),
    "sites": ("1.01s:site0/core->site1/core#0=0.5", {"ways": ["flat", "hierarchical"], "wan_rates": "50GB/s"}),
    "jobs": ("1us:h0->h1=0.1", {"placements": "packed"}),
    "transports": ("1us:h0->leaf0=0.1", {"loss": "0", "impair": [None], "transports": "spray"}),
}


@pytest.mark.parametrize("kind", CHANGED)
def test_links_change_under_points_of_every_kind(kind):
    text, few = CHANGED[kind]
    rows = swept(kind, **few, engines="compiled", at=["none", text, [text, "1s:" + text.partition(":")[2]]])
    plain, changed, again = ([row for row in rows if len(row.point["at"]) == count] for count in (0, 1, 2))
    # Points that are the same are run once: those that differ in their changes alone are others.
    assert len(plain) == len(changed) == len(again) > 0
    slower = [two.results["time_fs"] > one.results["time_fs"] for one, two in zip(plain, changed, strict=True)]
    assert any(slower)


def test_shares_of_links_that_change_between_sites_are_of_the_rate_they_have():
    rate, text = "50GB/s", "0s:site0/core->site1/core#0="
    rows = swept("sites", ways="flat", engines="compiled", wan_rates=rate, at=["none", text + "0.5", text + "25GB/s"])
    plain, changed = (row.results["time_fs"] for row in rows)  # the last is the second, which is run once
    assert plain < changed


def test_late_exchanges_of_sites_begin_together_unless_it_is_said():
    rows = swept("sites", ways="late", rendezvouses=[True, False])
    (together,) = swept("sites", ways="late")
    assert rows[0].results["time_fs"] == together.results["time_fs"] != rows[1].results["time_fs"]


@pytest.mark.parametrize(
    "kind, given, words",
    [
        ("tp", {"models": "lama2-7b"}, "llama2-7b"),
        ("tp", {"mode": "trane"}, "'train'"),
        ("tp", {"p": 2}, "0"),
        ("dp", {"schemes": "ssdg"}, "'ssgd'"),
        ("dp", {"topologies": "tours4x4"}, "torus4x4"),
        ("dp", {"jitter": "much"}, "0.1"),
        ("traffic", {"pattern": "uniformly"}, "'uniform'"),
        ("traffic", {"loads": 2}, "not in"),
        ("sites", {"ways": "hierarchicel"}, "'hierarchical'"),
        ("jobs", {"mixes": ["rng:8:64KiB"]}, "'ring'"),
        ("jobs", {"placements": "pack"}, "packed"),
        ("transports", {"transports": "sprey"}, "'spray'"),
        ("transports", {"rendezvous": True}, "key of a sweep of transports"),
    ],
)
def test_wrong_words_are_refused_with_the_right_ones(kind, given, words):
    with pytest.raises(collsim.CollsimError, match=words):
        make_grid({"workload": kind} | SMALL[kind] | given)


@pytest.mark.parametrize(
    "axes, count",
    [
        ({"topologies": ["ring4", "torus3x3"], "algorithms": ["ring", "recursive-doubling"], "sizes": ["1KiB", "2KiB"]}, 2),
        ({"topologies": "torus3x3", "algorithms": "ring", "baselines": [None, "recursive-doubling"], "sizes": "1KiB"}, 1),
        (
            {"workload": "transports", "topologies": "leafspine2x2x2", "algorithms": ["ring", "multitree"], "sizes": "1KiB"},
            1,
        ),
        ({"workload": "jobs", "topologies": "torus4x4", "mixes": [["ring:3:1KiB"], ["recursive-doubling:3:1KiB"]]}, 1),
        ({"workload": "dp", "ranks": [3, 4], "algorithms": "recursive-doubling", "schemes": "ssgd", "iterations": 3}, 1),
        ({"workload": "tp", **SMALL["tp"], "algorithms": ["hdrm", "ring"], "tp": [2, 16]}, 6),
    ],
)
def test_what_cannot_run_is_known_before_it_runs(axes, count):
    """Algorithms that do not suit a machine or a group, and fixed paths where transports are to choose."""
    plan = make_plan(make_grid(axes))
    assert all(job.refused is None for job in plan.jobs)
    found = refusals(plan)
    results = collsim.sweep(**axes, jobs=0)
    assert len(found) == len(results.refused) == count
    assert {str(reason) for reason in found.values()} == {row.error for row in results.refused}


def test_an_algorithm_of_a_file_is_asked_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(
        "from collsim import Formula, ScheduleBuilder, algorithm\n"
        "def law(text): return Formula(text, lambda *_: None)\n"
        "@algorithm('mine', title='t', source='s', needs='a torus', collectives=('all-reduce',), steps=law('1'),\n"
        "           volume=law('1'), size_free=True, suits=('torus4x4',))\n"
        "def mine(topology, collective, hosts, hint):\n"
        "    raise mine.refuse(topology, 'it has no torus.')\n"
    )
    plan = make_plan(make_grid({"topologies": "ring4", "algorithms": ["./mine.py", "ring"], "sizes": "1KiB"}))
    (reason,) = refusals(plan).values()
    assert "mine cannot run on ring4: it has no torus." in str(reason)
