"""Lockstep injection: a host opens a step of a call when it has injected the one before and a time has passed (rule 13).

Steps are those of one call on one host, opened from the tick at which the call starts there; point-to-point messages
belong to no step and never wait. A send is injected when its last tail has left the NIC, so that a grant opens nothing in
its own tick; one that crosses no link is injected when ready. Under the estimate `oracle` a call has one step counter for
all hosts, which advances when every transfer of the step is complete.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from collsim.errors import UnknownName
from collsim.network.schedulers import ESTIMATES, StepLoad
from collsim.program import Call

if TYPE_CHECKING:
    from collsim.engines.reference.fabric import Fabric
    from collsim.engines.reference.message import Cut, Message
    from collsim.engines.reference.nic import Flow
    from collsim.engines.reference.tasks import Task, Tasks

__all__ = ["EVERYWHERE", "Lockstep", "Opening"]

EVERYWHERE = -1
"""Stands for the host in the counter that `oracle` shares between all hosts of a call."""


@dataclass(slots=True)
class Opening:
    """A step opened at `time`, by `reason`: "start" of the call, "estimate" elapsed, a "grant", a message "ready" or
    (oracle) "complete"; `index` is the number of that grant or message.
    """

    time: int
    reason: str
    index: int = -1


@dataclass(slots=True, eq=False)
class _Counter:
    """The open step of a call on a host: `left[s]` sends of step s still to be injected (oracle: completed)."""

    call: int
    host: int
    steps: int
    left: dict[int, int]
    estimates: list[int]
    open: int = -1
    elapsed: bool = False
    latest: dict[int, Opening] = field(default_factory=dict)
    parked: dict[int, list[Flow]] = field(default_factory=dict)
    openings: list[Opening] = field(default_factory=list)


class Lockstep:
    """Parks the flows of steps that are not open, and opens steps; wires itself to `fabric` and `tasks`."""

    def __init__(self, fabric: Fabric, tasks: Tasks, cut: Cut):
        self._fabric, self._clock, self._tasks = fabric, fabric.clock, tasks
        estimate = fabric.network.nic.lockstep_estimate
        self._oracle = estimate == "oracle"
        self._formula = _formula(estimate)
        self._counters: dict[tuple[int, int], _Counter] = {}
        for index, operation in enumerate(tasks.program.operations):
            if isinstance(operation, Call):
                self._count(index, operation.schedule.steps, cut)
        fabric.parked, fabric.injected = self._parked, self._injected
        tasks.started, tasks.readied, tasks.completed = self._started, self._readied, self._completed

    def openings(self, call: int, host: int) -> list[Opening]:
        """Return how each step of `call` was opened on `host`, step 0 first."""
        return self._counters[self._key(call, host)].openings

    def _key(self, call: int, host: int) -> tuple[int, int]:
        return call, EVERYWHERE if self._oracle else host

    def _count(self, call: int, steps: int, cut: Cut) -> None:
        first = self._tasks.program.first_message
        messages = self._tasks.messages[first[call] : first[call + 1]]
        left: defaultdict[int, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
        loads = [StepLoad(0, 0, self._fabric.by_message)] * steps
        for m in messages:
            left[self._key(call, m.source)[1]][m.step] += 1
            if m.travels and not self._oracle:
                rates = [cut.serialisation(link, m.size) for link in self._fabric.router.first_links(m)]
                old = loads[m.step]
                loads[m.step] = StepLoad(max(old.serialisation, *rates), max(old.packets, m.packets), old.by_message)
        estimates = [0 if self._oracle else self._formula(load) for load in loads]
        for host, counts in left.items():
            self._counters[call, host] = _Counter(call, host, steps, counts, estimates)

    # What opens a step.

    def _started(self, task: Task) -> None:
        counter = self._counters.get(self._key(task.operation, task.host))
        if counter is not None and counter.open < 0:
            self._open(counter, Opening(self._clock.now, "start"))

    def _injected(self, message: Message, record: int) -> None:
        if not self._oracle:
            self._sent(message, Opening(self._clock.now, "grant", record))

    def _readied(self, message: Message) -> None:
        if not self._oracle and not message.travels:
            self._sent(message, Opening(self._clock.now, "ready", message.id))

    def _completed(self, message: Message) -> None:
        if self._oracle:
            self._sent(message, Opening(self._clock.now, "complete", message.id))

    def _sent(self, message: Message, how: Opening) -> None:
        counter = self._counters.get(self._key(message.call, message.source))
        if counter is None:
            return
        counter.left[message.step] -= 1
        counter.latest[message.step] = max(how, counter.latest.get(message.step, how), key=_order)
        self._advance(counter)

    def _elapse(self, counter: _Counter) -> None:
        counter.elapsed = True
        self._advance(counter)

    def _advance(self, counter: _Counter) -> None:
        """Open the next step if nothing is left of this one and its estimate has elapsed."""
        if counter.elapsed and not counter.left.get(counter.open) and counter.open + 1 < counter.steps:
            now, last = self._clock.now, counter.latest.get(counter.open)
            waited = counter.openings[-1].time + counter.estimates[counter.open] == now
            self._open(counter, Opening(now, "estimate") if waited or last is None else last)

    def _open(self, counter: _Counter, opening: Opening) -> None:
        counter.open += 1
        counter.openings.append(opening)
        counter.elapsed = False
        for flow in counter.parked.pop(counter.open, ()):
            flow.opened = opening.time
            self._fabric.enqueue(flow)
        self._clock.at(opening.time + counter.estimates[counter.open], self._elapse, counter)

    def _parked(self, flow: Flow) -> bool:
        """Keep `flow` out of its queue until its step is open; return whether it has to wait."""
        counter = self._counters.get(self._key(flow.message.call, flow.message.source))
        if counter is None or flow.step <= counter.open:
            return False
        counter.parked.setdefault(flow.step, []).append(flow)
        return True


def _order(opening: Opening) -> tuple[int, str, int]:
    """Return a key by which the latest wins and, among those of one tick, always the same."""
    return opening.time, opening.reason, -opening.index


def _formula(estimate: str | int) -> Callable[[StepLoad], int]:
    if isinstance(estimate, int):
        return lambda load: estimate
    if estimate == "oracle":
        return lambda load: 0
    if estimate not in ESTIMATES:
        raise UnknownName("lockstep estimate", estimate, [*ESTIMATES, "oracle"])
    return ESTIMATES[estimate]
