"""The critical path of a compiled run: the reference engine's walk over views of the arrays, made as it asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from collsim.engines.compiled.build import Machine
from collsim.engines.compiled.recording import Recording
from collsim.engines.reference.critical import Point, Walk
from collsim.engines.reference.grants import Grant
from collsim.engines.reference.lockstep import Opening
from collsim.program import Compute
from collsim.result import CRITICAL_PARTS

__all__ = ["critical_path"]

REASONS = ("start", "estimate", "grant", "ready", "complete")


def critical_path(machine: Machine, recording: Recording) -> tuple[dict[str, int], dict[int, int]]:
    """Return ({part: fs}, {link: fs}) of a run that has ended, as engines/reference/critical.py defines them."""
    task = machine.arrays.task
    part = np.flatnonzero(task["part"])
    if not len(part):
        return dict.fromkeys(CRITICAL_PARTS, 0), {}
    time = int(task["finish"][part].max())
    row = _Row(machine, 0)
    walk = _ArrayWalk(cast(Any, _View(machine, recording)), cast(Any, _Lockstep(machine)), time)
    point: Point | None = (walk.task_finish, row.at(int(part[np.argmax(task["finish"][part] == time)])))
    while point is not None:
        step, where = point
        point = step(where)
    return walk.parts, dict(sorted(walk.links.items()))


class _ArrayWalk(Walk):
    """The walk with its one search over all messages of an operation made in arrays."""

    def task_finish(self, task: Any) -> Point:
        view: Any = self.tasks
        operation = view.program.operations[task.operation]
        if isinstance(operation, Compute) or not task.takes_part or task.finish <= task.start:
            return super().task_finish(task)
        first, end = view.program.first_message[task.operation : task.operation + 2].tolist()
        rows = view.machine.arrays.message[first:end]
        touches = (rows["source"] == task.host) | (rows["target"] == task.host)
        found = np.flatnonzero((rows["finish"] == self.time) & touches)
        return (self.complete, view.messages[first + int(found[0])]) if len(found) else (self.task_start, task)

    def last_send(self, record: int) -> Point:
        """A train is one grant; the step waited for the last of its packets, which waited for the others."""
        log: Any = self.log
        granted, last = self.log[record].time, log.last(record)
        if last == granted:
            return super().last_send(record)
        self._back("step_wait", last)
        self._back("serialisation", granted, self.log[record].link)
        self.waiter = self.log[record].message
        return self.grant, record


class _View:
    """What `Walk` reads of the reference engine's Tasks."""

    def __init__(self, machine: Machine, recording: Recording):
        network = machine.network
        self.machine, self.program, self.nic = machine, machine.program, network.nic
        self.messages = _Messages(machine)
        self.rows = _Rows(machine)
        hosts, rules = machine.topology.hosts, machine.rules
        self.overheads = [SimpleNamespace(jobs=_Jobs(machine, 0))] * hosts if rules.serial else []
        self.reductions = [SimpleNamespace(jobs=_Jobs(machine, 1))] * hosts if rules.servers else []
        self.fabric = SimpleNamespace(network=network, links=_links(machine), log=_Log(recording))

    def reduction_fs(self, message: Any) -> int:
        return int(self.machine.arrays.message[message.id]["reduction"])


class _Messages:
    """Messages with what the walk reads of reference/message.py, each made when first asked for."""

    def __init__(self, machine: Machine):
        self._rows, self._first = machine.arrays.message, machine.program.first_message
        self._names = machine.arrays.message.dtype.names or ()
        self._made: dict[int, SimpleNamespace] = {}

    def __getitem__(self, index: int) -> SimpleNamespace:
        made = self._made.get(index)
        if made is None:
            made = self._made[index] = SimpleNamespace(**dict(zip(self._names, self._rows[index].item(), strict=True)))
            made.id, made.transfer = index, index - int(self._first[made.call])
            made.travels = made.packets > 0 and made.source != made.target
        return made


class _Rows:
    def __init__(self, machine: Machine):
        self._machine = machine

    def __getitem__(self, operation: int) -> _Row:
        return _Row(self._machine, operation)


class _Row:
    """The tasks of an operation by host."""

    def __init__(self, machine: Machine, operation: int):
        self._s, self._operation = machine.arrays, operation
        self._hosts = machine.topology.hosts

    def __getitem__(self, host: int) -> SimpleNamespace:
        if not 0 <= host < self._hosts:
            raise IndexError(host)
        first = int(self._s.task_first[self._operation])
        if self._s.task_full[self._operation]:
            return self.at(first + host)
        return self.at(first if int(self._s.task[first]["host"]) == host else first + 1)

    def at(self, index: int) -> SimpleNamespace:
        task = self._s.task[index]
        return SimpleNamespace(
            operation=int(task["operation"]),
            host=int(task["host"]),
            start=int(task["start"]),
            finish=int(task["finish"]),
            takes_part=bool(task["part"]),
        )


def _links(machine: Machine) -> list[SimpleNamespace]:
    """Return the links with what the walk reads of reference/link.py."""
    known = {latency: SimpleNamespace(latency=latency) for latency in set(machine.topology.latency.tolist())}
    return [known[latency] for latency in machine.topology.latency.tolist()]


class _Log:
    def __init__(self, recording: Recording):
        self._recording = recording

    def __getitem__(self, number: int) -> Grant:
        time, link, message, previous, cause, _, by, _ = self._recording.grant(number)
        return Grant(time, link, message, previous, cause, by)

    def last(self, number: int) -> int:
        """When the last packet of the grant, a train, would be granted; when it was made, if it is of one packet."""
        return self._recording.grant(number)[-1]


class _Jobs:
    """The services of one kind (overheads 0, reductions 1) by message."""

    def __init__(self, machine: Machine, kind: int):
        self._jobs, self._base = machine.arrays.job, kind * len(machine.arrays.message)

    def get(self, message: int) -> SimpleNamespace | None:
        job = self._jobs[self._base + message]
        return SimpleNamespace(start=int(job["start"]), after=int(job["after"])) if job["start"] >= 0 else None

    def __getitem__(self, message: int) -> SimpleNamespace:
        job = self.get(message)
        assert job is not None
        return job


class _Lockstep:
    def __init__(self, machine: Machine):
        self._s, self._hosts, self._oracle = machine.arrays, machine.topology.hosts, machine.rules.oracle

    def openings(self, call: int, host: int) -> Mapping[int, Opening]:
        """Return {step: how it was opened} of a call on a host."""
        counter = self._s.counter[call * self._hosts + (0 if self._oracle else host)]
        return _Openings(self._s.opening, int(counter["first"]))


class _Openings(Mapping[int, Opening]):
    def __init__(self, rows: Any, first: int):
        self._rows, self._first = rows, first

    def __getitem__(self, step: int) -> Opening:
        row = self._rows[self._first + step]
        return Opening(int(row["time"]), REASONS[int(row["reason"])], int(row["index"]))

    def __iter__(self) -> Any:
        raise TypeError("openings are looked up by step")

    def __len__(self) -> int:
        raise TypeError("openings are looked up by step")
