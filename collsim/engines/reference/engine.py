"""The engine: builds one simulation, runs it to its last event, and says what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from collsim.engines.exposure import exposed_time
from collsim.engines.reference.checks import check_buffers, check_paths, check_program
from collsim.engines.reference.critical import critical_path
from collsim.engines.reference.ends import Ends
from collsim.engines.reference.fabric import Fabric
from collsim.engines.reference.lockstep import Lockstep
from collsim.engines.reference.message import Cut, Message
from collsim.engines.reference.routes import Router
from collsim.engines.reference.stall import stall
from collsim.engines.reference.tasks import Tasks, messages_of
from collsim.engines.reference.watch import Watch
from collsim.network.config import NetworkConfig
from collsim.network.link_changes import LinkChange, changes_digest, check_changes, settled
from collsim.network.schedulers import SCHEDULERS
from collsim.program import Compute, Program
from collsim.result import Result
from collsim.topology.graph import Topology

__all__ = ["run"]


def run(
    topology: Topology,
    program: Program,
    network: NetworkConfig,
    *,
    seed: int = 0,
    observers: Sequence[object] = (),
    changes: Sequence[LinkChange] = (),
) -> Result:
    """Return the Result of running `program` on `topology` under `network`, links changing as `changes` say, event by event.

    Raises InvalidValue, UnknownName and RoutingError before the run (rule 3), StallError and ClockOverflow in it.
    """
    cut = Cut(network.packet, network.transport.flow_control == "message")
    check_program(program, topology)
    messages = messages_of(program, cut)
    check_paths(messages, topology)
    changes = check_changes(topology, changes)
    router = Router(topology, network, seed, messages)
    check_buffers(messages, router.links, network, cut)
    steps = settled(topology, network, changes)
    ends = Ends(topology, network, seed, router, messages, steps)
    watch = Watch(observers)
    fabric = Fabric(network, router, watch, ends)
    tasks = Tasks(program, messages, fabric)
    lockstep = Lockstep(fabric, tasks, cut) if SCHEDULERS.get(network.nic.nic_scheduler).lockstep else None
    for change in steps:
        fabric.clock.at(change.time, fabric.change, change)
    tasks.begin()
    fabric.clock.run()
    if tasks.done < len(messages):
        raise stall(topology, fabric, messages, _last(tasks))
    watch.end()
    parts, critical_links = critical_path(tasks, lockstep)
    finish = _operation_finish(tasks)
    return Result(
        engine="simpy",
        time=int(finish.max(initial=0)),
        operation_finish=finish,
        message_ready=np.array([m.ready for m in messages], dtype=np.int64),
        message_finish=np.array([m.finish for m in messages], dtype=np.int64),
        message_started=np.array([m.started for m in messages], dtype=np.int64),
        link_busy=np.array([link.busy for link in fabric.links], dtype=np.int64),
        link_bytes=np.array([link.bytes for link in fabric.links], dtype=np.int64),
        host_exposed=exposed_time(topology.hosts, _intervals(tasks, False), _intervals(tasks, True)),
        packets=sum(m.packets for m in messages if m.travels),
        packet_hops=fabric.log.count,
        critical_path=parts,
        critical_links=critical_links,
        provenance=_provenance(topology, messages, program, network, seed) | changes_digest(changes),
        packets_lost=ends.lost,
        packets_repeated=ends.repeated,
        packets_discarded=ends.discarded,
        reorder_peak=np.array(ends.peak, dtype=np.int64),
    )


def _last(tasks: Tasks) -> int:
    """Return the last tick in which a packet left a link, a message became ready or complete, or an operation ended."""
    left = [link.freed[0] for link in tasks.fabric.links]
    turned = [tick for message in tasks.messages for tick in (message.ready, message.finish)]
    return max(0, *left, *turned, *(task.finish for row in tasks.rows for task in row))


def _operation_finish(tasks: Tasks) -> NDArray[np.int64]:
    """Return int64[operations]: the last finish among the hosts that take part, or among all where none does."""
    rows = [[task.finish for task in row if task.takes_part] or [task.finish for task in row] for row in tasks.rows]
    return np.array([max(row) for row in rows], dtype=np.int64)


def _intervals(tasks: Tasks, computing: bool) -> Iterator[tuple[int, int, int]]:
    """Yield (host, start, finish) of the computations, or of the communications, that take part on a host."""
    for operation, row in zip(tasks.program.operations, tasks.rows, strict=True):
        if isinstance(operation, Compute) == computing:
            yield from ((task.host, task.start, task.finish) for task in row if task.takes_part)


def _provenance(
    topology: Topology, messages: Sequence[Message], program: Program, network: NetworkConfig, seed: int
) -> dict[str, str]:
    """Return what a result depends on: engine and version, digests of topology, program and configuration, the seed."""
    state = sha256()
    for m in messages:
        state.update(repr((m.call, m.transfer, m.step, m.source, m.target, m.size, m.reduces, m.explicit, m.delay)).encode())
    for operation in program.operations:
        extra = (operation.host, operation.duration) if isinstance(operation, Compute) else ()
        state.update(repr((type(operation).__name__, operation.deps, extra)).encode())
    return {
        "engine": "simpy",
        "collsim": version("collsim"),
        "topology": topology.digest,
        "program": state.hexdigest(),
        "network": sha256(repr(sorted(network.leaves().items())).encode()).hexdigest(),
        "seed": str(seed),
    }
