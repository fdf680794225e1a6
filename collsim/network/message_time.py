"""The time of a message that is alone on its path, exact to the femtosecond, without an event.

Alone means: every link idle, every buffer with room. The packets of a message then form a train whose moves are maxima
of sums, so that the last tail is found from packet sizes and links alone. Three readers need it: the analytic engine,
closed forms, and tests that hold the packet engines against first principles. Rule numbers are those of
docs/network-model.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from collsim.network.config import NetworkConfig
from collsim.units import FS_PER_SECOND, serialisation_fs

__all__ = ["LoneMessage", "lone_message", "message_time", "packet_sizes", "reduction_fs"]


@dataclass(frozen=True, slots=True)
class LoneMessage:
    """A message alone on links 1..H, in fs after the grant of its first packet on link 1.

    `first[i]`: grant of packet 1 on link i; `free[i]`: when the last tail has left link i; `arrival`: the last tail at
    the target. `serial[i]`: sum of the packets' times on link i, `bottleneck` the largest of them. `latency` and `router`
    are parts of `arrival`; the rest is serialisation: the bottleneck plus the `heads` of the other hops.
    `packets` and `wire_bytes` (headers included) are what each link carries.
    """

    first: tuple[int, ...]
    free: tuple[int, ...]
    serial: tuple[int, ...]
    arrival: int
    latency: int
    router: int
    packets: int
    wire_bytes: int

    @property
    def bottleneck(self) -> int:
        """The serialisation of the whole message on the link that takes longest for it."""
        return max(self.serial, default=0)

    @property
    def alpha(self) -> int:
        """What does not grow with the message: `arrival` less `bottleneck`; negative never."""
        return self.arrival - self.bottleneck

    @property
    def heads(self) -> int:
        """Serialisation of heads (or whole first packets, under store-and-forward) before the bottleneck can run."""
        return self.alpha - self.latency - self.router


def packet_sizes(size: int, network: NetworkConfig) -> tuple[int, int, int, int]:
    """Return (packets k, bytes of packet 1, of packets 2..k-1, of packet k), headers included (rules 2 and 21).

    All zero for an empty message; with k = 1 packet 1 is the last one.
    """
    if size == 0:
        return 0, 0, 0, 0
    payload, header = network.packet.packet_payload, network.packet.header
    later = 0 if network.transport.flow_control == "message" else header
    packets = -(-size // payload)
    rest = size - (packets - 1) * payload
    if packets == 1:
        return 1, rest + header, 0, rest + header
    return packets, payload + header, payload + later, rest + later


def lone_message(size: int, links: Sequence[tuple[int, int]], network: NetworkConfig) -> LoneMessage:
    """Return the train of a message of `size` bytes over `links`, each (bandwidth bytes/s, latency fs).

    Packet j on link i is granted at g(j, i) = max(g(j, i-1) + o(i, j), g(j-1, i) + ser(i, j-1)): its own way there, or
    the packet before it. o is latency + router_delay + the head, or what keeps a fast link from running dry behind a slow
    one (rule 9), or the whole packet under store-and-forward. Every grant is therefore the longest of all staircase
    paths from g(1, 1) = 0. Packets 2..k-1 are equal, so all steps among them are best spent on the slowest link that a
    staircase passes, which leaves one maximum over the link where it turns from packet 1 to packet 2: the general form
    that a longer packet 1 (message-based flow control) needs, and with equal packets the plain train.
    """
    count, head, middle, last = packet_sizes(size, network)
    hops = range(len(links))
    if count == 0 or not links:
        return LoneMessage((0,) * len(links), (0,) * len(links), (0,) * len(links), 0, 0, 0, 0, 0)
    ser_head, ser_middle, ser_last = ([serialisation_fs(n, b) for b, _ in links] for n in (head, middle, last))
    way_head, way_middle, way_last = (_ways(n, links, network) for n in (head, middle, last))
    first = [0] * len(links)
    for i in hops[1:]:
        first[i] = first[i - 1] + way_head[i]
    before, ser_before = (
        (first, ser_head) if count <= 2 else (_middle(count, first, ser_head, ser_middle, way_middle), ser_middle)
    )
    final = list(first)
    if count > 1:
        for i in hops:
            behind = before[i] + ser_before[i]
            final[i] = max(final[i - 1] + way_last[i], behind) if i else behind
    serial = [ser_last[i] + (ser_head[i] if count > 1 else 0) + max(count - 2, 0) * ser_middle[i] for i in hops]
    free = [final[i] + ser_last[i] for i in hops]
    return LoneMessage(
        first=tuple(first),
        free=tuple(free),
        serial=tuple(serial),
        arrival=free[-1] + links[-1][1],
        latency=sum(latency for _, latency in links),
        router=(len(links) - 1) * network.router.router_delay,
        packets=count,
        wire_bytes=last + (head if count > 1 else 0) + max(count - 2, 0) * middle,
    )


def _ways(size: int, links: Sequence[tuple[int, int]], network: NetworkConfig) -> list[int]:
    """Return per link the time from a packet's grant on the link before to its earliest grant here; 0 on the first."""
    ways = [0]
    for (fast, latency), (here, _) in pairwise(links):
        whole = serialisation_fs(size, fast)
        lead = whole
        if network.router.switching == "cut-through":
            head = max(1, serialisation_fs(min(network.packet.header, size), fast))
            lead = max(head, whole - serialisation_fs(size, here))
        ways.append(latency + lead + network.router.router_delay)
    return ways


def _middle(count: int, first: list[int], ser_head: list[int], ser: list[int], way: list[int]) -> list[int]:
    """Return when packet k-1 is granted on each link, for k >= 3: the longest staircase, by the link where it turns."""
    grants = [0] * len(first)
    for turn in range(len(first)):
        reach, slowest = first[turn] + ser_head[turn], 0
        for i in range(turn, len(first)):
            reach += way[i] if i > turn else 0
            slowest = max(slowest, ser[i])
            grants[i] = max(grants[i], reach + (count - 3) * slowest)
    return grants


def reduction_fs(size: int, network: NetworkConfig) -> int:
    """Return the time one host needs to reduce `size` arriving bytes (rule 6): 0 when reductions are free."""
    rate, quantum = network.nic.reduction_rate, network.nic.reduction_quantum
    if rate is None or size == 0:
        return 0
    return -(-(-(-size // quantum) * quantum) * FS_PER_SECOND // rate)


def message_time(size: int, links: Sequence[tuple[int, int]], network: NetworkConfig, *, reduces: bool = False) -> int:
    """Return complete(m) of a message without dependencies, alone on `links` (rules 4, 6 and 26), in fs.

    An empty message is complete when ready: it pays overhead and injection latency, nothing else.
    """
    nic = network.nic
    ready = nic.message_overhead + nic.injection_latency
    if size == 0:
        return ready
    arrival = lone_message(size, links, network).arrival
    return ready + arrival + nic.ejection_latency + (reduction_fs(size, network) if reduces else 0)
