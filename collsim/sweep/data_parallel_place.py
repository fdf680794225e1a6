"""Where a data-parallel job runs: the machine, its ranks and servers, the step of a rank, and exchanges measured alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from collsim.collectives.schedule import Schedule
from collsim.engines.engine import ENGINES
from collsim.errors import InvalidValue
from collsim.program import Compute, Program, Send, single_call
from collsim.simulate import Case, prepare
from collsim.sweep.data_parallel_machine import machine_name
from collsim.topology.graph import Topology
from collsim.units import serialisation_fs
from collsim.workloads.data_parallel import SCHEMES, Scheme, Work
from collsim.workloads.jitter import Jitter, uniform_draws
from collsim.workloads.schemes.asgd import server_shares
from collsim.workloads.training_step import StepRequest, TrainingStep

__all__ = ["Job", "Place", "place"]

INITIATORS = 0x6561676572000000
"""Sets the draws of those who start partial all-reduces apart from others that hash the same seed."""
SERVER_PACKETS = 50
"""Most packets of a message to or from a server, unless their size was chosen."""
MOST_RANKS = 4096
MOST_ITERATIONS = 500_000
"""Iterations of all ranks together; each is several operations of a program that is held as a whole."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is trained and how. `step`: the step of a rank; `whole`: samples of all ranks together, instead of a rank's.

    `iterations` are run and those behind `warmup` measured. `jitter`, `eta`, `local_steps`, `delay`, `rendezvous`: see
    `Work`. `servers`: parameter servers, on hosts behind the ranks where there are, else on those of the first ranks.
    """

    step: StepRequest = field(default_factory=StepRequest)
    whole: int | None = None
    iterations: int = 20
    warmup: int = 2
    jitter: Jitter = field(default_factory=Jitter)
    eta: Fraction = Fraction(1)
    local_steps: int = 4
    delay: int = 0
    servers: int = 1
    rendezvous: bool = False

    def __post_init__(self) -> None:
        if self.iterations < 1:
            raise InvalidValue(f"There are {self.iterations} iterations to run; take 1 or more.")
        if not 0 <= self.warmup < self.iterations:
            raise InvalidValue(
                f"A warm-up of {self.warmup} iterations leaves none of {self.iterations} to measure; take 0 to "
                f"{self.iterations - 1}."
            )
        if self.servers < 1:
            raise InvalidValue(f"There are {self.servers} parameter servers; take 1 or more.")


@dataclass(frozen=True, eq=False)
class Place:
    """A job on a machine with a number of ranks: `case` holds machine and group, `step` what each rank does.

    `alone`: fs of the all-reduce of so many bytes when all ranks begin at once, measured once each.
    """

    job: Job
    case: Case
    algorithm: str
    step: TrainingStep
    servers: tuple[int, ...]
    alone: dict[int, int] = field(default_factory=dict)

    def plan(self, size: int) -> Schedule:
        """Return the proved schedule of an all-reduce of `size` bytes."""
        return self.case.plan(self.algorithm, size)[0]

    def all_reduce(self, size: int) -> int:
        """Return fs of the all-reduce of `size` bytes by itself."""
        if size not in self.alone:
            program = single_call(self.plan(size), size)
            engine = ENGINES.get(self.case.engine)
            self.alone[size] = engine(self.case.topology, program, self.case.network, seed=self.case.seed).time
        return self.alone[size]

    @cached_property
    def work(self) -> Work:
        """What schemes are written from."""
        job, ranks = self.job, len(self.case.hosts)
        draws = uniform_draws(job.jitter.seed, INITIATORS, np.zeros(1, dtype=np.int64), np.arange(job.iterations))
        return Work(
            hosts=self.case.hosts,
            compute=job.jitter.times(self.step.compute, ranks, job.iterations),
            typical=self.step.compute,
            update=self.step.update,
            size=self.step.size,
            plan=self.plan,
            buckets=self.step.buckets,
            eta=job.eta,
            local_steps=job.local_steps,
            delay=job.delay,
            servers=self.servers,
            rendezvous=job.rendezvous,
            initiators=(draws * ranks).astype(np.int64),
        )

    def times(self, scheme: Scheme) -> list[int]:
        """Return what the law of `scheme` is of: its exchanges alone."""
        if scheme.asynchronous:
            return self._server_times()
        return [
            self.all_reduce(size) for size in ([s for s, _ in self.step.buckets] if scheme.buckets else [self.step.size])
        ]

    def _server_times(self) -> list[int]:
        """Return fs of one rank's exchange with the servers alone, and what the bytes of all take one way at a server."""
        engine, case, machine = ENGINES.get(self.case.engine), self.server_case, self.case.topology
        shares = server_shares(self.step.size, len(self.servers))
        update, longest, more = -(-self.step.update // len(shares)), 0, 0
        for host in {case.hosts[0], case.hosts[-1]}:
            operations: list[Send | Compute] = []
            for server, size in zip(self.servers, shares, strict=True):
                first = len(operations)
                operations.append(Send(host, server, size))
                operations.append(Compute(server, update, (first,)))
                operations.append(Send(server, host, size, (first + 1,)))
            program = Program(tuple(operations))
            longest = max(longest, engine(machine, program, case.network, seed=case.seed).time)
        for server, size in zip(self.servers, shares, strict=True):
            into = int(machine.bandwidth[machine.target == server].sum())
            out = int(machine.bandwidth[machine.source == server].sum())
            more = max(more, serialisation_fs(size, into), serialisation_fs(size, out))
        remote = sum(host not in self.servers for host in case.hosts) if len(shares) == 1 else len(case.hosts)
        return [longest, more * remote]

    @cached_property
    def server_case(self) -> Case:
        """The case for messages to and from servers, which meet there: larger packets, unless their size was chosen."""
        network = self.case.network
        if "packet_payload" in network.changed() or self.case.engine == "analytic":
            return self.case
        part = min(server_shares(self.step.size, len(self.servers)))
        payload = max(network.packet.packet_payload, 2 ** (part // SERVER_PACKETS).bit_length())
        return replace(self.case, network=network.with_settings({"packet_payload": payload}), known={}, widths={})


def place(
    job: Job, ranks: int, topology: str | Topology | None, algorithm: str, schemes: Sequence[str], **settings: Any
) -> Place:
    """Return the place of `job` with `ranks` ranks on `topology` (see `machine_name`); `settings` as `prepare` takes them.

    Raises UsageError for a group larger than the machine and whatever else cannot be.
    """
    if not 2 <= ranks <= MOST_RANKS:
        raise InvalidValue(f"Data parallelism among {ranks} ranks cannot be run; take 2 to {MOST_RANKS:,}.")
    if ranks * job.iterations > MOST_ITERATIONS:
        raise InvalidValue(
            f"{job.iterations:,} iterations of {ranks} ranks are more than {MOST_ITERATIONS:,} in all; take fewer."
        )
    asynchronous = any(SCHEMES.get(name).asynchronous for name in schemes)
    machine = topology
    if not isinstance(machine, Topology):
        machine = machine_name(machine, ranks, ranks + job.servers * asynchronous)
    whole = prepare(machine, **{**settings, "placement": "linear"})
    hosts = whole.topology.hosts
    if ranks > hosts:
        raise InvalidValue(
            f"{ranks} ranks do not fit '{whole.topology.name}', which has {hosts} hosts; take fewer or a larger one."
        )
    case = prepare(
        whole.topology, **{"hosts": range(ranks), **settings, "bandwidth": None, "latency": None, "fail": (), "degrade": {}}
    )
    servers = tuple([*range(ranks, hosts), *case.hosts][: job.servers])
    if asynchronous and len(servers) < job.servers:
        raise InvalidValue(
            f"{job.servers} parameter servers do not fit '{whole.topology.name}', which has {hosts} hosts; take fewer."
        )
    if job.jitter.late or job.jitter.slow:
        job.jitter.times(1, ranks, job.iterations)
    request = job.step.for_ranks(ranks, job.whole)
    step = request.step(lambda size: case.plan(algorithm, size)[0])
    return Place(job, replace(case, request=whole.request, faults=whole.faults), algorithm, step, servers)
