"""A program as a trace: what each host does of a training step or any other workload, for tools that replay traces.

Operations of a program are known on all hosts; here each rank gets those that it has a part in. What waits for an operation
elsewhere waits for what that operation waits for, as in a program.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from collsim.collectives.schedule import Schedule
from collsim.errors import InvalidValue
from collsim.interop.trace import CALC, COLLECTIVE, RECV, SEND, Trace, TraceOp
from collsim.program import Call, Compute, Operation, Program, Send

__all__ = ["program_trace"]


def program_trace(program: Program, hosts: Sequence[int], name: str = "program") -> Trace:
    """Return what `program` does on `hosts` (the host of each rank).

    Calls become collectives whose algorithm the reader chooses; those of a partial all-reduce an all-reduce of the part.
    Tags number the messages. Computations are beside each other unless they wait, as in a program. Raises InvalidValue for
    operations on other hosts and for arrivals, which have times of their own.
    """
    maker = _Maker(hosts, name)
    for number, operation in enumerate(program.operations):
        maker.add(number, operation)
    return Trace(tuple(map(tuple, maker.ranks)), eager=False, groups=maker.groups, origin=name)


class _Maker:
    """Operations by rank; `ends[number][rank]`: those that an operation of the program has ended with on a rank."""

    def __init__(self, hosts: Sequence[int], name: str) -> None:
        self.rank = {host: rank for rank, host in enumerate(hosts)}
        self.name = name
        self.ranks: list[list[TraceOp]] = [[] for _ in hosts]
        self.groups: dict[str, tuple[int, ...]] = {}
        self.named: dict[tuple[int, ...], str] = {tuple(range(len(hosts))): ""}
        self.ends: list[dict[int, tuple[int, ...]]] = []
        self.deps: list[tuple[int, ...]] = []
        self.messages: dict[tuple[int, int], int] = defaultdict(int)

    def add(self, number: int, operation: Operation) -> None:
        """Add the parts of operation `number`."""
        self.ends.append({})
        self.deps.append(operation.deps)
        label = operation.label or f"o{number}"
        if isinstance(operation, Compute):
            rank = self._rank(number, operation.host)
            self._put(number, rank, TraceOp(CALC, duration=operation.duration, unit=-1, label=label))
        elif isinstance(operation, Send):
            src, dst = (self._rank(number, host) for host in (operation.source, operation.target))
            self._put(number, src, TraceOp(SEND, size=operation.size, peer=dst, tag=number, label=label))
            self._put(number, dst, TraceOp(RECV, size=operation.size, peer=src, tag=number, label=label))
        elif isinstance(operation, Call):
            self._call(number, operation, label)
        else:
            raise InvalidValue(f"{self.name}: operation {number} is made of arrivals, which a trace cannot say.")

    def _call(self, number: int, operation: Call, label: str) -> None:
        plan = operation.schedule
        members, wanted = self._members(number, plan), plan.collective
        if members not in self.named:
            self.named[members] = f"g{len(self.groups)}"
            self.groups[self.named[members]] = members
        size, whole = wanted.communicated(operation.size), wanted.whole
        for rank in members:
            called = TraceOp(COLLECTIVE, size=size, label=label, collective=whole, group=self.named[members])
            self._put(number, rank, called)

    def _members(self, number: int, plan: Schedule) -> tuple[int, ...]:
        return tuple(self._rank(number, host) for host in plan.ranks_to_hosts.tolist())

    def _put(self, number: int, rank: int, operation: TraceOp) -> None:
        # What a rank does twice in one operation, as a message to itself, is in order.
        waits = self.ends[number].get(rank) or self._waits(self.deps[number], rank)
        fields = {
            f: getattr(operation, f) for f in ("duration", "size", "peer", "tag", "unit", "label", "collective", "group")
        }
        self.ends[number][rank] = (len(self.ranks[rank]),)
        self.ranks[rank].append(TraceOp(operation.kind, ended=waits, **fields))

    def _waits(self, deps: Sequence[int], rank: int) -> tuple[int, ...]:
        """Return the operations of `rank` that stand for `deps` there; through those that it has no part in."""
        found: dict[int, None] = {}
        seen: set[int] = set()
        stack = list(reversed(deps))
        while stack:
            d = stack.pop()
            if d in seen:
                continue
            seen.add(d)
            if rank in self.ends[d]:
                found |= dict.fromkeys(self.ends[d][rank])
            else:
                stack.extend(reversed(self.deps[d]))
        return tuple(found)

    def _rank(self, number: int, host: int) -> int:
        if host not in self.rank:
            raise InvalidValue(
                f"{self.name}: operation {number} is on host {host}, which is no rank; give the hosts of all."
            )
        return self.rank[host]
