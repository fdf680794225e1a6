"""From a routing's tables to hops: which links and channels the packets of a message may take (rules 5, 19, 23 and 24)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from collsim.engines.reference.link import Link
from collsim.engines.reference.message import Hop, Message, Packet
from collsim.engines.reference.nic import Flow
from collsim.engines.reference.wiring import wire
from collsim.network.config import NetworkConfig
from collsim.topology.graph import Topology

__all__ = ["Router"]


class Router:
    """Gives messages their flows and packets their hops."""

    def __init__(self, topology: Topology, network: NetworkConfig, seed: int, messages: Sequence[Message]):
        self._topology = topology
        asked = network.router.virtual_channels
        self.links, self.hosts = wire(topology, network, asked if isinstance(asked, int) else 1)

    def first_links(self, message: Message) -> list[Link]:
        """Return the links that packets of `message` may take first."""
        return [self.path(message)[0].link]

    def flows(self, message: Message) -> list[Flow]:
        """Return the flows of a message that is ready: one for each port that its packets begin at."""
        path = self.path(message)
        port = path[0].link.port
        assert port is not None
        return [Flow(message, port, range(message.packets), lambda _: path)]

    def path(self, message: Message) -> list[Hop]:
        """Return the static path of a message."""
        ids = message.explicit or _shortest(self._topology, message.source, message.target)
        hops = []
        for k in ids:
            link = self.links[k]
            hops.append(Hop(link, (link.channels[message.id % len(link.channels)],), k == ids[-1]))
        return hops

    def options(self, packet: Packet, link: Link) -> list[Hop] | None:
        """Return the hops that `packet`, granted on `link`, may choose from next; None when its path is fixed."""
        return None

    def choose(self, packet: Packet) -> Hop:
        """Return the hop that `packet` takes among its options (rule 19)."""
        assert packet.options
        return packet.options[0]


def _shortest(topology: Topology, source: int, target: int) -> tuple[int, ...]:
    before: dict[int, int] = {source: -1}
    queue = deque([source])
    while target not in before:
        node = queue.popleft()
        if node != source and not topology.forwards[node]:
            continue
        for link in topology.out_links[node]:
            if int(topology.target[link]) not in before:
                before[int(topology.target[link])] = link
                queue.append(int(topology.target[link]))
    path: list[int] = []
    while target != source:
        path.insert(0, before[target])
        target = int(topology.source[before[target]])
    return tuple(path)
