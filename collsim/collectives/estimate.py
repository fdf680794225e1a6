"""How long a schedule takes, estimated message by message: for algorithms that choose between schedules of their own.

A link serves the ready message of the lowest step and takes it whole; behind its first link a message takes the others as
they come free. No packets, buffers or arbitration: that is what engines are for, and an algorithm cannot see them.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

import numpy as np

from collsim.collectives.schedule import Schedule
from collsim.topology.graph import Topology
from collsim.units import FS_PER_SECOND

__all__ = ["estimate_seconds"]


def estimate_seconds(schedule: Schedule, topology: Topology, size: int) -> float:
    """Return the seconds that a schedule whose transfers all have paths takes with `size` bytes."""
    s, run = schedule, _Links(schedule, topology, size)
    waits, steps = s.dep_set.tolist(), s.step.tolist()
    missing = np.diff(s.set_offsets).tolist()
    waiters = _lists(s.dep_set, np.arange(s.transfers), len(missing))
    owner = np.repeat(np.arange(len(missing)), np.diff(s.set_offsets))
    sets_of = _lists(s.set_members, owner, s.transfers)
    # Arrivals are ids of transfers, links that come free are negative: at one time links are asked after all arrivals.
    events: list[tuple[float, int]] = [(0.0, ~link) for link in set(run.first)]
    heapify(events)
    for t in (t for t, k in enumerate(waits) if not missing[k]):
        heappush(run.queues[run.first[t]], (steps[t], t))
    end = 0.0
    while events:
        now, event = heappop(events)
        if event < 0:
            run.serve(~event, now, events)
            continue
        end = max(end, now)
        for k in sets_of[event]:
            missing[k] -= 1
            if not missing[k]:
                for t in waiters[k]:
                    link = run.first[t]
                    heappush(run.queues[link], (steps[t], t))
                    if run.free[link] <= now:
                        heappush(events, (now, ~link))
    return end


class _Links:
    """Links of a run: `first[t]` of each transfer, when each is `free`, and the `queues` (step, transfer) before them."""

    def __init__(self, schedule: Schedule, topology: Topology, size: int):
        self.first = schedule.path_links[schedule.path_offsets[:-1]].tolist()
        self.free = [0.0] * topology.links
        self.queues: list[list[tuple[int, int]]] = [[] for _ in range(topology.links)]
        self._rate = topology.bandwidth.astype(float).tolist()
        self._latency = (topology.latency / FS_PER_SECOND).tolist()
        self._sizes = schedule.message_bytes(size).tolist()
        self._bounds, self._links = schedule.path_offsets.tolist(), schedule.path_links.tolist()

    def serve(self, link: int, now: float, events: list[tuple[float, int]]) -> None:
        """Start the message of the lowest step that waits for `link`, and note its arrival and the link's coming free."""
        if self.free[link] > now or not self.queues[link]:
            return
        _, t = heappop(self.queues[link])
        head, slowest = now, 0.0
        for along in self._links[self._bounds[t] : self._bounds[t + 1]]:
            busy = self._sizes[t] / self._rate[along]
            head = max(head, self.free[along])
            self.free[along] = head + busy
            slowest = max(slowest, busy)
            head += self._latency[along]
        heappush(events, (head + slowest, t))
        heappush(events, (self.free[link], ~link))


def _lists(key: np.ndarray, value: np.ndarray, count: int) -> list[list[int]]:
    """Return for each key below `count` its values."""
    order = np.argsort(key, kind="stable")
    ends = np.cumsum(np.bincount(key, minlength=count))
    return [part.tolist() for part in np.split(value[order], ends[:-1])]
