"""What each message of a program still waits for: its dependency set, and its operation on its source host.

An operation may begin on a host when all operations before it are complete there; it is complete there when its own
messages or computation there are, and no sooner than it may begin. Dependency sets are shared between transfers. Who is in
which set and who waits for it are flat lists with offsets: millions of small lists would keep the collector busy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collsim.engines.analytic_traffic import Traffic
from collsim.program import Call, Compute, Program
from collsim.units import check_time

__all__ = ["Gates"]

IntArray = NDArray[np.int64]
Released = list[tuple[int, int]]


class Gates:
    """Counts down; `open` and `complete` return (message, time) for every message they release, each exactly once."""

    def __init__(self, program: Program, traffic: Traffic, hosts: int):
        self.operations, self.hosts = program.operations, hosts
        self.source: list[int] = traffic.source.tolist()
        self.target: list[int] = traffic.target.tolist()
        self.operation: list[int] = traffic.operation.tolist()
        self._index_sets(program, len(self.source))
        self._index_operations(program, traffic)

    def _index_sets(self, program: Program, count: int) -> None:
        """Number the dependency sets of all calls through the program: who is in each, who waits for it."""
        set_of = np.full(count, -1, dtype=np.int64)
        sizes, members = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
        shift = 0
        for index, call in enumerate(program.operations):
            if isinstance(call, Call):
                base, plan = int(program.first_message[index]), call.schedule
                sizes.append(np.diff(plan.set_offsets))
                members.append(plan.set_members + base)
                waits = sizes[-1][plan.dep_set] > 0
                set_of[base : base + plan.transfers] = np.where(waits, plan.dep_set + shift, -1)
                shift += len(sizes[-1])
        size = np.concatenate(sizes)
        owner = np.repeat(np.arange(shift), size)
        waiting = np.flatnonzero(set_of >= 0)
        self.set_of: list[int] = set_of.tolist()
        self.set_left: list[int] = size.tolist()
        self.set_time = [0] * shift
        self.in_offsets, self.in_sets = _grouped(np.concatenate(members), owner, count)
        self.user_offsets, self.users = _grouped(set_of[waiting], waiting, shift)

    def _index_operations(self, program: Program, traffic: Traffic) -> None:
        """Count, per operation and host, the operations before it and its messages there."""
        operations, hosts = self.operations, self.hosts
        self.after: list[list[int]] = [[] for _ in operations]
        for index, operation in enumerate(operations):
            for dep in set(operation.deps):
                self.after[dep].append(index)
        self.begin = [[0] * hosts for _ in operations]
        self.end = [[0] * hosts for _ in operations]
        self.deps_left = [[len(set(operation.deps))] * hosts for operation in operations]
        self.opened = [[False] * hosts for _ in operations]
        place = traffic.operation * hosts
        ends = np.concatenate([place + traffic.source, (place + traffic.target)[traffic.source != traffic.target]])
        self.messages_left = np.bincount(ends, minlength=len(operations) * hosts).reshape(-1, hosts).tolist()
        # A transfer of a call that waits for no other operation is released by its set alone, if it has one.
        gated = np.array([bool(operation.deps) for operation in operations], dtype=np.bool_)
        held = np.flatnonzero(gated[traffic.operation] | (np.array(self.set_of) < 0)) if len(place) else place
        self.held_offsets, self.held = _grouped((place + traffic.source)[held], held, len(operations) * hosts)

    def open(self) -> Released:
        """Return what nothing holds back at time 0; operations without work on a host pass there."""
        first = [
            (k, host) for k, operation in enumerate(self.operations) if not operation.deps for host in range(self.hosts)
        ]
        return self._begin(first)

    def complete(self, message: int, time: int) -> Released:
        """Return what the completion of `message` at `time` releases."""
        free: Released = []
        for k in self.in_sets[self.in_offsets[message] : self.in_offsets[message + 1]]:
            self.set_left[k] -= 1
            self.set_time[k] = max(self.set_time[k], time)
            if self.set_left[k] == 0:
                users = self.users[self.user_offsets[k] : self.user_offsets[k + 1]]
                free += [(user, self._released(user)) for user in users if self._open(user)]
        index, source, target = self.operation[message], self.source[message], self.target[message]
        done = []
        for host in (source, target) if source != target else (source,):
            self.messages_left[index][host] -= 1
            self.end[index][host] = max(self.end[index][host], time)
            if self.messages_left[index][host] == 0 and self.opened[index][host]:
                done.append((index, host))
        return free + self._begin(self._after(done)) if done else free

    def _open(self, message: int) -> bool:
        k = self.set_of[message]
        return (k < 0 or self.set_left[k] == 0) and self.opened[self.operation[message]][self.source[message]]

    def _released(self, message: int) -> int:
        k = self.set_of[message]
        gate = self.begin[self.operation[message]][self.source[message]]
        return max(gate, self.set_time[k]) if k >= 0 else gate

    def _after(self, done: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return the (operation, host) that may begin now that `done` are complete."""
        found = []
        for index, host in done:
            for later in self.after[index]:
                self.begin[later][host] = max(self.begin[later][host], self.end[index][host])
                self.deps_left[later][host] -= 1
                if self.deps_left[later][host] == 0:
                    found.append((later, host))
        return found

    def _begin(self, ready: list[tuple[int, int]]) -> Released:
        """Begin operations on hosts, and those after them where they have nothing to do there."""
        free: Released = []
        while ready:
            index, host = ready.pop()
            operation, begin = self.operations[index], self.begin[index][host]
            self.opened[index][host] = True
            self.end[index][host] = max(self.end[index][host], begin)
            if isinstance(operation, Compute) and operation.host == host:
                self.end[index][host] = check_time(begin + operation.duration)
            place = index * self.hosts + host
            for message in self.held[self.held_offsets[place] : self.held_offsets[place + 1]]:
                if self._open(message):
                    free.append((message, self._released(message)))
            if self.messages_left[index][host] == 0:
                ready += self._after([(index, host)])
        return free

    def operation_times(self) -> tuple[IntArray, IntArray]:
        """Return (begin, end), int64[operations, hosts] each, in fs."""
        shape = len(self.operations), self.hosts
        begin, end = (np.array(rows, dtype=np.int64).reshape(shape) for rows in (self.begin, self.end))
        return begin, end


def _grouped(key: IntArray, value: IntArray, keys: int) -> tuple[list[int], list[int]]:
    """Return (offsets, values): the values of key k, ascending as given, are values[offsets[k]:offsets[k + 1]]."""
    offsets = np.concatenate([[0], np.cumsum(np.bincount(key, minlength=keys))])
    return offsets.tolist(), value[np.argsort(key, kind="stable")].tolist()
