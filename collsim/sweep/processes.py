"""Worker processes of a sweep on this machine, which may die or stand still without taking the sweep with them.

Workers are started as programs, not forked and not by multiprocessing, which would run the caller's script once more in
each of them. A worker gets points of one group as long as there are any, for which it keeps machine, schedules and proofs.
"""

from __future__ import annotations

import json
import pickle
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from time import perf_counter

from collsim.errors import RunError
from collsim.jit.notice import tell
from collsim.sweep.answer import Answer
from collsim.sweep.executors import TOGETHER_S, Answers, Waiting
from collsim.sweep.runner import Work
from collsim.sweep.store import FAILED
from collsim.sweep.worker import ANSWER, BEGUN, DROP, GIVE, NOTICE, READY

__all__ = ["Processes"]

START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); from collsim.sweep.worker import main; main(int(sys.argv[1]))"
)
DEPTH = 4
"""Points that a worker has: the one it is at, and the next ones, so that it need not wait while rows are written."""
AHEAD_BYTES = 16_384
"""Larger points are not sent ahead: a full pipe would make this process wait for one worker and forget the others."""
LAST_WORDS_S = 10.0
TRIES = 2
"""How often a point is tried that workers do not survive."""
WRITING = 4.0
"""Answers are collected for so many times as long as writing the last ones took, and never longer than TOGETHER_S."""


class Processes:
    """`count` processes on this machine. A point that a worker does not survive is tried once more, then failed.

    A point that takes longer than `timeout_s` seconds, None for no limit, is failed at once and its worker ended.
    """

    def __init__(self, count: int, timeout_s: float | None = None):
        self._count, self._timeout_s = count, timeout_s

    def answers(self, works: Sequence[Work]) -> Iterator[Answers]:
        """See `Executor`. Raises RunError when no worker can be started."""
        crew = _Crew(works, self._count, self._timeout_s)
        batch, since, pause = Answers(), perf_counter(), 0.0
        try:
            while crew.busy:
                crew.share_out()
                batch += crew.hear(since + pause if batch else None)
                if batch and (perf_counter() - since >= pause or not crew.busy):
                    began = perf_counter()
                    yield batch
                    batch, since = [], perf_counter()
                    pause = min(TOGETHER_S, WRITING * (since - began))
        except KeyboardInterrupt:
            yield batch
            raise
        finally:
            crew.dismiss()


@dataclass(eq=False)
class _Worker:
    """A process, the connection to it, whether it has spoken yet, and the points it has, the current one first.

    `at`: the point it has begun with, None between points; `since`: when that was, by `perf_counter`.
    """

    process: subprocess.Popen[bytes]
    pipe: Connection
    ready: bool = False
    has: deque[int] = field(default_factory=deque)
    group: str = ""
    at: int | None = None
    since: float = 0.0

    @classmethod
    def start(cls) -> _Worker:
        ours, theirs = Pipe()
        handle = theirs.fileno()
        path = json.dumps([str(Path(place).absolute()) if place == "" else place for place in sys.path])
        try:
            with _ctrl_c_kept_back():
                process = subprocess.Popen(
                    [sys.executable, "-c", START, str(handle), path], pass_fds=[handle], stdin=subprocess.DEVNULL
                )
        except OSError as error:
            raise RunError(f"A worker process could not start: {error}; try fewer --jobs.") from error
        finally:
            theirs.close()
        return cls(process, ours)

    def tell(self, message: bytes) -> None:
        """Send the message; a worker that has died is heard of later."""
        with suppress(OSError):
            self.pipe.send_bytes(message)

    def stop(self, patience: float = 0.0) -> int:
        """End the process, which is on its way out if there is `patience` in seconds, and return its exit code."""
        self.pipe.close()
        with suppress(subprocess.TimeoutExpired):
            return self.process.wait(patience)
        self.process.kill()
        return self.process.wait()


