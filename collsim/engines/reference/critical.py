"""The critical path: from the last completion back through whatever released each wait, every femtosecond in one part.

At each point of the walk one event was the last of those that had to happen; the time between them goes to a part, and the
walk goes on from the earlier one. The parts therefore sum to the time to the tick. In detail:

* A packet's own movement: on the link `serialisation` (from the grant to the head, or on the last link to the tail; under
  the underrun bound until it may follow), then `latency`, then `router` delay. Injection and ejection are `latency`.
* A wait is released by one event at the very tick of the grant, the first that applies of: the packet came to ask (no
  wait), the packet before it left its FIFO, the link came free, lockstep opened the step, bytes counted again, the link was
  restored, a port came free.
* Released by a departure or a free link: the time that the packet in front held its link is `serialisation` if it is of
  the message whose wait is being explained, `link_wait` if not; the walk goes on with the packet in front and, as long as
  links and FIFOs released it too, with the same message in mind. So a message that waits for all of another message is
  charged all of it as link_wait, and its own earlier packets as serialisation.
* Released by bytes that count again: `credit_wait` from the grant of the packet that made room. By a port: `port_wait` from
  the grant of the packet that had it. By a step: `step_wait` back to the event that opened it: the opening of the step
  before, or the grant of the last send.
* Released by a link that was restored (rule 27): `link_wait` back to the grant waited for before it, or to when it came.
* Released by the notice of a loss: `loss_wait` from the grant of the lost packet on the link that lost it, or under
  go-back-n on its last link if the receiver threw it away (rule 30).
* `overhead`, `reduction`: the delay itself and, where servers are shared, the services waited for. `compute`: computations,
  and what arrivals wait for their time.

Ties go to the lowest message, transfer or operation, so the path does not depend on the order of events in a tick.
`critical_links` holds what was charged to each link: serialisation on it, and waiting for it or for room behind it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from collsim.engines.reference.grants import Cause
from collsim.program import Call, Compute
from collsim.result import CRITICAL_PARTS

if TYPE_CHECKING:
    from collsim.engines.reference.lockstep import Lockstep
    from collsim.engines.reference.message import Message
    from collsim.engines.reference.servers import Servers
    from collsim.engines.reference.tasks import Task, Tasks

__all__ = ["Point", "Walk", "critical_path"]

Point = tuple[Callable[[Any], Any], Any]


def critical_path(tasks: Tasks, lockstep: Lockstep | None) -> tuple[dict[str, int] | None, dict[int, int]]:
    """Return ({part: fs}, {link: fs}) of a run that has ended; (None, {}) when its log of grants was too large."""
    if not tasks.fabric.log.complete:
        return None, {}
    last = [task for row in tasks.rows for task in row if task.takes_part]
    if not last:
        return dict.fromkeys(CRITICAL_PARTS, 0), {}
    walk = Walk(tasks, lockstep, max(task.finish for task in last))
    point: Point | None = (walk.task_finish, next(task for task in last if task.finish == walk.time))
    while point is not None:
        step, where = point
        point = step(where)
    return walk.parts, dict(sorted(walk.links.items()))


class Walk:
    """The point reached (`time`) and what was charged on the way; a method explains one kind of event and names the next."""

    def __init__(self, tasks: Tasks, lockstep: Lockstep | None, time: int):
        self.tasks, self.lockstep, self.time = tasks, lockstep, time
        self.log, self.fabric = tasks.fabric.log, tasks.fabric
        self.nic, self.router_delay = tasks.nic, tasks.fabric.network.router.router_delay
        self.parts = dict.fromkeys(CRITICAL_PARTS, 0)
        self.links: defaultdict[int, int] = defaultdict(int)
        self.waiter = -1

    def _back(self, part: str, to: int, link: int | None = None) -> None:
        self.parts[part] += self.time - to
        if link is not None:
            self.links[link] += self.time - to
        self.time = to

    def _moved(self, record: int) -> None:
        """Go back over a packet's own way on one link to its grant, and explain that one next."""
        granted, link, message = self.log[record][:3]
        self._back("latency", self.time - self.fabric.links[link].latency)
        self._back("serialisation", granted, link)
        self.waiter = message

    def task_finish(self, task: Task) -> Point:
        """Explain why an operation was complete on a host: its computation, its last message, or its dependencies."""
        operation = self.tasks.program.operations[task.operation]
        if isinstance(operation, Compute) and operation.host == task.host:
            self._back("compute", task.start)
        elif task.takes_part and task.finish > task.start:
            first, end = self.tasks.program.first_message[task.operation : task.operation + 2].tolist()
            for message in self.tasks.messages[first:end]:
                if message.finish == self.time and task.host in (message.source, message.target):
                    return self.complete, message
        return self.task_start, task

    def task_start(self, task: Task) -> Point | None:
        """Explain why an operation started: the last of its dependencies, or the start of the run."""
        for before in sorted(self.tasks.program.operations[task.operation].deps):
            if self.tasks.rows[before][task.host].finish == self.time:
                return self.task_finish, self.tasks.rows[before][task.host]
        assert self.time == 0
        return None

    def complete(self, message: Message) -> Point:
        """Explain a completion: reduction, ejection, and the last tail."""
        if not message.packets:
            return self.ready, message
        job = self.tasks.reductions[message.target].jobs.get(message.id) if self.tasks.reductions else None
        if job is not None:
            self._back("reduction", job.start)
            if job.after >= 0:
                return self.complete, self.tasks.messages[job.after]
        else:
            self._back("reduction", message.finish - self.tasks.reduction_fs(message))
        self._back("latency", message.tail)
        if not message.travels:
            return self.ready, message
        self._moved(message.tail_record)
        return self.grant, message.tail_record

    def grant(self, record: int) -> Point:
        """Explain a grant: by the packet's own arrival, or by what released its wait."""
        _, link, message, previous, cause, by = self.log[record]
        if cause == Cause.ARRIVAL and previous < 0:
            return self.ready, self.tasks.messages[message]
        if cause == Cause.ARRIVAL:
            self._back("router", self.time - self.router_delay)
            self._moved(previous)
            return self.grant, previous
        if cause == Cause.STEP:
            return self.opening, (message, self.tasks.messages[message].step)
        if cause == Cause.RESTORED:
            return self._restored(record)
        granted, front_link, front = self.log[by][:3]
        if cause in (Cause.FIFO, Cause.LINK):
            self._back("serialisation" if front == self.waiter else "link_wait", granted, front_link)
            return self.grant, by
        if cause == Cause.LOSS:
            self._back("loss_wait", granted, front_link)
        elif cause == Cause.CREDIT:
            self._back("credit_wait", granted, link)
        else:
            self._back("port_wait", granted)
        self.waiter = front
        return self.grant, by

    def _restored(self, record: int) -> Point:
        _, link, message, previous, _, by = self.log[record]
        if by >= 0:
            self._back("link_wait", self.log[by][0], link)
            return self.grant, by
        self._back("link_wait", -1 - by, link)
        if previous < 0:
            return self.ready, self.tasks.messages[message]
        self._back("router", self.time - self.router_delay)
        self._moved(previous)
        return self.grant, previous

    def ready(self, message: Message) -> Point:
        """Explain when a message was ready: injection latency, overhead (and the turns of others), and its release."""
        self._back("latency", self.time - self.nic.injection_latency)
        if self.tasks.overheads:
            message = self._turns(self.tasks.overheads[message.source], message)
        self._back("overhead", message.released)
        return self.released, message

    def _turns(self, servers: Servers, message: Message) -> Message:
        """Go back over the overheads that the one of `message` waited for; return the message whose did not wait."""
        while True:
            job = servers.jobs[message.id]
            self._back("overhead", job.start)
            if job.after < 0:
                return message
            message = self.tasks.messages[job.after]

    def released(self, message: Message) -> Point:
        """Explain when the dependencies of a message were complete: the last of them, or the start of its operation."""
        operation = self.tasks.program.operations[message.call]
        if isinstance(operation, Call):
            first = int(self.tasks.program.first_message[message.call])
            for member in sorted(operation.schedule.deps_of(message.transfer).tolist()):
                if self.tasks.messages[first + member].finish == self.time:
                    return self.complete, self.tasks.messages[first + member]
        self._back("compute", self.time - message.delay)
        return self.task_start, self.tasks.rows[message.call][message.source]

    def opening(self, where: tuple[int, int]) -> Point:
        """Explain why the host of a message opened a step: (message, step)."""
        assert self.lockstep is not None
        index, step = where
        message = self.tasks.messages[index]
        opening = self.lockstep.openings(message.call, message.source)[step]
        self._back("step_wait", opening.time)
        if opening.reason == "start":
            row = self.tasks.rows[message.call]
            return self.task_start, next(task for task in (row[message.source], *row) if task.start == self.time)
        if opening.reason == "estimate":
            self._back("step_wait", self.lockstep.openings(message.call, message.source)[step - 1].time)
            return self.opening, (index, step - 1)
        if opening.reason == "grant":
            return self.last_send, opening.index
        how = self.complete if opening.reason == "complete" else self.ready
        return how, self.tasks.messages[opening.index]

    def last_send(self, record: int) -> Point:
        """Explain a step that opened when the packet of a grant had left: go back to that grant."""
        granted, _, front = self.log[record][:3]
        self._back("step_wait", granted)
        self.waiter = front
        return self.grant, record
