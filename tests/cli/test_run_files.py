"""What `collsim run` writes beside its report: traces and pictures."""

import json

import pytest

from collsim.cli.main import invoke

RING = ("run", "--topo", "ring4", "--algo", "ring", "--size", "4KiB")


def test_a_trace_is_written_and_the_report_printed(tmp_path, capsys):
    path = tmp_path / "trace.json"
    assert invoke([*RING, "--trace", str(path)]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Machine")
    assert err == ""
    events = json.loads(path.read_text())["traceEvents"]
    assert sum(event["ph"] == "X" and event["cat"] == "link" for event in events) == 24


def test_a_trace_says_when_links_are_missing(tmp_path, capsys):
    path = tmp_path / "trace.json"
    assert invoke([*RING, "--trace", str(path), "--engine", "analytic"]) == 0
    assert capsys.readouterr().err.startswith("Note: The trace has no tracks of links")


def test_a_trace_too_large_is_refused_before_the_run(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("collsim.report.trace.MOST_MESSAGES", 23)
    path = tmp_path / "trace.json"
    assert invoke([*RING, "--trace", str(path)]) == 2
    assert capsys.readouterr().err.startswith("Error: A trace of 24 messages")
    assert not path.exists()


@pytest.mark.parametrize("option", ["--trace", "--json"])
def test_a_place_that_cannot_be_written_is_refused_before_the_run(option, tmp_path, capsys):
    assert invoke([*RING, option, str(tmp_path / "no" / "out.json")]) != 0
    assert "does not exist" in capsys.readouterr().err


def test_pictures_are_drawn(tmp_path, capsys):
    links, times, steps = (tmp_path / name for name in ("links.png", "time.svg", "steps.pdf"))
    assert invoke([*RING, "--plot-links", str(links), "--plot-time", str(times)]) == 0
    assert invoke(["schedule", "--topo", "ring4", "--algo", "ring", "--plot-time", str(steps)]) == 0
    assert links.read_bytes().startswith(b"\x89PNG")
    assert times.read_bytes().startswith(b"<?xml")
    assert steps.read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("option", ["--plot-links", "--plot-time"])
def test_pictures_of_no_known_kind_are_refused_before_the_run(option, tmp_path, capsys):
    assert invoke([*RING, option, str(tmp_path / "out.gif")]) == 2
    assert ".png, .svg, .pdf" in capsys.readouterr().err
