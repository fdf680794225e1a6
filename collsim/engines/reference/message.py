"""What travels: messages, the packets they are cut into (rule 2), and the hops of their paths (rule 5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collsim.engines.reference.link import Channel, Link
    from collsim.engines.reference.nic import Flow
    from collsim.network.config import PacketFormat
    from collsim.topology.routing import Choice, State

__all__ = ["Cut", "Hop", "Message", "Option", "Packet"]


@dataclass(slots=True, eq=False)
class Message:
    """One message of the program and what has become of it; times in fs, -1 while unknown.

    `id`, `call` (index of its operation), `transfer` (within its call), `step`, `source` and `target` hosts, payload
    `size`, whether it `reduces`, number of `packets`. `explicit`: link ids of a path that the schedule fixes, else ().
    `waits`: conditions still to be met before it is released. `released`: its dependencies are complete; `ready`: rule 4;
    `tail`: rule 6; `finish`: complete. `unsent`, `unarrived`: packets whose tail has not left the NIC, and packets not yet
    granted on their last link. `tail_record`: the grant that fixed `tail`. `path`: the hops that its packets share, []
    before the first is made and where each has its own. `delay`: from the start of its operation to its release;
    `started`: the first grant of any of its packets. `attempts`: how often each packet was granted at the NIC, by index,
    where packets may be lost, and how many of these attempts have `ended`, where links drop everything. `delivered`: packets
    delivered in order, `held`: indices of those that arrived and wait for one before them (rule 31).
    """

    id: int
    call: int
    transfer: int
    step: int
    source: int
    target: int
    size: int
    reduces: bool
    packets: int
    explicit: tuple[int, ...] = ()
    path: list[Hop] = field(default_factory=list)
    waits: int = 0
    released: int = -1
    ready: int = -1
    unsent: int = 0
    unarrived: int = 0
    tail: int = -1
    tail_record: int = -1
    finish: int = -1
    delay: int = 0
    started: int = -1
    attempts: dict[int, int] = field(default_factory=dict)
    ended: dict[int, int] = field(default_factory=dict)
    delivered: int = 0
    held: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.unsent = self.unarrived = self.packets

    @property
    def travels(self) -> bool:
        """Whether it has packets that cross links."""
        return self.packets > 0 and self.source != self.target

    def __str__(self) -> str:
        return f"message {self.id} (step {self.step}, host {self.source} to {self.target})"


@dataclass(slots=True, eq=False)
class Hop:
    """A link of a path and the channels its packet may take there; `final`: the last link, which takes no room."""

    link: Link
    channels: tuple[Channel, ...]
    final: bool


class Option:
    """A hop that an adaptive packet may choose, the routing state it has then, and the weight of what queues there."""

    __slots__ = ("hop", "state", "weight")

    def __init__(self, hop: Hop, choice: Choice):
        self.hop, self.state, self.weight = hop, choice.state, choice.weight


@dataclass(slots=True, eq=False)
class Packet:
    """Packet `index` of a message, `size` bytes with header, on `path` with hop `at` to be granted next.

    `asks_from`: rule 9's e, the earliest tick at which it may ask for that hop. Under adaptive routing `path` grows:
    `options` are the next hops to choose from, [] while none is to be chosen, `state` what routing carries along.
    `tail`: when its tail comes to the node it is in or on its way to. `record`: its latest grant in the log of the critical
    path. What the two ends keep account of (rules 28 to 32): the NIC's `flow` it came from and its `place` in it, how many
    attempts were `before` this one, when it was `sent`, the latencies of its links so far (`way`), how long it `waited` as
    the first of a FIFO and on the links behind, and its `path_score`.
    """

    message: Message
    index: int
    size: int
    path: list[Hop]
    at: int = 0
    asks_from: int = 0
    tail: int = 0
    options: list[Option] = field(default_factory=list)
    state: State | None = None
    record: int = -1
    flow: Flow | None = None
    place: int = -1
    before: int = 0
    sent: int = -1
    way: int = 0
    waited: int = 0
    path_score: list[int] | None = None

    def __str__(self) -> str:
        return f"packet {self.index} of {self.message}"


class Cut:
    """How messages are cut into packets."""

    def __init__(self, form: PacketFormat, by_message: bool):
        self.payload, self.header, self.by_message = form.packet_payload, form.header, by_message

    def packets(self, size: int) -> int:
        """Return how many packets a message of `size` bytes has: none for an empty one."""
        return -(-size // self.payload)

    def packet_bytes(self, size: int, index: int) -> int:
        """Return the bytes of packet `index` of a message of `size`: payload and, where it has one, header."""
        payload = min(self.payload, size - index * self.payload)
        return payload + (0 if self.by_message and index else self.header)

    def serialisation(self, link: Link, size: int) -> int:
        """Return the fs that the packets of a message of `size` bytes hold `link`, one after the other."""
        packets = self.packets(size)
        ends = {0, packets - 1} if packets else set()
        total = sum(link.ser(self.packet_bytes(size, index)) for index in ends)
        return total + (max(packets - 2, 0) and (packets - 2) * link.ser(self.packet_bytes(size, 1)))
