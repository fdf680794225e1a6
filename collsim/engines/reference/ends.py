"""The two ends of a message: what is lost, noticed, sent again, put in order and learnt of paths (rules 28 to 32).

Everything that the ends hear of (arrivals, losses, receipts) in a tick is kept until nothing else of phase 1 is left, and
then taken in the order of message, first link, packet and attempt: so it does not depend on the order of events.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from collsim.engines.reference.message import Message, Packet
from collsim.network.config import NetworkConfig
from collsim.network.dead_links import DeadLinks, cut_off, dead_links
from collsim.network.link_changes import LinkChange
from collsim.network.loss import is_lost, loses_any, loss_thresholds, threshold
from collsim.topology.graph import Topology
from collsim.topology.routing.feedback import path_counts
from collsim.topology.routing.splitmix import fold
from collsim.units import check_time

if TYPE_CHECKING:
    from collsim.engines.reference.fabric import Fabric
    from collsim.engines.reference.link import Link
    from collsim.engines.reference.nic import Flow
    from collsim.engines.reference.routes import Router

__all__ = ["FEEDBACK", "MOST_EACH", "MOST_SCORE", "Ends"]

FEEDBACK = 0x70617468
"""First word of the draws among equal paths ("path" in ASCII)."""
MOST_SCORE, MOST_EACH = 2**60, 10**12
"""Where scores, and the fs that a packet in flight counts for, stop growing: sums then fit 63 bits."""
Heard = Callable[[Packet], None]


class Ends:
    """Losses, recovery, reorder buffers and path scores of one run; `on` where there are any to keep account of.

    `changes` are those of the run, as `settled` has them. `lost`, `repeated`, `discarded`: packets so far (Result). `peak`:
    most bytes held back at each host (rule 31).
    """

    def __init__(
        self,
        topology: Topology,
        network: NetworkConfig,
        seed: int,
        router: Router,
        messages: Sequence[Message],
        changes: Sequence[LinkChange] = (),
    ):
        self._topology, self._network, self._seed, self._router = topology, network, seed, router
        transport, packet = network.transport, network.packet
        self._thresholds = [int(word) for word in loss_thresholds(topology, network)]
        self._go_back, self._timeout = transport.recovery == "go-back-n", transport.retransmit_timeout
        self._in_order, self._feedback = transport.delivery == "in-order", router.routing.multipath == "feedback"
        self.on = loses_any(topology, network, changes) or self._go_back or self._in_order or self._feedback
        self._dead = DeadLinks(router.routing, seed, dead_links(changes))
        self._payload, self._full = packet.packet_payload, packet.packet_payload + packet.header
        self._scores: dict[tuple[int, int, int], list[list[int]]] = {}
        pairs = sorted({(m.source, m.target) for m in messages if m.travels}) if self._feedback else []
        counts = path_counts(router.routing, np.array(pairs, dtype=np.int64).reshape(-1, 2)).tolist()
        self._paths = dict(zip(pairs, counts, strict=True))
        self._heard: list[tuple[Heard, Packet]] = []
        self._held = [0] * topology.hosts
        self.peak = [0] * topology.hosts
        self.lost = self.repeated = self.discarded = 0

    def wire(self, fabric: Fabric) -> None:
        """Join this to the fabric whose packets it accounts for."""
        self._fabric, self._clock = fabric, fabric.clock

    # What the fabric tells.

    def change(self, link: int, loss: int) -> None:
        """Let `link` lose `loss` of a billion packets from now on (rule 27)."""
        self._thresholds[link] = threshold(loss)

    def granted(self, packet: Packet, flow: Flow) -> None:
        """The NIC sends `packet` of `flow`: note the attempt, and choose its path (rule 32)."""
        message = packet.message
        packet.flow, packet.place, packet.sent = flow, flow.next_place, self._clock.now
        packet.before = message.attempts.get(packet.index, 0)
        message.attempts[packet.index] = packet.before + 1
        self.repeated += packet.before > 0
        if self._feedback and not message.explicit:
            self._choose(packet, flow)

    def loses(self, link: Link, packet: Packet) -> bool:
        """Tell whether `link`, just granted to `packet`, loses it (rule 28)."""
        m = packet.message
        identity = (m.call, m.transfer), (packet.index, packet.before)
        return is_lost(self._thresholds[link.index], self._seed, *identity, link.index)

    def vanish(self, packet: Packet, link: Link, tail: int) -> None:
        """`link` has lost `packet`, whose tail would be at its far end at `tail`; rule 29 says when the sender knows."""
        self.lost += 1
        rest = self._router.rest_latency(packet, link)
        packet.way += rest
        self._notice(self._lost, packet, tail, rest)

    def arrive(self, packet: Packet, tail: int) -> None:
        """The tail of `packet` will be at its destination at `tail`."""
        self._hear(tail, self._arrived, packet)

    # What the ends hear, tick by tick.

    def _hear(self, time: int, heard: Heard, packet: Packet) -> None:
        self._clock.at(check_time(time), self._due, (heard, packet))

    def _due(self, what: tuple[Heard, Packet]) -> None:
        self._heard.append(what)
        self._clock.request_hearing()

    def hear(self) -> None:
        """Take all that was heard in this tick."""
        heard, self._heard = sorted(self._heard, key=lambda item: _order(item[1])), []
        for action, packet in heard:
            action(packet)
        self.peak = [max(one, other) for one, other in zip(self.peak, self._held, strict=True)]

    def _arrived(self, packet: Packet) -> None:
        """A tail has arrived: under go-back-n only the next packet of its flow is taken (rule 30)."""
        flow = packet.flow
        assert flow is not None
        if self._go_back and packet.place != flow.expected:
            self.discarded += 1
            if packet.place > flow.expected:
                self._notice(self._discarded, packet, self._clock.now, 0)
                return
        else:
            flow.expected += 1
            self._take(packet)
        self._end(packet)
        if packet.path_score is not None:
            self._hear(self._clock.now + packet.way, self._learn, packet)

    def _take(self, packet: Packet) -> None:
        message, now = packet.message, self._clock.now
        if now > message.tail or packet.record < message.tail_record:
            message.tail, message.tail_record = now, packet.record
        if self._in_order:
            self._deliver(message, packet.index)
        message.unarrived -= 1
        if not message.unarrived:
            self._fabric.delivered(message)

    def _deliver(self, message: Message, index: int) -> None:
        """Rule 31: bytes are held until all packets before theirs have arrived."""
        if index != message.delivered:
            message.held.add(index)
            self._held[message.target] += self._bytes(message, index)
            return
        message.delivered += 1
        while message.delivered in message.held:
            message.held.remove(message.delivered)
            self._held[message.target] -= self._bytes(message, message.delivered)
            message.delivered += 1

    def _bytes(self, message: Message, index: int) -> int:
        return min(self._payload, message.size - index * self._payload)

    # How the sender learns, and what it does (rules 29 and 30).

    def _notice(self, heard: Heard, packet: Packet, missed: int, rest: int) -> None:
        """Let the sender hear of a packet that was gone at `missed`, `rest` before it would have arrived."""
        if self._timeout == "auto":
            self._hear(missed + rest + packet.way, heard, packet)
        else:
            self._hear(max(packet.sent + self._timeout, missed), heard, packet)

    def _lost(self, packet: Packet) -> None:
        if packet.path_score is not None:
            late = min(self._clock.now - packet.sent, MOST_SCORE)
            packet.path_score[0] = min(packet.path_score[0] + late, MOST_SCORE)
            packet.path_score[1] -= 1
        self._send_again(packet)

    def _discarded(self, packet: Packet) -> None:
        if packet.path_score is not None:
            self._learn(packet)
        self._send_again(packet)

    def _end(self, packet: Packet) -> None:
        """An attempt has come to its end."""
        if self._dead.since:
            packet.message.ended[packet.index] = packet.message.ended.get(packet.index, 0) + 1

    def _check_ways(self, packet: Packet) -> None:
        """Raise StallError for a packet that nobody has, that is nowhere under way, and that has no way left (rule 28)."""
        message, flow, now = packet.message, packet.flow, self._clock.now
        assert flow is not None
        if self._go_back and (packet.place < flow.expected or message.ended[packet.index] < message.attempts[packet.index]):
            return
        ends, key = (message.source, message.target), (message.call, message.transfer)
        links = self._dead.blocking(ends, key, packet.index, now, message.explicit)
        if links:
            raise cut_off(self._topology, now, str(packet), links, self._dead.since)

    def _send_again(self, packet: Packet) -> None:
        flow, now = packet.flow, self._clock.now
        assert flow is not None
        if self._dead.since:
            self._end(packet)
            self._check_ways(packet)
        pending = flow.pending
        if self._go_back:
            if packet.message.attempts[packet.index] > packet.before + 1 or packet.place >= flow.next_place:
                return
            flow.left = len(flow.waiting) - packet.place
        else:
            insort(flow.again, packet.index)
        flow.packet = None
        tick, least = flow.noticed
        flow.noticed = (now, min(least, packet.record) if tick == now else packet.record)
        if pending:
            self._fabric.poke(flow.port.link)
        else:
            self._fabric.rejoin(flow)

    # Paths (rule 32).

    def _choose(self, packet: Packet, flow: Flow) -> None:
        """Give `packet` the path of least score behind the link of `flow`, those from a draw on first among equals."""
        message, link = packet.message, flow.port.link
        ends = message.source, message.target
        count = self._paths[ends]
        scores = self._scores.setdefault((*ends, link.index), [[0, 0] for _ in range(count)])
        first = fold(FEEDBACK, self._seed, message.call, message.transfer, packet.index, packet.before) % count
        each = min(link.ser(self._full), MOST_EACH)
        best = min(range(count), key=lambda k: (scores[k][0] + scores[k][1] * each, (k - first) % count))
        scores[best][1] += 1
        packet.path_score = scores[best]
        assert packet.state is not None
        packet.state = packet.state._replace(pick=best)

    def _learn(self, packet: Packet) -> None:
        """A receipt: an eighth of what is known of a path gives way to how long this packet waited on it."""
        score = packet.path_score
        assert score is not None
        score[0] += (min(packet.waited, MOST_SCORE) >> 3) - (score[0] >> 3)
        score[1] -= 1


def _order(packet: Packet) -> tuple[int, int, int, int]:
    assert packet.flow is not None
    return packet.message.id, packet.flow.port.link.index, packet.index, packet.before
