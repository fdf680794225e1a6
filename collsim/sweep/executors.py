"""Who works points off: this process, or worker processes of its own that may die without taking the sweep with them.

Workers are started as programs, not forked and not by multiprocessing, which would run the caller's script once more in
each of them. A worker gets points of one group as long as there are any, for which it keeps machine, schedules and proofs.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from time import perf_counter
from typing import Protocol

from collsim.errors import RunError
from collsim.jit.notice import tell
from collsim.sweep.answer import Answer, Bench, answer
from collsim.sweep.runner import Work
from collsim.sweep.store import FAILED
from collsim.sweep.worker import ANSWER, NOTICE, READY

__all__ = ["Answers", "Executor", "Here", "Processes", "Waiting", "cores"]

Answers = list[tuple[int, Answer]]
"""What came of some points, by their number."""

START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); from collsim.sweep.worker import main; main(int(sys.argv[1]))"
)
DEPTH = 4
"""Points that a worker has: the one it is at, and the next ones, so that it need not wait while rows are written."""
TOGETHER_S = 0.2
LAST_WORDS_S = 10.0
TRIES = 2
"""How often a point is tried that workers do not survive."""


class Executor(Protocol):
    """Whoever works off points: yields what came of some of them, in any order, until all have been answered once."""

    def answers(self, works: Sequence[Work]) -> Iterator[Answers]:
        """Yield the answers to all `works`, each by its number in the sequence. Raises CollsimError when it cannot go on."""


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Here:
    """One point after another in this process."""

    def answers(self, works: Sequence[Work]) -> Iterator[Answers]:
        """See `Executor`."""
        bench, waiting = Bench(), Waiting(works)
        last, batch, since = "", Answers(), perf_counter()
        while waiting:
            number = waiting.take(last)
            last = works[number].group
            try:
                batch.append((number, answer(works[number], bench)))
            except KeyboardInterrupt:
                yield batch
                raise
            # Writing waits for the disk, which here nobody uses to work on.
            if perf_counter() - since > TOGETHER_S or not waiting:
                yield batch
                batch, since = [], perf_counter()


class Waiting:
    """Numbers of points that wait, by group."""

    def __init__(self, works: Sequence[Work]):
        self._groups: dict[str, deque[int]] = {}
        self._works, self._left = works, len(works)
        for number, work in enumerate(works):
            self._groups.setdefault(work.group, deque()).append(number)

    def __len__(self) -> int:
        return self._left

    def take(self, last: str) -> int:
        """Return the next point for who was at the group `last`: of the same group, else of the largest one."""
        queue = self._groups.get(last) or max(self._groups.values(), key=len)
        self._left -= 1
        return queue.popleft()

    def put_back(self, number: int) -> None:
        """Let the point wait once more, before the others of its group."""
        self._left += 1
        self._groups[self._works[number].group].appendleft(number)


@dataclass(eq=False)
class _Worker:
    """A process, the connection to it, whether it has spoken yet, and the points it has, the current one first."""

    process: subprocess.Popen[bytes]
    pipe: Connection
    ready: bool = False
    has: deque[int] = field(default_factory=deque)
    group: str = ""

    @classmethod
    def start(cls) -> _Worker:
        ours, theirs = Pipe()
        handle = theirs.fileno()
        path = json.dumps([str(Path(place).absolute()) if place == "" else place for place in sys.path])
        process = subprocess.Popen(
            [sys.executable, "-c", START, str(handle), path], pass_fds=[handle], stdin=subprocess.DEVNULL
        )
        theirs.close()
        return cls(process, ours)

    def stop(self, patience: float = 0.0) -> int:
        """End the process, which is on its way out if there is `patience` in seconds, and return its exit code."""
        self.pipe.close()
        with suppress(subprocess.TimeoutExpired):
            return self.process.wait(patience)
        self.process.kill()
        return self.process.wait()


class Processes:
    """`count` processes on this machine. A point that a worker does not survive is tried once more, then failed."""

    def __init__(self, count: int):
        self._count = count

    def answers(self, works: Sequence[Work]) -> Iterator[Answers]:
        """See `Executor`. Raises RunError when no worker can be started."""
        waiting, workers, tried = Waiting(works), list[_Worker](), dict[int, int]()
        batch: Answers = []
        try:
            while waiting or any(worker.has for worker in workers):
                while len(workers) < min(self._count, len(waiting) + sum(len(w.has) > 0 for w in workers)):
                    workers.append(_Worker.start())
                for worker in workers:
                    # Near the end nobody takes a point ahead that another could begin at once.
                    ahead = worker.ready and len(waiting) > len(workers)
                    self._feed(worker, works, waiting, DEPTH if ahead else 1)
                batch = []
                for pipe in wait([worker.pipe for worker in workers]):
                    worker = next(w for w in workers if w.pipe is pipe)
                    if not self._hear(worker, batch, tried):
                        workers.remove(worker)
                        batch += self._lost(worker, waiting, tried)
                yield batch
        except KeyboardInterrupt:
            yield batch
            raise
        finally:
            for worker in workers:
                worker.stop()

    def _feed(self, worker: _Worker, works: Sequence[Work], waiting: Waiting, depth: int) -> None:
        while waiting and len(worker.has) < depth:
            number = waiting.take(worker.group)
            worker.has.append(number)
            worker.group = works[number].group
            try:
                worker.pipe.send((number, works[number]))
            except OSError:
                return  # it has died, which is heard next

    def _hear(self, worker: _Worker, batch: Answers, tried: dict[int, int]) -> bool:
        """Take all that `worker` has said; False when it is gone."""
        try:
            while worker.pipe.poll():
                kind, *rest = worker.pipe.recv()
                if kind == READY:
                    worker.ready = True
                elif kind == NOTICE:
                    tell(rest[0], Path(rest[1]))
                elif kind == ANSWER:
                    number, found = rest
                    worker.has.remove(number)
                    batch.append((number, replace(found, attempts=1 + tried.get(number, 0))))
        except (EOFError, OSError):
            return False
        return True

    def _lost(self, worker: _Worker, waiting: Waiting, tried: dict[int, int]) -> Answers:
        """Give back what a dead worker had, and fail the point it was at if that was not the first time."""
        code = worker.stop(patience=LAST_WORDS_S)
        if not worker.ready:
            raise RunError(f"A worker process could not start ({_ending(code)}); its own words stand above.")
        first, lost = True, Answers()
        for number in list(worker.has):
            if first:
                tried[number] = tried.get(number, 0) + 1
            if first and tried[number] >= TRIES:
                text = f"Its worker process ended twice ({_ending(code)}), most likely for lack of memory; try fewer --jobs."
                lost.append((number, Answer(FAILED, text, attempts=TRIES)))
            else:
                waiting.put_back(number)
            first = False
        return lost


def _ending(code: int) -> str:
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        return f"killed by {name}"
    return f"exit code {code}"
