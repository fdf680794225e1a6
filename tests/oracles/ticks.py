"""The network model tick by tick: every rule as a predicate over the list of grants so far, asked for every link and tick.

Nothing is scheduled, nothing is remembered but grants, pointers and queues, so there is no event to forget and no wake-up to
miss. Only for tiny numbers: a byte takes a few femtoseconds. Rules 7 to 12, 14 to 17, 19 and 21.
"""

from dataclasses import dataclass, field

from collsim.topology.routing import channels_of, route


@dataclass(eq=False)
class Grant:
    link: int
    channel: int
    packet: object
    time: int
    end: int
    final: bool
    arrival: int
    head: int


@dataclass(eq=False)
class Packet:
    message: object
    index: int
    size: int
    state: object
    grants: list = field(default_factory=list)
    hop: tuple | None = None
    choices: tuple = ()


@dataclass(eq=False)
class Message:
    id: int
    source: int
    target: int
    size: int
    step: int
    ready: int
    call: int
    packets: list = field(default_factory=list)
    queues: dict = field(default_factory=dict)


class Ticks:
    def __init__(self, topology, network, messages, capacity, seed=0):
        self.t, self.n, self.capacity = topology, network, capacity
        self.by_message = network.transport.flow_control == "message"
        router = network.router
        self.routing = route(topology, router.routing, router.virtual_channels, last_counts=self.by_message)
        auto = router.virtual_channels == "auto"
        self.channels = self.routing.classes if auto else router.virtual_channels
        self.messages, self.seed = messages, seed
        self.grants, self.on, self.pointer = [], {}, [0] * topology.links
        self.queue = {link: [] for link in range(topology.links)}
        self.stays = dict.fromkeys(range(topology.links))
        for m in messages:
            self._cut(m)

    def _cut(self, m):
        payload, header = self.n.packet.packet_payload, self.n.packet.header
        for index in range(-(-m.size // payload)):
            size = min(payload, m.size - index * payload) + (0 if self.by_message and index else header)
            m.packets.append(Packet(m, index, size, self.routing.start(m.source, m.target, (self.seed, m.call, 0), index)))

    def ser(self, link, size):
        return -(-size * 10**15 // int(self.t.bandwidth[link]))

    # What is true at tick t.

    def outstanding(self, link, channel, t):
        held = [g for g in self.on.get((link, channel), ()) if not g.final]
        return sum(
            g.packet.size for g in held if not (self.left(g) is not None and self.left(g) + int(self.t.latency[link]) <= t)
        )

    @staticmethod
    def left(grant):
        """When the tail left the buffer that `grant` took, None while the packet has not been granted further."""
        later = grant.packet.grants[grant.packet.grants.index(grant) + 1 :]
        return later[0].end if later else None

    def asks(self, link, channel, t):
        """The first packet of a FIFO if it asks at t, else None."""
        since = 0
        for grant in self.on.get((link, channel), ()):
            if grant.final:
                continue
            if self.left(grant) is not None and self.left(grant) <= t:
                since = self.left(grant)
                continue
            if self.left(grant) is not None:
                return None
            fastest = min(self.ser(c.link, grant.packet.size) for c in grant.packet.choices)
            since = max(since, max(grant.head, grant.arrival - fastest) + self.n.router.router_delay)
            return grant.packet if since <= t else None
        return None

    def channel_for(self, packet, t):
        """The channel of its next hop that a packet may take at t, None without one."""
        link, cls, final = packet.hop
        first, last = channels_of(cls, self.routing.classes, self.channels)
        channels = list(range(first, last))
        if self.n.router.vc_allocation == "static":
            channels = [channels[packet.message.id % len(channels)]]
        found = []
        for v in channels:
            holder = self.holder(link, v)
            if self.by_message and holder is not (packet.message if packet.index else None):
                continue
            room = self.capacity(link) - self.outstanding(link, v, t)
            if final or room >= packet.size:
                found.append((-room, v))
        return min(found)[1] if found else None

    def holder(self, link, channel):
        grants = self.on.get((link, channel), ())
        if not self.by_message or not grants:
            return None
        last = grants[-1].packet
        return last.message if last.index < len(last.message.packets) - 1 else None

    # What happens at tick t.

    def run(self, until=5000):
        for t in range(until):
            self._ask_new(t)
            self._join(t)
            for link in range(self.t.links):
                self._arbitrate(link, t)
            if sum(g.final for g in self.grants) == sum(len(m.packets) for m in self.messages if m.source != m.target):
                return sorted((g.link, g.time, g.packet.message.id, g.packet.index, g.channel) for g in self.grants)
        raise AssertionError("it never ends")

    def _ask_new(self, t):
        """Phase 2: packets that begin to ask choose, all of them by what phase 1 left."""
        chosen = []
        for link in range(self.t.links):
            for v in range(self.channels):
                packet = self.asks(link, v, t)
                if packet is not None and packet.hop is None:
                    weighed = [(c.weight * self._queued(packet, c, t), k) for k, c in enumerate(packet.choices)]
                    chosen.append((packet, packet.choices[min(weighed)[1]]))
        for packet, choice in chosen:
            self._settle(packet, choice)

    def _queued(self, packet, choice, t):
        first, last = channels_of(choice.cls, self.routing.classes, self.channels)
        channels = range(first, last)
        if self.n.router.vc_allocation == "static":
            channels = [channels[packet.message.id % len(channels)]]
        return min(self.outstanding(choice.link, v, t) for v in channels)

    def _settle(self, packet, choice):
        packet.state = choice.state
        packet.hop = (choice.link, choice.cls, int(self.t.target[choice.link]) == packet.message.target)

    def _join(self, t):
        for m in self.messages:
            if m.ready == t and m.source != m.target:
                for packet in m.packets:
                    self._settle(packet, self.routing.choices(m.source, m.target, packet.state)[0])
                    m.queues.setdefault(packet.hop[0], []).append(packet)
                for link in m.queues:
                    self.queue[link].append(m)

    def _named(self, link):
        waiting = [m for m in self.queue[link] if m.queues[link]]
        if not waiting:
            return None
        if self.stays[link] in waiting:
            return self.stays[link]
        key = {
            "fifo": lambda m: (0,),
            "round-robin": lambda m: (0,),
            "lowest-step": lambda m: (m.step, m.ready, m.id),
            "shortest-first": lambda m: (m.size, m.ready, m.id),
        }[self.n.nic.nic_scheduler]
        return min(waiting, key=key)

    def _arbitrate(self, link, t):
        if any(g.link == link and t < g.end for g in self.grants):
            return
        node = int(self.t.source[link])
        fifos = [(k, v) for k in self.t.in_links[node] for v in range(self.channels)]
        candidates = []
        for rank, fifo in enumerate(fifos):
            packet = self.asks(*fifo, t)
            if packet is not None and packet.hop[0] == link:
                candidates.append((rank, packet))
        sending = {g.link for g in self.grants if len(g.packet.grants) >= 1 and g is g.packet.grants[0] and t < g.end}
        busy = sum(int(self.t.source[k]) == node for k in sending)
        message = self._named(link)
        if message is not None and not (self.n.nic.ports and busy >= self.n.nic.ports):
            candidates.append((len(fifos), message.queues[link][0]))
        able = [(rank, packet, self.channel_for(packet, t)) for rank, packet in candidates]
        able = [a for a in able if a[2] is not None]
        if able:
            order = {
                "round-robin": lambda a: (a[0] - self.pointer[link]) % (len(fifos) + 1),
                "oldest": lambda a: (a[1].message.ready, a[1].message.id, a[1].index),
                "lowest-step": lambda a: (a[1].message.step, a[1].message.id, a[1].index),
            }[self.n.router.arbitration]
            rank, packet, channel = min(able, key=order)
            self.pointer[link] = (rank + 1) % (len(fifos) + 1)
            self._grant(link, channel, packet, t)

    def _grant(self, link, channel, packet, t):
        m, ser, wire = packet.message, self.ser(link, packet.size), int(self.t.latency[link])
        head = max(1, self.ser(link, min(self.n.packet.header, packet.size)))
        if self.n.router.switching == "store-and-forward":
            head = ser
        grant = Grant(link, channel, packet, t, t + ser, packet.hop[2], t + wire + ser, t + wire + head)
        if not packet.grants:
            m.queues[link].pop(0)
            rotate = self.n.nic.nic_scheduler == "round-robin" and not self.by_message
            self.stays[link] = None if rotate else m
            if rotate:
                self.queue[link].remove(m)
                self.queue[link].append(m)
        packet.grants.append(grant)
        self.grants.append(grant)
        self.on.setdefault((link, channel), []).append(grant)
        packet.hop = None
        if not grant.final:
            packet.choices = self.routing.choices(int(self.t.target[link]), m.target, packet.state)
            if len(packet.choices) == 1:
                self._settle(packet, packet.choices[0])
