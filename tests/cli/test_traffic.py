"""`collsim traffic` as a user meets it: reports, files, curves, batches, refusals, interruption."""

import csv
import json

import pytest
from workloads.open_loop_cases import case_of, point_of

from collsim.cli.main import invoke
from collsim.engines.engine import ENGINES
from collsim.workloads.open_loop import load_program
from collsim.workloads.traffic_patterns import PATTERNS

SHORT = ("--warmup", "500", "--measure", "1000", "--drain", "500", "--latency", "2ns")


@pytest.fixture
def go(capsys):
    """Run the command line and return (exit code, stdout, stderr)."""

    def run(*words):
        code = invoke(("traffic", *words))
        out, err = capsys.readouterr()
        return code, out, err

    return run


def labels(text):
    return [line.split("  ")[0] for line in text.splitlines() if line]


def test_one_load_is_reported_with_its_companions(go):
    code, out, err = go("--topo", "torus4x4", "--pattern", "uniform", "--load", "0.3", "--packet", "17", *SHORT)
    assert (code, err) == (0, "")
    assert labels(out) == [
        *("Machine", "Pattern", "Packets", "Cycles", "Offered", "Accepted", "Latency", "In network"),
        *("Alone", "At most", "Settings", "Engine"),
    ]
    assert "keeps up" in out
    assert "a flit in a cycle of 1 ns" in out


def test_the_numbers_are_those_of_the_library(go):
    words = ("--topo", "dragonfly2x2x1", "--pattern", "adversarial", "--load", "0.2", "--packet", "4", "--seed", "3")
    value = json.loads(go(*words, "--set", "routing=ugal", *SHORT, "--json", "-")[1])
    sizes = {"packet": 4, "warmup": 500, "measure": 1000, "drain": 500}
    case = case_of("dragonfly2x2x1", "adversarial", 3, "2ns", {"routing": "ugal"}, **sizes)
    (point,) = value["loads"]
    same = point_of(case, 0.2).to_dict()
    assert {k: v for k, v in point.items() if k != "wall"} == {k: v for k, v in same.items() if k != "wall"}
    program = load_program(case, 0.2)
    assert point["time_fs"] == ENGINES.get("compiled")(case.topology, program, case.network, seed=3).time
    assert (value["pattern"], value["packet_flits"], value["flit_bytes"], value["seed"]) == ("adversarial", 4, 16, 3)
    assert (value["hosts"], value["senders"], value["cycle_s"], value["channel_bound"]) == (12, 12, 1e-9, None)
    assert value["changed_settings"] == {"packet_payload": 48, "header": 16, "routing": "ugal"}


def test_a_curve_is_printed_written_and_drawn(go, tmp_path):
    files = {kind: tmp_path / f"out.{kind}" for kind in ("png", "csv", "json")}
    words = ("--topo", "switch4", "--loads", "0.2:1:0.4", "--packet", "4", *SHORT)
    code, out, err = go(*words, "--plot", str(files["png"]), "--csv", str(files["csv"]), "--json", str(files["json"]))
    assert (code, err) == (0, "")
    rows = list(csv.DictReader(files["csv"].open()))
    assert [float(row["load"]) for row in rows] == [0.2, 0.6, 1.0]
    assert [row["saturated"] for row in rows] == ["False", "False", "True"]
    value = json.loads(files["json"].read_text())
    assert value["saturation_load"] == 1
    assert files["png"].read_bytes().startswith(b"\x89PNG")
    assert "Saturation  at load 1, not yet at 0.6" in out
    assert out.count("saturated") == 1


def test_saturation_is_an_answer(go):
    words = ("--topo", "dragonfly1x2x1", "--pattern", "adversarial", "--packet", "4", *SHORT)
    code, out, _ = go(*words, "--load", "0.9")
    assert code == 0
    assert "saturated: the network falls behind" in out
    code, out, _ = go(*words, "--loads", "0.8,0.9")
    assert code == 0
    assert "at load 0.8 already" in out
    assert "not reached" in go(*words, "--loads", "0.1,0.2")[1]


def test_a_batch_has_a_makespan(go):
    words = ("--topo", "torus4x4", "--pattern", "neighbor", "--batch", "20", "--packet", "5", "--latency", "1ns")
    code, out, err = go(*words)
    assert (code, err) == (0, "")
    assert "Makespan    103.0 cycles (103 ns)" in out
    value = json.loads(go(*words, "--json", "-")[1])
    assert value["batch"]["makespan"] == 103
    assert value["batch"]["packets"] == 20


