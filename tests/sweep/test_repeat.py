"""A row is repeated from its file alone: parameters, and the files they name as they were when the sweep began."""

import json
import sqlite3

import pytest
from sweep.test_sweep_workloads import SMALL

import collsim
from collsim.cli.main import invoke
from collsim.errors import InvalidValue
from collsim.sweep.repeat import repeat
from collsim.sweep.results import read_results
from collsim.sweep.runner import RUNNERS
from collsim.sweep.store import Store
from collsim.topology import load

STAR = """
from collsim.collectives.algorithm import ALGORITHMS, Formula, algorithm

@algorithm("mine", title="t", source="s", needs="any", collectives=("all-reduce",), steps=Formula("?", lambda *_: None),
           volume=Formula("?", lambda *_: None), size_free=True, suits=("ring4",))
def mine(topology, collective, hosts, hint):
    return ALGORITHMS.get("{inner}").schedule(topology, collective, hosts, hint)
"""
SETTINGS = {"engines": "analytic", "jobs": 0}


@pytest.fixture
def out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "out.sqlite"


@pytest.mark.parametrize("kind", sorted(RUNNERS))
def test_rows_of_every_kind_are_repeated(out, kind):
    collsim.sweep(**({"workload": kind, "engines": "analytic"} | SMALL[kind]), jobs=0, out=out)
    row = read_results(out).done[-1]
    found = repeat(out, row.key)
    assert (found.other, found.change) == ((), None)
    assert found.again.key == row.key
    assert found.again.results["time_fs" if "time_fs" in row.results else "accepted"] is not None


def test_every_setting_of_a_point_is_asked_for_again(out):
    settings = {
        **{"bandwidth": "8GB/s", "latency": "3ns", "degrade": {"h0->h1": 0.5}, "at": ["1us:h1->h2=0.5"], "seeds": 3},
        **{"network": {"header": "64B", "buffer": ["auto", "64KiB"]}, "placement": "random:4", "baseline": "direct"},
    }
    collsim.sweep(["ring4", "ring5"], "ring", "64KiB", out=out, engines="simpy", jobs=0, fail=[[], ["h0->h1"]], **settings)
    rows = read_results(out).rows
    assert len(rows) == 8
    for row in rows:
        found = repeat(out, row.key[:12])
        assert (found.other, found.change, found.again.status) == ((), None, row.status)


def test_files_that_have_changed_or_are_gone_do_not_matter(out, tmp_path):
    (tmp_path / "mine.py").write_text(STAR.replace("{inner}", "ring"))
    (tmp_path / "box.yaml").write_text("family: ring4\nbandwidth: 3GB/s\n")
    (tmp_path / "places.txt").write_text("h3\nh2\nh1\nh0\n")
    files = {"placement": "./places.txt", "baseline": "./mine.py:mine"}
    (first,) = collsim.sweep("./box.yaml", "./mine.py", "64KiB", out=out, **SETTINGS, **files).rows
    assert first.status == "done"
    (tmp_path / "mine.py").write_text(STAR.replace("{inner}", "direct"))
    (tmp_path / "box.yaml").unlink()
    (tmp_path / "places.txt").unlink()
    found = repeat(out, first.key)
    assert (found.other, found.change) == ((), None)
    # The file as it is now is another point.
    (tmp_path / "box.yaml").write_text("family: ring4\nbandwidth: 3GB/s\n")
    (other,) = collsim.sweep("./box.yaml", "./mine.py", "64KiB", out=out, **SETTINGS).rows
    assert other.key != first.key
    assert other.results["time_fs"] != first.results["time_fs"]
    assert repeat(out, other.key).change is None


def test_a_machine_made_in_python_is_kept(out):
    machine = load("torus3x3", bandwidth="3GB/s")
    (row,) = collsim.sweep([machine], "multitree", "64KiB", out=out, **SETTINGS).rows
    found = repeat(out, row.key)
    assert (found.other, found.change) == ((), None)


def test_what_comes_out_otherwise_is_told(out, capsys):
    collsim.sweep("ring4", "ring", "1KiB", out=out, **SETTINGS)
    (row,) = read_results(out).rows
    assert invoke(["results", str(out), "--repeat", row.key[:8]]) == 0
    assert "repeated: all" in capsys.readouterr().out
    with sqlite3.connect(out) as base:
        base.execute(
            "UPDATE points SET results = json_set(results, '$.time_fs', 1), inputs = json_set(inputs, '$.collsim', '0')"
        )
    base.close()
    assert invoke(["results", str(out), "--repeat", row.key[:8]]) == 1
    printed = capsys.readouterr().out
    assert "other now: collsim" in printed
    assert "something else came out: time_fs" in printed


def test_hashes_are_shown_when_asked_for(out, capsys):
    collsim.sweep("ring4", ["ring", "direct"], "1KiB", out=out, **SETTINGS)
    assert invoke(["results", str(out), "--hashes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[0] == "hash"
    assert [line.split()[0] for line in lines[1:3]] == [row.key[:8] for row in read_results(out).rows]


def test_a_hash_of_no_row_or_of_several_is_refused(out):
    collsim.sweep("ring4", ["ring", "direct"], "1KiB", out=out, **SETTINGS)
    for key, words in (("zz", "0 rows"), ("", "2 rows")):
        with pytest.raises(InvalidValue, match=words):
            repeat(out, key)


def old(out):
    """Make the file one of format 1."""
    with sqlite3.connect(out, isolation_level=None) as base:
        base.execute("ALTER TABLE points DROP COLUMN asked")
        base.execute("DROP TABLE files")
        base.execute("PRAGMA user_version = 1")
    base.close()


def test_a_file_of_format_1_is_read_as_it_is_and_extended_when_it_is_written_to(out):
    first = collsim.sweep("ring4", "ring", "1KiB", out=out, **SETTINGS).rows[0]
    old(out)
    before = out.read_bytes()
    (row,) = read_results(out).rows
    assert (row.key, row.asked) == (first.key, {})
    assert out.read_bytes() == before
    with pytest.raises(InvalidValue, match="kept no parameters"):
        repeat(out, row.key)
    again, new = collsim.sweep("ring4", ["ring", "direct"], "1KiB", out=out, **SETTINGS).rows
    assert (again.finished, repeat(out, new.key).change) == (first.finished, None)


def test_a_damaged_row_is_told_and_not_a_crash(out):
    collsim.sweep("ring4", "ring", "1KiB", out=out, **SETTINGS)
    with sqlite3.connect(out) as base:
        base.execute("UPDATE points SET results = '{broken'")
    base.close()
    with pytest.raises(collsim.CollsimError, match="is damaged"):
        read_results(out)


def test_a_file_without_the_columns_is_told(tmp_path):
    path = tmp_path / "out.sqlite"
    Store(path).close()
    with sqlite3.connect(path) as base:
        base.execute("ALTER TABLE points DROP COLUMN steps")
    base.close()
    with pytest.raises(collsim.CollsimError, match="lacks columns"):
        read_results(path)


def test_the_file_keeps_what_the_sweep_read(out, tmp_path):
    (tmp_path / "mine.py").write_text(STAR.replace("{inner}", "ring"))
    collsim.sweep("ring4", "./mine.py", ["1KiB", "2KiB"], out=out, **SETTINGS)
    base = sqlite3.connect(out)
    ((digest, path, content),) = base.execute("SELECT digest, path, content FROM files").fetchall()
    asked = json.loads(base.execute("SELECT asked FROM points").fetchone()[0])
    base.close()
    assert asked["files"] == {"./mine.py": digest}
    assert (path, content.decode()) == ("./mine.py", STAR.replace("{inner}", "ring"))
