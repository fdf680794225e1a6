"""A stall explained: the wait-for graph over inputs, and the cycle that following it reaches (rule 25)."""

from __future__ import annotations

from collections.abc import Sequence

from collsim.engines.reference.arbiter import admit
from collsim.engines.reference.fabric import Fabric
from collsim.engines.reference.link import Channel, Link
from collsim.engines.reference.message import Message, Packet
from collsim.engines.reference.nic import Port
from collsim.errors import StallError
from collsim.topology.graph import Topology
from collsim.units import format_time

__all__ = ["stall"]

Input = Channel | Port


def stall(topology: Topology, fabric: Fabric, messages: Sequence[Message], since: int) -> StallError:
    """Return the error that says why a run without events left has incomplete messages, naming the cycle if there is one.

    `since`: the last tick in which anything came about (rule 25), whatever credits or timers were due later.
    """
    missing = [m for m in messages if m.finish < 0]
    report = (
        f"The run stalled at {format_time(since)}: no event is left and {len(missing)} of {len(messages)} "
        f"messages are incomplete, the first of them {missing[0]}."
    )
    failed = _failed(topology, fabric)
    if failed:
        return StallError(f"{report} {failed}")
    cycle = [_describe(topology, fabric, where) for where in _cycle(fabric)]
    if not cycle:
        return StallError(report + " None of their packets waits in the network: they wait for a lockstep step to open.")
    chain = ", which waits for ".join([*cycle, "the first of these"])
    cure = "More virtual channels or another routing break the cycle."
    return StallError(f"{report} They wait for each other in a cycle: {chain}. {cure}", tuple(cycle))


def _failed(topology: Topology, fabric: Fabric) -> str:
    """Return which failed link packets wait for, the first of several, and what helps; "" where none does (rule 27)."""
    waiting: dict[int, dict[int, Message]] = {}
    for where in _inputs(fabric):
        packet = _first(fabric, where)
        if packet is not None and packet.path[packet.at].link.failed >= 0:
            waiting.setdefault(packet.path[packet.at].link.index, {})[packet.message.id] = packet.message
    if not waiting:
        return ""
    link = fabric.links[min(waiting)]
    name, ids = topology.link_name(link.index), sorted(waiting[link.index])
    more = f" and {len(ids) - 1} more" if len(ids) > 1 else ""
    other = f" (so do messages for {len(waiting) - 1} more failed links)" if len(waiting) > 1 else ""
    who = f"{waiting[link.index][ids[0]]}{more} still {'wait' if more else 'waits'} for it{other}"
    return (
        f"Link {name} failed at {format_time(link.failed)} and {who}. "
        f"Routing does not know of failures during a run: restore the link later (TIME:{name}=restore) or run without it "
        f"from the start (--fail '{name}')."
    )


def _inputs(fabric: Fabric) -> list[Input]:
    """Return the FIFOs that hold packets and the ports that hold messages."""
    channels: list[Input] = [channel for link in fabric.links for channel in link.channels if channel.queue]
    return channels + [port for host in fabric.hosts for port in host.ports if port.waiting]


def _first(fabric: Fabric, where: Input) -> Packet | None:
    """Return the packet that an input asks with, None when it holds none."""
    if isinstance(where, Channel):
        return where.queue[0] if where.queue else None
    flow = where.named()
    return None if flow is None else fabric.next_packet(flow)


def _cycle(fabric: Fabric) -> list[Input]:
    """Return the inputs of a cycle, starting anywhere on it; [] when no input is stuck."""
    stuck = [where for where in _inputs(fabric) if _first(fabric, where) is not None]
    if not stuck:
        return []
    where, walk = stuck[0], [stuck[0]]
    while True:
        where = _awaited(fabric, where)
        if where in walk:
            return walk[walk.index(where) :]
        walk.append(where)


def _awaited(fabric: Fabric, where: Input) -> Input:
    """Return the input that a stuck one waits for: the FIFO of its next channel, or whoever has that channel reserved."""
    packet = _first(fabric, where)
    assert packet is not None
    assert admit(packet, fabric.by_message) is None
    hop = packet.path[packet.at]
    if not fabric.by_message:
        return max(hop.channels, key=lambda channel: channel.room)
    if packet.index:
        return next(channel for channel in hop.channels if channel.holder is packet.message)
    unheld = [channel for channel in hop.channels if channel.holder is None]
    if unheld:
        return max(unheld, key=lambda channel: channel.room)
    holder = hop.channels[0].holder
    assert holder is not None
    return _next_of(fabric, holder, hop.link)


def _next_of(fabric: Fabric, message: Message, link: Link) -> Input:
    """Return the input that holds the next packet of `message` to cross `link`."""
    found: list[tuple[int, Input]] = []
    for upstream in fabric.links:
        for channel in upstream.channels:
            for packet in channel.queue:
                if packet.message is message and any(hop.link is link for hop in packet.path[packet.at :]):
                    found.append((packet.index, channel))
    for port in fabric.hosts[message.source].ports:
        if port.current is not None and port.current.message is message:
            found.append((port.current.next_index, port))
    return min(found, key=lambda item: item[0])[1]


def _describe(topology: Topology, fabric: Fabric, where: Input) -> str:
    packet = _first(fabric, where)
    if isinstance(where, Channel):
        return f"link {topology.link_name(where.link.index)} channel {where.index} with {packet}"
    return f"the NIC of {topology.names[where.host.index]} for link {topology.link_name(where.link.index)} with {packet}"