def test_a_cycle_sets_the_rate_of_links(go):
    value = json.loads(go("--topo", "switch3", "--load", "0.3", "--cycle", "2ns", "--flit", "8", *SHORT, "--json", "-")[1])
    assert (value["cycle_s"], value["flit_bytes"]) == (2e-9, 8)
    assert "4 GB/s" in go("--topo", "switch3", "--load", "0.3", "--cycle", "2ns", "--flit", "8", *SHORT)[1]
    assert (
        json.loads(go("--topo", "switch3", "--load", "0.3", "--cycle", "3ns", *SHORT, "--json", "-")[1])["cycle_s"] == 3e-9
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "--load 0.3, --loads"),
        (("--load", "0.3", "--batch", "3"), "--load 0.3, --loads"),
        (("--load", "1.2"), "not in (0, 1]"),
        (("--load", "0"), "not in (0, 1]"),
        (("--load", "much"), "Cannot read the load 'much'"),
        (("--load", "0.1,0.2"), "--loads"),
        (("--loads", "0.9:0.1:0.1"), "LOW:HIGH:STEP"),
        (("--loads", "0.1:0.2:1e-9"), "larger step"),
        (("--load", "0.1", "--pattern", "tornadoo"), "Did you mean 'tornado'"),
        (("--load", "0.1", "--pattern", "transpose"), "square"),
        (("--load", "0.1", "--pattern", "adversarial"), "dragonfly2x4x2"),
        (("--load", "0.1", "--packet", "0"), "at least 1"),
        (("--load", "0.1", "--flit", "0"), "at least 1"),
        (("--load", "0.1", "--set", "packet_payload=64"), "--packet"),
        (("--load", "0.1", "--cycle", "1ns", "--bandwidth", "1GB/s"), "one of them"),
        (("--load", "0.1", "--engine", "analytic"), "no queues"),
        (("--load", "0.1", "--engine", "simpi"), "Did you mean 'simpy'"),
        (("--load", "0.1", "--json", "-", "--csv", "-"), "Only one"),
        (("--load", "0.1", "--plot", "out.txt"), ".png"),
        (("--batch", "0"), "at least 1"),
        (("--batch", "3", "--plot", "out.png"), "no curve"),
    ],
)
def test_a_wrong_request_ends_with_a_sentence_and_the_cure(go, words, says):
    code, out, err = go("--topo", "torus2x3", *words)
    assert (code, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1


def test_too_little_is_noted(go):
    words = ("--topo", "ring4", "--load", "0.02", "--warmup", "100", "--measure", "1000", "--drain", "0")
    _, out, _ = go(*words, "--latency", "150ns", "--packet", "1")
    assert "a warm-up of 100 may not be enough" in out
    assert "packets were measured" in out


def test_after_an_interruption_the_finished_loads_stand(go, monkeypatch, tmp_path):
    import collsim.sweep.traffic as module

    whole = module.runs

    def interrupted(*arguments):
        yield next(whole(*arguments))
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "runs", interrupted)
    words = ("--topo", "switch4", "--loads", "0.1,0.2", *SHORT, "--json", str(tmp_path / "out.json"))
    code, out, err = go(*words)
    assert code == 130
    assert "Interrupted" in err
    assert labels(out).count(" 0.1") + labels(out).count("0.1") == 1
    assert [point["load"] for point in json.loads((tmp_path / "out.json").read_text())["loads"]] == [0.1]


def test_a_stall_is_an_error_behind_what_was_measured(go):
    words = (
        "--topo",
        "ring8",
        "--pattern",
        "tornado",
        "--packet",
        "4",
        "--set",
        "virtual_channels=1",
        "--set",
        "buffer=64B",
    )
    stuck = (*words, "--set", "routing=ecmp", "--set", "allow_deadlock=true", *SHORT)
    code, out, err = go(*stuck, "--loads", "0.01,1")
    assert code == 1
    assert "0.01" in out
    assert "stalled" in err


def test_the_page_names_every_pattern_and_the_options():
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "traffic.md").read_text()
    for name in PATTERNS:
        assert f"| `{name}` |" in page
    for option in ("--load", "--loads", "--batch", "--packet", "--flit", "--cycle", "--warmup", "--measure", "--drain"):
        assert f"`{option}" in page


def test_too_many_packets_for_the_memory_are_answered_with_what_helps_here(go, monkeypatch):
    def too_much(*given):
        raise MemoryError

    monkeypatch.setattr("collsim.sweep.traffic.run_batch", too_much)
    code, _, err = go("--topo", "torus4x4", "--batch", "1000000000")
    assert code == 1
    assert "smaller --batch" in err
    assert "analytic" not in err
    monkeypatch.setattr("collsim.sweep.traffic.runs", too_much)
    code, _, err = go("--topo", "torus4x4", "--load", "0.1")
    assert code == 1
    assert "--measure" in err


def test_no_packet_in_the_time_names_a_time_that_is_enough(go):
    code, _, err = go(
        "--topo", "torus4x4", "--load", "0.1", "--warmup", "0", "--drain", "0", "--measure", "1", "--packet", "8"
    )
    assert code == 2
    assert "No packet came in 1 cycle at" in err
    assert err.rstrip(".\n").endswith("--measure 500")  # 100 packets of 8 flits from 16 hosts at a load of 1/10
