"""`collsim workload tp` as a user meets it: the report, files, options, refusals, interruption, and its time."""

import csv
import json
import resource
import subprocess
import sys

import pytest

from collsim.cli import workload_tp
from collsim.cli.main import invoke
from collsim.sweep.tensor_parallel import TensorParallel
from collsim.sweep.tensor_parallel_study import tensor_parallel
from collsim.workloads.transformers.shape import TRANSFORMERS

BASE = ("--topo", "gaudi3", "--model", "caatnet-130m")
LABELS = (
    *(
        "Machine",
        "Model",
        "Accelerator",
        "Layout",
        "Tensor",
        "Ranks a box",
        "Work",
        "Scheme",
        "Algorithm",
        "Verified",
        "Private",
    ),
    *("p", "stock", "1", "0.5"),
    *("Columns", "Law", "Alpha", "Copies", "Bound", "Exact", "Engine", "Settings", "Note", "Try next"),
)


@pytest.fixture
def go(capsys):
    """Run the command line and return (exit code, stdout, stderr)."""

    def run(*words):
        code = invoke(("workload", "tp", *words))
        out, err = capsys.readouterr()
        return code, out, err

    return run


def line(out, label):
    return next(text for text in out.splitlines() if text.split("  ")[0] == label)


def test_a_training_step_is_reported_with_its_companions(go):
    code, out, err = go(*BASE, "--p", "1,0.5")
    assert (code, err) == (0, "")
    assert tuple(text.split("  ")[0] for text in out.splitlines() if text) == LABELS
    assert "4 micro-batches of 64 sequences of 1,024 tokens" in line(out, "Work")
    assert "channels 384..767 of 768" in line(out, "Private")
    assert "over stock" in line(out, "p")
    assert "over own p=1" in line(out, "p")
    assert "1 tensor-parallel group of 8, inside a box" in line(out, "Tensor")
    assert " 2.517 GB  4.933 GB " in line(out, "1")
    assert " 1.309 GB  2.517 GB " in line(out, "0.5")
    assert "4 take 4 times as long, as all ranks end it at the same tick and no messages met" in line(out, "Exact")
    assert "in 32 bits, stock Megatron in 16" in line(out, "Note")
    assert line(out, "Try next").endswith("collsim workload tp --topo gaudi3 --model caatnet-130m --p 1,0.5 --copies none")


def test_the_numbers_are_those_of_the_library(go):
    value = json.loads(go(*BASE, "--p", "1,0.25", "--mode", "prefill", "--sequence", "256", "--json", "-")[1])
    same = tensor_parallel("gaudi3", "caatnet-130m", (1, 0.25), mode="prefill", sequence=256)
    assert [{**row, "wall_s": 0} for row in value["rows"]] == [{**row, "wall_s": 0} for row in same.records()]
    assert value["exposed_share_f"] == same.share
    assert value["groups"] == [[f"gaudi{k}" for k in range(8)]]
    assert (value["model"], value["mode"], value["tensor_parallel"]) == ("caatnet-130m", "prefill", 8)


@pytest.mark.parametrize("mode, name", [("prefill", "TTFT"), ("decode", "TPOT")])
def test_inference_is_reported(go, mode, name):
    code, out, _ = go(*BASE, "--mode", mode, "--p", "1,0.5", "--batch", "2")
    assert code == 0
    assert name in line(out, "p")
    assert "backward" not in line(out, "p")
    assert "all of it was simulated" in line(out, "Exact")


def test_links_that_change_are_named(go):
    words = ("--mode", "decode", "--p", "1,0.5", "--at", "10us:gaudi0->gaudi1=0.5")
    out = go(*BASE, *words)[1]
    assert line(out, "Links change").endswith("10 us: gaudi0->gaudi1 at 37.5 GB/s")
    assert "--at '10us:gaudi0->gaudi1=0.5'" in line(out, "Try next")
    assert json.loads(go(*BASE, *words, "--json", "-")[1])["link_changes"] == ["10 us: gaudi0->gaudi1 at 37.5 GB/s"]


