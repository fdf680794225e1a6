"""Tensor-parallel training and serving on one machine, timed by an engine: the same work under one scheme after another.

All groups run at the same time. A training step of k equal micro-batches is k times one of them and the optimiser's part,
exactly where all ranks end a micro-batch at the same tick, no messages met, and none had a choice of ways: the next then
begins as the first did. Where links change during a step (rule 27) all of it is simulated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

from collsim.collectives.channels import synchronised_channels
from collsim.collectives.schedule import Schedule
from collsim.crossings import Recorder
from collsim.engines.engine import ENGINES
from collsim.errors import InvalidValue
from collsim.network.link_changes import LinkChange
from collsim.report.trace import Traced, check_traceable
from collsim.result import Result
from collsim.sweep.tensor_parallel_plans import Plans, least_bytes, sent_bytes
from collsim.sweep.tensor_parallel_point import Point
from collsim.workloads.accelerators.roofline import Roofline
from collsim.workloads.rank_groups import RankGroups
from collsim.workloads.tensor_parallel import Exchange, Scheme, payload
from collsim.workloads.tensor_parallel_program import Clock, Plan, Written, copying, group_program, working
from collsim.workloads.tensor_parallel_stages import (
    Stage,
    exchanges,
    forward_stages,
    in_a_row,
    repeated,
    step_stages,
    training_stages,
)
from collsim.workloads.transformer_compute import Work, transformer_times
from collsim.workloads.transformers.shape import TransformerShape

__all__ = ["TensorParallel"]

Only = Callable[[Exchange], bool]


@dataclass(frozen=True, eq=False)
class TensorParallel:
    """`work` on `shape`, shared by the ranks of each group of `plans`, `repeats` times (micro-batches of a training step).

    `layout`: how the groups came about, for reports.
    """

    shape: TransformerShape
    accelerator: Roofline
    work: Work
    plans: Plans
    repeats: int = 1
    layout: RankGroups | None = None

    def __post_init__(self) -> None:
        self.shape.check_shards(self.degree)
        if self.repeats < 1:
            raise InvalidValue(f"A step has at least 1 micro-batch, not {self.repeats}.")

    @property
    def degree(self) -> int:
        """Ranks of a group."""
        return len(self.plans.cases[0].hosts)

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Hosts of each group, in the order of its ranks."""
        return tuple(case.hosts for case in self.plans.cases)

    def stages(self, scheme: Scheme) -> tuple[Stage, ...]:
        """Return one micro-batch or pass under `scheme`. Raises InvalidValue for layers that are not there."""
        if missing := [layer for layer in sorted(scheme.dropped) if not 0 <= layer < self.shape.layers]:
            raise InvalidValue(
                f"{self.shape.name} has no layer {missing[0]} whose all-reduce could be dropped; its layers are 0 to "
                f"{self.shape.layers - 1}."
            )
        build = training_stages if self.work.trained else forward_stages
        return build(self.shape, self.work.rows, scheme)

    def clock(self, scheme: Scheme) -> Clock:
        """Return what a rank takes under `scheme`."""
        split = scheme.sequence_parallel
        times = transformer_times(self.shape, self.accelerator, self.work, tp=self.degree, sequence_parallel=split)
        return Clock(times, self.accelerator, self.shape.parts(self.degree).total)

    def run(self, scheme: Scheme, observers: Sequence[object] = ()) -> Point:
        """Return the point of `scheme`. Raises UsageError and RunError."""
        started = perf_counter()
        parts, clock = self._parts(scheme), self.clock(scheme)
        (stages, _), *ends = parts
        micro, written = self._engine(stages, clock, observers=observers)
        times = [micro.time, *(self._engine(end, clock)[0].time for end, _ in ends)]
        sent = [e for e in exchanges(self.stages(scheme)) if e.size]
        last = micro.operation_finish[list(written.ends)]
        time, compute, copies, communication, alpha, bound = (
            sum(count * value for (_, count), value in zip(parts, values, strict=True))
            for values in (
                times,
                [working(part, clock) for part, _ in parts],
                [copying(part, clock) for part, _ in parts],
                [self._alone(part, hollow=False) for part, _ in parts],
                [self._alone(part, hollow=True) for part, _ in parts],
                [self._at_least(part, clock, scheme) for part, _ in parts],
            )
        )
        summed = synchronised_channels(scheme.p, self.shape.hidden)
        return Point(
            scheme=scheme,
            summed=summed,
            message=-(-self.work.rows * summed * scheme.forward_wire // 8),
            repeats=self.repeats,
            tokens=self.work.rows * self.repeats * len(self.groups),
            time=time,
            compute=compute,
            copies=copies,
            communication=communication,
            alpha=alpha,
            bound=bound,
            forward=payload(e for e in sent if e.phase == "forward"),
            backward=payload(e for e in sent if e.phase == "backward"),
            step=payload(exchanges(self._end(scheme))),
            collectives=len(sent),
            sent=sum(sent_bytes(self._schedule(0, e), e.size) for e in sent),
            apart=int(last.max() - last.min()),
            settled=micro.train_fraction == 1 and self._settled(sent),
            packet_hops=micro.packet_hops,
            trains=micro.train_fraction,
            whole=bool(self._changes),
            wall=perf_counter() - started,
        )

    def patience(self, scheme: Scheme) -> float:
        """Return about how many seconds one run of `scheme` will take: the wall of its largest collective, by their number.

        Kernels are loaded before the clock runs.
        """
        sent = [e for e in exchanges(self.stages(scheme)) if e.size]
        largest = max(sent, key=lambda e: e.size)
        self.plans.alone(largest.collective, largest.size, hollow=True)
        started, times = perf_counter(), 1
        if self._changes:
            # Where links change messages go packet by packet: a change to the rate that a link has makes this one go so too.
            times, same = self.repeats, replace(self._changes[0], time=0, rate=self._rate(self._changes[0].link))
            self.plans.changed(largest.collective, largest.size, (same,))
        else:
            self.plans.alone(largest.collective, largest.size)
        return (perf_counter() - started) * times * sum(e.size for e in sent) / largest.size

    def _rate(self, link: int) -> int:
        return int(self.plans.cases[0].topology.bandwidth[link])

    def exposed_share(self, own: Point) -> float:
        """Return f: the share of the time of `own` that is gone when the blocks' collectives carry next to nothing."""
        clock = self.clock(own.scheme)
        parts = self._parts(own.scheme)
        hollow = sum(n * self._engine(part, clock, lambda e: e.layer is not None)[0].time for part, n in parts)
        return 1 - hollow / max(own.time, 1)

    def program(self, scheme: Scheme, micro_batches: int = 1) -> Written:
        """Return the program of `micro_batches` micro-batches or passes in a row under `scheme`."""
        stages = repeated(self.stages(scheme), micro_batches)
        return group_program(stages, self.clock(scheme), self.groups, self._plan())

    def shortest(self, scheme: Scheme) -> Written:
        """Return the program of one micro-batch, in training with the end of a step behind it, or of one pass.

        Where links change it is the whole step.
        """
        stages = in_a_row([part for part, _ in self._parts(scheme)])
        return group_program(stages, self.clock(scheme), self.groups, self._plan())

    def traced(self, scheme: Scheme, observers: Sequence[object] = ()) -> Traced:
        """Return the run of `shortest`, kept for its trace. Raises InvalidValue where that would be too large."""
        check_traceable(self.shortest(scheme).program.messages)
        return self.kept(scheme, [*observers, Recorder()])

    def kept(self, scheme: Scheme, observers: Sequence[object] = ()) -> Traced:
        """Return the run of `shortest`, with crossings where a Recorder is among `observers`."""
        case, program = self.plans.cases[0], self.shortest(scheme).program
        run, more = ENGINES.get(case.engine), {"changes": case.changes} if case.changes else {}
        result = run(case.topology, program, case.network, seed=case.seed, observers=observers, **more)
        crossings = next((one.found for one in observers if isinstance(one, Recorder)), None)
        return Traced(case.topology, program, result, crossings, tuple(host for group in self.groups for host in group))

    def memory(self) -> int:
        """Return the bytes that a rank holds, activations aside: weights, and in training what Adam adds; else the cache.

        bf16 weights; in training an fp32 gradient, weight and two moments beside each.
        """
        parameters, work = self.shape.parts(self.degree).total, self.work
        if work.trained:
            return 18 * parameters
        return 2 * parameters + self.shape.cache_bytes(work.samples * work.context, tp=self.degree)

    def _parts(self, scheme: Scheme) -> list[tuple[tuple[Stage, ...], int]]:
        """Return what is run, each with how often: a micro-batch or pass, and in training the end of a step."""
        end = self._end(scheme)
        if self._changes:
            return [(in_a_row([*[self.stages(scheme)] * self.repeats, end]), 1)]
        return [(self.stages(scheme), self.repeats), *([(end, 1)] if end else [])]

    def _end(self, scheme: Scheme) -> tuple[Stage, ...]:
        return step_stages(self.shape, scheme) if self.work.trained else ()

    @property
    def _changes(self) -> tuple[LinkChange, ...]:
        return self.plans.cases[0].changes

    def _schedule(self, group: int, exchange: Exchange) -> Schedule:
        return self.plans.schedule(group, exchange.collective, exchange.size)

    def _plan(self, hollow: Only = lambda _: False) -> Plan:
        def plan(group: int, exchange: Exchange) -> tuple[Schedule, int]:
            schedule = self._schedule(group, exchange)
            return schedule, min(least_bytes(schedule), exchange.size) if hollow(exchange) else exchange.size

        return plan

    def _engine(
        self, stages: Sequence[Stage], clock: Clock, hollow: Only = lambda _: False, observers: Sequence[object] = ()
    ) -> tuple[Result, Written]:
        case = self.plans.cases[0]
        written = group_program(stages, clock, self.groups, self._plan(hollow))
        run, more = ENGINES.get(case.engine), {"changes": case.changes} if case.changes else {}
        return run(case.topology, written.program, case.network, seed=case.seed, observers=observers, **more), written

    def _alone(self, stages: Sequence[Stage], hollow: bool) -> int:
        """Return the times of all collectives, each by itself, added up; `hollow`: with next to no bytes."""
        return sum(self.plans.alone(e.collective, e.size, hollow) for e in exchanges(stages) if e.size)

    def _settled(self, sent: Sequence[Exchange]) -> bool:
        """Say whether all messages of `sent` go the same ways in every call."""
        return all(self.plans.settled(name, size) for name, size in {(e.collective, e.size) for e in sent})

    def _at_least(self, stages: Sequence[Stage], clock: Clock, scheme: Scheme) -> int:
        """Return what of the collectives stays exposed at least.

        All of it; with a ladder what is longer than computing, and those between embedding, stack and head, which block.
        """
        bounds = [(e.layer, self.plans.bound(e.collective, e.size)) for e in exchanges(stages) if e.size]
        total = sum(bound for _, bound in bounds)
        if not scheme.ladder:
            return total
        blocking = sum(bound for layer, bound in bounds if layer is None)
        return max(total - working(stages, clock) - copying(stages, clock), blocking)
