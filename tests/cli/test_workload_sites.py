"""`collsim workload sites`: the report, its files, and refusals in one sentence with a cure."""

import csv
import io
import json

import pytest

from collsim.cli.main import invoke

SMALL = ("workload", "sites", "--topo", "nvl2x2x2", "--parameters", "100M", "--tokens", "64k", "--micro-batches", "2")


@pytest.fixture
def go(capsys):
    """Run the command line and return (exit code, stdout, stderr)."""

    def run(*words):
        code = invoke(words)
        return code, *capsys.readouterr()

    return run


def test_the_report_has_a_row_a_way_beside_its_law(go):
    code, out, _err = go(*SMALL, "--compute", "1s")
    assert code == 0
    for words in ("Wide area  16 links", "60 ms round trip", "hierarchical", "late", "pipeline", "Try next", "speedup"):
        assert words in out


def test_the_first_row_is_what_speedups_are_over(go):
    out = go(*SMALL, "--compute", "1s", "--ways", "late,hierarchical", "--loss", "1e-6")[1]
    assert "of the step over that of late, the first row" in out
    assert "packet_payload=4KiB is what a wire carries" in out
    out = go(*SMALL, "--compute", "1s", "--ways", "late", "--loss", "1e-6", "--engine", "analytic")[1]
    assert "The analytic engine knows no loss of links" in out
    assert "what a wire carries" not in out


def test_json_and_csv_hold_the_same_rows(go, tmp_path):
    file = tmp_path / "ways.json"
    code, out, _err = go(*SMALL, "--ways", "hierarchical,late", "--csv", "-", "--json", str(file), "--round-trip", "20ms")
    assert code == 0
    rows, found = list(csv.DictReader(io.StringIO(out))), json.loads(file.read_text())
    assert [row["way"] for row in rows] == ["hierarchical", "late"]
    assert float(rows[0]["step_s"]) == found["ways"][0]["step_s"]
    assert found["round_trip_s"] == 0.02


def test_the_period_is_told_beside_its_law(go):
    out = go(*SMALL, "--compute", "1ms", "--ways", "late")[1]
    assert "Period       " in out
    assert "equal to the femtosecond in all 5 steps" in out
    out = go(*SMALL, "--compute", "1ms", "--ways", "late", "--no-rendezvous")[1]
    assert "in the long run" in out


def test_links_that_change_are_named_and_kept(go):
    words = ("--ways", "hierarchical", "--compute", "1ms", "--at", "0s:site0/core->site1/core#0=0.01")
    out = go(*SMALL, *words)[1]
    assert "Links change  0 fs: site0/core->site1/core#0 at 1 GB/s" in out
    found = json.loads(go(*SMALL, *words, "--json", "-")[1])
    assert found["link_changes"] == ["0 fs: site0/core->site1/core#0 at 1 GB/s"]
    assert len(found["provenance"]["link_changes"]) == 64
    assert "Faults" in go(*SMALL, *words[:4], "--degrade", "site0/core->site1/core#0=0.5")[1]


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_figure_has_a_bar_a_way(go, tmp_path, suffix):
    file = tmp_path / f"ways.{suffix}"
    assert go(*SMALL, "--compute", "1s", "--plot", str(file))[0] == 0
    data = file.read_bytes()
    assert len(data) > 10_000
    if suffix == "svg":
        for word in (b"time of a step (s)", b"wide area, not hidden", b"hierarchical", b"late"):
            assert word in data


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        (("--model", "gpt3-175b"), "one of two ways"),
        (("--topo", "torus4x4"), "composed machine like nvl72x14x2"),
        (("--topo", "nvl2x2"), "composed machine like nvl72x14x2"),
        (("--loss", "1"), "below 1"),
        (("--tp", "3"), "divisor"),
        (("--pp", "3"), "divisor"),
        (("--ways", "flt"), "flat"),
        (("--ways", "flat", "--no-rendezvous"), "--no-rendezvous is for late"),
        (("--plot", "ways.doc"), ".png"),
        (("--at", "1s:h0->h1"), "TIME:LINK=RATE"),
        (("--at", "1s:nowhere=fail"), "nowhere"),
        (("--at", "1s:site0/core->site1/core#0=fail", "--engine", "analytic"), "--engine compiled"),
        (("--utilisation", "2"), "up to 1"),
        (("--round-trip", "1fs"), "odd"),
        (("--compute", "1"), "unit"),
        (("--parameters", "many"), "50T"),
        (("--tokens", "0"), "1 tokens or more"),
        (("--micro-batches", "1000000"), "take fewer micro-batches"),
    ],
)
def test_bad_input_is_refused_with_its_cure(go, words, cure):
    code, _out, err = go(*SMALL, *words)
    assert code in (1, 2)
    assert cure in err
    assert err.count("\n") <= 2


def test_a_way_far_above_its_law_is_told_why(capsys):
    words = ["workload", "sites", "--topo", "nvl8x4x2", "--parameters", "1T", "--tp", "8", "--pp", "2", "--ways", "flat"]
    assert invoke(words) == 0
    assert "flat communicates for 3.58 times its law" in capsys.readouterr().out
    assert invoke([*words, "--set", "routing=up-down", "--set", "virtual_channels=17"]) == 0
    assert "times its law" not in capsys.readouterr().out
