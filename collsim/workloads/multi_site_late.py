"""A late exchange (staleness one) as a program: the sum of step k's gradients runs under the computing of step k + 1.

Step k + 1 of a host begins when it has computed step k and exchange k - 1 is over there. Under a rendezvous exchange k
begins on all hosts at once, at A_k, when the last has computed step k and exchange k - 1 is over everywhere. With T the
computing of a step and X_k what exchange k takes from A_k until it is over everywhere, the last host has computed step k + 1
at A_k + T, so A_(k+1) - A_k = max(T, X_k) whatever the machine does. Without a rendezvous hosts that are done early begin
the next exchange while others still send: no such law holds from step to step, and in the long run a link between sites
that never idles sets the pace.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.schedule import Schedule
from collsim.program import Call, Compute, Operation, Program, Send

__all__ = ["Staleness", "staleness_program"]

IntArray = NDArray[np.int64]
Row = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Staleness:
    """A program and the operations of each step: `computed`, a host each, and `exchanged`, a group each."""

    program: Program
    computed: tuple[Row, ...]
    exchanged: tuple[Row, ...]

    def periods(self, finish: IntArray) -> tuple[list[int], list[int]]:
        """Return (A_(k+1) - A_k, X_k) of each step but the last, fs; `finish`: int64[operations], as in a result."""
        computed = [int(finish[list(row)].max()) for row in self.computed]
        over = [int(finish[list(row)].max()) for row in self.exchanged]
        there = [max(own, before) for own, before in zip(computed, [0, *over], strict=False)]
        return [b - a for a, b in pairwise(there)], [end - begin for begin, end in zip(there[:-1], over, strict=False)]


def staleness_program(
    groups: Sequence[Sequence[int]],
    plan: Schedule,
    size: int,
    compute: int,
    steps: int,
    *,
    rendezvous: bool = True,
    channels: int = 1,
) -> Staleness:
    """Return `steps` steps of `compute` fs on the hosts of all `groups`, each followed by `plan` on `size` bytes a group.

    Under a rendezvous the messages of a step are filled up with empty ones to a multiple of `channels`, so that every
    exchange meets the virtual channels that the first one does (rule 5: id mod channels).
    """
    writer = _Writer([replace(plan, ranks_to_hosts=np.array(hosts, dtype=np.int64)) for hosts in groups])
    computed: list[Row] = []
    exchanged: list[Row] = []
    for step in range(steps):
        before = exchanged[-1] if step else None
        computed.append(writer.compute(compute, computed[-1] if step else None, exchanged[-2] if step > 1 else None))
        if rendezvous:
            writer.fill(channels)
            exchanged.append(writer.exchange(size, writer.meet(computed[-1], before), None, step))
        else:
            exchanged.append(writer.exchange(size, computed[-1], before, step))
    return Staleness(Program(tuple(writer.operations)), tuple(computed), tuple(exchanged))


@dataclass(slots=True, eq=False)
class _Writer:
    """Operations written so far. `placed`: the plan on the hosts of each group; rows of operations go host by host."""

    placed: list[Schedule]
    operations: list[Operation] = field(default_factory=list)
    messages: int = 0

    @property
    def hosts(self) -> list[tuple[int, int]]:
        """(group, host) in the order of rows."""
        return [(group, host) for group, plan in enumerate(self.placed) for host in plan.ranks_to_hosts.tolist()]

    def add(self, operation: Operation) -> int:
        self.operations.append(operation)
        if isinstance(operation, Call):
            self.messages += operation.schedule.transfers
        self.messages += isinstance(operation, Send)
        return len(self.operations) - 1

    def compute(self, time: int, computed: Row | None, exchanged: Row | None) -> Row:
        """Let each host compute behind its own operation of `computed` and its group's of `exchanged`."""
        found = []
        for place, (group, host) in enumerate(self.hosts):
            waits = (*(computed or ())[place : place + 1], *(exchanged or ())[group : group + 1])
            found.append(self.add(Compute(host, time, waits, "compute")))
        return tuple(found)

    def fill(self, channels: int) -> None:
        """Add empty messages until those of the meeting that follows end at a multiple of `channels`."""
        hosts = self.hosts
        for _ in range(-(self.messages + 2 * (len(hosts) - 1)) % channels):
            self.add(Send(hosts[0][1], hosts[1][1], 0, (), "fill"))

    def meet(self, computed: Row, exchanged: Row | None) -> Row:
        """Return what is complete on each host once all are there: empty messages to the first and back."""
        (first, *rest), before = self.hosts, exchanged or ()
        come = [
            self.add(Send(host, first[1], 0, (own, *before[group : group + 1]), "meet"))
            for (group, host), own in zip(rest, computed[1:], strict=True)
        ]
        all_there = self.add(Compute(first[1], 0, (computed[0], *before[first[0] : first[0] + 1], *come), "meet"))
        return all_there, *(self.add(Send(first[1], host, 0, (all_there,), "meet")) for _, host in rest)

    def exchange(self, size: int, waits: Row, before: Row | None, step: int) -> Row:
        """Add the call of each group, which waits on each host for its operation of `waits`, and for its own of `before`."""
        found, place = [], 0
        for group, plan in enumerate(self.placed):
            own = waits[place : place + plan.ranks]
            place += plan.ranks
            found.append(self.add(Call(plan, size, (*own, *(before or ())[group : group + 1]), f"exchange {step}")))
        return tuple(found)
