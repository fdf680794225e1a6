"""What a sweep survives: kill -9, Ctrl-C, a full disk, dying workers, another sweep. Nothing lost, nothing doubled."""

import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from sweep.sweep_cases import SIZES, Sweeping

from collsim.errors import WriteFailed
from collsim.sweep.store import Row, Store


@pytest.fixture
def sweeping(tmp_path):
    return Sweeping(tmp_path)


def goes_on(sweeping):
    """The same command does the rest, and no point once more that had a row."""
    before, asked = sweeping.rows(), sweeping.asked()
    code, out, err = sweeping.go("--jobs", "1")
    assert (code, err) == (0, "")
    sweeping.check_whole()
    again = sweeping.asked() - asked
    assert set(again) == set(SIZES) - set(before)
    assert set(again.values()) == {1}
    assert {size: row.finished for size, row in sweeping.rows().items() if size in before} == {
        size: row.finished for size, row in before.items()
    }
    assert f"{len(before)} had a row already" in out


def test_a_killed_sweep_goes_on_with_nothing_lost_and_nothing_doubled(sweeping):
    sweeping.flag("SIGKILL", "parent", SIZES[7])
    # The worker would stand still for ever and keep its end of the pipe open: it dies with the sweep, or this ends in time.
    code, _, _ = sweeping.go("--jobs", "1")
    assert code == -9
    # The first answer is written at once, later ones after at most a fifth of a second.
    assert 1 <= len(sweeping.rows()) <= 7
    goes_on(sweeping)


def test_ctrl_c_keeps_what_is_done_and_leaves_with_130(sweeping):
    sweeping.flag("SIGINT", "group", SIZES[5])
    code, out, err = sweeping.go("--jobs", "1")
    assert code == 130
    rows = sweeping.rows()
    assert 2 <= len(rows) < 12
    assert f"12: {len(rows)} done, {12 - len(rows)} missing" in out
    assert err == f"Error: Interrupted; {12 - len(rows)} points are missing, and the same command goes on.\n"
    goes_on(sweeping)


@pytest.mark.slow
def test_a_full_disk_is_told_and_the_sweep_goes_on_when_there_is_room(sweeping):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (24576, 24576)); "
    code, out, err = sweeping.go("--jobs", "1", before=limit)
    assert (code, out) == (1, "")
    assert err.startswith("Error: Cannot write 'study.sqlite': ")
    assert "free some space and repeat the command" in err
    assert 0 < len(sweeping.rows()) < 12
    goes_on(sweeping)


@pytest.mark.slow
def test_a_point_that_kills_its_worker_once_is_run_again(sweeping):
    sweeping.flag("SIGKILL", "self", SIZES[3])
    code, _, err = sweeping.go("--jobs", "2")
    assert (code, err) == (0, "")
    sweeping.check_whole()
    assert {size: row.attempts for size, row in sweeping.rows().items() if row.attempts > 1} == {SIZES[3]: 2}
    # Nothing that was answered is asked for twice.
    assert sum(sweeping.asked().values()) == 13


@pytest.mark.slow
def test_a_point_that_always_kills_its_worker_fails_and_the_others_go_on(sweeping):
    sweeping.flag("SIGKILL", "self", SIZES[3], "always")
    code, out, _ = sweeping.go("--jobs", "2")
    assert code == 1
    rows = sweeping.rows()
    assert [size for size, row in rows.items() if row.status != "done"] == [SIZES[3]]
    assert rows[SIZES[3]].error.startswith("Its worker process ended twice (killed by SIGKILL)")
    assert "Failed    Its worker process ended twice" in out
    # A failed point stays failed until it is asked for again.
    (sweeping.folder / "flag").unlink()
    asked = sweeping.asked()
    assert sweeping.go()[0] == 1
    assert sweeping.asked() == asked
    assert sweeping.go("--retry-failed")[0] == 0
    sweeping.check_whole()


def test_an_error_in_an_algorithm_is_recorded_with_its_line(sweeping):
    sweeping.flag("raise", "self", SIZES[0], "always")
    code, _, _ = sweeping.go("--jobs", "1")
    assert code == 1
    (failed,) = (row for row in sweeping.rows().values() if row.status == "failed")
    line = next(
        n for n, text in enumerate((sweeping.folder / "bomb.py").read_text().splitlines(), 1) if "on purpose" in text
    )
    assert failed.error == f"bomb failed with ZeroDivisionError in bomb.py, line {line}: on purpose"


