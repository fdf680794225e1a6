"""`collsim workload jobs` as a user meets it: reports, files, refusals, interruption."""

import csv
import json

import pytest

from collsim.cli.main import invoke
from collsim.sweep import jobs as sweep

TWO = ("--topo", "torus4x4", "--job", "ring:8:64KiB", "--job", "multitree:4:32KiB:calls=2:compute=5us:name=train")


@pytest.fixture
def go(capsys):
    """Run the command line and return (exit code, stdout, stderr)."""

    def run(*words):
        code = invoke(("workload", "jobs", *words))
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_the_report_names_machine_jobs_slowdowns_and_what_to_try(go):
    code, out, err = go(*TWO, "--placement", "packed,spread", "--slow", "h1=2")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert [line.split("  ")[0] for line in lines[:4]] == ["Machine", "Job A", "Job train", "Slow hosts"]
    table = [line.split() for line in lines if line.startswith(("packed", "spread"))]
    assert [row[:2] for row in table] == [["packed", "A"], ["packed", "train"], ["spread", "A"], ["spread", "train"]]
    assert "h1 takes 2 times as long" in out
    assert lines[-1].startswith("Try next")


def test_what_to_try_next_runs(go):
    _, out, _ = go(*TWO, "--placement", "spread")
    words = out.splitlines()[-1].split("collsim workload jobs ")[1].split()
    assert go(*words)[0] == 0


def test_all_means_three_placements(go):
    code, out, _ = go(*TWO, "--json", "-")
    assert code == 0
    assert [p["placement"] for p in json.loads(out)["placements"]] == ["packed", "spread", "random:0"]


def test_files_are_written_together(go, tmp_path):
    paths = [tmp_path / name for name in ("out.json", "out.csv", "out.png")]
    words = [word for kind, path in zip(("--json", "--csv", "--plot"), paths, strict=True) for word in (kind, str(path))]
    code, out, _ = go(*TWO, "--placement", "spread", *words)
    assert code == 0
    assert out.startswith("Machine")
    rows = list(csv.DictReader(paths[1].open()))
    assert [row["job"] for row in rows] == ["A", "train"]
    jobs = json.loads(paths[0].read_text())["jobs"]
    assert [float(row["slowdown"]) for row in rows] == [job["slowdown"] for job in jobs]
    assert paths[2].stat().st_size > 5000


def test_links_that_change_are_said(go):
    code, out, _ = go(*TWO, "--placement", "packed", "--at", "1us:h0->h1=0.5")
    assert code == 0
    assert "Links change  1 us: h0->h1 at 8 GB/s" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--job", "ring:16"), "ALGORITHM:RANKS:SIZE"),
        (("--job", "ring:17:1MiB"), "17 ranks"),
        (("--job", "rong:4:1MiB"), "Did you mean 'ring'"),
        (("--job", "ring:4:1MiB", "--placement", "pocked"), "random:SEED"),
        (("--job", "ring:4:1MiB", "--slow", "h77=2"), "h77"),
        (("--job", "ring:4:1MiB", "--slow", "h1=0"), "factor"),
        (("--job", "ring:4:1MiB", "--speeds", "none.txt"), "Cannot read the speeds"),
        (("--job", "ring:4:1MiB:collective=sum"), "all-reduce"),
        (("--job", "ring:4:1MiB", "--json", "-", "--csv", "-"), "Only one"),
        (("--job", "ring:4:1MiB", "--plot", "out.txt"), ".png"),
        (("--job", "ring:4:1MiB", "--at", "1us:h0->h77=fail"), "h0->"),
        (
            (
                "--job",
                "hdrm:4:1MiB",
            ),
            "hdrm cannot run",
        ),
    ],
)
def test_bad_requests_get_a_sentence(go, words, said):
    code, out, err = go("--topo", "torus4x4", *words)
    assert code == 2
    assert out == ""
    assert err.startswith("Error: ")
    assert said in err


def test_a_run_that_stalls_keeps_what_is_done(go):
    code, out, err = go(*TWO, "--placement", "packed", "--at", "1us:h0->h1=fail")
    assert (code, out) == (1, "")
    assert "h0->h1 failed at 1 us" in err


def test_interruption_keeps_the_placements_done(go, monkeypatch):
    plain, begun = sweep._mix, []

    def mix(*arguments):
        if begun:
            raise KeyboardInterrupt
        begun.append(1)
        return plain(*arguments)

    monkeypatch.setattr(sweep, "_mix", mix)
    code, out, err = go(*TWO, "--placement", "packed,spread")
    assert code == 130
    assert "packed" in out
    assert "spread" not in out.partition("Settings")[0]
    assert "Interrupted" in err


def test_a_trace_has_all_jobs_of_one_placement(go, tmp_path):
    path = tmp_path / "trace.json"
    assert go(*TWO, "--placement", "spread", "--trace", str(path))[::2] == (0, "")
    value = json.loads(path.read_text())
    slices = [e for e in value["traceEvents"] if e["ph"] == "X"]
    sent = [e for e in slices if e["cat"] == "send"]
    assert {e["name"].split(":")[0] for e in sent} == {"A", "train"}
    assert sum(e["cat"] == "compute" and e["dur"] > 0 for e in slices) == 4  # four hosts between two calls
    held = sum(e["args"]["busy_fs"] for e in slices if e["cat"] == "link")
    assert held > 0
    assert value["otherData"]["placement"] == "spread"
    code, _, err = go(*TWO, "--trace", str(path))
    assert code == 2
    assert "one placement" in err
