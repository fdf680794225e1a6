"""A stall of a compiled run: its last state told in the reference engine's objects, which then name the cycle (rule 25).

Beside it the end of a run whose packets links cut off (rule 28), which needs no more than the packet's name.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from collsim.engines.compiled.build import Machine
from collsim.engines.reference.ends import Ends
from collsim.engines.reference.fabric import Fabric
from collsim.engines.reference.message import Hop, Message, Packet
from collsim.engines.reference.nic import Flow
from collsim.engines.reference.routes import Router
from collsim.engines.reference.stall import stall
from collsim.engines.reference.tasks import messages_of
from collsim.engines.reference.watch import Watch
from collsim.errors import StallError
from collsim.network.dead_links import cut_off
from collsim.network.link_changes import settled

__all__ = ["cut_off_error", "stall_error"]


def stall_error(machine: Machine) -> StallError:
    """Return the error that the reference engine raises in the same state."""
    s, network = machine.arrays, machine.network
    messages = messages_of(machine.program, machine.cut)
    for message, finish, ready in zip(messages, s.message["finish"].tolist(), s.message["ready"].tolist(), strict=True):
        message.finish, message.ready = finish, ready
    router = Router(machine.topology, network, machine.seed, messages)
    fabric = Fabric(network, router, Watch(), Ends(machine.topology, network, machine.seed, router, messages))
    for change in settled(machine.topology, network, machine.changes):
        fabric.change(change)
    for number, row in enumerate(s.lane):
        channel = fabric.links[number // machine.ways.channels].channels[number % machine.ways.channels]
        channel.room = int(row["room"])
        channel.holder = messages[int(row["holder"])] if row["holder"] >= 0 else None
        channel.queue.extend(_packets(machine, fabric, messages, int(row["head"])))
    for link in np.flatnonzero((s.link["current"] >= 0) | (s.link["queued"] > 0)).tolist():
        port, row = fabric.links[link].port, s.link[link]
        assert port is not None
        for flow in s.queue["flow"][row["queue"] : row["queue"] + row["queued"]].tolist():
            port.join(_flow(machine, fabric, messages, flow))
        if row["current"] >= 0:
            port.current = _flow(machine, fabric, messages, int(row["current"]))
    ends = (s.link["free_at"], s.message["ready"], s.message["finish"], s.task["finish"])
    return stall(machine.topology, fabric, messages, max(0, *(int(column.max(initial=0)) for column in ends)))


def cut_off_error(machine: Machine) -> StallError:
    """Return the error for the packet whose loss ended the run."""
    s, root = machine.arrays, machine.arrays.root[0]
    note = s.note[root["where"]]
    index, now = int(note["index"]), int(root["now"])
    message = messages_of(machine.program, machine.cut)[int(s.flow[note["flow"]]["message"])]
    ends, key = (message.source, message.target), (message.call, message.transfer)
    links = machine.dead.blocking(ends, key, index, now, message.explicit)
    return cut_off(machine.topology, now, f"packet {index} of {message}", links, machine.dead.since)


def _packets(machine: Machine, fabric: Fabric, messages: list[Message], first: int) -> Iterator[Packet]:
    """Yield the packets of a FIFO, each with what is left of its path."""
    s, channels = machine.arrays, machine.ways.channels
    while first >= 0:
        row = s.packet[first]
        m = s.message[row["message"]]
        if m["hop"] >= 0:
            ahead = range(int(m["hop"] + row["at"]), int(m["hop"] + m["hops"]))
            lanes = [(int(s.hop["lane"][k]), int(s.hop["span"][k]), k == ahead[-1]) for k in ahead]
        else:
            lanes = [(int(row["lane"]), int(row["span"]), bool(row["final"]))] if row["lane"] >= 0 else []
        path = []
        for lane, span, final in lanes:
            link = fabric.links[lane // channels]
            path.append(Hop(link, tuple(link.channels[v % channels] for v in range(lane, lane + span)), final))
        yield Packet(messages[int(row["message"])], int(row["index"]), int(row["size"]), path)
        first = int(row["next"])


def _flow(machine: Machine, fabric: Fabric, messages: list[Message], number: int) -> Flow:
    s = machine.arrays
    row = s.flow[number]
    port = fabric.links[int(row["link"])].port
    assert port is not None
    begin, total = int(row["packets"]), int(row["total"])
    waiting = range(total) if begin < 0 else s.flow_packets[begin : begin + total].tolist()
    flow = Flow(messages[int(row["message"])], port, waiting)
    flow.left = int(row["left"])
    note = int(row["again"])
    while note >= 0:
        flow.again.append(int(s.note[note]["index"]))
        note = int(s.note[note]["next"])
    return flow
