"""Small machines and a short way to run programs on the reference engine."""

from collsim.collectives.collective import collective
from collsim.collectives.schedule import COPY, REDUCE, ScheduleBuilder
from collsim.engines.reference.engine import run
from collsim.network.config import NetworkConfig
from collsim.program import Program
from collsim.topology.graph import Link, build

RATE, LATENCY = 16 * 10**9, 150 * 10**6


def ring(n, rate=RATE, latency=LATENCY):
    ways = (1, -1) if n > 2 else (1,)
    links = [Link(i, (i + d) % n, rate, latency) for i in range(n) for d in ways]
    return build(f"loop{n}", n, links, forwards=[True] * n)


def star(n, rate=RATE, latency=LATENCY):
    links = [Link(*ends, rate, latency) for h in range(n) for ends in ((h, n), (n, h))]
    return build(f"star{n}", n, links, switches=1)


def chain(links, back=RATE):
    """Hosts at the ends of a line of switches; `links`: (bandwidth, latency) of each link from host 0 to host 1."""
    nodes = [0, *range(2, len(links) + 1), 1]
    there = [Link(a, b, *link) for a, b, link in zip(nodes, nodes[1:], links, strict=False)]
    return build("chain", 2, [*there, *(Link(k.target, k.source, back, 0) for k in there)], switches=len(links) - 1)


def ring_all_reduce(n):
    plan = ScheduleBuilder(collective("all-reduce"), "ring", range(n), [1] * n)
    for step in range(2 * (n - 1)):
        for rank in range(n):
            plan.add(step, rank, (rank + 1) % n, (rank - step) % n, REDUCE if step < n - 1 else COPY)
    return plan.finish()


def simulate(topology, *operations, seed=0, observers=(), **settings):
    network = NetworkConfig().with_settings(settings)
    return run(topology, Program(operations), network, seed=seed, observers=observers)