def test_alpha_is_named_where_it_decides(go):
    out = go(*BASE, "--mode", "decode", "--p", "1,0.5")[1]
    assert "takes 2 us" in line(out, "Alpha")
    assert "so alpha decides and their number, 25, does not fall with p" in line(out, "Alpha")
    assert "--batch 8" in line(out, "Try next")


def test_files_are_written_and_drawn(go, tmp_path):
    files = {kind: tmp_path / f"out.{kind}" for kind in ("png", "csv", "json")}
    words = ("--plot", str(files["png"]), "--csv", str(files["csv"]), "--json", str(files["json"]))
    code, _, err = go(*BASE, "--p", "1,0.5,0", *words)
    assert (code, err) == (0, "")
    rows = list(csv.DictReader(files["csv"].open()))
    assert [(row["role"], float(row["p"])) for row in rows] == [("stock", 1), ("point", 1), ("point", 0.5), ("point", 0)]
    assert json.loads(files["json"].read_text())["rows"][2]["summed_channels"] == 384
    assert files["png"].read_bytes().startswith(b"\x89PNG")
    assert go(*BASE, "--p", "1", "--csv", "-")[1].startswith("role,scheme,p,")


def test_options_are_named_and_kept_in_what_to_try_next(go):
    words = ("--mode", "prefill", "--p", "0.5", "--ladder", "--drop", "50%", "--forward-wire", "int8", "--copies", "none")
    out = go(*BASE, *words)[1]
    scheme = line(out, "Scheme")
    assert "forward 8 bits" in scheme
    assert "in 6 layers (Sync-Point Drop)" in scheme
    assert "Ladder-Residual" in scheme
    for word in words[2:]:
        assert word in line(out, "Try next")


def test_options_on_megatron_need_no_p(go):
    out = go("--topo", "hgx-h100", "--model", "llama2-70b", "--mode", "prefill", "--scheme", "megatron", "--ladder")[1]
    rows = [text for text in out.splitlines() if text.startswith(("stock", "1 ", "0."))]
    assert len(rows) == 2


def test_groups_on_two_boxes_say_which_ranks_share_one(go):
    words = ("--topo", "dgx-a100-x2", "--model", "caatnet-130m", "--dp", "2", "--p", "0.5", "--mode", "prefill")
    out = go(*words, "--set", "routing=widest")[1]
    assert "2 tensor-parallel groups of 8, all inside a box" in line(out, "Tensor")
    assert line(out, "Ranks a box").endswith("0-7; 8-15")
    assert "--set routing=widest" in go(*words)[1]  # the warning's cure


@pytest.mark.parametrize(
    "words, said",
    [
        (("--p", "1.5"), "not in 0 to 1"),
        (("--p", "-0.5"), "not in 0 to 1"),
        (("--p", "half"), "half"),
        (("--tp", "3"), "does not divide"),
        (("--tp", "16"), "larger than the machine"),
        (("--model", "lama2-7b"), "llama2-7b"),
        (("--scheme", "megatorn"), "megatron"),
        (("--scheme", "megatron", "--p", "0.5"), "every channel"),
        (("--mode", "serve"), "train, prefill, decode"),
        (("--backward-wire", "fp31"), "fp32"),
        (("--copies", "some"), "needed"),
        (("--scheme", "megatron", "--copies", "always"), "copies nothing"),
        (("--at", "1ms:nowhere=fail"), "nowhere"),
        (("--drop", "12"), "0 to 11"),
        (("--drop", "3-1"), "0,4-7"),
        (("--drop", "120%"), "0% to 100%"),
        (("--algo", "dirct"), "direct"),
        (("--algo", "2d-ring"), "2d-ring"),
        (("--accelerator", "h1000"), "h100"),
        (("--micro-batches", "0"), "at least 1"),
        (("--mode", "decode", "--micro-batches", "2"), "belong to training"),
        (("--mode", "decode", "--backward-wire", "fp8"), "belong to training"),
        (("--batch", "0"), "at least one"),
        (("--json", "-", "--csv", "-"), "Only one"),
        (("--plot", "out.txt"), ".png"),
        (("--json", "/no/such/folder/x.json"), "does not exist"),
    ],
)
def test_bad_input_gets_one_sentence_and_a_cure(go, words, said):
    code, out, err = go(*BASE, *words)
    assert code == 2
    assert out == ""
    assert said in err
    assert err.count("\n") == 1


