"""Links and their channels: who sends, whose buffer has room, who waits where (rules 7 to 10)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from collsim.engines.reference.message import Message, Packet
from collsim.network.buffers import auto_buffer
from collsim.network.config import NetworkConfig
from collsim.units import serialisation_fs

if TYPE_CHECKING:
    from collsim.engines.reference.nic import Flow, Port

__all__ = ["NEVER", "UNBOUNDED", "Channel", "Link", "buffer_bytes", "head_fs"]

UNBOUNDED = 2**62
"""Bytes of a buffer under flow_control = none: never full, yet counted, so that choices by room have something to read."""
NEVER = 2**80
"""What a packet would take on a link that has failed: longer than the clock counts."""


class Channel:
    """Virtual channel `index` of `link`: room as the sender counts it, and the FIFO at the link's far end.

    `room`: bytes the sender may still send; `capacity` when empty. `queue`: packets granted on it, first to leave first;
    a packet stays until its tail has left. `input`: rank among the inputs of its node (rule 16). `holder`: the message
    that has reserved it (rule 21). `advanced`, `credited`: (tick, grant) of the latest departure from the queue and of
    the latest bytes that count again, for the critical path.
    """

    __slots__ = ("advanced", "capacity", "credited", "holder", "index", "input", "link", "queue", "room")

    def __init__(self, link: Link, index: int, capacity: int):
        self.link, self.index, self.capacity, self.room = link, index, capacity, capacity
        self.queue: deque[Packet] = deque()
        self.input = -1
        self.holder: Message | None = None
        self.advanced = self.credited = (-1, -1)

    @property
    def outstanding(self) -> int:
        """Bytes sent into the buffer and not counted as room again."""
        return self.capacity - self.room


class Link:
    """A directed link: `sending` is the packet that holds it, `record` the grant, `sender` the FIFO (or NIC flow) it left.

    `askers`: FIFOs at the link's source whose first packet asks for it. `port`: the NIC input of the source host, None at
    switches. `inputs`: how many inputs its source node has, the NIC last; `pointer`: rule 16. `freed`: (tick, grant) of
    the latest end of a packet. `bandwidth`: now, 0 while failed (rule 27). `failed`: since when, `restored`: when it latest
    came back, -1 for never. `busy` fs and `bytes` are totals.
    """

    __slots__ = (
        "askers",
        "bandwidth",
        "busy",
        "bytes",
        "channels",
        "failed",
        "freed",
        "index",
        "inputs",
        "latency",
        "pointer",
        "port",
        "record",
        "restored",
        "sender",
        "sending",
        "serialisation",
        "source",
        "target",
    )

    def __init__(self, index: int, source: int, target: int, bandwidth: int, latency: int):
        self.index, self.source, self.target = index, source, target
        self.bandwidth, self.latency = bandwidth, latency
        self.channels: list[Channel] = []
        self.sending: Packet | None = None
        self.sender: Channel | Flow | None = None
        self.askers: set[Channel] = set()
        self.port: Port | None = None
        self.inputs = self.pointer = 0
        self.freed = (-1, -1)
        self.failed = self.restored = -1
        self.record = -1
        self.busy = self.bytes = 0
        self.serialisation: dict[int, int] = {}

    def ser(self, size: int) -> int:
        """Return the fs that `size` bytes hold the link (rule 1), NEVER while it has failed."""
        if not self.bandwidth:
            return NEVER
        time = self.serialisation.get(size)
        if time is None:
            time = self.serialisation[size] = serialisation_fs(size, self.bandwidth)
        return time

    def change(self, time: int, rate: int) -> None:
        """Have `rate` bytes/s, 0 for a failure, for all packets granted from `time` on (rule 27)."""
        if rate and not self.bandwidth:
            self.failed, self.restored = -1, time
        elif self.bandwidth and not rate:
            self.failed = time
        self.bandwidth = rate
        self.serialisation.clear()


def head_fs(link: Link, size: int, header: int, cut_through: bool) -> int:
    """Return how long after the grant, latency aside, the head of a packet of `size` bytes has come over `link` (rule 7)."""
    return max(1, link.ser(min(header, size))) if cut_through else link.ser(size)


def buffer_bytes(link: Link, network: NetworkConfig) -> int:
    """Return the bytes of each channel of `link`, see `auto_buffer`; UNBOUNDED under flow_control = none."""
    if network.transport.flow_control == "none":
        return UNBOUNDED
    if network.router.buffer != "auto":
        return network.router.buffer
    return auto_buffer(link.bandwidth, link.latency, network)
