"""What is to be done: a program's messages and computations, released as their dependencies complete (rules 4 and 6).

An operation is complete on a host when what it does there is complete and its own dependencies are complete there; so one
that does nothing on a host passes its dependencies on. Operation k on host h is task (k, h).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from collsim.collectives.schedule import REDUCE
from collsim.engines.reference.fabric import Fabric
from collsim.engines.reference.message import Cut, Message
from collsim.engines.reference.servers import Servers
from collsim.program import Arrivals, Call, Compute, Program, Send
from collsim.units import serialisation_fs

__all__ = ["Task", "Tasks", "messages_of"]


def messages_of(program: Program, cut: Cut) -> list[Message]:
    """Return the messages of `program` in the order of their ids."""
    messages: list[Message] = []
    for index, operation in enumerate(program.operations):
        if isinstance(operation, Send):
            packets = cut.packets(operation.size)
            ends = operation.source, operation.target
            messages.append(Message(len(messages), index, 0, operation.step, *ends, operation.size, False, packets))
        elif isinstance(operation, Arrivals):
            begin, table = len(messages), (operation.source, operation.target, operation.size, operation.start)
            for t, (src, dst, size, start) in enumerate(zip(*(column.tolist() for column in table), strict=True)):
                identity = (begin + t, index, t, 0, src, dst, size, False)
                messages.append(Message(*identity, cut.packets(size), delay=start))
        elif isinstance(operation, Call):
            plan, sizes = operation.schedule, operation.schedule.message_bytes(operation.size).tolist()
            hosts, first = plan.ranks_to_hosts.tolist(), len(messages)
            columns = zip(plan.step.tolist(), plan.src.tolist(), plan.dst.tolist(), sizes, plan.op.tolist(), strict=True)
            for t, (step, src, dst, size, op) in enumerate(columns):
                identity = (first + t, index, t, step, hosts[src], hosts[dst], size, op == REDUCE)
                messages.append(Message(*identity, cut.packets(size), tuple(plan.path_of(t).tolist())))
    return messages


@dataclass(slots=True, eq=False)
class Task:
    """Operation `operation` on host `host`: it starts when `waits` dependencies more are complete there.

    `unfinished`: what is still to end here (its messages, its computation), plus one until it has started. `released`:
    messages that wait for its start; `followers`: tasks that depend on it; `takes_part`: whether it does anything here.
    `start` and `finish` in fs, -1 while unknown.
    """

    operation: int
    host: int
    waits: int
    unfinished: int = 1
    start: int = -1
    finish: int = -1
    takes_part: bool = False
    released: list[Message] = field(default_factory=list)
    followers: list[Task] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Gate:
    """A set of dependencies, `left` of them incomplete, and the messages that wait for the whole set."""

    left: int
    waiting: list[Message]


class Tasks:
    """The tasks and messages of one run, wired to a fabric; `begin` starts everything that waits for nothing.

    `completed(message)` and `started(task)` may be wired by others. `rows[k][h]` is task (k, h).
    """

    def __init__(self, program: Program, messages: list[Message], fabric: Fabric):
        self.program, self.messages, self.fabric = program, messages, fabric
        self.clock, self.nic = fabric.clock, fabric.network.nic
        self.rows = _tasks(program, len(fabric.hosts))
        self._gates: list[list[_Gate]] = [[] for _ in messages]
        self._wire()
        self.done = 0
        self.readied: Callable[[Message], None] = _nothing
        self.completed: Callable[[Message], None] = _nothing
        self.started: Callable[[Task], None] = _nothing
        hosts = range(len(fabric.hosts))
        serial = self.nic.overhead_mode == "serial" and self.nic.message_overhead > 0
        self.overheads = [Servers(1, self.clock, fabric.wake, self._prepared) for _ in hosts] if serial else []
        units = self.nic.reduction_units if self.nic.reduction_rate else 0
        self.reductions = [Servers(units, self.clock, fabric.wake, self._complete) for _ in hosts] if units else []
        fabric.delivered = self._delivered

    def _wire(self) -> None:
        """Count what each message waits for: the start of its task and, where it has dependencies, their set."""
        gates: dict[tuple[int, int], _Gate] = {}
        first = self.program.first_message.tolist()
        for message in self.messages:
            row, operation = self.rows[message.call], self.program.operations[message.call]
            row[message.source].released.append(message)
            message.waits = 1
            for host in {message.source, message.target}:
                row[host].unfinished += 1
                row[host].takes_part = True
            if not isinstance(operation, Call):
                continue
            plan = operation.schedule
            key = message.call, int(plan.dep_set[message.transfer])
            if key not in gates:
                members = set(plan.deps_of(message.transfer).tolist())
                gates[key] = gate = _Gate(len(members), [])
                for member in members:
                    self._gates[first[message.call] + member].append(gate)
            if gates[key].left:
                gates[key].waiting.append(message)
                message.waits += 1

    def begin(self) -> None:
        """Schedule the start of every task without dependencies at tick 0."""
        for row in self.rows:
            for task in row:
                if not task.waits:
                    self.clock.at(0, self._start, task)

    def _start(self, task: Task) -> None:
        task.start = self.clock.now
        self.started(task)
        for message in task.released:
            if message.delay:
                self.clock.at(task.start + message.delay, self._met, message)
            else:
                self._met(message)
        operation = self.program.operations[task.operation]
        if isinstance(operation, Compute) and operation.host == task.host:
            self.clock.at(task.start + operation.duration, self._ended, task)
        self._ended(task)

    def _ended(self, task: Task) -> None:
        """One of the things that task waits to end has ended."""
        task.unfinished -= 1
        if task.unfinished:
            return
        task.finish = self.clock.now
        for follower in task.followers:
            follower.waits -= 1
            if not follower.waits:
                self.clock.at(task.finish, self._start, follower)

    def _met(self, message: Message) -> None:
        """One of the conditions of `message` is met; after the last its overhead begins (rule 4)."""
        message.waits -= 1
        if message.waits:
            return
        message.released = self.clock.now
        if self.overheads:
            self.overheads[message.source].arrive(message, self.nic.message_overhead)
        else:
            delay = self.nic.message_overhead + self.nic.injection_latency
            self.clock.at(message.released + delay, self._ready, message)

    def _prepared(self, message: Message) -> None:
        """Its turn of the host's serial overhead is over."""
        self.clock.at(self.clock.now + self.nic.injection_latency, self._ready, message)

    def _ready(self, message: Message) -> None:
        message.ready = message.tail = self.clock.now
        self.readied(message)
        if message.travels:
            self.fabric.inject(message)
        elif message.packets:
            self._delivered(message)
        else:
            self._complete(message)

    def _delivered(self, message: Message) -> None:
        """Its last tail has arrived: ejection and, where it reduces, reduction follow (rule 6)."""
        arrival = message.tail + self.nic.ejection_latency
        if self.reductions and message.reduces:
            self.clock.at(arrival, self._reduce, message)
        else:
            self.clock.at(arrival + self.reduction_fs(message), self._complete, message)

    def reduction_fs(self, message: Message) -> int:
        """Return the fs that reducing `message` takes: 0 where it does not reduce or reductions are free."""
        if not message.reduces or self.nic.reduction_rate is None:
            return 0
        quantum = self.nic.reduction_quantum
        return serialisation_fs(-(-message.size // quantum) * quantum, self.nic.reduction_rate)

    def _reduce(self, message: Message) -> None:
        self.reductions[message.target].arrive(message, self.reduction_fs(message))

    def _complete(self, message: Message) -> None:
        message.finish = self.clock.now
        self.done += 1
        watch = self.fabric.watch
        for notify in watch.on_complete:
            notify(message.id, message.finish)
        for notify in watch.on_progress:
            notify(self.done, len(self.messages), message.finish)
        self.completed(message)
        for gate in self._gates[message.id]:
            gate.left -= 1
            if not gate.left:
                for waiting in gate.waiting:
                    self._met(waiting)
        row = self.rows[message.call]
        for host in {message.source, message.target}:
            self._ended(row[host])


def _tasks(program: Program, hosts: int) -> list[list[Task]]:
    rows: list[list[Task]] = []
    for index, operation in enumerate(program.operations):
        befores = sorted(set(operation.deps))
        row = [Task(index, host, len(befores)) for host in range(hosts)]
        for before in befores:
            for task in rows[before]:
                task.followers.append(row[task.host])
        if isinstance(operation, Compute):
            row[operation.host].unfinished += 1
            row[operation.host].takes_part = True
        rows.append(row)
    return rows


def _nothing(what: object) -> None:
    """Stand for a listener that is wired later, or never."""