def test_a_long_run_is_announced(capsys):
    workload_tp._warn_if_long(29, "compiled")
    assert capsys.readouterr().err == ""
    workload_tp._warn_if_long(600, "simpy")
    assert "some 10 minutes with the simpy engine" in capsys.readouterr().err


def test_interrupted_it_keeps_what_is_done(go, monkeypatch):
    whole = TensorParallel.run

    def run(self, scheme, observers=()):
        if scheme.p == 0.25:
            raise KeyboardInterrupt
        return whole(self, scheme, observers)

    monkeypatch.setattr(TensorParallel, "run", run)
    code, out, err = go(*BASE, "--p", "0.5,0.25")
    assert code == 130
    assert line(out, "0.5")
    assert not any(text.startswith("0.25 ") for text in out.splitlines())
    assert "Interrupted" in err


@pytest.mark.slow
def test_the_training_step_of_the_7b_model_takes_less_than_three_seconds():
    """The whole command, kernels compiled: processor time, which other work on the machine does not lengthen."""
    words = ["--model", "llama2-7b", "--tp", "8", "--topo", "gaudi3", "--p", "1,0.75,0.5,0.25", "--mode", "train"]
    invoke(("workload", "tp", *words, "--json", "/dev/null"))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "collsim", "workload", "tp", *words], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3


def test_a_trace_of_one_share_has_what_ranks_compute_and_send(go, tmp_path):
    path = tmp_path / "trace.json"
    words = (*BASE, "--mode", "decode", "--batch", "4")
    assert go(*words, "--p", "0.5", "--trace", str(path))[0] == 0
    value = json.loads(path.read_text())
    point = tensor_parallel("gaudi3", "caatnet-130m", [0.5], mode="decode", batch=4).points[0]
    slices = [e for e in value["traceEvents"] if e["ph"] == "X"]
    own = [e for e in slices if e["cat"] == "compute" and e["tid"] == 1]
    assert sum(e["args"]["finish_fs"] - e["args"]["started_fs"] for e in own) == point.compute + point.copies
    assert value["otherData"]["time_fs"] == point.time
    assert value["otherData"]["p"] == 0.5
    assert any("all-reduce attention 0 forward" in e["name"] for e in slices if e["cat"] == "send")
    assert any(e["cat"] == "link" for e in slices)
    code, _, err = go(*words, "--p", "1,0.5", "--trace", str(path))
    assert code == 2
    assert "one share" in err


def test_a_traced_training_step_ends_with_its_optimiser(tmp_path):
    study = tensor_parallel("gaudi3", "caatnet-130m", [0.5], micro_batches=1, batch=2)
    traced = study.setting.traced(study.points[0].scheme)
    assert traced.result.time == study.points[0].time
    traced.write(tmp_path / "trace.json")
    last = max(
        (e for e in json.loads((tmp_path / "trace.json").read_text())["traceEvents"] if e.get("cat") == "compute"),
        key=lambda e: e["args"]["finish_fs"],
    )
    assert last["name"] == "optimiser step"


def test_a_timeline_is_drawn_of_every_share(go, tmp_path):
    path = tmp_path / "time.svg"
    assert go(*BASE, "--mode", "decode", "--p", "1,0.5", "--plot-time", str(path))[0] == 0
    assert all(name in path.read_text() for name in ("stock Megatron: ", "caatnet, p = 1: ", "caatnet, p = 0.5: "))
    code, _, err = go(*BASE, "--plot-time", str(tmp_path / "time.xyz"))
    assert code == 2
    assert "png" in err


def test_the_sum_of_gradients_that_is_left_out_is_given_as_a_command(capsys):
    words = ("--topo", "dgx-a100-x2", "--model", "caatnet-130m", "--dp", "2", "--p", "1", "--mode", "train")
    assert invoke(("workload", "tp", *words, "--set", "routing=widest")) == 0
    told = " ".join(capsys.readouterr().out.split())
    bytes_ = 4 * TRANSFORMERS.get("caatnet-130m").parts(8).total
    assert "among gpu0, gpu8, and among each of the other places" in told
    assert f"collsim run --size {bytes_} --placement FILE" in told
