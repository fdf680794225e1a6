"""The critical path of a run of trains: the reference engine's walk, a whole train at a step.

Within a train every grant is released by the packet's own arrival or by the packet before it of the same message, so the
way back from the last tail to the first grant depends on the shape alone; a train that waited at its port was released by
the end of the one before it there, all of which is link_wait. docs/trains.md shows that the parts are those of packets.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from collsim.engines.compiled.trains.layout import ARRIVALS
from collsim.engines.compiled.trains.shapes import charges
from collsim.engines.compiled.trains.tables import Work
from collsim.engines.reference.critical import Point, Walk
from collsim.network.config import NetworkConfig
from collsim.program import Compute, Program
from collsim.result import CRITICAL_PARTS
from collsim.topology.graph import Topology

__all__ = ["critical_path"]


def critical_path(
    topology: Topology, program: Program, network: NetworkConfig, work: Work, part: NDArray[np.bool_]
) -> tuple[dict[str, int], dict[int, int]]:
    """Return ({part: fs}, {link: fs}) of a run that has ended, as engines/reference/critical.py defines them.

    `part`: whether each task takes part in its operation.
    """
    own = np.flatnonzero(part)
    if not len(own):
        return dict.fromkeys(CRITICAL_PARTS, 0), {}
    finish = work.trains.task["finish"][own]
    view = _View(topology, program, network, work, part)
    walk = _TrainWalk(view, int(finish.max()))
    point: Point | None = (walk.task_finish, view.task(int(own[np.argmax(finish == walk.time)])))
    while point is not None:
        step, where = point
        point = step(where)
    return walk.parts, dict(sorted(walk.links.items()))


class _TrainWalk(Walk):
    def __init__(self, view: _View, time: int):
        super().__init__(cast(Any, view), None, time)
        self._view = view

    def task_finish(self, task: Any) -> Point:
        """Explain why an operation was complete on a host, the message that was its last found in arrays."""
        program, work = self._view.program, self._view.trains
        if isinstance(program.operations[task.operation], Compute) or not task.takes_part or task.finish <= task.start:
            return super().task_finish(task)
        first, end = program.first_message[task.operation : task.operation + 2].tolist()
        rows = work.row[int(work.operation["row"][task.operation]) :][: end - first]
        touches = (rows["source"] == task.host) | (rows["target"] == task.host)
        found = np.flatnonzero((work.message["finish"][first:end] == self.time) & touches)
        return (self.complete, self._view.messages[first + int(found[0])]) if len(found) else (self.task_start, task)

    def complete(self, message: Any) -> Point:
        """Explain a completion: reduction, ejection, and the train from its last tail back to its first grant."""
        if not message.travels:
            return super().complete(message)
        self._back("reduction", message.finish - self.tasks.reduction_fs(message))
        self._back("latency", message.tail)
        train = self._view.train(message.path, message.shape)
        for link, charge in zip(train.links, train.charges, strict=True):
            self.links[link] += charge
        self.parts["serialisation"] += sum(train.charges)
        self.parts["latency"] += train.latency
        self.parts["router"] += (len(train.links) - 1) * self.router_delay
        self.time = message.start
        return self.begin, message

    def begin(self, message: Any) -> Point:
        """Explain when a train began: its message was ready, or the trains before it at the port, back to one that was."""
        while message.before >= 0:
            message = self._view.messages[message.before]
            self._back("link_wait", message.start, message.port)
        return self.ready, message


@dataclass(frozen=True, slots=True)
class _Train:
    """A shape on a path: its `links`, the serialisation `charges` to each, and the sum of latencies."""

    links: list[int]
    charges: list[int]
    latency: int


class _View:
    """What `Walk` reads of the reference engine's Tasks, and the trains."""

    def __init__(self, topology: Topology, program: Program, network: NetworkConfig, work: Work, part: NDArray[np.bool_]):
        self.program, self.nic, self.part = program, network.nic, part
        self.trains, self.kinds, self.rules = work.trains, work.kinds, work.rules
        self.overheads: list[Any] = []
        self.reductions: list[Any] = []
        self.fabric = SimpleNamespace(network=network, log=None)
        self.rows = _Rows(self)
        self.messages = _Messages(self)
        self._latency = topology.latency
        self._charges: dict[int, list[int]] = {}
        self._relays: dict[tuple[int, int], int] = {}
        self._columns: tuple[list[int], ...] = ()

    def reduction_fs(self, message: Any) -> int:
        return message.after - self.nic.ejection_latency if message.packets else 0

    def task(self, index: int) -> SimpleNamespace:
        row = self.trains.task[index]
        columns = {name: int(row[name]) for name in ("operation", "host", "start", "finish")}
        return SimpleNamespace(**columns, takes_part=bool(self.part[index]))

    def relay(self, operation: int, host: int) -> SimpleNamespace:
        """Return the task of an operation that does nothing on a host: over when all that it depends on is over there."""
        if not self._columns:
            tasks, operations = self.trains.task, self.trains.operation
            columns = operations["task"], operations["full"], tasks["host"], tasks["finish"]
            self._columns = tuple(column.tolist() for column in columns)
        first, full, hosts, finish = self._columns
        stack = [] if (operation, host) in self._relays else [operation]
        while stack:
            k = stack[-1]
            found, lacking = 0, False
            for before in self.program.operations[k].deps:
                end = first[before + 1]
                index = first[before] + host if full[before] else first[before]
                while index < end and hosts[index] != host:
                    index += 1
                if index < end:
                    found = max(found, finish[index])
                elif (before, host) in self._relays:
                    found = max(found, self._relays[before, host])
                else:
                    stack.append(before)
                    lacking = True
            if not lacking:
                self._relays[k, host] = found
                stack.pop()
        time = self._relays[operation, host]
        return SimpleNamespace(operation=operation, host=host, start=time, finish=time, takes_part=False)

    def train(self, path: int, shape: int) -> _Train:
        """Return the train of `shape` on `path`."""
        way, form, kinds = self.trains.path[path], self.trains.shape[shape], self.kinds
        links = self.trains.hop["link"][way["first"] : way["first"] + way["hops"]]
        if shape not in self._charges:
            own = kinds.link[kinds.first[form["kind"]] : kinds.first[form["kind"] + 1]]
            one = len(own) == 1
            found = [int(form["hold"])] if one else charges(int(form["size"]), own, kinds, self.rules).tolist()
            self._charges[shape] = found
        return _Train(links.tolist(), self._charges[shape], int(self._latency[links].sum()))


