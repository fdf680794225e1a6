"""Ways to train across sites, simulated beside their formulas: flat and hierarchical sums, a pipeline cut, a late exchange.

Each way is run on its own with nothing hidden but what the way itself hides; ways come one by one from `runs`, so that
whoever stops early keeps what is done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collsim.collectives.algorithm import parse_algorithm
from collsim.collectives.collective import collective
from collsim.collectives.schedule import Schedule
from collsim.collectives.verify import verify
from collsim.engines.engine import ENGINES
from collsim.errors import InvalidValue, UnknownName
from collsim.network.config import NetworkConfig
from collsim.network.link_changes import LinkChange
from collsim.simulate import DEFAULT_ENGINE
from collsim.sweep.multi_site_late import late
from collsim.sweep.multi_site_laws import exchange_law, port, ring_rate, sent_law, wide_law
from collsim.sweep.multi_site_run import Part, simulated
from collsim.sweep.multi_site_way import Setting, Way, frame, to_dict
from collsim.topology.graph import Topology
from collsim.units import FS_PER_SECOND, format_bandwidth, format_time
from collsim.workloads.multi_site import (
    Job,
    Plant,
    activations,
    exchange_program,
    layout_of,
    pipeline_program,
    pipeline_time,
    wide_area,
)

if TYPE_CHECKING:
    from collsim.report.picture import Picture

__all__ = ["WAYS", "Setting", "Way", "fitting_ways", "frame", "plot", "runs", "setting", "to_dict"]

WAYS = {
    "flat": "one ring through all replicas of all sites",
    "hierarchical": "reduce-scatter in the site, rings across sites, all-gather in the site",
    "swap": "the same, partial sums swapped between sites in one step",
    "late": "hierarchical, under the computing of the next step (staleness one)",
    "pipeline": "the pipeline spans the sites, gradients stay inside",
}


def setting(
    topology: Topology,
    job: Job,
    *,
    network: NetworkConfig | None = None,
    engine: str = DEFAULT_ENGINE,
    seed: int = 0,
    compute: int | None = None,
    rendezvous: bool = True,
    faults: tuple[str, ...] = (),
    changes: tuple[LinkChange, ...] = (),
) -> Setting:
    """Return the setting of `job` on `topology`; `compute` fs in place of what its operations take.

    `rendezvous`, `faults`, `changes`: see `Setting`.
    """
    ENGINES.get(engine)
    plant = layout_of(topology, job)
    if plant.sites < 2:
        raise InvalidValue(f"'{topology.name}' is one site; training across sites takes two or more, like nvl72x14x2.")
    own = job.compute(plant.gpus) if compute is None else compute
    chosen, wide = network or NetworkConfig(), wide_area(topology)
    return Setting(topology, job, plant, chosen, engine, seed, own, wide, rendezvous, faults, changes)


def plot(at: Setting, ways: Sequence[Way], path: str | Path | None = None) -> Picture | None:
    """Draw a bar a way, split into computing, inside the sites and the wide area, into the image file `path`.

    Without one the picture is returned, which shows itself in a notebook.
    """
    from collsim.report.picture import picture
    from collsim.report.site_bars import plot_ways

    job, plant, wide = at.job, at.plant, at.wide[0]
    title = (
        f"A training step on {at.topology.name}: {plant.sites} sites, {plant.gpus:,} GPUs, {job.parameters / 1e9:,.4g} B "
        f"parameters; {format_bandwidth(wide.rate)} out of a site, {format_time(2 * wide.latency)} round trip"
    )
    rows = [{str(name): value for name, value in row.items()} for row in frame(at, ways).to_dict("records")]
    return picture(lambda where: plot_ways(rows, where, title), path)


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


def _summed(at: Setting, name: str, inside: Part, known: dict[str, Any]) -> Way:
    base = "hierarchical" if name == "late" else name
    if base not in known:
        known[base] = _exchange(at, base, inside.time)
    algorithm, plan, run = known[base]
    step, law, near, wall, steps = inside.time + run.time, inside.law + run.law, inside.time + run.near, run.wall, None
    if name == "late":
        steps, more = late(at, plan, run.packet, inside.time)
        # Without a rendezvous the wide area need not idle while others of its exchange are inside sites or under way.
        across = wide_law(at, base)
        law = max(inside.law, *([run.law] if at.rendezvous else [across, run.law - across]))
        step, near, wall = steps.period, max(inside.time, run.near), wall + more
    return Way(
        name,
        algorithm,
        run.sent,
        sent_law(at, base),
        run.time,
        run.law,
        step,
        law,
        step - at.compute,
        near,
        run.sent * FS_PER_SECOND / at.compute,
        run.packet,
        wall + inside.wall,
        steps,
    )


def _exchange(at: Setting, name: str, since: int) -> tuple[str, Schedule, Part]:
    """Simulate the sum of gradients in all groups at once, from `since` fs of the step on."""
    groups, size = at.plant.groups(), at.job.shard
    algorithm = _algorithm(at.plant, name)
    plan = _plan(at, algorithm, groups[0])
    message, program = int(plan.message_bytes(size).max()), exchange_program(groups, plan, size)
    return algorithm, plan, simulated(at, program, message, exchange_law(at, name), since=since)


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


def _pipeline(at: Setting, *, spanning: bool) -> Part:
    """Simulate a step's pipelines: all of those that span the sites, else one inside a site, as they do not meet.

    Where links are slower than others or change, those of one site are not like those of another, and all are simulated.
    """
    plant, job = at.plant, at.job
    times = plant.sites if spanning else 1
    stages, batches = times * job.pipeline, times * job.micro_batches
    all_of_them = plant.replicas if spanning else plant.replicas * plant.sites
    if spanning:
        pipelines = [plant.stages(r, None) for r in range(plant.replicas)]
    elif at.faults or at.changes:
        pipelines = [plant.stages(r, site) for site in range(plant.sites) for r in range(plant.replicas)]
    else:
        pipelines = [plant.stages(0, 0)]
    forward = at.compute // (3 * batches)
    work = forward, at.compute // batches - forward
    size = activations(job, all_of_them, batches)
    near = -(-size * FS_PER_SECOND // port(at.topology))
    hops, slowest = [near] * (stages - 1), near
    if spanning:
        rate, delay = ring_rate(at), max(site.latency for site in at.wide)
        wide = -(-size * job.tensor * plant.replicas * FS_PER_SECOND // rate)
        hops = [wide + delay if place % job.pipeline == 0 else near for place in range(1, stages)]
        slowest = max(wide, near)
    law = pipeline_time(batches, work, hops, slowest)
    return simulated(at, pipeline_program(pipelines, batches, work, size), size, law, spans=spanning)


def _spanning(at: Setting, inside: Part) -> Way:
    """Cut the pipeline at the wide area, and sum gradients among the replicas, now inside each site."""
    run, job, plant = _pipeline(at, spanning=True), at.job, at.plant
    time, law, near, wall, algorithm = run.time, run.law, run.near, run.wall, "pipeline"
    if plant.replicas > 1:
        groups, size = plant.groups(within=True), -(-job.shard // plant.sites)
        plan = _plan(at, "ring", groups[0])
        ring = 2 * (plant.replicas - 1) * size * FS_PER_SECOND // (plant.replicas * port(at.topology))
        message, program = int(plan.message_bytes(size).max()), exchange_program(groups, plan, size)
        own = simulated(at, program, message, ring, since=run.time, spans=False)
        time, law, near, wall = time + own.time, law + own.law, near + own.time, wall + own.wall
        algorithm = "pipeline, ring in the site"
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
        near,
        run.sent * FS_PER_SECOND / at.compute,
        run.packet,
        wall,
    )
