"""From routing to hops: the ports at which a message waits, the links and channels its packets take (rules 5, 19, 21 to 24).

Routing says links and classes; here a class becomes channels, and a choice among links is taken by what queues behind them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from collsim.engines.reference.link import Link
from collsim.engines.reference.message import Hop, Message, Option, Packet
from collsim.engines.reference.nic import Flow
from collsim.engines.reference.wiring import wire
from collsim.errors import InvalidValue, RoutingError
from collsim.network.config import NetworkConfig
from collsim.topology.graph import Topology
from collsim.topology.routing import Choice, channel_cycle, channels_of, name_cycle, route

__all__ = ["Router"]


class Router:
    """Gives messages their flows and packets their hops, over the `links` and `hosts` it has wired.

    Raises RoutingError for a routing that does not fit, per-packet routing under message-based flow control, and for a
    cycle among the channels that the messages of this run may hold while buffers are finite, unless `allow_deadlock`.
    """

    def __init__(self, topology: Topology, network: NetworkConfig, seed: int, messages: Sequence[Message]):
        self._topology, self._seed = topology, seed
        self._by_message = network.transport.flow_control == "message"
        self._most_room = network.router.vc_allocation == "most-room"
        name, channels = network.router.routing, network.router.virtual_channels
        routing = route(topology, name, channels, last_counts=self._by_message)
        self.routing = routing.covering({m.explicit for m in messages if m.explicit})
        if self._by_message and routing.per_packet:
            raise InvalidValue(
                f"flow_control=message keeps a message on one path, but the routing '{routing.name}' sends each packet its "
                "own way; use flow_control=credit or another routing."
            )
        self._channels = self.routing.classes if channels == "auto" else channels
        self.links, self.hosts = wire(topology, network, self._channels)
        self._hops: dict[tuple[int, tuple[int, ...], bool], Hop] = {}
        if network.transport.flow_control != "none" and not network.router.allow_deadlock:
            self._refuse_cycles(messages)

    # What a message and a packet ask.

    def flows(self, message: Message) -> list[Flow]:
        """Return the flows of a message that is ready: one for each port at which some of its packets begin."""
        groups: dict[int, list[int]] = {}
        packets = range(message.packets)
        if self._scattered(message):
            for index in packets:
                groups.setdefault(self._first(message, index), []).append(index)
        else:
            groups[self._first(message, 0)] = list(packets)
        flows = []
        for link, indices in sorted(groups.items()):
            port = self.links[link].port
            assert port is not None
            flows.append(Flow(message, port, indices))
        return flows

    def first_links(self, message: Message) -> list[Link]:
        """Return the links that packets of `message` take first."""
        packets = range(message.packets if self._scattered(message) else 1)
        return [self.links[k] for k in sorted({self._first(message, index) for index in packets})]

    def launch(self, message: Message, index: int, size: int) -> Packet:
        """Return packet `index` of a message: with its whole path or, under adaptive routing, its first hop.

        One that was sent before keeps its first link and may go on another way behind it (rule 30).
        """
        attempt = message.attempts.get(index, 0)
        if not self._scattered(message):
            if not message.path:
                message.path = self._path(message, 0)
            return Packet(message, index, size, message.path)
        if not self.routing.adaptive:
            return Packet(message, index, size, self._path(message, index, attempt))
        packet = Packet(message, index, size, [])
        state = self.routing.start(message.source, message.target, self._key(message), index)
        self.take(packet, self._options(message, self.routing.choices(message.source, message.target, state))[0])
        assert packet.state is not None
        packet.state = self.routing.again(packet.state, attempt)
        return packet

    def options(self, packet: Packet, link: Link) -> list[Option]:
        """Return the hops `packet`, just granted on `link`, may choose from next; [] when its next hop is known."""
        if packet.at < len(packet.path):
            return []
        assert packet.state is not None
        target = packet.message.target
        return self._options(packet.message, self.routing.choices(link.target, target, packet.state))

    def choose(self, packet: Packet) -> Option:
        """Return the option with the least weighted bytes outstanding in its buffer, ties to the first (rules 19, 24)."""
        return min(packet.options, key=lambda option: option.weight * min(c.outstanding for c in option.hop.channels))

    def take(self, packet: Packet, option: Option) -> None:
        """Make `option` the next hop of `packet`, for good."""
        packet.path.append(option.hop)
        packet.state = option.state
        packet.options = []

    def rest_latency(self, packet: Packet, link: Link) -> int:
        """Return the latencies of the links from the end of `link`, which `packet` has just taken, to its destination.

        Where it has still to choose, of those it would take in an idle network.
        """
        if packet.state is None:
            return sum(hop.link.latency for hop in packet.path[packet.at :])
        return sum(self.links[k].latency for k in self.routing.rest(link.target, packet.message.target, packet.state))

    # How routing answers.

    def _key(self, message: Message) -> tuple[int, int, int]:
        return self._seed, message.call, message.transfer

    def _scattered(self, message: Message) -> bool:
        """Whether the packets of a message may begin at different ports."""
        return self.routing.per_packet and not message.explicit

    def _first(self, message: Message, index: int) -> int:
        if message.explicit:
            return message.explicit[0]
        state = self.routing.start(message.source, message.target, self._key(message), index)
        return self.routing.choices(message.source, message.target, state)[0].link

    def _classed(self, message: Message, index: int, attempt: int = 0) -> list[tuple[int, int]]:
        if message.explicit:
            return list(zip(message.explicit, self.routing.classes_of(message.explicit), strict=True))
        return self.routing.path(message.source, message.target, self._key(message), index, attempt)

    def _path(self, message: Message, index: int, attempt: int = 0) -> list[Hop]:
        hops = self._classed(message, index, attempt)
        return [self._hop(message, *hop, at == len(hops) - 1) for at, hop in enumerate(hops)]

    def _options(self, message: Message, choices: Iterable[Choice]) -> list[Option]:
        target = self._topology.target
        return [
            Option(self._hop(message, choice.link, choice.cls, int(target[choice.link]) == message.target), choice)
            for choice in choices
        ]

    def _hop(self, message: Message, link: int, cls: int, final: bool) -> Hop:
        """Return the hop over `link` in class `cls`: under static allocation on one channel, fixed by the message's id."""
        channels = range(*channels_of(cls, self.routing.classes, self._channels))
        chosen = tuple(channels) if self._most_room else (channels[message.id % len(channels)],)
        known = self._hops.get((link, chosen, final))
        if known is None:
            known = Hop(self.links[link], tuple(self.links[link].channels[v] for v in chosen), final)
            self._hops[link, chosen, final] = known
        return known

    # Rule 3.

    def _refuse_cycles(self, messages: Sequence[Message]) -> None:
        cycle = channel_cycle(self._topology, self._chains(messages), last_counts=True)
        if cycle is not None:
            raise RoutingError(
                f"Packets of routing '{self.routing.name}' on '{self._topology.name}' can wait for each other in a circle "
                f"with {self._channels} virtual channel(s): {name_cycle(self._topology, cycle)}. Use virtual_channels=auto, "
                "another routing, flow_control=none, or allow_deadlock=true to try it."
            )

    def _chains(self, messages: Sequence[Message]) -> Iterator[list[tuple[int, range]]]:
        """Yield, for each path that packets of the run may take, the (link, channels) whose buffers they may hold.

        The last hop is left out: it takes no buffer. Message-based flow control may reserve it, so there it counts.
        """
        classes = self.routing.classes
        pairs = set()
        seen = set()
        for message in (m for m in messages if m.travels):
            if self._scattered(message):
                pairs.add((message.source, message.target))
                continue
            hops = tuple(self._classed(message, 0))
            if hops not in seen:
                seen.add(hops)
                inner = hops if self._by_message else hops[:-1]
                yield [(link, range(*channels_of(cls, classes, self._channels))) for link, cls in inner]
        if pairs:
            for held, cls, asked, following in self.routing.dependencies(np.array(sorted(pairs))).tolist():
                ends = (held, cls), (asked, following)
                yield [(link, range(*channels_of(c, classes, self._channels))) for link, c in ends]
