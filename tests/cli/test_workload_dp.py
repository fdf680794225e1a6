"""`collsim workload dp` as a user meets it: the report, files, scaling, refusals, interruption."""

import csv
import json

import pytest

from collsim.cli.main import invoke
from collsim.sweep.data_parallel import data_parallel

SMALL = ("--ranks", "4", "--payload", "1MB", "--compute-time", "100us", "--iterations", "8")


@pytest.fixture
def go(capsys):
    """Run the command line and return (exit code, stdout, stderr)."""

    def run(*words):
        code = invoke(("workload", "dp", *words))
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_all_schemes_are_reported_with_law_and_speedup(go):
    code, out, err = go(*SMALL)
    assert (code, err) == (0, "")
    rows = {line.split()[0]: line for line in out.splitlines() if "x  " in line}
    assert list(rows) == ["ssgd", "asgd", "dcs3gd", "eager-sgd", "local-sgd", "od-sgd", "pipe-sgd", "ssgd-overlap"]
    assert "equal to the tick" in rows["dcs3gd"]
    assert "over ssgd" in out
    for label in ("Machine", "Model", "T_c", "T_ar", "T_u", "Servers", "Law", "Bound", "Bottleneck", "Engine", "Try next"):
        assert f"\n{label} " in f"\n{out}"
    assert "switch5" in out


def test_what_is_proposed_next_runs(go):
    proposed = go(*SMALL, "--scheme", "dcs3gd")[1].splitlines()[-1].split()
    assert proposed[:4] == ["Try", "next", "collsim", "workload"]
    assert go(*proposed[5:], "--iterations", "3")[0] == 0


def test_the_numbers_are_those_of_the_library(go):
    value = json.loads(go("--ranks", "4", "--scheme", "dcs3gd,ssgd", "--json", "-")[1])
    for mine, theirs in zip(value["runs"], data_parallel(4, "dcs3gd,ssgd").to_dict()["runs"], strict=True):
        assert {k: v for k, v in mine.items() if k != "wall_s"} == {k: v for k, v in theirs.items() if k != "wall_s"}
    assert [run["scheme"] for run in value["runs"]] == ["ssgd", "dcs3gd"]
    dcs3gd = value["runs"][1]
    assert dcs3gd["iteration_s"] == pytest.approx(max(dcs3gd["compute_s"], dcs3gd["exchange_alone_s"]) + dcs3gd["update_s"])
    assert dcs3gd["equal_to_the_tick"]
    assert len(dcs3gd["ended_s"]) == 20
    assert len(dcs3gd["ended_s"][0]) == 4


def test_speedups_are_over_synchronous_sgd_even_where_it_is_not_shown(go):
    (row,) = csv.DictReader(go(*SMALL, "--scheme", "dcs3gd", "--csv", "-")[1].splitlines())
    both = list(csv.DictReader(go(*SMALL, "--scheme", "ssgd,dcs3gd", "--csv", "-")[1].splitlines()))
    assert row["speedup_over_ssgd"] == both[1]["speedup_over_ssgd"]
    assert float(both[0]["iteration_s"]) / float(both[1]["iteration_s"]) == pytest.approx(float(row["speedup_over_ssgd"]))


def test_several_numbers_of_ranks_scale_a_family(go, tmp_path):
    files = {kind: tmp_path / f"out.{kind}" for kind in ("png", "csv", "json")}
    words = ("--ranks", "4,8", "--topo", "torus", "--payload", "1MB", "--scheme", "ssgd,dcs3gd")
    code, out, _ = go(*words, "--plot", str(files["png"]), "--csv", str(files["csv"]), "--json", str(files["json"]))
    assert code == 0
    assert "torus2x2" in out
    assert "torus4x2" in out
    assert [int(row["ranks"]) for row in csv.DictReader(files["csv"].open())] == [4, 4, 8, 8]
    assert files["png"].stat().st_size > 10_000


