"""Sweeps on a dask cluster: a real scheduler and workers on loopback, each a process, one of them killed mid-way."""

import subprocess
import sys
from contextlib import contextmanager

import pytest
from sweep.sweep_cases import SIZES, Sweeping
from sweep.test_repeat import STAR

import collsim
from collsim.errors import InvalidValue
from collsim.sweep.cluster import Cluster

distributed = pytest.importorskip("distributed")


def dask(*words, folder, ready):
    """Start a dask program and return it, and the words behind `ready` in what it prints."""
    command = [sys.executable, "-m", "dask", *words, "--host", "127.0.0.1", "--no-dashboard"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if ready in line:
            return process, line.split(ready)[1].split()
    raise AssertionError(f"dask {words} ended with {process.wait()}")


@pytest.fixture
def scheduler(tmp_path):
    process, words = dask("scheduler", "--port", "0", folder=tmp_path, ready="Scheduler at:")
    yield words[0], process.pid
    process.kill()
    process.wait()


def worker(folder, scheduler):
    words = ("worker", scheduler, "--nworkers", "1", "--nthreads", "1", "--no-nanny")
    return dask(*words, folder=folder, ready="Registered to:")[0]


@contextmanager
def workers_of(folder, scheduler, count=1):
    """Run `count` workers of `scheduler` in `folder` for a while."""
    processes = [worker(folder, scheduler) for _ in range(count)]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_a_worker_killed_mid_way_costs_nothing(tmp_path, scheduler):
    sweeping = Sweeping(tmp_path)
    address, _ = scheduler
    with workers_of(tmp_path, address, 2) as workers:
        sweeping.flag("SIGKILL", "self", SIZES[6])
        code, out, _ = sweeping.go("--cluster", address)
        assert code == 0
        assert f"by 2 threads of {address}" in out
        sweeping.check_whole()
        assert sorted(process.poll() is None for process in workers) == [False, True]
        assert sweeping.asked()[SIZES[6]] == 2
        # Rows are there, so nothing runs once more.
        asked = sweeping.asked()
        assert sweeping.go("--cluster", address)[0] == 0
        assert sweeping.asked() == asked


@pytest.mark.slow
def test_a_cluster_without_workers_is_refused(scheduler):
    with pytest.raises(Exception, match="has no workers; start some with 'dask worker"):
        Cluster(scheduler[0])


@pytest.mark.slow
def test_a_scheduler_that_is_lost_ends_the_sweep_and_not_what_is_written(tmp_path, scheduler):
    sweeping = Sweeping(tmp_path)
    address, pid = scheduler
    with workers_of(tmp_path, address):
        sweeping.flag("SIGKILL", pid, SIZES[6])
        code, out, err = sweeping.go("--cluster", address)
        assert (code, out) == (1, "")
        assert f"Error: The connection to the scheduler at {address} is lost" in err
        assert 0 < len(sweeping.rows()) < 12
        assert sweeping.go("--jobs", "1")[0] == 0
        sweeping.check_whole()


@pytest.mark.parametrize("address", ["nowhere", "tcp://"])
def test_an_address_that_means_nothing_is_refused(address):
    with pytest.raises(InvalidValue, match=f"No dask scheduler answers at '{address}'"):
        Cluster(address)


@pytest.mark.slow
def test_files_are_sent_to_workers_that_do_not_have_them_as_they_are_now(tmp_path, scheduler, monkeypatch):
    """A worker keeps schedules between sweeps, and must not mistake an edited file for the one it knows."""
    (tmp_path / "far").mkdir()
    (tmp_path / "here").mkdir()
    address, _ = scheduler
    monkeypatch.chdir(tmp_path / "here")
    with workers_of(tmp_path / "far", address):
        for inner in ("ring", "direct"):
            (tmp_path / "here" / "mine.py").write_text(STAR.replace("{inner}", inner))
            given = {"topologies": "ring4", "sizes": ["1KiB", "1MiB"], "engines": "analytic"}
            found = collsim.sweep(**given, algorithms="./mine.py", cluster=address)
            wanted = collsim.sweep(**given, algorithms=inner, jobs=0)
            assert [row.error for row in found.rows] == ["", ""]
            assert [row.results["time_fs"] for row in found.rows] == [row.results["time_fs"] for row in wanted.rows]


@pytest.mark.slow
def test_a_point_that_stands_still_on_a_cluster_is_failed_after_the_timeout(tmp_path, scheduler):
    sweeping = Sweeping(tmp_path)
    address, _ = scheduler
    with workers_of(tmp_path, address):
        sweeping.flag("hang", "self", SIZES[3], "always")
        assert sweeping.go("--cluster", address, "--timeout", "6s")[0] == 1
        rows = sweeping.rows()
        assert {size for size, row in rows.items() if row.status == "done"} == set(SIZES) - {SIZES[3]}
        assert rows[SIZES[3]].error == "It took longer than the 6 s that --timeout allows a point."