@pytest.mark.slow
@pytest.mark.parametrize("what, words", [("exit", "SystemExit"), ("mumble", r"half a character \udc80, and a long story")])
def test_what_an_algorithm_raises_is_a_failed_point_and_the_others_go_on(sweeping, what, words):
    sweeping.flag(what, "self", SIZES[3], "always")
    code, _, err = sweeping.go("--jobs", "1")
    assert (code, err) == (1, "")
    rows = sweeping.rows()
    assert [size for size, row in rows.items() if row.status != "done"] == [SIZES[3]]
    assert words in rows[SIZES[3]].error
    assert len(rows[SIZES[3]].error) < 2_100
    assert rows[SIZES[3]].attempts == 1


@pytest.mark.slow
def test_a_crash_is_not_blamed_on_memory(sweeping):
    sweeping.flag("SIGSEGV", "self", SIZES[3], "always")
    assert sweeping.go("--jobs", "1")[0] == 1
    assert sweeping.rows()[SIZES[3]].error == "Its worker process ended twice (killed by SIGSEGV): its program crashed."


@pytest.mark.slow
def test_a_point_that_stands_still_is_failed_after_the_timeout_and_the_others_go_on(sweeping):
    sweeping.flag("hang", "self", SIZES[3], "always")
    code, _, err = sweeping.go("--jobs", "2", "--timeout", "6s")
    assert (code, err) == (1, "")
    rows = sweeping.rows()
    assert {size for size, row in rows.items() if row.status == "done"} == set(SIZES) - {SIZES[3]}
    assert rows[SIZES[3]].error == "It took longer than the 6 s that --timeout allows a point."
    assert rows[SIZES[3]].wall_s >= 6
    assert set(sweeping.asked().values()) == {1}


@pytest.mark.slow
def test_points_behind_one_that_stands_still_are_taken_by_others(sweeping):
    sweeping.flag("hang", "self", SIZES[3], "always")
    process = sweeping.start("--jobs", "2")
    # All others are there in the end, those too that the worker which stands still had been given.
    wait_until(lambda: sweeping.out.exists() and sweeping.out.stat().st_size and len(sweeping.rows()) == 11)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "1 points are missing" in err
    assert set(sweeping.asked().values()) == {1}


def wait_until(true, patience=60.0):
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.slow
def test_two_sweeps_may_write_into_one_file(sweeping):
    pair = [sweeping.start("--jobs", "1") for _ in range(2)]
    assert [process.communicate(timeout=120)[1] for process in pair] == ["", ""]
    assert [process.returncode for process in pair] == [0, 0]
    sweeping.check_whole()


HALF = """
import os, signal, sys
from collsim.sweep.store import COLUMNS, INSERT, Row, Store
store = Store(sys.argv[1])
store.write([Row("whole", "run", "done", {}, {})])
store._base.execute("PRAGMA cache_size = 1")
store._base.execute("BEGIN IMMEDIATE")
rows = [Row(f"half {k}", "run", "done", {}, {}, "x" * 2000).values() for k in range(200)]
store._base.executemany(INSERT, rows)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_rows_that_were_half_written_are_undone(tmp_path):
    path = tmp_path / "out.sqlite"
    assert subprocess.run([sys.executable, "-c", HALF, str(path)], check=False).returncode == -9
    assert path.stat().st_size > 100_000
    assert path.with_name("out.sqlite-journal").exists()
    with Store(path, create=False) as store:
        assert [row.key for row in store.rows()] == ["whole"]


def test_a_batch_that_does_not_fit_is_not_written_in_part(tmp_path):
    rows = [Row(f"row {k}", "run", "done", {}, {}, "x" * 500) for k in range(100)]
    with Store(tmp_path / "out.sqlite") as store:
        store.write(rows[:1])
        store._base.execute("PRAGMA max_page_count = 6")
        with pytest.raises(WriteFailed, match="database or disk is full; free some space"):
            store.write(rows)
        assert [row.key for row in store.rows()] == ["row 0"]
        store._base.execute("PRAGMA max_page_count = 100000")
        store.write(rows)
        assert len(store.rows()) == 100


def test_a_writer_that_keeps_the_file_is_told_of(tmp_path, monkeypatch):
    monkeypatch.setattr("collsim.sweep.store.PATIENCE_S", 0.01)
    path = tmp_path / "out.sqlite"
    with Store(path) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(WriteFailed, match="database is locked"):
            store.write([Row("key", "run", "done", {}, {})])
        other.close()