def test_a_fixed_machine_takes_a_group_and_timelines_are_drawn(go, tmp_path):
    picture = tmp_path / "lines.png"
    words = ("--topo", "torus4x4", "--jitter", "0.2", "--straggler", "1:1.5", "--late", "2:3:50us", "--plot", str(picture))
    code, out, _ = go(*SMALL, *words)
    assert code == 0
    assert "16 hosts" in out
    assert "of which 4 hold ranks" in out
    assert "rank 1 1.5 times as long" in out
    assert picture.stat().st_size > 10_000


def test_faults_are_named_and_used(go):
    words = (*SMALL, "--topo", "ring4", "--scheme", "ssgd")
    whole, broken = (go(*words, *more)[1] for more in ((), ("--degrade", "h0->h1=0.5")))
    assert "Faults     h0->h1 at 0.5 of its rate" in broken
    assert "Faults" not in whole
    times = [next(line for line in text.splitlines() if line.startswith("T_ar")) for text in (whole, broken)]
    assert times[0] != times[1]


def test_the_bound_is_that_of_the_machine_above_it_and_of_the_draws(go):
    words = ("--scheme", "ssgd", "--payload", "1MB", "--update-time", "1us", "--iterations", "3")
    bounds = [line for line in go("--ranks", "2,8", "--global-batch", "16", *words)[1].splitlines() if "Bound" in line]
    assert len(set(bounds)) == 2
    assert all("T_c + T_u" in line for line in bounds)
    noisy = go(*SMALL, "--scheme", "asgd,dcs3gd", "--jitter", "0.5")[1]
    assert "computes and updates in this run; asgd waits for nobody and has none" in noisy
    assert "Bound" not in go(*SMALL, "--scheme", "asgd")[1]


def test_what_the_analytic_engine_does_not_know_is_said(go):
    words = (*SMALL, "--scheme", "ssgd", "--set", "loss=1e-3")
    assert "The analytic engine knows no loss; use a packet engine" in go(*words, "--engine", "analytic")[1]
    assert "knows no loss" not in go(*words)[1]


def test_links_that_change_are_named(go):
    out = go(*SMALL, "--scheme", "ssgd", "--at", "300us:h0->s0=0.5")[1]
    assert "Links change  300 us: h0->s0 at 8 GB/s" in out
    assert "T_ar and the laws are of links as they are before any changes" in out
    assert "--at '300us:h0->s0=0.5'" in out


