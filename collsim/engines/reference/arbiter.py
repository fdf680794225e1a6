"""Who gets a link: at most one grant a link a tick among those whose packet has room (rules 14 to 17 and 21)."""

from __future__ import annotations

from collections.abc import Callable

from collsim.engines.reference.link import Channel, Link
from collsim.engines.reference.message import Packet
from collsim.engines.reference.nic import Flow

__all__ = ["ORDERS", "Arbiter", "admit"]

Order = Callable[[Link, int, Packet], tuple[int, ...]]


def _round_robin(link: Link, rank: int, packet: Packet) -> tuple[int, ...]:
    return ((rank - link.pointer) % link.inputs,)


def _oldest(link: Link, rank: int, packet: Packet) -> tuple[int, ...]:
    return (packet.message.ready, packet.message.id, packet.index, rank)


def _lowest_step(link: Link, rank: int, packet: Packet) -> tuple[int, ...]:
    return (packet.message.step, packet.message.id, packet.index, rank)


ORDERS: dict[str, Order] = {"round-robin": _round_robin, "oldest": _oldest, "lowest-step": _lowest_step}
"""The least of these keys over (link, input, packet) wins the arbitration of a link."""


def admit(packet: Packet, by_message: bool) -> Channel | None:
    """Return the channel of its next hop that `packet` may take now, None when none has room.

    The one with most room, ties to the lowest (static allocation leaves a single one). Under message-based flow control
    packet 1 needs a channel that nobody holds, the others follow it into the one their message holds. The last hop takes
    no room.
    """
    hop, holder = packet.path[packet.at], packet.message if by_message and packet.index else None
    best: Channel | None = None
    for channel in hop.channels:
        if channel.holder is not holder or not (hop.final or channel.room >= packet.size):
            continue
        if best is None or channel.room > best.room:
            best = channel
    return best


class Arbiter:
    """Arbitrates links by `order`; `ports` 0 or the limit of rule 14; `next_packet` makes a flow's next packet."""

    def __init__(self, order: Order, ports: int, by_message: bool, next_packet: Callable[[Flow], Packet]):
        self._order, self._ports, self._by_message, self._next_packet = order, ports, by_message, next_packet

    def arbitrate(self, link: Link) -> tuple[Packet, Channel, Channel | Flow] | None:
        """Return (packet, channel it takes, FIFO or NIC flow it waits in) of the winner, None when there is no candidate."""
        if link.sending is not None or not link.bandwidth:
            return None
        best: tuple[tuple[int, ...], int, Packet, Channel, Channel | Flow] | None = None
        for rank, packet, source in self._askers(link):
            channel = admit(packet, self._by_message)
            if channel is not None:
                key = self._order(link, rank, packet)
                if best is None or key < best[0]:
                    best = (key, rank, packet, channel, source)
        if best is None:
            return None
        link.pointer = (best[1] + 1) % link.inputs
        return best[2:]

    def _askers(self, link: Link) -> list[tuple[int, Packet, Channel | Flow]]:
        askers: list[tuple[int, Packet, Channel | Flow]] = [(f.input, f.queue[0], f) for f in link.askers]
        port = link.port
        if port is not None and not (self._ports and port.host.sending >= self._ports):
            flow = port.named()
            if flow is not None:
                askers.append((link.inputs - 1, self._next_packet(flow), flow))
        return askers
