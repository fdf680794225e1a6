"""Sweeps and their results: the numbers of single runs, in one file or in none, as frames and files; files refused."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import collsim
from collsim.errors import CollsimError, FileFormatError, InvalidValue, OutputError, UsageError
from collsim.sweep.results import read_results
from collsim.sweep.store import APPLICATION, SCHEMA, Row, Store

SMALL = {"topologies": ["ring4", "torus3x3"], "algorithms": ["ring", "multitree"], "sizes": "16KiB:64KiB:x4"}


def test_a_sweep_gives_what_single_runs_give_in_the_order_of_the_grid():
    found = collsim.sweep(**SMALL, engines="analytic", baseline="direct", network={"header": [0, "64B"]}, jobs=0)
    assert str(found) == "16 points: 16 done, 0 failed, 0 refused"
    for row in found.rows:
        point, results = row.point, row.results
        network = {"header": point["network.header"]}
        run = collsim.simulate(
            *(point["topology"], point["algorithm"]),
            **{"size": point["size"], "engine": "analytic", "baseline": "direct", "network": network},
        )
        assert results["time_fs"] == run.result.time
        assert results["bound_fs"] == run.bound.time
        assert results["speedup"] == run.speedup
        assert results["bottleneck_link"] == run.topology.link_name(run.bottleneck)
        assert results["provenance_topology"] == run.topology.digest == row.inputs["topology_digest"]
        assert row.version == collsim.__version__
    places = [(row.point["topology"], row.point["network.header"], row.point["size"]) for row in found.rows]
    assert places == sorted(places)


def test_the_package_is_called_and_is_still_a_package():
    """In a fresh process, in either order."""
    call = "collsim.sweep('ring3', 'ring', '1KiB', engines='analytic', jobs=0)"
    part = "from collsim.sweep.compare import compare; import collsim.sweep.grid"
    for order in (f"import collsim; print(len({call}.done)); {part}", f"{part}; import collsim; print(1)"):
        order += f"; print(len({call}.done))"
        done = subprocess.run([sys.executable, "-c", order], capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["1", "1"]


def test_a_script_without_a_main_guard_may_use_processes(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import collsim\nprint('once')\n"
        "print(len(collsim.sweep('ring3', ['ring', 'direct'], '1KiB', engines='analytic', jobs=2).done))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("once\n2\n", "")


def test_what_a_module_of_ones_own_registers_is_run_in_this_process(tmp_path):
    """No other process has imported it."""
    (tmp_path / "mine.py").write_text(Path(__file__).with_name("bomb.py").read_text())
    (tmp_path / "script.py").write_text(
        "import mine, collsim\n"
        "print([row.status for row in collsim.sweep('ring3', 'bomb', '1KiB', engines='analytic').rows])\n"
    )
    done = subprocess.run([sys.executable, tmp_path / "script.py"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("['done']\n", "")


def test_what_is_registered_in_a_script_is_run_in_its_own_process(tmp_path):
    script = tmp_path / "script.py"
    text = Path(__file__).with_name("bomb.py").read_text()
    script.write_text(
        text + "import collsim\n"
        "print([row.status for row in collsim.sweep('ring3', 'bomb', '1KiB', engines='analytic').rows])\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("['done']\n", "")


def test_a_file_is_gone_on_with_and_holds_what_other_sweeps_left(tmp_path):
    out = tmp_path / "out.sqlite"
    settings = {"engines": "analytic", "jobs": 0, "out": out}
    first = collsim.sweep("ring4", "ring", ["1KiB", "2KiB"], **settings)
    more = collsim.sweep("ring4", ["direct", "ring"], ["2KiB", "4KiB"], **settings)
    assert len(read_results(out).rows) == 5
    old = next(row for row in first.rows if row.point["size"] == 2048)
    (same,) = (row for row in more.rows if row.key == old.key)
    assert same.finished == old.finished
    assert [row.point["algorithm"] for row in more.rows] == ["direct", "ring"] * 2


def test_impossible_points_are_refused_and_the_others_go_on():
    found = collsim.sweep(["torus3x3", "hypercube8"], ["recursive-doubling", "ring"], "1KiB", engines="analytic", jobs=0)
    assert [row.status for row in found.rows] == ["refused", "done", "done", "done"]
    assert "9 ranks are no power of 2" in found.refused[0].error
    faults = collsim.sweep("ring4", "ring", "1KiB", engines="analytic", fail=["h0->h1", "h0->h9"], jobs=0)
    assert [row.status for row in faults.rows] == ["done", "refused"]
    assert "h0->h9" in faults.refused[0].error


def test_every_row_has_its_provenance_and_columns_for_queries(tmp_path):
    out = tmp_path / "out.sqlite"
    collsim.sweep("ring4", "ring", "1KiB", engines="analytic", seeds=3, out=out, jobs=0)
    base = sqlite3.connect(out)
    names = "topology, algorithm, size, engine, seed, time_fs, steps, version, length(key), started <= finished"
    ((*facts, time, steps, version, length, ordered),) = base.execute(f"SELECT {names} FROM points").fetchall()
    assert facts == ["ring4", "ring", 1024, "analytic", 3]
    run = collsim.simulate("ring4", "ring", size="1KiB", engine="analytic", seed=3)
    assert (time, steps) == (run.result.time, run.schedule.steps)
    assert (version, length, ordered) == (collsim.__version__, 64, 1)
    assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_frames_and_files_keep_every_femtosecond(tmp_path):
    found = collsim.sweep(
        ["torus3x3"], ["recursive-doubling", "ring"], "64MiB", engines="analytic", bandwidth="1MB/s", jobs=0
    )
    (_, done) = found.rows
    assert done.results["time_fs"] > 2**53
    frame = found.frame()
    assert frame.time_fs.dtype == "Int64"
    assert frame.time_fs[1] == done.results["time_fs"]
    assert frame.status.tolist() == ["refused", "done"]
    assert str(frame.finished.dt.tz) == "UTC"
    found.to_csv(tmp_path / "out.csv")
    assert pd.read_csv(tmp_path / "out.csv", dtype={"time_fs": "Int64"}).time_fs[1] == done.results["time_fs"]
    found.to_parquet(tmp_path / "out.parquet")
    back = pd.read_parquet(tmp_path / "out.parquet")
    assert back.time_fs[1] == done.results["time_fs"]
    assert list(back.columns) == list(frame.columns)


def test_parquet_takes_settings_that_are_words_or_numbers(tmp_path):
    found = collsim.sweep("ring3", "ring", "1KiB", engines="analytic", network={"buffer": ["auto", "8KiB"]}, jobs=0)
    found.to_parquet(tmp_path / "out.parquet")
    assert pd.read_parquet(tmp_path / "out.parquet")["network.buffer"].tolist() == ["auto", "8192"]


def test_parquet_without_pyarrow_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"pip install 'collsim\[parquet\]'"):
        collsim.sweep("ring3", "ring", "1KiB", engines="analytic", jobs=0).to_parquet(tmp_path / "out.parquet")


def test_truth_values_that_some_rows_lack_are_truth_values(tmp_path):
    found = collsim.sweep("torus3x3", ["ring", "recursive-doubling"], "1KiB", engines="analytic", jobs=0)
    frame = found.frame()
    assert str(frame.bound_exact.dtype) == "boolean"
    assert str(frame.time_fs.dtype) == "Int64"
    found.to_parquet(tmp_path / "out.parquet")
    assert pd.read_parquet(tmp_path / "out.parquet").bound_exact.tolist() == [True, pd.NA]


def test_a_cluster_without_dask_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"pip install 'collsim\[cluster\]'"):
        collsim.sweep("ring3", "ring", "1KiB", cluster="tcp://127.0.0.1:1")


def test_a_notebook_shows_a_table_of_what_differs():
    text = collsim.sweep("ring3", ["ring", "direct"], "1KiB", engines="analytic", jobs=0)._repr_html_()
    assert "2 points: 2 done" in text
    assert "<th>algorithm</th>" in text
    assert "<th>topology</th>" not in text


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"jobs": -1}, "give 1 or more"),
        ({"jobs": 2, "cluster": "tcp://127.0.0.1:1"}, "leave out one of jobs and cluster"),
        ({"file": "study.yaml"}, "leave out topologies, algorithms"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, words):
    with pytest.raises(InvalidValue, match=words):
        collsim.sweep("ring3", "ring", **settings)


def refused(path, kind, words, create=True):
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(kind, match=words) as error:
        Store(path, create=create)
    assert isinstance(error.value, CollsimError)
    assert (path.read_bytes() if path.is_file() else None) == before


def test_files_of_others_are_refused_and_left_alone(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("not a database, but long enough to be taken for one " * 100)
    refused(text, FileFormatError, "file is not a database; name another file")
    other = tmp_path / "other.sqlite"
    base = sqlite3.connect(other)
    base.execute("CREATE TABLE mine (x)")
    base.commit()
    base.close()
    refused(other, FileFormatError, "SQLite file of another program")
    newer = tmp_path / "newer.sqlite"
    Store(newer).close()
    base = sqlite3.connect(newer)
    base.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    assert base.execute("PRAGMA application_id").fetchone() == (APPLICATION,)
    base.close()
    refused(newer, FileFormatError, f"results in format {SCHEMA + 1}, and this collsim reads formats 1 to {SCHEMA}")
    refused(tmp_path / "none.sqlite", InvalidValue, "no results in", create=False)
    refused(tmp_path, OutputError, "a folder")
    refused(tmp_path / "no" / "folder.sqlite", OutputError, "does not exist")


def test_an_empty_file_is_taken_as_new(tmp_path):
    path = tmp_path / "out.sqlite"
    path.touch()
    with Store(path) as store:
        assert store.rows() == []


def test_a_row_that_is_done_stays_and_one_that_failed_gives_way(tmp_path):
    with Store(tmp_path / "out.sqlite") as store:
        store.write([Row("a", "run", "failed", {}, {}, "it broke"), Row("b", "run", "done", {}, {}, wall_s=1.0)])
        store.write([Row("a", "run", "done", {}, {}), Row("b", "run", "failed", {}, {}, "no")])
        assert [(row.key, row.status, row.error, row.wall_s) for row in store.rows()] == [
            ("a", "done", "", 0.0),
            ("b", "done", "", 1.0),
        ]
