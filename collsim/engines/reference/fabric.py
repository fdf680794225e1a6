"""The fabric: packets granted, carried, queued and credited, tick by tick (rules 7 to 20 of docs/network-model.md).

State changes (`_tail_left`, `_credit`, `_ask`, `inject`) happen in phase 1 of a tick and only mark links as dirty; `_settle`
is phases 2 and 3. Nothing here arbitrates in a callback, so nothing depends on the order of events within a tick.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from collsim.engines.reference.arbiter import ORDERS, Arbiter
from collsim.engines.reference.clock import Clock
from collsim.engines.reference.grants import GrantLog
from collsim.engines.reference.link import Channel, Link, head_fs
from collsim.engines.reference.message import Cut, Message, Packet
from collsim.engines.reference.nic import Flow
from collsim.engines.reference.servers import Servers
from collsim.network.config import NetworkConfig
from collsim.network.link_changes import LinkChange
from collsim.units import check_time

if TYPE_CHECKING:
    from collsim.engines.reference.ends import Ends
    from collsim.engines.reference.routes import Router
    from collsim.engines.reference.watch import Watch

__all__ = ["Fabric"]


class Fabric:
    """All links of one simulation. `delivered(message)` is called at tail(m), `injected(message, ...)` as tails leave."""

    def __init__(self, network: NetworkConfig, router: Router, watch: Watch, ends: Ends):
        self.clock = Clock(self._settle, ends.hear)
        self.ends = ends
        ends.wire(self)
        self.network, self.router, self.watch = network, router, watch
        self.links, self.hosts = router.links, router.hosts
        self.log = GrantLog()
        self.delivered: Callable[[Message], None] = _nobody
        self.injected: Callable[[Message, int], None] = _nobody_injects
        self.parked: Callable[[Flow], bool] = _never
        self.by_message = network.transport.flow_control == "message"
        self._cut = Cut(network.packet, self.by_message)
        self._cut_through = network.router.switching == "cut-through"
        self._arbiter = Arbiter(ORDERS[network.router.arbitration], network.nic.ports, self.by_message, self.next_packet)
        self._joining: list[Message] = []
        self._rejoining: list[Flow] = []
        self._choosing: list[Channel] = []
        self._dirty: set[int] = set()
        self._woken: dict[Servers, None] = {}

    # Phase 1: state changes.

    def inject(self, message: Message) -> None:
        """Take a message that is ready now: in this tick's settling it joins the queue of its first link (rule 11)."""
        self._joining.append(message)
        self.clock.request_settling()

    def rejoin(self, flow: Flow) -> None:
        """Take a flow that had left its queue and has a packet to send again: in this tick's settling it joins it anew."""
        self._rejoining.append(flow)
        self.clock.request_settling()

    def wake(self, servers: Servers) -> None:
        """Have `servers` give out their free places in this tick's settling."""
        self._woken[servers] = None
        self.clock.request_settling()

    def poke(self, link: Link) -> None:
        """Have `link` arbitrated in this tick's settling."""
        self._dirty.add(link.index)
        self.clock.request_settling()

    def _ask(self, fifo: Channel) -> None:
        packet = fifo.queue[0]
        if packet.options:
            self._choosing.append(fifo)
            self.clock.request_settling()
        else:
            link = packet.path[packet.at].link
            link.askers.add(fifo)
            self.poke(link)

    def _tail_left(self, link: Link) -> None:
        """The tail of the packet on `link` leaves its source node: rules 7, 10 and 14."""
        packet, sender, record, now = link.sending, link.sender, link.record, self.clock.now
        assert packet is not None
        link.sending = None
        link.freed = (now, record)
        self.poke(link)
        if isinstance(sender, Channel):
            self.clock.at(now + sender.link.latency, self._credit, (sender, packet.size, record))
            sender.queue.popleft()
            sender.advanced = (now, record)
            if sender.queue:
                first = sender.queue[0]
                if first.asks_from <= now:
                    self._ask(sender)
                else:
                    self.clock.at(first.asks_from, self._ask, sender)
        elif sender is not None:
            self._port_freed(sender, record, packet.before == 0)

    def _port_freed(self, flow: Flow, record: int, first: bool) -> None:
        host, now = flow.port.host, self.clock.now
        host.sending -= 1
        tick, least = host.freed
        host.freed = (now, min(least, record) if tick == now else record)
        if self.network.nic.ports:
            for port in host.ports:
                if port.waiting:
                    self.poke(port.link)
        flow.message.unsent -= first
        if first and not flow.message.unsent:
            self.injected(flow.message, record)

    def _credit(self, what: tuple[Channel, int, int]) -> None:
        """Bytes count again at the sender of a channel (rule 10)."""
        channel, size, record = what
        channel.room += size
        channel.credited = (self.clock.now, record)
        self.poke(channel.link)

    def change(self, what: LinkChange) -> None:
        """Let a link fail, come back, have another rate or lose another share from this tick on (rule 27)."""
        link = self.links[what.link]
        assert what.rate is not None
        assert what.loss is not None
        link.change(what.time, what.rate)
        self.ends.change(what.link, what.loss)
        self.poke(link)

    # Phases 2 and 3.

    def _settle(self) -> None:
        for servers in self._woken:
            servers.settle()
        self._woken.clear()
        choices = [self.router.choose(fifo.queue[0]) for fifo in self._choosing]
        joining, self._joining = sorted(self._joining, key=lambda m: m.id), []
        flows = [flow for message in joining for flow in self.router.flows(message)]
        for fifo, option in zip(self._choosing, choices, strict=True):
            self.router.take(fifo.queue[0], option)
            option.hop.link.askers.add(fifo)
            self._dirty.add(option.hop.link.index)
        self._choosing.clear()
        rejoining, self._rejoining = sorted(self._rejoining, key=lambda f: (f.id, f.port.link.index)), []
        for flow in rejoining:
            self.enqueue(flow)
        for flow in flows:
            if not self.parked(flow):
                self.enqueue(flow)
        dirty, self._dirty = sorted(self._dirty), set()
        for index in dirty:
            winner = self._arbiter.arbitrate(self.links[index])
            if winner is not None:
                self._grant(self.links[index], *winner)

    def enqueue(self, flow: Flow) -> None:
        """Let the scheduler of its port see `flow`."""
        flow.port.join(flow)
        self.poke(flow.port.link)

    def next_packet(self, flow: Flow) -> Packet:
        """Return the packet of `flow` that the NIC asks with."""
        if flow.packet is None:
            index = flow.next_index
            flow.packet = self.router.launch(flow.message, index, self._cut.packet_bytes(flow.size, index))
        return flow.packet

    def _grant(self, link: Link, packet: Packet, channel: Channel, source: Channel | Flow) -> None:
        """Rules 7 to 9, 27, 28: `packet` holds `link` from now, at least until its tail has come, and enters `channel`."""
        now, message = self.clock.now, packet.message
        end = max(now + link.ser(packet.size), packet.tail)
        packet.record = self.log.add(now, link, packet, channel, source)
        link.sending, link.sender, link.record = packet, source, packet.record
        link.busy += end - now
        link.bytes += packet.size
        if isinstance(source, Channel):
            link.askers.remove(source)
            packet.waited += end - max(packet.asks_from, source.advanced[0])
        else:
            if self.ends.on:
                self.ends.granted(packet, source)
            source.port.granted(source)
            source.port.host.sending += 1
            if message.started < 0:
                message.started = now
        if self.by_message:
            channel.holder = message if packet.index < message.packets - 1 else None
        final = packet.path[packet.at].final
        for notify in self.watch.on_grant:
            notify(link.index, message.id, packet.index, now, channel=channel.index, size=packet.size, end=end, final=final)
        packet.at += 1
        packet.way += link.latency
        self.clock.at(end, self._tail_left, link)
        tail = check_time(end + link.latency)
        if self.ends.on and self.ends.loses(link, packet):
            self.ends.vanish(packet, link, tail)
        elif final:
            self._arrive_last(packet, tail)
        else:
            self._enter(packet, link, channel, tail)

    def _arrive_last(self, packet: Packet, tail: int) -> None:
        if self.ends.on:
            self.ends.arrive(packet, tail)
            return
        message = packet.message
        if tail > message.tail or (tail == message.tail and packet.record < message.tail_record):
            message.tail, message.tail_record = tail, packet.record
        message.unarrived -= 1
        if not message.unarrived:
            self.clock.at(message.tail, self.delivered, message)

    def _enter(self, packet: Packet, link: Link, channel: Channel, tail: int) -> None:
        """Take room in `channel` and join its FIFO; rule 9's e, with the fastest link it may choose (rule 19)."""
        channel.room -= packet.size
        packet.tail = tail
        options = self.router.options(packet, link)
        if len(options) == 1:
            self.router.take(packet, options[0])
        else:
            packet.options = options
        nexts = [option.hop for option in packet.options] or [packet.path[packet.at]]
        header = self.network.packet.header
        head = self.clock.now + link.latency + head_fs(link, packet.size, header, self._cut_through)
        fastest = min(hop.link.ser(packet.size) for hop in nexts)
        packet.asks_from = check_time(max(head, tail - fastest) + self.network.router.router_delay)
        channel.queue.append(packet)
        if len(channel.queue) == 1:
            self.clock.at(packet.asks_from, self._ask, channel)


def _nobody(message: Message) -> None:
    """Stand for a listener that is wired later."""


def _nobody_injects(message: Message, record: int) -> None:
    """Stand for a listener that is wired later."""


def _never(flow: Flow) -> bool:
    """Park no flow."""
    return False
