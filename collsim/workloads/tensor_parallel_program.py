"""Stages as a program: every rank of every group computes them, and each group runs its own collectives.

Groups are independent of one another but for the links that they share. What is computed between two collectives is one
operation a rank; calls of the same size share one schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil

from collsim.collectives.schedule import Schedule
from collsim.program import Call, Compute, Operation, Program
from collsim.workloads.accelerators.roofline import Roofline
from collsim.workloads.tensor_parallel import Exchange
from collsim.workloads.tensor_parallel_stages import Copy, Part, Stage, Sync
from collsim.workloads.transformer_compute import TransformerTimes

__all__ = ["ADAM_BYTES", "Clock", "Plan", "Written", "copying", "group_program", "working"]

ADAM_BYTES = 30
"""Bytes that an Adam update moves for a parameter: its fp32 gradient is read, the fp32 weight and both moments are read and
written, the bf16 weight is written."""

Plan = Callable[[int, Exchange], tuple[Schedule, int]]
"""(group, collective) -> the schedule among the hosts of that group and the bytes to run it with."""


@dataclass(frozen=True, slots=True)
class Clock:
    """What a rank takes: the parts of a pass (`times`), and the memory of `accelerator`. `parameters`: those of a rank."""

    times: TransformerTimes
    accelerator: Roofline
    parameters: int = 0

    def stage(self, stage: Part | Copy) -> int:
        """Return the time of one stage, fs."""
        if isinstance(stage, Copy):
            return ceil(self.accelerator.memory_time(stage.size))
        if stage.place == "optimiser":
            return ceil(self.accelerator.memory_time(ADAM_BYTES * self.parameters))
        part = {part.name: part for part in self.times.parts}[stage.place]
        return part.forward if stage.phase == "forward" else part.backward


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A program; `ends`: the last computing of each rank."""

    program: Program
    ends: tuple[int, ...]


def working(stages: Sequence[Stage], clock: Clock) -> int:
    """Return the time that a rank computes, copies left out, fs."""
    return sum(clock.stage(stage) for stage in stages if isinstance(stage, Part))


def copying(stages: Sequence[Stage], clock: Clock) -> int:
    """Return the time that a rank copies, fs."""
    return sum(clock.stage(stage) for stage in stages if isinstance(stage, Copy))


def group_program(stages: Sequence[Stage], clock: Clock, groups: Sequence[Sequence[int]], plan: Plan) -> Written:
    """Return `stages` run by the hosts of each of `groups` at the same time. A collective of no bytes is left out."""
    writer = _Writer(groups, plan)
    for stage in stages:
        if isinstance(stage, Sync):
            writer.call(stage)
        else:
            writer.compute(stage, clock.stage(stage))
    writer.flush()
    return Written(Program(tuple(writer.operations)), writer.last)


@dataclass(slots=True, eq=False)
class _Writer:
    """Writes operations. What ranks compute gathers in `pending` until a collective follows or is waited for.

    `calls`: of each stage that is a collective, its operation in each group (none where it has no bytes); `waits`: stages
    whose collectives the pending computing waits for; `last`: the last computing of each rank, group by group.
    """

    groups: Sequence[Sequence[int]]
    plan: Plan
    operations: list[Operation] = field(default_factory=list)
    calls: dict[int, tuple[int, ...]] = field(default_factory=dict)
    last: tuple[int, ...] = ()
    waits: tuple[int, ...] = ()
    pending: int = 0
    labels: list[str] = field(default_factory=list)
    stage: int = 0

    def compute(self, stage: Part | Copy, time: int) -> None:
        """Let every rank compute behind what it has computed and the collectives that `stage` waits for."""
        landed = tuple(k for k in stage.after if self.calls.get(k))
        if landed:
            self.flush()
        self.waits += landed
        self.pending += time
        self.labels.append(stage.label)
        self.stage += 1

    def flush(self) -> None:
        """Write what is pending as one computation a rank."""
        if not self.labels:
            return
        label = self.labels[0] if len(self.labels) == 1 else f"{self.labels[0]} .. {self.labels[-1]}"
        begin, before = len(self.operations), iter(self.last)
        for group, hosts in enumerate(self.groups):
            landed = tuple(self.calls[k][group] for k in self.waits)
            for host in hosts:
                own = (next(before),) if self.last else ()
                self.operations.append(Compute(host, self.pending, (*own, *landed), label))
        self.last = tuple(range(begin, len(self.operations)))
        self.waits, self.pending, self.labels = (), 0, []

    def call(self, stage: Sync) -> None:
        """Write the collective of each group behind its ranks' computing and the collectives that it follows."""
        self.flush()
        made = []
        for group, hosts in enumerate(self.groups if stage.exchange.size else ()):
            schedule, size = self.plan(group, stage.exchange)
            ranks = self.last[group * len(hosts) : (group + 1) * len(hosts)]
            sent = tuple(self.calls[k][group] for k in stage.after if self.calls.get(k))
            self.operations.append(Call(schedule, size, (*ranks, *sent), stage.label))
            made.append(len(self.operations) - 1)
        self.calls[self.stage] = tuple(made)
        self.stage += 1
