"""Ways to train across sites, simulated beside their formulas: flat and hierarchical sums, a pipeline cut, a late exchange.

Each way is run on its own with nothing hidden but what the way itself hides; ways come one by one from `runs`, so that
whoever stops early keeps what is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from collsim.collectives.algorithm import parse_algorithm
from collsim.collectives.collective import collective
from collsim.collectives.schedule import Schedule
from collsim.collectives.verify import verify
from collsim.engines.engine import ENGINES
from collsim.errors import InvalidValue, UnknownName
from collsim.network.config import NetworkConfig
from collsim.program import Program
from collsim.result import Result
from collsim.simulate import DEFAULT_ENGINE
from collsim.sweep.multi_site_way import Setting, Way, frame, to_dict
from collsim.topology.graph import Topology
from collsim.units import FS_PER_SECOND
from collsim.workloads.multi_site import (
    Job,
    Plant,
    activations,
    crossing,
    exchange_program,
    layout_of,
    pipeline_program,
    pipeline_time,
    staleness_program,
    wide_area,
)

__all__ = ["WAYS", "Setting", "Way", "fitting_ways", "frame", "to_dict", "runs", "setting"]

WAYS = {
    "flat": "one ring through all replicas of all sites",
    "hierarchical": "reduce-scatter in the site, rings across sites, all-gather in the site",
    "swap": "the same, partial sums swapped between sites in one step",
    "late": "hierarchical, under the computing of the next step (staleness one)",
    "pipeline": "the pipeline spans the sites, gradients stay inside",
}
LATE_STEPS = 6
PACKETS = 64
"""Packets of a message where nobody sets packet_payload: gradients of trillions of parameters are billions of packets."""


def setting(
    topology: Topology,
    job: Job,
    *,
    network: NetworkConfig | None = None,
    engine: str = DEFAULT_ENGINE,
    seed: int = 0,
    compute: int | None = None,
) -> Setting:
    """Return the setting of `job` on `topology`; `compute` fs in place of what its operations take."""
    ENGINES.get(engine)
    plant = layout_of(topology, job)
    if plant.sites < 2:
        raise InvalidValue(f"'{topology.name}' is one site; training across sites takes two or more, like nvl72x14x2.")
    own = job.compute(plant.gpus) if compute is None else compute
    return Setting(topology, job, plant, network or NetworkConfig(), engine, seed, own, wide_area(topology))


def fitting_ways(plant: Plant) -> tuple[str, ...]:
    """Return the ways that suit: one replica in each of X sites swaps by recursive doubling, which takes X = 2^k."""
    odd = plant.replicas == 1 and plant.sites & (plant.sites - 1)
    return tuple(name for name in WAYS if not (odd and name == "swap"))


def runs(at: Setting, ways: tuple[str, ...] | None = None) -> Iterator[Way]:
    """Yield the ways asked for (all that suit), in order, each simulated. Raises UnknownName for another way."""
    known: dict[str, Any] = {}
    chosen = fitting_ways(at.plant) if ways is None else ways
    for name in chosen:
        if name not in WAYS:
            raise UnknownName("way to train across sites", name, WAYS)
    inside = _pipeline(at, spanning=False)
    for name in chosen:
        yield _spanning(at, inside) if name == "pipeline" else _summed(at, name, inside, known)


@dataclass(frozen=True, slots=True)
class _Run:
    """`time` and `law` of one simulated program, fs; `sent` bytes of the busiest site."""

    time: int
    law: int
    sent: int
    packet: int
    wall: float


def _summed(at: Setting, name: str, inside: _Run, known: dict[str, Any]) -> Way:
    base = "hierarchical" if name == "late" else name
    if base not in known:
        known[base] = _exchange(at, base)
    algorithm, plan, run = known[base]
    sent_law = _sent_law(at, base)
    step, law, exposed = inside.time + run.time, inside.law + run.law, inside.time + run.time - at.compute
    wall = run.wall + inside.wall
    if name == "late":
        period, more = _late(at, plan, run.packet, inside.time)
        step, law, wall = period, max(inside.law, run.law), wall + more
        exposed = period - at.compute
    rate = run.sent * FS_PER_SECOND / at.compute
    return Way(name, algorithm, run.sent, sent_law, run.time, run.law, step, law, exposed, rate, run.packet, wall)


def _exchange(at: Setting, name: str) -> tuple[str, Schedule, _Run]:
    """Simulate the sum of gradients in all groups at once."""
    groups, size = at.plant.groups(), at.job.shard
    algorithm = _algorithm(at.plant, name)
    plan = _plan(at, algorithm, groups[0])
    run = _simulated(at, exchange_program(groups, plan, size), int(plan.message_bytes(size).max()), _exchange_law(at, name))
    return algorithm, plan, run


def _algorithm(plant: Plant, name: str) -> str:
    if name == "flat":
        return "ring"
    if plant.replicas == 1:
        # One replica a site: what is left of the hierarchy is its level across sites.
        return "ring" if name == "hierarchical" else "recursive-doubling"
    return "hierarchical:group=site" + (",outer=swap" if name == "swap" else "")


def _plan(at: Setting, algorithm: str, hosts: tuple[int, ...]) -> Schedule:
    entry, options = parse_algorithm(algorithm)
    plan = entry.schedule(at.topology, collective("all-reduce"), hosts, None, **options)
    verify(plan, at.topology)
    return plan


def _sent_law(at: Setting, name: str) -> int:
    """Return bytes that leave a site: 2(d-1)/d of the data by rings through d ranks, 2(X-1)/X by a hierarchy."""
    sites, replicas = at.plant.sites, at.plant.replicas
    amount = at.job.shard * at.job.tensor * at.job.pipeline
    if name == "flat":
        return int(crossing(sites * replicas, amount))
    if name == "swap":
        return amount * (sites.bit_length() - 1 if replicas == 1 else sites - 1)
    return int(crossing(sites, amount))


def _exchange_law(at: Setting, name: str) -> int:
    """Return fs: bytes over the wide area's rate, its delays one after another, and what ports of GPUs take inside sites."""
    sites, replicas = at.plant.sites, at.plant.replicas
    ranks = sites * replicas
    rate, delay = min(site.rate for site in at.wide), max(site.latency for site in at.wide)
    across = -(-_sent_law(at, name) * FS_PER_SECOND // rate)
    if name == "flat":
        return across + -(-2 * (ranks - 1) * sites // ranks) * delay
    port = _port(at.topology)
    inside = 2 * (replicas - 1) * at.job.shard * FS_PER_SECOND // (replicas * port)
    return across + inside + (1 if name == "swap" else 2 * (sites - 1)) * delay


def _port(topology: Topology) -> int:
    """Return bytes/s of the slowest link out of host 0, its port to the fabric."""
    return int(topology.bandwidth[list(topology.out_links[0])].min())


def _late(at: Setting, plan: Schedule, packet: int, inside: int) -> tuple[int, float]:
    """Return the period of steps whose exchange runs under the next step, from the last two of some, and wall seconds."""
    program, first = staleness_program(at.plant.groups(), plan, at.job.shard, inside, LATE_STEPS)
    result, wall = _run(at, program, packet)
    ends = [int(result.operation_finish[k : k + at.plant.gpus].max()) for k in first]
    return ends[-1] - ends[-2], wall


def _pipeline(at: Setting, *, spanning: bool) -> _Run:
    """Simulate a step's pipelines: one inside a site (they do not meet), or all of those that span the sites."""
    plant, job = at.plant, at.job
    times = plant.sites if spanning else 1
    stages, batches = times * job.pipeline, times * job.micro_batches
    all_of_them = plant.replicas if spanning else plant.replicas * plant.sites
    pipelines = [plant.stages(r, spanning) for r in range(plant.replicas if spanning else 1)]
    forward = at.compute // (3 * batches)
    work = forward, at.compute // batches - forward
    size = activations(job, all_of_them, batches)
    near = -(-size * FS_PER_SECOND // _port(at.topology))
    hops, slowest = [near] * (stages - 1), near
    if spanning:
        rate, delay = min(site.rate for site in at.wide), max(site.latency for site in at.wide)
        wide = -(-size * job.tensor * plant.replicas * FS_PER_SECOND // rate)
        hops = [wide + delay if place % job.pipeline == 0 else near for place in range(1, stages)]
        slowest = max(wide, near)
    law = pipeline_time(batches, work, hops, slowest)
    return _simulated(at, pipeline_program(pipelines, batches, work, size), size, law)


def _spanning(at: Setting, inside: _Run) -> Way:
    """Cut the pipeline at the wide area, and sum gradients among the replicas, now inside each site."""
    run, job, plant = _pipeline(at, spanning=True), at.job, at.plant
    time, law, wall, algorithm = run.time, run.law, run.wall, "pipeline"
    if plant.replicas > 1:
        groups, size = plant.groups(within=True), -(-job.shard // plant.sites)
        plan = _plan(at, "ring", groups[0])
        ring = 2 * (plant.replicas - 1) * size * FS_PER_SECOND // (plant.replicas * _port(at.topology))
        near = _simulated(at, exchange_program(groups, plan, size), int(plan.message_bytes(size).max()), ring)
        time, law, wall, algorithm = time + near.time, law + near.law, wall + near.wall, "pipeline, ring in the site"
    sent = job.tokens * job.hidden * job.activation
    return Way(
        "pipeline",
        algorithm,
        run.sent,
        sent * (1 if plant.sites == 2 else 2),
        time - inside.time,
        law - inside.law,
        time,
        law,
        time - at.compute,
        run.sent * FS_PER_SECOND / at.compute,
        run.packet,
        wall,
    )


def _simulated(at: Setting, program: Program, message: int, law: int) -> _Run:
    """Run `program`, whose largest message is `message` bytes, on the machine."""
    packet = at.network.packet.packet_payload
    if "packet_payload" not in at.network.changed():
        packet = max(packet, -(-message // PACKETS))
    result, wall = _run(at, program, packet)
    sent = max(int(result.link_bytes[np.array(site.links)].sum()) for site in at.wide)
    return _Run(result.time, law, sent, packet, wall)


def _run(at: Setting, program: Program, packet: int) -> tuple[Result, float]:
    network = at.network.with_settings({"packet_payload": packet})
    started = perf_counter()
    result = ENGINES.get(at.engine)(at.topology, program, network, seed=at.seed)
    return result, perf_counter() - started
