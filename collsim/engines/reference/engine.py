"""The engine: builds one simulation, runs it to its last event, and says what came of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from collsim.engines.reference.fabric import Fabric, wire
from collsim.engines.reference.message import Cut, Message
from collsim.engines.reference.routes import Router
from collsim.engines.reference.tasks import Tasks, messages_of
from collsim.engines.reference.watch import Watch
from collsim.errors import StallError
from collsim.network.config import NetworkConfig
from collsim.program import Program
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
) -> Result:
    """Return the Result of running `program` on `topology` under `network`, event by event; see Engine for the errors."""
    cut = Cut(network.packet, network.transport.flow_control == "message")
    messages = messages_of(program, cut)
    links, hosts = wire(topology, network, 1)
    fabric = Fabric(topology, network, Router(topology, links, hosts), Watch(observers))
    tasks = Tasks(program, messages, fabric)
    tasks.begin()
    fabric.clock.run()
    if tasks.done < len(messages):
        raise StallError("stall")
    return _result(topology, tasks, messages)


def _result(topology: Topology, tasks: Tasks, messages: list[Message]) -> Result:
    fabric = tasks.fabric
    finish = [max((t.finish for t in row if t.takes_part), default=max(t.finish for t in row)) for row in tasks.rows]
    return Result(
        engine="simpy",
        time=max(finish, default=0),
        operation_finish=np.array(finish, dtype=np.int64),
        message_ready=np.array([m.ready for m in messages], dtype=np.int64),
        message_finish=np.array([m.finish for m in messages], dtype=np.int64),
        link_busy=np.array([link.busy for link in fabric.links], dtype=np.int64),
        link_bytes=np.array([link.bytes for link in fabric.links], dtype=np.int64),
        host_exposed=np.zeros(topology.hosts, dtype=np.int64),
        packets=sum(m.packets for m in messages if m.travels),
        packet_hops=fabric.log.count,
    )
