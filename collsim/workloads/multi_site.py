"""Training across sites: tensor parallelism in racks, pipelines over racks, data parallelism over replicas and sites.

A unit is `tensor` GPUs of one rack; a replica is `pipeline` units of one site. Ranks of equal place in all replicas sum
their gradients: N / (tensor pipeline) parameters each. Alternatively one pipeline spans the sites and is cut at the wide
area: activations cross in place of gradients. Formulas follow "Training on next-generation datacenters" (Gherghescu et
al., arXiv 2407.12819) and the counting of traffic there derived: 2(X-1)/X N G bytes a site and direction between X sites.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from collsim.collectives.schedule import Schedule
from collsim.errors import InvalidValue
from collsim.program import Call, Compute, Operation, Program, Send
from collsim.topology.graph import Topology
from collsim.units import FS_PER_SECOND

__all__ = [
    "Job",
    "Plant",
    "Site",
    "activation_ratio",
    "activations",
    "crossing",
    "half_of_a_site",
    "shape_of",
    "exchange_program",
    "layout_of",
    "pipeline_program",
    "pipeline_time",
    "wide_area",
    "with_wide_area",
]

Unit = tuple[int, ...]
MOST_STEPS = 1_000_000
"""Micro-batches that all GPUs of a pipeline program compute, forward and backward."""


@dataclass(frozen=True, slots=True)
class Job:
    """`parameters` N with `gradient` bytes each on the wire; `layers` L of `hidden` channels h, `activation` bytes each.

    `tokens` K of a step over all replicas, in `micro_batches` a replica of one site; `tensor`, `pipeline`: GPUs of a unit,
    units of a replica. `throughput`: FLOP/s of a GPU in use, peak times utilisation.
    """

    parameters: int
    layers: int
    hidden: int
    tokens: int
    tensor: int
    pipeline: int
    micro_batches: int = 16
    gradient: int = 2
    activation: int = 2
    throughput: int = 10**15

    def __post_init__(self) -> None:
        for name in Job.__slots__:
            if getattr(self, name) < 1:
                raise InvalidValue(f"A training job has 1 {name.replace('_', ' ')} or more, not {getattr(self, name)}.")

    @property
    def shard(self) -> int:
        """Bytes of gradients of one GPU: N G / (tensor pipeline), rounded up."""
        return -(-self.parameters * self.gradient // (self.tensor * self.pipeline))

    def compute(self, gpus: int) -> int:
        """Return fs that 6 N K operations take `gpus` GPUs."""
        return 6 * self.parameters * self.tokens * FS_PER_SECOND // (gpus * self.throughput)


@dataclass(frozen=True, slots=True)
class Plant:
    """Where a job runs: `units[x][k]` are the hosts of unit k of site x; `replicas` of a site; `pipeline` units of each."""

    units: tuple[tuple[Unit, ...], ...]
    pipeline: int

    @property
    def sites(self) -> int:
        """Number of sites X."""
        return len(self.units)

    @property
    def replicas(self) -> int:
        """Replicas of one site."""
        return len(self.units[0]) // self.pipeline

    @property
    def gpus(self) -> int:
        """GPUs of all sites."""
        return sum(len(unit) for site in self.units for unit in site)

    def groups(self, within: bool = False) -> list[tuple[int, ...]]:
        """Return the hosts that sum gradients with each other, site by site; `within`: those of each site for themselves."""
        tensor = len(self.units[0][0])
        found = []
        for sites in [[x] for x in range(self.sites)] if within else [list(range(self.sites))]:
            for stage in range(self.pipeline):
                for lane in range(tensor):
                    places = [(x, r * self.pipeline + stage) for x in sites for r in range(self.replicas)]
                    found.append(tuple(self.units[x][k][lane] for x, k in places))
        return found

    def stages(self, replica: int, site: int | None) -> list[Unit]:
        """Return the units of one pipeline: those of a replica of `site`, or, for None, of that replica of all in turn."""
        own = slice(replica * self.pipeline, (replica + 1) * self.pipeline)
        return [unit for units in (self.units if site is None else (self.units[site],)) for unit in units[own]]


def layout_of(topology: Topology, job: Job) -> Plant:
    """Return where `job` runs on a machine with levels rack and site; InvalidValue says which number does not fit."""
    levels = {level.name: level.sets for level in topology.levels}
    if "rack" not in levels or "site" not in levels:
        raise InvalidValue(
            f"'{topology.name}' has no racks in sites; take a composed machine like nvl72x14x2 (docs/topologies.md)."
        )
    site_of = {node: index for index, nodes in enumerate(levels["site"]) for node in nodes}
    sites: list[list[Unit]] = [[] for _ in levels["site"]]
    for nodes in levels["rack"]:
        hosts = sorted(node for node in nodes if node < topology.hosts)
        if len(hosts) % job.tensor:
            raise InvalidValue(
                f"Tensor parallelism over {job.tensor} does not divide the {len(hosts)} GPUs of a rack; take a divisor."
            )
        found = [tuple(hosts[k : k + job.tensor]) for k in range(0, len(hosts), job.tensor)]
        sites[site_of[hosts[0]]] += found
    units = len(sites[0])
    if units % job.pipeline or any(len(site) != units for site in sites):
        raise InvalidValue(
            f"A pipeline of {job.pipeline} stages does not divide the {units} units of {job.tensor} GPUs of a site; "
            "take a divisor."
        )
    return Plant(tuple(tuple(site) for site in sites), job.pipeline)


@dataclass(frozen=True, slots=True)
class Site:
    """The wide area out of one site: its links, bytes/s of all of them, fs one way, packets lost of a billion."""

    links: tuple[int, ...]
    rate: int
    latency: int
    loss: int


def shape_of(parameters: int) -> tuple[int, int]:
    """Return (layers L, channels h) of about 12 L h^2 parameters with h = 360 L, as 400 x 144,000 for 100 T."""
    layers = max(1, round((parameters / (12 * 360**2)) ** (1 / 3)))
    return layers, 360 * layers


def half_of_a_site(topology: Topology, tensor: int | None = None) -> tuple[int, int]:
    """Return (GPUs of a rack unless `tensor` is given, the most stages of a pipeline that leave two replicas a site).

    A site whose units are odd in number has one replica. Raises InvalidValue where the machine has no racks in sites.
    """
    whole = next((level.sets for level in topology.levels if level.name == "rack"), None)
    if whole is None:
        raise InvalidValue(f"'{topology.name}' has no racks; take a composed machine like nvl72x14x2 (docs/topologies.md).")
    gpus = sum(node < topology.hosts for node in whole[0])
    degree = gpus if tensor is None else tensor
    units = topology.hosts // (len(wide_area(topology)) * max(degree, 1))
    return degree, max(units // 2 if units % 2 == 0 else units, 1)


def wide_area(topology: Topology) -> tuple[Site, ...]:
    """Return what leaves each site; InvalidValue where the machine has no sites."""
    level = next((level for level in topology.levels if level.name == "site"), None)
    if level is None:
        raise InvalidValue(f"'{topology.name}' has no sites; take a composed machine like nvl72x14x2 (docs/topologies.md).")
    site = np.full(topology.nodes, -1)
    for index, nodes in enumerate(level.sets):
        site[list(nodes)] = index
    out = site[topology.source] != site[topology.target]
    found = []
    for index in range(len(level.sets)):
        links = np.flatnonzero(out & (site[topology.source] == index))
        rate, far = int(topology.bandwidth[links].sum()), int(topology.latency[links].max())
        found.append(Site(tuple(links.tolist()), rate, far, int(topology.loss[links].max())))
    return tuple(found)


def with_wide_area(
    topology: Topology, rate: int | None = None, round_trip: int | None = None, loss: int | None = None
) -> Topology:
    """Return the machine with another rate (bytes/s a link), round trip (fs) or loss on every link between sites."""
    links = np.array([link for site in wide_area(topology) for link in site.links], dtype=np.int64)
    columns = (topology.bandwidth.copy(), topology.latency.copy(), topology.loss.copy())
    for column, value in zip(columns, (rate, None if round_trip is None else round_trip // 2, loss), strict=True):
        if value is not None:
            column[links] = value
    return replace(topology, bandwidth=columns[0], latency=columns[1], loss=columns[2])


def crossing(sites: int, amount: int) -> Fraction:
    """Return bytes that leave each of X sites when every byte of `amount` is summed over all: 2(X-1)/X of it."""
    return Fraction(2 * (sites - 1) * amount, sites)


def activation_ratio(job: Job) -> Fraction:
    """Return N G / (K h A), how many times fewer bytes cross where the pipeline is cut; 12 L h / K for N = 12 L h^2."""
    return Fraction(job.parameters * job.gradient, job.tokens * job.hidden * job.activation)


def pipeline_time(micro_batches: int, work: tuple[int, int], hops: Sequence[int], slowest: int) -> int:
    """Return fs of a pipeline that runs all m micro-batches forward, then all backward, through P stages.

    P (f + b) + 2 sum of hops + (m - 1)(max(f, s) + max(b, s)), `work` = (f, b) of a stage on a micro-batch. `hops`: fs of
    each of the P - 1 sends, delay included; `slowest` s: how long the slowest of them holds its link.
    """
    paces = sum(max(each, slowest) for each in work)
    return (len(hops) + 1) * sum(work) + 2 * sum(hops) + (micro_batches - 1) * paces


def exchange_program(groups: Sequence[Sequence[int]], plan: Schedule, size: int) -> Program:
    """Return the program that runs `plan` in all `groups` (host of each rank) at the same time, `size` bytes a rank."""
    return Program(tuple(Call(_placed(plan, hosts), size) for hosts in groups))


def activations(job: Job, pipelines: int, micro_batches: int) -> int:
    """Return bytes that a GPU hands to the next stage for a micro-batch of K / (pipelines micro_batches) tokens."""
    return -(-job.tokens * job.hidden * job.activation // (pipelines * micro_batches * job.tensor))


def pipeline_program(pipelines: Sequence[Sequence[Unit]], micro_batches: int, work: tuple[int, int], size: int) -> Program:
    """Return `pipelines` side by side: each GPU of a unit computes `work` (fs forward, backward) and sends to its like.

    All micro-batches run forward, then all backward; `size`: bytes of a send, activations or later their gradients.
    """
    lanes = len(pipelines[0][0])
    steps = 2 * micro_batches * lanes * sum(map(len, pipelines))
    if steps > MOST_STEPS:
        raise InvalidValue(f"{micro_batches:,} micro-batches make {steps:,} steps of GPUs; take fewer micro-batches.")
    operations: list[Operation] = []

    def add(operation: Operation) -> int:
        operations.append(operation)
        return len(operations) - 1

    for stages in pipelines:
        for lane in range(lanes):
            _lane(add, [unit[lane] for unit in stages], micro_batches, work, size)
    return Program(tuple(operations))


def _lane(add: Callable[[Operation], int], hosts: list[int], micro_batches: int, work: tuple[int, int], size: int) -> None:
    """Add the operations of one GPU of each stage: forward along `hosts`, then backward."""
    last: dict[int, int] = {}
    for way, duration in ((hosts, work[0]), (hosts[::-1], work[1])):
        for _ in range(micro_batches):
            arrived: int | None = None
            for place, host in enumerate(way):
                waits = [op for op in (last.get(host), arrived) if op is not None]
                last[host] = add(Compute(host, duration, tuple(waits)))
                if place + 1 < len(way):
                    arrived = add(Send(host, way[place + 1], size, (last[host],)))


def _placed(plan: Schedule, hosts: Sequence[int]) -> Schedule:
    return replace(plan, ranks_to_hosts=np.array(hosts, dtype=np.int64))