class _Rows:
    """The tasks of each operation, by host."""

    def __init__(self, view: _View):
        self._view = view

    def __getitem__(self, operation: int) -> _Row:
        return _Row(self._view, operation)


class _Row:
    def __init__(self, view: _View, operation: int):
        self._view, self._operation = view, operation

    def __getitem__(self, host: int) -> SimpleNamespace:
        if not 0 <= host < self._view.rules.hosts:
            raise IndexError(host)
        trains = self._view.trains
        operation = trains.operation[self._operation]
        first = int(operation["task"])
        if operation["full"]:
            return self._view.task(first + host)
        for index in range(first, int(trains.operation[self._operation + 1]["task"])):
            if int(trains.task["host"][index]) == host:
                return self._view.task(index)
        return self._view.relay(self._operation, host)


class _Messages:
    def __init__(self, view: _View):
        self._view = view

    def __getitem__(self, index: int) -> _Message:
        return _Message(self._view, index)


class _Message:
    """A message as `Walk` sees it, and its train: `start` of it, message `before` it at its `port`."""

    __slots__ = (
        *(
            "after",
            "before",
            "call",
            "delay",
            "finish",
            "id",
            "packets",
            "path",
            "port",
            "ready",
            "released",
            "shape",
            "source",
        ),
        *("start", "tail", "target", "transfer", "travels"),
    )

    def __init__(self, view: _View, index: int):
        trains = view.trains
        self.id = index
        self.ready, self.start, self.finish, self.call, self.shape, self.before = trains.message[index].item()
        operation, shape = trains.operation[self.call], trains.shape[self.shape]
        self.transfer = index - int(operation["message"])
        row = trains.row[int(operation["row"]) + self.transfer]
        self.source, self.target, self.path = int(row["source"]), int(row["target"]), int(row["path"])
        self.packets, self.after = int(shape["size"]), int(shape["after"])
        self.travels = self.packets > 0 and self.source != self.target
        self.released = self.ready - view.rules.lead
        self.tail = self.finish - self.after if self.packets else self.ready
        arrivals = int(operation["kind"]) == ARRIVALS
        self.delay = int(trains.delay[int(operation["row"]) + self.transfer - int(operation["gate"])]) if arrivals else 0
        self.port = int(trains.hop["link"][trains.path["first"][self.path]]) if self.travels else -1
