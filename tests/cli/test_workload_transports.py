"""`collsim workload transports` as a user meets it: report, files, refusals, interruption."""

import csv
import json

import pytest

from collsim.cli.main import invoke
from collsim.sweep import transports as sweep

SMALL = ("--topo", "leafspine2x2x2", "--algo", "ring", "--size", "64KiB", "--loss", "1e-3")


@pytest.fixture
def go(capsys):
    """Run the command line and return (exit code, stdout, stderr)."""

    def run(*words):
        code = invoke(("workload", "transports", *words))
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_the_report_has_a_row_for_each_transport_and_condition(go):
    code, out, err = go(*SMALL)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert [line.split("  ")[0] for line in lines[:4]] == ["Machine", "Collective", "Ideal", "Bound"]
    for state in ("as it is", "leaf0-spine0 at 0.25", "loss 0.001"):
        assert [line[len(state) :].split()[0] for line in lines if line.startswith(state)] == list(sweep.TRANSPORTS)
    assert "expects 1.500 of 2 flows" in out
    assert lines[-1].startswith("Try next")


def test_a_machine_is_all_that_has_to_be_said(go):
    code, out, err = go("--topo", "leafspine2x2x2", "--size", "4KiB", "--transports", "spray")
    assert (code, err) == (0, "")
    assert "by ring" in out


def test_a_run_that_cannot_end_is_a_row_and_its_reason(go, tmp_path):
    state, figure = "3us:leaf0-spine0=drop", tmp_path / "out.svg"
    code, out, err = go(*SMALL[:-1], "none", "--impair", state, "--plot", str(figure))
    assert (code, err) == (0, "")
    rows = {line.split()[1]: line.split()[2:] for line in out.splitlines() if line.startswith(state)}
    assert rows["ecmp"] == ["stalls", *["-"] * 6]
    assert int(rows["feedback"][4]) > 0
    assert "Stall of ecmp" in out
    assert "spine0 from 3 us on" in out
    assert figure.stat().st_size > 5000
    told = json.loads(go(*SMALL[:-1], "none", "--impair", state, "--json", "-")[1])
    assert [run["time_s"] is None for run in told["runs"][4:]] == [True, False, False, False]
    assert "leaf0->spine0=restore" in told["runs"][4]["stalled"] or "spine0->leaf0=restore" in told["runs"][4]["stalled"]


def test_a_study_in_which_no_run_ends_says_so_in_its_exit_code(go):
    code, out, err = go(*SMALL, "--transports", "ecmp", "--impair", "none", "--loss", "none", "--at", "0s:h0->leaf0=fail")
    assert code == 1
    assert "None of the runs ended" in err
    assert "Stall of ecmp" in out
    assert "Try next" not in out


def test_what_to_try_next_runs(go):
    _, out, _ = go(*SMALL, "--transports", "spray", "--impair", "none")
    words = out.splitlines()[-1].split("collsim ")[1].split()
    assert invoke(words) == 0


def test_files_are_written_together(go, tmp_path):
    paths = [tmp_path / name for name in ("out.json", "out.csv", "out.png")]
    words = [word for kind, path in zip(("--json", "--csv", "--plot"), paths, strict=True) for word in (kind, str(path))]
    assert go(*SMALL, *words)[0] == 0
    rows, told = list(csv.DictReader(paths[1].open())), json.loads(paths[0].read_text())
    assert [float(row["slowdown"]) for row in rows] == [run["slowdown"] for run in told["runs"]]
    assert [float(row["slowdown"]) for row in rows] == [cell["slowdown"] for cell in told["cells"]]
    assert len(rows) == 12
    assert paths[2].stat().st_size > 5000


def test_seeds_give_means_and_ranges(go, tmp_path):
    paths = [tmp_path / name for name in ("out.json", "out.csv", "out.png")]
    files = [word for kind, path in zip(("--json", "--csv", "--plot"), paths, strict=True) for word in (kind, str(path))]
    code, out, _ = go(*SMALL, "--transports", "ecmp,up-down", "--impair", "none", "--seeds", "3", "--seed", "4", *files)
    assert code == 0
    assert "least to most" in out
    assert "means over the seeds 4 to 6" in out
    told, rows = json.loads(paths[0].read_text()), list(csv.DictReader(paths[1].open()))
    assert [(run["condition"], run["transport"], run["seed"]) for run in told["runs"]] == [
        *(("as it is", "ecmp", seed) for seed in (4, 5, 6)),
        ("as it is", "up-down", 4),
        *(("loss 0.001", way, seed) for way in ("ecmp", "up-down") for seed in (4, 5, 6)),
    ]
    assert [int(row["seeds"]) for row in rows] == [3, 1, 3, 3]
    for row in rows:
        own = [r["time_s"] for r in told["runs"] if (r["condition"], r["transport"]) == (row["condition"], row["transport"])]
        assert (float(row["time_min_s"]), float(row["time_max_s"])) == (min(own), max(own))
        assert min(own) <= float(row["time_s"]) <= max(own)
    assert paths[2].stat().st_size > 5000


def test_links_change_during_the_runs(go):
    _, plain, _ = go(*SMALL, "--transports", "spray", "--impair", "none")
    code, out, _ = go(*SMALL, "--transports", "spray", "--impair", "none", "--at", "1us:leaf0-spine0=0.1")
    assert code == 0
    assert "1 us: leaf0->spine0 at 1.6 GB/s" in out
    slower, faster = (next(line for line in text.splitlines() if line.startswith("as it is")) for text in (out, plain))
    assert float(slower.split()[6].rstrip("x")) > float(faster.split()[6].rstrip("x"))
    assert "--at 1us:leaf0-spine0=0.1" in out.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        (("--loss", "1"), "below 1"),
        (("--transports", ""), "ecmp"),
        (("--transports", "straight"), "spray"),
        (("--topo", "ring4"), "fattree4"),
        (("--set", "recovery=go-back"), "go-back-n"),
        (("--json", "-", "--csv", "-"), "Only one"),
        (("--plot", "out.bmp"), ".png"),
        (("--seeds", "0"), "1 or more"),
        (("--seeds", "few"), "--seeds"),
        (("--at", "1us:leaf0-spine9=0.1"), "leaf0"),
    ],
)
def test_a_wrong_request_gets_one_sentence_and_a_cure(go, words, cure):
    code, out, err = go(*SMALL, *words)
    assert code in (1, 2)
    assert out == ""
    assert cure in err
    assert "Traceback" not in err


def test_after_ctrl_c_the_runs_made_are_printed(go, monkeypatch):
    real = sweep._run
    calls = iter(range(100))

    def stops(*arguments):
        if next(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(sweep, "_run", stops)
    code, out, err = go(*SMALL)
    assert code == 130
    assert [line.split()[3] for line in out.splitlines() if line.startswith("as it is")] == ["ecmp", "spray"]
    assert "Interrupted" in err
