"""The analytic engine: dependency-driven alpha-beta with shared links, exact where nobody waits for a link.

A message ends at the maximum over its dependencies plus alpha plus bytes beta c, where c is the largest number of
messages of the same call and step that share a link of its path; there is no barrier between steps. Bytes beta is the
sum of its packets' times on that link, each rounded up, and alpha everything else of the lone message (overhead, injection,
latencies, router delays, heads, ejection, reduction), so that without contention the result is that of the packet
engines to the tick. On unequal links c and beta are those of the link where their product is largest.

A link serves one step of one call at a time. Where a rank sends in several steps without waiting in between, a later
message waits until its port, and any link on its way, is done with the others: the least (step, ready, id) first. Without
this rule a pipeline would send all of its segments at once and beat the bandwidth of the network.

Not in this model: buffers and credits, virtual channels, arbitration, NIC schedulers and ports, adaptive routing, overheads
or reductions that take turns (both are pure delays here), deadlock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from collsim.engines.analytic_critical import critical_path
from collsim.engines.analytic_replay import replay
from collsim.engines.analytic_times import Times, by_dependencies, disjoint
from collsim.engines.analytic_traffic import Traffic, traffic_of
from collsim.engines.engine import ENGINES
from collsim.engines.exposure import exposed_time
from collsim.errors import InvalidValue, UsageError
from collsim.network.config import NetworkConfig
from collsim.network.link_changes import LinkChange
from collsim.network.paths import PathFinder, Paths
from collsim.program import Arrivals, Call, Compute, Program, Send
from collsim.result import Result
from collsim.topology.graph import Topology

__all__ = ["analytic"]

IntArray = NDArray[np.int64]


def analytic(
    topology: Topology,
    program: Program,
    network: NetworkConfig,
    *,
    seed: int = 0,
    observers: Sequence[object] = (),
    changes: Sequence[LinkChange] = (),
) -> Result:
    """Return the Result of `program`; `observers` see nothing, because there are no packets to see.

    Raises InvalidValue for a cycle of dependencies, UsageError for arrivals and link changes, RoutingError, ClockOverflow.
    """
    if changes:
        raise UsageError("The analytic engine knows no links that change in a run; use --engine compiled or simpy.")
    _check_hosts(topology, program)
    traffic = traffic_of(topology, program, _paths(topology, program, network, seed), network)
    times = by_dependencies(program, traffic, topology.hosts)
    if times is None or not disjoint(traffic, times):
        times = replay(program, traffic, topology.hosts)
    parts, links = critical_path(program, traffic, times, network)
    hops = np.diff(traffic.offsets)
    return Result(
        engine="analytic",
        time=int(times.end.max(initial=0)),
        operation_finish=_operation_finish(program, traffic, times),
        message_ready=times.ready,
        message_finish=times.finish,
        link_busy=_per_link(topology, traffic.link, traffic.serial),
        link_bytes=_per_link(topology, traffic.link, np.repeat(traffic.wire_bytes, hops)),
        host_exposed=exposed_time(topology.hosts, _communication(program, traffic, times), _computation(program, times)),
        packets=int(traffic.packets[hops > 0].sum()),
        packet_hops=int((traffic.packets * hops).sum()),
        critical_path=parts,
        critical_links=links,
        provenance={
            "engine": "analytic",
            "collsim": version("collsim"),
            "topology": topology.digest,
            "network": sha256(repr(sorted(network.leaves().items())).encode()).hexdigest(),
            "seed": str(seed),
        },
    )


ENGINES.add("analytic", analytic)


def _check_hosts(topology: Topology, program: Program) -> None:
    for index, operation in enumerate(program.operations):
        if isinstance(operation, Arrivals):
            raise UsageError(
                "The analytic engine has no queues, which are all that open-loop traffic asks about; "
                "run it with a packet engine, such as --engine compiled."
            )
        if isinstance(operation, Call):
            named = operation.schedule.ranks_to_hosts.tolist()
        elif isinstance(operation, Send):
            named = [operation.source, operation.target]
        else:
            named = [operation.host]
        for host in named:
            if not 0 <= host < topology.hosts:
                raise InvalidValue(
                    f"Operation {index} names host {host}, but {topology.name} has hosts 0..{topology.hosts - 1}."
                )


def _paths(topology: Topology, program: Program, network: NetworkConfig, seed: int) -> Paths:
    finder = PathFinder(topology, network, seed)
    parts: list[Paths] = []
    for index, operation in enumerate(program.operations):
        if isinstance(operation, Call):
            parts.append(finder.schedule(operation.schedule, index))
        elif isinstance(operation, Send):
            parts.append(Paths.of([finder.path(operation.source, operation.target, index)]))
    return Paths.join(parts)


def _operation_finish(program: Program, traffic: Traffic, times: Times) -> IntArray:
    """Return int64[operations]: the last completion among the hosts that take part, or among all where none does."""
    finish: IntArray = times.end.max(axis=1, initial=0)
    for index, operation in enumerate(program.operations):
        hosts = _taking_part(program, traffic, index)
        if isinstance(operation, Compute):
            finish[index] = times.end[index, operation.host]
        elif len(hosts):
            finish[index] = times.end[index, hosts].max()
    return finish


def _taking_part(program: Program, traffic: Traffic, index: int) -> IntArray:
    """Return the hosts that send or receive in operation `index`."""
    mine = slice(int(program.first_message[index]), int(program.first_message[index + 1]))
    hosts: IntArray = np.unique(np.concatenate([traffic.source[mine], traffic.target[mine]]))
    return hosts


def _per_link(topology: Topology, link: IntArray, amount: IntArray) -> IntArray:
    total = np.zeros(topology.links, dtype=np.int64)
    np.add.at(total, link, amount)
    return total


def _communication(program: Program, traffic: Traffic, times: Times) -> Iterator[tuple[int, int, int]]:
    """Yield (host, begin, end) of every operation that sends or receives there."""
    for index, operation in enumerate(program.operations):
        if isinstance(operation, Compute):
            continue
        for host in _taking_part(program, traffic, index).tolist():
            yield host, int(times.begin[index, host]), int(times.end[index, host])


def _computation(program: Program, times: Times) -> Iterator[tuple[int, int, int]]:
    for index, operation in enumerate(program.operations):
        if isinstance(operation, Compute):
            end = int(times.end[index, operation.host])
            yield operation.host, end - operation.duration, end
