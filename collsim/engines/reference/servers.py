"""First-come first-served servers at a host: reductions (rule 6) and serial overheads (rule 4).

Jobs that come at one tick are served in ascending id, so who is served is decided in the settling of a tick, when all of
its arrivals are known. Every service takes at least a femtosecond: none ends in the tick in which it starts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush

from collsim.engines.reference.clock import Clock
from collsim.engines.reference.message import Message

__all__ = ["Job", "Servers"]


@dataclass(slots=True, eq=False)
class Job:
    """Service of `duration` fs for `message`: it arrived at `arrival`, was served from `start`.

    `after`: id of the message whose service ended at `start` and gave way, -1 when a server was free on arrival.
    """

    message: Message
    arrival: int
    duration: int
    start: int = -1
    after: int = -1


class Servers:
    """`count` servers of one host; `done(message)` is called when a service ends.

    The owner calls `settle` in the settling of each tick it asked for through `wake(self)`.
    """

    def __init__(self, count: int, clock: Clock, wake: Callable[[Servers], None], done: Callable[[Message], None]):
        self._free, self._clock, self._wake, self._done = count, clock, wake, done
        self._queue: list[tuple[int, int, Job]] = []
        self._ended = (-1, -1)
        self.jobs: dict[int, Job] = {}

    def arrive(self, message: Message, duration: int) -> None:
        """Queue a service of `duration` fs (>= 1) for `message`, arriving now."""
        job = self.jobs[message.id] = Job(message, self._clock.now, duration)
        heappush(self._queue, (job.arrival, message.id, job))
        self._wake(self)

    def settle(self) -> None:
        """Give the free servers to the first in (arrival, id)."""
        now = self._clock.now
        while self._free and self._queue:
            job = heappop(self._queue)[2]
            self._free -= 1
            job.start = now
            if job.arrival < now:
                job.after = self._ended[1]
            self._clock.at(now + job.duration, self._end, job)

    def _end(self, job: Job) -> None:
        now = self._clock.now
        tick, least = self._ended
        self._ended = (now, min(least, job.message.id) if tick == now else job.message.id)
        self._free += 1
        self._wake(self)
        self._done(job.message)
