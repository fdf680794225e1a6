"""Worker processes: large points are not sent ahead, and Ctrl-C never reaches a worker that starts."""

import os
import signal
import subprocess
import sys

import pytest

import collsim
from collsim.errors import InvalidValue, RunError
from collsim.sweep import processes
from collsim.sweep.processes import Processes
from collsim.sweep.runner import Call


def tell(given, kept):
    return {"time_fs": len(given)}


def held_ahead(monkeypatch, given):
    """How many points a worker had at most while `given` were worked off."""
    most = []
    hear = processes._Crew.hear

    def spy(crew, until):
        most.append(max(len(worker.has) for worker in crew._workers))
        return hear(crew, until)

    monkeypatch.setattr(processes._Crew, "hear", spy)
    works = [Call("group", tell, each) for each in given]
    found = dict(pair for batch in Processes(1).answers(works) for pair in batch)
    assert [found[k].results["time_fs"] for k in range(len(given))] == [len(each) for each in given]
    return max(most)


def test_small_points_are_sent_ahead_and_large_ones_are_not(monkeypatch):
    assert held_ahead(monkeypatch, ["x"] * 12) == processes.DEPTH
    # Several of these would fill the pipe, and this process would wait for one worker and forget the others.
    assert held_ahead(monkeypatch, ["x" * 200_000] * 6) == 1


def test_a_worker_is_deaf_to_ctrl_c_before_its_first_line_runs():
    script = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    with processes._ctrl_c_kept_back():
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_ctrl_c_while_a_worker_starts_is_not_lost():
    with pytest.raises(KeyboardInterrupt), processes._ctrl_c_kept_back():
        os.kill(os.getpid(), signal.SIGINT)


def test_a_process_that_cannot_be_had_ends_the_sweep_in_a_sentence(monkeypatch):
    def none(*_, **__):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(processes.subprocess, "Popen", none)
    with pytest.raises(RunError, match=r"could not start: .*temporarily unavailable; try fewer --jobs"):
        next(iter(Processes(1).answers([Call("group", tell, "x")])))


@pytest.mark.parametrize("timeout, words", [("0s", "no time"), ("soon", "Cannot read time"), ("60s", "stays in this one")])
def test_timeouts_that_cannot_be_are_refused(timeout, words):
    with pytest.raises(InvalidValue, match=words):
        collsim.sweep("ring3", "ring", "1KiB", jobs=0, timeout=timeout)