class _Crew:
    """Workers, and the points that wait, are given out and are answered."""

    def __init__(self, works: Sequence[Work], count: int, timeout_s: float | None):
        self._works, self._count, self._timeout_s = works, count, timeout_s
        self._waiting, self._workers = Waiting(works), list[_Worker]()
        self._tried, self._answered, self._large = dict[int, int](), set[int](), set[str]()

    @property
    def busy(self) -> bool:
        return bool(self._waiting) or any(worker.has for worker in self._workers)

    def share_out(self) -> None:
        """See that everybody who can work has something to do."""
        while len(self._workers) < min(self._count, len(self._waiting) + sum(len(w.has) > 0 for w in self._workers)):
            self._workers.append(_Worker.start())
        if not self._waiting:
            self._take_back()
        for worker in self._workers:
            # Near the end nobody takes a point ahead that another could begin at once.
            ahead = worker.ready and len(self._waiting) > len(self._workers)
            while self._waiting and len(worker.has) < (DEPTH if ahead else 1) and self._give(worker):
                pass

    def _give(self, worker: _Worker) -> bool:
        """Send the worker a point; False where the next one is too large to be sent ahead."""
        if worker.has and worker.group in self._large:
            return False
        number = self._waiting.take(worker.group)
        group = self._works[number].group
        message = pickle.dumps((GIVE, number, self._works[number]))
        if len(message) > AHEAD_BYTES:
            self._large.add(group)
            if worker.has:
                self._waiting.put_back(number)
                return False
        worker.has.append(number)
        worker.group = group
        worker.tell(message)
        return True

    def _take_back(self) -> None:
        """Let idle workers have the points that stand behind one that takes long."""
        for _ in range(sum(worker.ready and not worker.has for worker in self._workers)):
            slow = max(self._workers, key=lambda worker: len(worker.has))
            if len(slow.has) < 2:
                return
            number = slow.has.pop()
            # If it has begun all the same, the first answer counts.
            slow.tell(pickle.dumps((DROP, number, None)))
            self._waiting.put_back(number)

    def hear(self, until: float | None) -> Answers:
        """Return what workers say until `until`, None for as long as it takes, or until one of them is out of time."""
        ends = [] if until is None else [until]
        if self._timeout_s is not None:
            ends += [worker.since + self._timeout_s for worker in self._workers if worker.at is not None]
        batch, patience = Answers(), max(0.0, min(ends) - perf_counter()) if ends else None
        for pipe in wait([worker.pipe for worker in self._workers], patience):
            worker = next(w for w in self._workers if w.pipe is pipe)
            if not self._listen(worker, batch):
                batch += self._lost(worker)
        if self._timeout_s is not None:
            late = perf_counter() - self._timeout_s
            for worker in [w for w in self._workers if w.at is not None and w.since <= late]:
                batch += self._out_of_time(worker)
        return batch

    def _listen(self, worker: _Worker, batch: Answers) -> bool:
        """Take all that `worker` has said; False when it is gone."""
        try:
            while worker.pipe.poll():
                kind, *rest = worker.pipe.recv()
                if kind == READY:
                    worker.ready = True
                elif kind == BEGUN:
                    worker.at, worker.since = rest[0], perf_counter()
                elif kind == NOTICE:
                    tell(rest[0], Path(rest[1]))
                elif kind == ANSWER:
                    number, found = rest
                    worker.at = None
                    if number in worker.has:
                        worker.has.remove(number)
                    if number not in self._answered:
                        self._answer(number, replace(found, attempts=1 + self._tried.get(number, 0)), batch)
        except (EOFError, OSError):
            return False
        return True

    def _answer(self, number: int, found: Answer, batch: Answers) -> None:
        self._answered.add(number)
        batch.append((number, found))

    def _lost(self, worker: _Worker) -> Answers:
        """Give back what a dead worker had, and fail the point it was at if that was not the first time."""
        code, batch = worker.stop(patience=LAST_WORDS_S), Answers()
        if not worker.ready:
            raise RunError(f"A worker process could not start ({_ending(code)}); its own words stand above.")
        if worker.has or worker.at is not None:
            first = worker.has[0] if worker.at is None else worker.at
            self._tried[first] = self._tried.get(first, 0) + 1
            if self._tried[first] >= TRIES and first not in self._answered:
                text = f"Its worker process ended twice ({_ending(code)}){_guess(code)}."
                self._answer(first, Answer(FAILED, text, attempts=TRIES), batch)
        self._leave(worker)
        return batch

    def _out_of_time(self, worker: _Worker) -> Answers:
        """Fail the point that a worker is at, end the worker, and give back what it had beside."""
        batch, took, number = Answers(), perf_counter() - worker.since, worker.at
        worker.stop()
        if number is not None and number not in self._answered:
            text = f"It took longer than the {self._timeout_s:g} s that --timeout allows a point."
            self._answer(number, Answer(FAILED, text, wall_s=took, attempts=1 + self._tried.get(number, 0)), batch)
        self._leave(worker)
        return batch

    def _leave(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        # The first of them is the first again.
        for number in reversed(worker.has):
            if number not in self._answered:
                self._waiting.put_back(number)

    def dismiss(self) -> None:
        """End all workers."""
        for worker in self._workers:
            worker.stop()


@contextmanager
def _ctrl_c_kept_back() -> Iterator[None]:
    """What is started within the context never hears Ctrl-C: who collects the answers decides what it means."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ending(code: int) -> str:
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        return f"killed by {name}"
    return f"exit code {code}"


def _guess(code: int) -> str:
    if -code == getattr(signal, "SIGKILL", None):
        return ", most likely for lack of memory; try fewer --jobs"
    return ": its program crashed" if code < 0 else ": something in it ended the program"