@pytest.mark.parametrize("engine", ["simpy", "analytic"])
def test_other_engines_say_the_same(go, engine):
    words = ("--ranks", "3", "--payload", "30kB", "--compute-time", "10us", "--iterations", "5", "--scheme", "ssgd,dcs3gd")
    words = (*words, "--jitter", "0.2", "--rendezvous", "--csv", "-")
    tables = [list(csv.DictReader(go(*words, *more)[1].splitlines())) for more in ((), ("--engine", engine))]
    for row in tables[0] + tables[1]:
        row.pop("wall_s")
    assert tables[0] == tables[1]
    assert {row["equal_to_the_tick"] for row in tables[0]} == {"True"}


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("--ranks", "17", "--topo", "torus4x4"), "17 ranks do not fit 'torus4x4', which has 16 hosts"),
        (("--ranks", "1"), "number of ranks 1 is too small"),
        (("--ranks", "many"), "Cannot read number of ranks 'many'"),
        (("--ranks", ","), "no number of ranks"),
        (("--ranks", "7", "--topo", "torus"), "7 ranks do not form a torus"),
        (("--ranks", "6", "--topo", "hypercube"), "There is no hypercube6"),
        (("--scheme", "dcs3g"), "Did you mean 'dcs3gd'?"),
        (("--scheme", ","), "no scheme"),
        (("--model", "resnet5"), "Did you mean 'resnet50'?"),
        (("--accelerator", "a10"), "Unknown accelerator 'a10'"),
        (("--update-time", "1ms", "--streams", "9"), "both say how long an update takes; give one of them"),
        (("--update-time", "1ms", "--memory-bandwidth", "1TB/s"), "--update-time and --memory-bandwidth both say"),
        (("--at", "1ms:h0->h9=fail"), "h9"),
        (("--eta", "1.5"), "overlap efficiency 1.5 is not in 0..1"),
        (("--eta", "most"), "Cannot read the overlap efficiency 'most'"),
        (("--jitter", "-0.1"), "The jitter is -0.1"),
        (("--iterations", "0"), "0 iterations to run"),
        (("--iterations", "100000000"), "more than 500,000 in all; take fewer"),
        (("--warmup", "20"), "leaves none of 20 to measure"),
        (("--batch", "0"), "mini-batch of 0 samples"),
        (("--batch", "2", "--global-batch", "8"), "give one of them"),
        (("--global-batch", "30", "--ranks", "4"), "does not divide among 4 ranks"),
        (("--gradient", "int8"), "Unknown type of gradients 'int8'"),
        (("--local-steps", "0"), "takes 0 steps"),
        (("--delay", "5"), "5 steps late"),
        (("--servers", "0"), "0 parameter servers"),
        (("--scheme", "dcs3gd", "--delay", "2"), "--delay is for local-sgd, which is not among dcs3gd"),
        (("--scheme", "ssgd,asgd", "--local-steps", "2"), "--local-steps is for local-sgd"),
        (("--scheme", "ssgd", "--servers", "2"), "--servers is for asgd"),
        (("--scheme", "ssgd", "--bucket", "1MiB"), "--bucket is for ssgd-overlap"),
        (("--straggler", "64:2"), "no rank 64"),
        (("--straggler", "1:1e300"), "exceed the clock"),
        (("--topo", "torus4x4", "--ranks", "8", "--servers", "17"), "17 parameter servers do not fit 'torus4x4'"),
        (("--late", "1:20:1ms"), "no iteration 20"),
        (("--payload", "0"), "no gradients to sum"),
        (("--compute-time", "0"), "Computing takes no time"),
        (("--compute-time", "2000s"), "exceed the clock"),
        (("--accelerator", "multitree-isca21"), "memory bandwidth of 'multitree-isca21' is not known"),
        (("--algo", "rng"), "Did you mean 'ring'?"),
        (("--json", "-", "--csv", "-"), "Only one of --json and --csv"),
        (("--plot", "out.txt"), "Cannot draw 'out.txt'"),
    ],
)
def test_nonsense_gets_one_sentence(go, words, sentence):
    code, out, err = go(*words)
    assert (code, out) == (2, "")
    assert sentence in err
    assert len(err.strip().splitlines()) == 1


def test_an_interruption_keeps_what_is_done(go, monkeypatch):
    from collsim.sweep import data_parallel as module

    real = module.run_scheme

    def interrupted(where, name, observers):
        if name == "dcs3gd":
            raise KeyboardInterrupt
        return real(where, name, observers)

    monkeypatch.setattr(module, "run_scheme", interrupted)
    code, out, err = go(*SMALL, "--scheme", "ssgd,dcs3gd")
    assert code == 130
    assert "\nssgd " in out
    assert "Interrupted" in err


def test_a_trace_of_one_scheme_has_what_ranks_compute(tmp_path, capsys):
    path = tmp_path / "trace.json"
    words = ["workload", "dp", "--ranks", "4", "--iterations", "2", "--payload", "1MiB", "--compute-time", "1ms"]
    assert invoke([*words, "--scheme", "ssgd", "--trace", str(path)]) == 0
    value = json.loads(path.read_text())
    computing = [e for e in value["traceEvents"] if e["ph"] == "X" and e["cat"] == "compute"]
    assert {e["name"] for e in computing} == {"compute 0", "update 0", "compute 1", "update 1"}
    assert sum(e["dur"] > 0 for e in computing) == 16
    assert value["otherData"]["scheme"] == "ssgd"
    names = {e["args"]["name"] for e in value["traceEvents"] if e["name"] == "thread_name"}
    assert {"rank 0 (h0) computes", "rank 3 (h3) sends"} <= names
    assert invoke([*words, "--scheme", "ssgd,dcs3gd", "--trace", str(path)]) == 2
    assert "one scheme" in capsys.readouterr().err
