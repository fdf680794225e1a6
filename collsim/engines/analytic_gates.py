"""What each message of a program still waits for: its dependency set, and its operation on its source host.

An operation may begin on a host when all operations before it are complete there; it is complete there when its own
messages or computation there are, and no sooner than it may begin. Dependency sets are shared between transfers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collsim.engines.analytic_traffic import Traffic
from collsim.program import Call, Compute, Program
from collsim.units import check_time

__all__ = ["Gates"]

Released = list[tuple[int, int]]


class Gates:
    """Counts down; `open` and `complete` return (message, time) for every message they release, each exactly once."""

    def __init__(self, program: Program, traffic: Traffic, hosts: int):
        self.operations, self.hosts = program.operations, hosts
        self.source, self.target = traffic.source.tolist(), traffic.target.tolist()
        self.operation = traffic.operation.tolist()
        count = len(self.source)
        self.set_of = [-1] * count
        self.in_sets: list[list[int]] = [[] for _ in range(count)]
        self.set_left: list[int] = []
        self.set_time: list[int] = []
        self.set_users: list[list[int]] = []
        for index, operation in enumerate(self.operations):
            if isinstance(operation, Call):
                self._index_sets(int(program.first_message[index]), operation)
        self._index_operations()

    def _index_sets(self, base: int, call: Call) -> None:
        """Number the dependency sets of a call through the program: who is in each, who waits for it."""
        plan, shift = call.schedule, len(self.set_left)
        offsets, members = plan.set_offsets.tolist(), plan.set_members.tolist()
        for k in range(len(offsets) - 1):
            for member in members[offsets[k] : offsets[k + 1]]:
                self.in_sets[base + member].append(shift + k)
        sets = len(offsets) - 1
        self.set_left += [offsets[k + 1] - offsets[k] for k in range(sets)]
        self.set_time += [0] * sets
        self.set_users += [[] for _ in range(sets)]
        for transfer, k in enumerate(plan.dep_set.tolist()):
            if offsets[k + 1] > offsets[k]:
                self.set_of[base + transfer] = shift + k
                self.set_users[shift + k].append(base + transfer)

    def _index_operations(self) -> None:
        """Count, per operation and host, the operations before it and its messages there."""
        operations = self.operations
        self.after: list[list[int]] = [[] for _ in operations]
        for index, operation in enumerate(operations):
            for dep in set(operation.deps):
                self.after[dep].append(index)
        shape = (len(operations), self.hosts)
        self.begin, self.end = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        self.deps_left = [[len(set(operation.deps))] * self.hosts for operation in operations]
        self.messages_left = [[0] * self.hosts for _ in operations]
        self.opened = [[False] * self.hosts for _ in operations]
        self.held: dict[tuple[int, int], list[int]] = {}
        for message, (index, source, target) in enumerate(zip(self.operation, self.source, self.target, strict=True)):
            for host in {source, target}:
                self.messages_left[index][host] += 1
            self.held.setdefault((index, source), []).append(message)

    def open(self) -> Released:
        """Return what nothing holds back at time 0; operations without work on a host pass there."""
        first = [
            (k, host) for k, operation in enumerate(self.operations) if not operation.deps for host in range(self.hosts)
        ]
        return self._begin(first)

    def complete(self, message: int, time: int) -> Released:
        """Return what the completion of `message` at `time` releases."""
        free: Released = []
        for k in self.in_sets[message]:
            self.set_left[k] -= 1
            self.set_time[k] = max(self.set_time[k], time)
            if self.set_left[k] == 0:
                free += [(user, self._released(user)) for user in self.set_users[k] if self._open(user)]
        index = self.operation[message]
        done = []
        for host in {self.source[message], self.target[message]}:
            self.messages_left[index][host] -= 1
            self.end[index, host] = max(int(self.end[index, host]), time)
            if self.messages_left[index][host] == 0 and self.opened[index][host]:
                done.append((index, host))
        return free + self._begin(self._after(done)) if done else free

    def _open(self, message: int) -> bool:
        k = self.set_of[message]
        return (k < 0 or self.set_left[k] == 0) and self.opened[self.operation[message]][self.source[message]]

    def _released(self, message: int) -> int:
        k = self.set_of[message]
        gate = int(self.begin[self.operation[message], self.source[message]])
        return max(gate, self.set_time[k]) if k >= 0 else gate

    def _after(self, done: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return the (operation, host) that may begin now that `done` are complete."""
        found = []
        for index, host in done:
            for later in self.after[index]:
                self.begin[later, host] = max(self.begin[later, host], self.end[index, host])
                self.deps_left[later][host] -= 1
                if self.deps_left[later][host] == 0:
                    found.append((later, host))
        return found

    def _begin(self, ready: list[tuple[int, int]]) -> Released:
        """Begin operations on hosts, and those after them where they have nothing to do there."""
        free: Released = []
        while ready:
            index, host = ready.pop()
            operation = self.operations[index]
            self.opened[index][host] = True
            self.end[index, host] = max(self.end[index, host], self.begin[index, host])
            if isinstance(operation, Compute) and operation.host == host:
                self.end[index, host] = check_time(int(self.begin[index, host]) + operation.duration)
            free += [(m, self._released(m)) for m in self.held.get((index, host), ()) if self._open(m)]
            if self.messages_left[index][host] == 0:
                ready += self._after([(index, host)])
        return free

    def operation_times(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (begin, end), int64[operations, hosts] each, in fs."""
        return self.begin, self.end
