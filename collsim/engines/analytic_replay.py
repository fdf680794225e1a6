"""A program message by message for the analytic engine, with links that serve one step of one call at a time.

Needed where a rank sends in several steps without waiting in between (pipelined trees, chains of segments): dependencies
alone would let all of that cross one link at once and beat the bandwidth of the network.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from heapq import heappop, heappush
from operator import itemgetter

import numpy as np

from collsim.engines.analytic_gates import Gates
from collsim.engines.analytic_times import Times
from collsim.engines.analytic_traffic import Traffic
from collsim.errors import InvalidValue
from collsim.program import Program
from collsim.units import check_time

__all__ = ["replay"]

_READY, _SERVE = 0, 1
_end = itemgetter(1)


def replay(program: Program, traffic: Traffic, hosts: int) -> Times:
    """Return the times of all messages; InvalidValue on a cycle of dependencies, ClockOverflow."""
    return _Replay(program, traffic, hosts).run()


class _Calendar:
    """When one link is taken: windows (begin, end, group) that are not over yet, in order of time.

    Messages of one group share a window. Those of different groups never overlap, so that ends are in order as well.
    """

    __slots__ = ("windows",)

    def __init__(self) -> None:
        self.windows: list[tuple[int, int, int]] = []

    def earliest(self, at: int, span: int, group: int) -> int:
        """Return the least t >= at such that [t, t + span) meets no window of another group."""
        for k in range(bisect_right(self.windows, at, key=_end), len(self.windows)):
            begin, end, other = self.windows[k]
            if begin >= at + span:
                break
            if other != group:
                at = end
        return at

    def take(self, begin: int, end: int, group: int, now: int) -> None:
        """Enter a window; windows that ended by `now` are forgotten, those of the same group that it meets become one."""
        windows = self.windows
        del windows[: bisect_right(windows, now, key=_end)]
        first = last = bisect_left(windows, begin, key=_end)
        while last < len(windows) and windows[last][0] <= end:
            last += 1
        others = [window for window in windows[first:last] if window[2] != group]
        for window in windows[first:last]:
            if window[2] == group:
                begin, end = min(begin, window[0]), max(end, window[1])
        windows[first:last] = sorted([*others, (begin, end, group)])

    def holders(self, now: int) -> list[int]:
        """Return the groups that are on the link at `now`."""
        return [group for begin, end, group in self.windows if begin <= now < end]


class _Queue:
    """Messages that wait for their first link, by group; the least (step, ready, id) leads."""

    __slots__ = ("groups", "leaders")

    def __init__(self) -> None:
        self.groups: dict[int, list[int]] = {}
        self.leaders: list[tuple[int, int, int, int]] = []

    def join(self, message: int, step: int, now: int, group: int) -> None:
        """Append a message that became ready at `now`; calls come in order of (ready, id)."""
        if group not in self.groups:
            heappush(self.leaders, (step, now, message, group))
        self.groups.setdefault(group, []).append(message)

    def leader(self) -> int | None:
        """Return the group of the least waiting message, or None."""
        while self.leaders and self.leaders[0][3] not in self.groups:
            heappop(self.leaders)
        return self.leaders[0][3] if self.leaders else None


class _Replay:
    """A heap of (time, what, message or link), a queue and a calendar a link, and the gates of the program."""

    def __init__(self, program: Program, traffic: Traffic, hosts: int):
        count = len(traffic.size)
        self.delay = traffic.delay
        self.ready, self.start, self.finish = [0] * count, [-1] * count, [-1] * count
        self.group, self.step = traffic.group.tolist(), traffic.step.tolist()
        self.duration, self.offsets = traffic.duration.tolist(), traffic.offsets.tolist()
        self.link, self.first, self.span = traffic.link.tolist(), traffic.first.tolist(), traffic.span.tolist()
        self.empty = (traffic.size == 0).tolist()
        self.heap: list[tuple[int, int, int]] = []
        self.queues: dict[int, _Queue] = {}
        self.calendars: dict[int, _Calendar] = {}
        self.gates = Gates(program, traffic, hosts)

    def run(self) -> Times:
        """Process ticks in order; in each, messages become ready before any link serves."""
        for message, time in self.gates.open():
            self._release(message, time)
        served = (-1, -1)
        while self.heap:
            time, what, index = heappop(self.heap)
            if what == _READY:
                self._ask(index, time)
            elif served != (time, index):
                self._serve(index, time)
                served = time, index
        if -1 in self.finish:
            raise InvalidValue(
                f"Message {self.finish.index(-1)} never starts: the dependencies of the program form a cycle; break it."
            )
        ready, start, finish = (np.array(c, dtype=np.int64) for c in (self.ready, self.start, self.finish))
        begin, end = self.gates.operation_times()
        return Times(ready, start, finish, begin, end)

    def _release(self, message: int, time: int) -> None:
        self.ready[message] = check_time(time + self.delay)
        heappush(self.heap, (self.ready[message], _READY, message))

    def _ask(self, message: int, now: int) -> None:
        """A message is ready: it joins the queue of its first link, or completes by itself where it needs none."""
        head = self.offsets[message]
        if head == self.offsets[message + 1] or self.empty[message]:
            self.start[message] = now
            self._complete(message, now + self.duration[message])
            return
        link = self.link[head]
        if link not in self.queues:
            self.queues[link] = _Queue()
            self.calendars.setdefault(link, _Calendar())
        self.queues[link].join(message, self.step[message], now, self.group[message])
        heappush(self.heap, (now, _SERVE, link))

    def _serve(self, link: int, now: int) -> None:
        """Start what shares the link with its holders, then leading groups while the link takes them."""
        queue, calendar = self.queues[link], self.calendars[link]
        for holder in calendar.holders(now):
            self._start_group(queue, calendar, holder, now)
        while (leader := queue.leader()) is not None:
            later = self._start_group(queue, calendar, leader, now)
            if later is not None:
                heappush(self.heap, (later, _SERVE, link))
                return

    def _start_group(self, queue: _Queue, calendar: _Calendar, group: int, now: int) -> int | None:
        """Start the waiting messages of `group` that the link takes now; return when it takes the next one, if any."""
        left: list[int] = []
        wait: int | None = None
        for message in queue.groups.get(group, ()):
            time = calendar.earliest(now, self.span[self.offsets[message]], group)
            if time > now:
                left.append(message)
                wait = time if wait is None else min(wait, time)
            else:
                self._start(message, now)
        if left:
            queue.groups[group] = left
        else:
            queue.groups.pop(group, None)
        return wait

    def _start(self, message: int, now: int) -> None:
        """Take the links of the path one after another; a busy one makes the message late from there on."""
        lag, group = 0, self.group[message]
        for hop in range(self.offsets[message], self.offsets[message + 1]):
            link = self.link[hop]
            calendar = self.calendars.get(link)
            if calendar is None:
                calendar = self.calendars[link] = _Calendar()
            at = calendar.earliest(now + self.first[hop] + lag, self.span[hop], group)
            lag = at - now - self.first[hop]
            calendar.take(at, at + self.span[hop], group, now)
        self.start[message] = now
        self._complete(message, check_time(now + lag + self.duration[message]))

    def _complete(self, message: int, time: int) -> None:
        self.finish[message] = time
        for follower, released in self.gates.complete(message, time):
            self._release(follower, released)
