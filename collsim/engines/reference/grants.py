"""The log of grants from which the critical path is read: for each packet-hop when, where, and what released it.

Six integers of 64 bits a grant; the log gives up, and with it the critical path, above `LIMIT` grants (half a gigabyte).
"""

from __future__ import annotations

from array import array
from enum import IntEnum
from typing import NamedTuple

from collsim.engines.reference.link import Channel, Link
from collsim.engines.reference.message import Packet
from collsim.engines.reference.nic import Flow

__all__ = ["LIMIT", "Cause", "Grant", "GrantLog"]

LIMIT = 10_000_000


class Cause(IntEnum):
    """What released a grant at its tick; where several did, the first of this list counts.

    ARRIVAL: the packet itself came to ask (or its message became ready). FIFO: the packet before it left its FIFO. LINK:
    the link came free. STEP: lockstep opened the step. CREDIT: bytes counted again. RESTORED: the link had failed and came
    back. PORT: a port of the host came free. LOSS: the sender learnt that a packet of the message was lost (rule 29).
    """

    ARRIVAL = 0
    FIFO = 1
    LINK = 2
    STEP = 3
    CREDIT = 4
    PORT = 5
    RESTORED = 6
    LOSS = 7


class Grant(NamedTuple):
    """A grant as logged: tick, link, message, the grant of the hop before (-1: none), what released it, whose grant.

    Of a link that was RESTORED, `by` is the grant that the packet waited for before: the last one on the link, or of its
    FIFO; where it came later than their ends, -1 - the tick at which it came.
    """

    time: int
    link: int
    message: int
    previous: int
    cause: int
    by: int


class GrantLog:
    """Grants in the order made; `log[k]` is grant k, while `complete`."""

    def __init__(self, limit: int = LIMIT):
        self._limit = limit
        self._data = array("q")
        self.complete = True
        self.count = 0

    def __getitem__(self, number: int) -> Grant:
        return Grant(*self._data[6 * number : 6 * number + 6])

    def add(self, now: int, link: Link, packet: Packet, channel: Channel, source: Channel | Flow) -> int:
        """Record the grant of `link` to `packet`, which waited in `source` and takes `channel`; return its number."""
        number = self.count
        self.count += 1
        if self.complete:
            if number >= self._limit:
                self.complete = False
                self._data = array("q")
                return number
            cause, by = _released_by(now, link, packet, channel, source)
            self._data.extend((now, link.index, packet.message.id, packet.record, cause, by))
        return number


def _released_by(now: int, link: Link, packet: Packet, channel: Channel, source: Channel | Flow) -> tuple[Cause, int]:
    """Return what released a grant: some state of the link, the channel, the FIFO or the NIC changed at this very tick."""
    if isinstance(source, Channel):
        if packet.asks_from == now:
            return Cause.ARRIVAL, -1
        if source.advanced[0] == now:
            return Cause.FIFO, source.advanced[1]
    elif source.ready == now:
        return Cause.ARRIVAL, -1
    if link.freed[0] == now:
        return Cause.LINK, link.freed[1]
    if isinstance(source, Flow) and source.opened == now:
        return Cause.STEP, -1
    if isinstance(source, Flow) and source.noticed[0] == now:
        return Cause.LOSS, source.noticed[1]
    if channel.credited[0] == now:
        return Cause.CREDIT, channel.credited[1]
    if link.restored == now:
        return Cause.RESTORED, _waited_for(link, packet, source)
    if isinstance(source, Flow) and source.port.host.freed[0] == now:
        return Cause.PORT, source.port.host.freed[1]
    raise AssertionError(f"nothing released {packet} on link {link.index} at {now}")


def _waited_for(link: Link, packet: Packet, source: Channel | Flow) -> int:
    """Return what had last kept `packet` back before its link was restored, as `Grant.by` tells it."""
    came = packet.asks_from if isinstance(source, Channel) else source.ready
    left, by = source.advanced if isinstance(source, Channel) else (-1, -1)
    if link.freed[0] > max(came, left):
        return link.freed[1]
    return by if left > came else -1 - came
