"""A trace as a program: what engines run.

Operations are taken in the order in which they would be ready if messages took no time. That order finds deadlocks, gives
computing units their turns, and makes dependencies point backwards. A receive is no operation of a program: what waits for
it waits for the message, and for what the receive itself had waited for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from collsim.collectives.collective import Collective
from collsim.collectives.schedule import Schedule
from collsim.errors import FileFormatError, InvalidValue
from collsim.interop.trace import CALC, COLLECTIVE, RECV, SEND, Trace, TraceOp, place
from collsim.interop.trace_match import match
from collsim.program import Call, Compute, Operation, Program, Send

__all__ = ["Plan", "trace_program"]

Key = tuple[int, int]
Plan = Callable[[Collective, tuple[int, ...], int], Schedule]
"""Takes (collective, hosts of the group, bytes) and returns a proved schedule."""


def trace_program(trace: Trace, hosts: Sequence[int], plan: Plan | None = None) -> Program:
    """Return `trace` on `hosts` (one a rank), collectives by the schedules that `plan` gives.

    Raises FileFormatError for messages without a partner, operations that wait for each other, and collectives on which the
    ranks of a group disagree; InvalidValue for too few hosts.
    """
    if len(hosts) < len(trace.ranks):
        raise InvalidValue(
            f"{trace.origin} has {len(trace.ranks)} ranks and the machine {len(hosts)} hosts; take a machine with enough."
        )
    return Program(tuple(_Maker(trace, hosts, plan).operations()))


@dataclass(slots=True)
class _Item:
    """One thing that happens: an operation, or a collective of several ranks. `members`: (rank, index) of each.

    `waits` counts what is to come before; `ready`, `end`: times if messages took none; `begun`, `done`: operations of the
    program that stand for its start and its end, by rank.
    """

    members: list[Key]
    waits: int = 0
    ready: int = 0
    begun: dict[int, tuple[int, ...]] = field(default_factory=dict)
    done: dict[int, tuple[int, ...]] = field(default_factory=dict)


class _Maker:
    """Turns the operations of a trace into those of a program, one after another."""

    def __init__(self, trace: Trace, hosts: Sequence[int], plan: Plan | None) -> None:
        self.trace, self.hosts, self.plan = trace, hosts, plan
        self.sent = match(trace)
        self.item: dict[Key, int] = {}
        self.items: list[_Item] = []
        self.made: list[Operation] = []
        self.turn: dict[Key, tuple[int, int]] = {}
        self._collect()

    def _collect(self) -> None:
        turns: dict[tuple[int, str], int] = defaultdict(int)
        joint: dict[tuple[str, int], int] = {}
        for rank, operations in enumerate(self.trace.ranks):
            for index, operation in enumerate(operations):
                key = rank, index
                if operation.kind == COLLECTIVE:
                    turn = operation.group, turns[rank, operation.group]
                    turns[rank, operation.group] += 1
                    if turn in joint:
                        self.items[joint[turn]].members.append(key)
                        self.item[key] = joint[turn]
                        continue
                    joint[turn] = len(self.items)
                self.item[key] = len(self.items)
                self.items.append(_Item([key]))
        for number in joint.values():
            self._check_joint(self.items[number])

    def _check_joint(self, item: _Item) -> None:
        """Hold the ranks of a collective to the same one, and to be all of its group."""
        rank, index = item.members[0]
        first = self.trace.ranks[rank][index]
        members = self._group(first)
        there = {r for r, _ in item.members}
        if first.kind == COLLECTIVE and there != set(members):
            odd = min(there ^ set(members))
            raise FileFormatError(
                f"{place(self.trace, rank, index)} is a collective of {len(members)} ranks, and rank {odd} has none now."
            )
        for r, i in item.members:
            other = self.trace.ranks[r][i]
            if (other.collective, other.size) != (first.collective, first.size):
                raise FileFormatError(
                    f"{place(self.trace, r, i)} is {_say(other)}, while rank {rank} has {_say(first)} at this turn."
                )

    def _group(self, operation: TraceOp) -> tuple[int, ...]:
        return self.trace.groups[operation.group] if operation.group else tuple(range(len(self.trace.ranks)))

    def _edges(self) -> list[list[tuple[int, bool]]]:
        """Return, for each item, [(item that waits for it, only for its start)]."""
        follow: list[list[tuple[int, bool]]] = [[] for _ in self.items]
        for (rank, index), number in self.item.items():
            operation = self.trace.ranks[rank][index]
            before = [(self.item[rank, d], False) for d in operation.ended]
            before += [(self.item[rank, d], True) for d in operation.started]
            if operation.kind == RECV:
                before.append((self.item[self.sent[rank, index]], True))
            for other, start in before:
                follow[other].append((number, start))
                self.items[number].waits += 1
        return follow

    def operations(self) -> list[Operation]:
        """Return the operations of the program; FileFormatError where some wait for each other."""
        follow = self._edges()
        queue = [(0, number) for number, item in enumerate(self.items) if not item.waits]
        taken = 0
        while queue:
            start, number = heappop(queue)
            taken += 1
            self.items[number].ready = start
            end = self._make(self.items[number])
            begin = self.items[number].ready
            for other, only_start in follow[number]:
                item = self.items[other]
                item.waits -= 1
                item.ready = max(item.ready, begin if only_start else end)
                if not item.waits:
                    heappush(queue, (item.ready, other))
        if taken < len(self.items):
            self._deadlock(follow)
        return self.made

    def _make(self, item: _Item) -> int:
        """Add what stands for `item` and return when it would end; its `ready` becomes when it would begin."""
        rank, index = item.members[0]
        operation = self.trace.ranks[rank][index]
        for r, i in item.members:
            item.begun[r] = self._before(r, self.trace.ranks[r][i])
        before = item.begun[rank]
        if operation.kind == CALC:
            return self._compute(item, rank, operation)
        if operation.kind == SEND:
            number = self._add(Send(self.hosts[rank], self.hosts[operation.peer], operation.size, before, operation.label))
            item.done[rank] = before if self.trace.eager else (number,)
            item.done[-1] = (number,)
            return item.ready
        if operation.kind == RECV:
            message = self.items[self.item[self.sent[rank, index]]].done[-1]
            item.done[rank] = message if not before else self._join(rank, (*message, *before))
            return item.ready
        self._call(item, operation)
        return item.ready

    def _compute(self, item: _Item, rank: int, operation: TraceOp) -> int:
        before, free = item.begun[rank], 0
        if operation.unit >= 0 and (rank, operation.unit) in self.turn:
            free, last = self.turn[rank, operation.unit]
            before = tuple(dict.fromkeys((*before, last)))
        item.begun[rank] = before
        number = self._add(Compute(self.hosts[rank], operation.duration, before, operation.label))
        item.done[rank] = (number,)
        item.ready = max(item.ready, free)
        end = item.ready + operation.duration
        if operation.unit >= 0:
            self.turn[rank, operation.unit] = end, number
        return end

    def _call(self, item: _Item, operation: TraceOp) -> None:
        rank, index = item.members[0]
        if operation.collective is None or self.plan is None:
            raise FileFormatError(f"{place(self.trace, rank, index)} has no algorithm; name one.")
        members = self._group(operation)
        before = tuple(sorted({number for numbers in item.begun.values() for number in numbers}))
        if len(members) == 1:
            item.done[rank] = item.begun[rank]
            return
        hosts = tuple(self.hosts[r] for r in members)
        schedule = self.plan(operation.collective, hosts, max(operation.size, 1))
        number = self._add(Call(schedule, operation.size, before, operation.label))
        item.done = dict.fromkeys((r for r, _ in item.members), (number,))

    def _before(self, rank: int, operation: TraceOp) -> tuple[int, ...]:
        """Return what an operation waits for on its rank."""
        found = [n for d in operation.ended for n in self.items[self.item[rank, d]].done[rank]]
        found += [n for d in operation.started for n in self.items[self.item[rank, d]].begun[rank]]
        numbers = tuple(dict.fromkeys(found))
        return self._join(rank, numbers) if len(numbers) > 1 else numbers

    def _join(self, rank: int, numbers: tuple[int, ...]) -> tuple[int, ...]:
        """Return one operation of no duration that stands for several, so that lists do not grow along chains."""
        return (self._add(Compute(self.hosts[rank], 0, numbers)),)

    def _add(self, operation: Operation) -> int:
        self.made.append(operation)
        return len(self.made) - 1

    def _deadlock(self, follow: Sequence[Sequence[tuple[int, bool]]]) -> None:
        """Name a circle of items that wait for each other."""
        stuck = {number for number, item in enumerate(self.items) if item.waits}
        blockers = {other: number for number in stuck for other, _ in follow[number] if other in stuck}
        seen: dict[int, int] = {}
        at = min(blockers)
        while at not in seen:
            seen[at] = len(seen)
            at = blockers[at]
        circle = [number for number, turn in seen.items() if turn >= seen[at]]
        names = [place(self.trace, *self.items[number].members[0]) for number in reversed(circle[:6])]
        more = " and more" if len(circle) > 6 else ""
        rest = "; ".join(name.partition(": ")[2] for name in names[1:])
        after = f" and {rest}{more} wait for each other" if rest else " waits for itself"
        raise FileFormatError(f"{names[0]}{after}.")


def _say(operation: TraceOp) -> str:
    name = operation.collective.name if operation.collective else operation.kind
    return f"{name} of {operation.size} bytes"
