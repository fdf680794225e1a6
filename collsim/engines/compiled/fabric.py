"""Packets asking, choosing, being granted and carried (rules 7 to 10, 14 to 17, 19 and 21).

A grant settles what follows from it at once: when the tail has left, when its bytes count again, when the next packet of the
FIFO may ask. So a packet costs one event a hop, when it begins to ask, and one more only where somebody waits for the link.
"""

from __future__ import annotations

from typing import Any

from collsim.engines.compiled.access import (
    flow_at,
    grant_at,
    hop_at,
    host_at,
    lane_at,
    link_at,
    message_at,
    note_at,
    number_at,
    packet_at,
)
from collsim.engines.compiled.attempts import again, loses, path_of, rest
from collsim.engines.compiled.codes import (
    ARRIVAL,
    ASK,
    CREDIT,
    DELIVERED,
    FIFO,
    FREE,
    LINK,
    LOSS,
    OLDEST,
    PORT,
    RESTORED,
    ROUND_ROBIN,
    SENT,
    STEP,
)
from collsim.engines.compiled.ends import arrive, sent, vanish, went_on
from collsim.engines.compiled.events import after, poke, push
from collsim.engines.compiled.lone_trains import depart, split, train_of
from collsim.engines.compiled.nic import flow_granted, named, next_index, packet_size
from collsim.engines.compiled.room import admit, await_room, head_time, promise, serialise
from collsim.engines.compiled.ways import choose, fastest, lanes_of, launch, options, set_way
from collsim.jit.compile import small_kernel

__all__ = ["arbitrate", "ask", "choose_ways"]


@small_kernel
def _join_askers(s: Any, lane: int, link: int) -> None:
    lane_at(s, lane).ask_next = link_at(s, link).askers
    link_at(s, link).askers = lane
    if link_at(s, link).train >= 0:
        split(s, link)
    poke(s, link)


@small_kernel
def ask(s: Any, lane: int) -> None:
    """The first packet of the FIFO of `lane` begins to ask."""
    packet = packet_at(s, lane_at(s, lane).head)
    if packet.lane < 0:
        number_at(s.at_choosing, s.choices).value = lane
        s.choices += 1
    else:
        _join_askers(s, lane, lane_at(s, packet.lane).link)


@small_kernel
def choose_ways(s: Any) -> None:
    """Phase 2: each packet that begins to ask chooses by the state that phase 1 has left."""
    for k in range(s.choices):
        lane = number_at(s.at_choosing, k).value
        packet = lane_at(s, lane).head
        choose(s, packet, options(s, packet))
        _join_askers(s, lane, lane_at(s, packet_at(s, packet).lane).link)
    s.choices = 0


@small_kernel
def _nic_hop(s: Any, message: int, index: int) -> tuple[int, int, int]:
    """Return (first lane, how many, final) of the first hop of a message's packet."""
    record = message_at(s, message)
    if record.hop >= 0:
        return hop_at(s, record.hop).lane, hop_at(s, record.hop).span, record.hops == 1
    link, cls, _, _, _, _ = launch(s, message, index)
    lane, span = lanes_of(s, link, cls, message)
    return lane, span, link_at(s, link).target == record.target


@small_kernel
def _order(s: Any, wire: Any, rank: int, message: int, index: int) -> tuple[int, int, int, int]:
    """Return the key of a candidate, input number `rank`, of which the least wins (rules 16 and 17)."""
    if s.arbitration == ROUND_ROBIN:
        ahead = rank - wire.pointer
        return ahead if ahead >= 0 else ahead + wire.inputs, 0, 0, 0
    if s.arbitration == OLDEST:
        return message_at(s, message).ready, message, index, rank
    return message_at(s, message).step, message, index, rank


@small_kernel
def _first_fifo(s: Any, link: int) -> tuple[int, int, int, tuple[int, int, int, int]]:
    """Return (lane it takes, FIFO, the asker listed before it, key) of the first FIFO with room, -1 for none."""
    wire = link_at(s, link)
    lane, best, before_best, least = -1, -1, -1, (0, 0, 0, 0)
    before, asker = -1, wire.askers
    while asker >= 0:
        fifo = lane_at(s, asker)
        p = packet_at(s, fifo.head)
        holder = p.message if p.index else -1
        found = admit(s, p.lane, p.span, p.final, p.size, holder)
        if found < 0:
            await_room(s, p.lane, p.span, holder)
        else:
            key = _order(s, wire, fifo.rank, p.message, p.index)
            if lane < 0 or key < least:
                lane, best, before_best, least = found, asker, before, key
        before, asker = asker, fifo.ask_next
    return lane, best, before_best, least


@small_kernel
def _nic(s: Any, link: int) -> tuple[int, int, int, int, int]:
    """Return (lane it takes, flow, packet's index, size, final) of what the NIC asks with; lane -1: it is no candidate."""
    wire = link_at(s, link)
    if wire.host < 0 or (s.ports and host_at(s, wire.host).sending >= s.ports):
        return -1, -1, 0, 0, 0
    flow = named(s, link)
    if flow < 0:
        return -1, -1, 0, 0, 0
    message, index = flow_at(s, flow).message, next_index(s, flow)
    size = packet_size(s, message, index)
    first, span, final = _nic_hop(s, message, index)
    holder = message if index else -1
    lane = admit(s, first, span, final, size, holder)
    if lane < 0:
        await_room(s, first, span, holder)
    return lane, flow, index, size, final


@small_kernel
def arbitrate(s: Any, link: int) -> None:
    """Grant an idle link to the first of its candidates."""
    wire = link_at(s, link)
    lane, fifo, before, key = _first_fifo(s, link)
    own_lane, flow, index, size, final = _nic(s, link)
    rank = wire.inputs - 1
    if own_lane >= 0 and (lane < 0 or _order(s, wire, rank, flow_at(s, flow).message, index) < key):
        wire.pointer = 0
        count = train_of(s, link, flow, index) if s.trains and wire.askers < 0 else 0
        if s.logging:
            _log_nic(s, link, own_lane, flow)
        if count:
            depart(s, link, own_lane, flow, index, count)
            _watch(s, link)
        else:
            _grant_nic(s, link, own_lane, flow, index, size, final)
    elif lane >= 0:
        wire.pointer = lane_at(s, fifo).rank + 1
        _grant_fifo(s, link, lane, fifo, before)


@small_kernel
def _occupy(s: Any, link: int, lane: int, message: int, index: int, size: int, tail: int) -> int:  # noqa: PLR0917
    """Let a packet whose tail comes at `tail` hold link `link` from now; return when its tail has left.

    Only a link that has become faster since the packet was sent to it waits for the tail (rule 27).
    """
    wire = link_at(s, link)
    end = max(after(s, s.now, serialise(s, link, size)), tail)
    wire.free_at, wire.record, wire.train = end, s.grants, -1
    s.grants += 1
    s.hops += 1
    if s.logging:
        grant_at(s, s.logged - 1).size = size
    wire.busy += end - s.now
    wire.bytes += size
    if s.by_message:
        lane_at(s, lane).holder = message if index < message_at(s, message).packets - 1 else -1
    return end


@small_kernel
def _log(s: Any, link: int, message: int, previous: int, cause: int, by: int) -> None:
    entry = grant_at(s, s.logged)
    s.logged += 1
    entry.time, entry.last, entry.previous, entry.by = s.now, s.now, previous, by
    entry.link, entry.message, entry.cause, entry.size = link, message, cause, 0


@small_kernel
def _watch(s: Any, link: int) -> None:
    """Have an event at the end of the packet on `link` if anybody waits for the link."""
    wire = link_at(s, link)
    if not wire.woken and (wire.askers >= 0 or (wire.host >= 0 and (wire.current >= 0 or wire.queued > 0))):
        wire.woken = 1
        push(s, wire.free_at, FREE, link)


@small_kernel
def _log_nic(s: Any, link: int, lane: int, flow: int) -> None:
    """Note what released the grant of `link` to its NIC."""
    wire, now, message = link_at(s, link), s.now, flow_at(s, flow).message
    if message_at(s, message).ready == now:
        _log(s, link, message, -1, ARRIVAL, -1)
    elif wire.free_at == now:
        _log(s, link, message, -1, LINK, wire.record)
    elif flow_at(s, flow).opened == now:
        _log(s, link, message, -1, STEP, -1)
    elif flow_at(s, flow).noticed_at == now:
        _log(s, link, message, -1, LOSS, flow_at(s, flow).noticed_record)
    elif lane_at(s, lane).credited_at == now:
        _log(s, link, message, -1, CREDIT, lane_at(s, lane).credited_record)
    elif wire.restored_at == now:
        ready = message_at(s, message).ready
        _log(s, link, message, -1, RESTORED, wire.record if wire.free_at > ready else -1 - ready)
    else:
        _log(s, link, message, -1, PORT, host_at(s, wire.host).freed_record)


@small_kernel
def _waited_for(wire: Any, fifo: Any, packet: Any) -> int:
    """Return what had kept the first packet of a FIFO back before its link was restored (Grant.by, reference/grants.py)."""
    if wire.free_at > max(packet.asks_from, fifo.left_at):
        return wire.record
    return fifo.left_record if fifo.left_at > packet.asks_from else -1 - packet.asks_from


@small_kernel
def _grant_nic(s: Any, link: int, lane: int, flow: int, index: int, size: int, final: int) -> None:  # noqa: PLR0917
    wire, now, message = link_at(s, link), s.now, flow_at(s, flow).message
    if message_at(s, message).started < 0:
        message_at(s, message).started = now
    end = _occupy(s, link, lane, message, index, size, 0)
    note = sent(s, link, flow, index) if message_at(s, message).noted else -1
    flow_granted(s, flow)
    if s.watch_sent:
        host_at(s, wire.host).sending += 1
        wire.sent, wire.last_at = flow, now
        wire.again = note >= 0 and note_at(s, note).attempt > 0
        push(s, end, SENT, link)
    _watch(s, link)
    tail = after(s, end, wire.latency)
    if final:
        if note < 0:
            _arrive(s, message, tail, wire.record)
        elif loses(s, link, note):
            vanish(s, note, wire.record, tail, 0)
        else:
            arrive(s, note, wire.record, tail)
        return
    at = s.free_packet
    p = packet_at(s, at)
    s.free_packet = p.next
    s.free_packets -= 1
    p.message, p.index, p.size, p.at, p.note = message, index, size, 0, note
    if message_at(s, message).hop < 0:
        _, _, p.counter, p.pick, p.stop, p.leg = launch(s, message, index)
        p.previous = link
        if note >= 0:
            p.pick, p.leg = again(s, note, p.pick, p.leg)
            if note_at(s, note).path >= 0:
                p.pick = path_of(s, link, note)
    if note >= 0 and loses(s, link, note):
        vanish(s, note, wire.record, tail, rest(s, at))
        _free(s, at)
    else:
        _enter(s, link, lane, at, tail)


@small_kernel
def _free(s: Any, packet: int) -> None:
    packet_at(s, packet).next = s.free_packet
    s.free_packet = packet
    s.free_packets += 1


@small_kernel
def _grant_fifo(s: Any, link: int, lane: int, asker: int, before: int) -> None:
    wire, now, fifo = link_at(s, link), s.now, lane_at(s, asker)
    at = fifo.head
    p = packet_at(s, at)
    if before < 0:
        wire.askers = fifo.ask_next
    else:
        lane_at(s, before).ask_next = fifo.ask_next
    if s.logging:
        if p.asks_from == now:
            _log(s, link, p.message, p.record, ARRIVAL, -1)
        elif fifo.left_at == now:
            _log(s, link, p.message, p.record, FIFO, fifo.left_record)
        elif wire.free_at == now:
            _log(s, link, p.message, p.record, LINK, wire.record)
        elif wire.restored_at == now and lane_at(s, lane).credited_at != now:
            _log(s, link, p.message, p.record, RESTORED, _waited_for(wire, fifo, p))
        else:
            _log(s, link, p.message, p.record, CREDIT, lane_at(s, lane).credited_record)
    end = _occupy(s, link, lane, p.message, p.index, p.size, p.tail)
    waited = end - max(p.asks_from, fifo.left_at)
    fifo.left_at, fifo.left_record = end, wire.record
    promise(s, asker, after(s, end, link_at(s, fifo.link).latency), p.size, wire.record)
    fifo.head = p.next
    if p.next >= 0:
        push(s, max(packet_at(s, p.next).asks_from, end), ASK, asker)
    _watch(s, link)
    tail = after(s, end, wire.latency)
    if p.note >= 0:
        went_on(s, p.note, waited, wire.latency)
        if loses(s, link, p.note):
            vanish(s, p.note, wire.record, tail, rest(s, at))
            _free(s, at)
            return
    if not p.final:
        _enter(s, link, lane, at, tail)
        return
    if p.note >= 0:
        arrive(s, p.note, wire.record, tail)
    else:
        _arrive(s, p.message, tail, wire.record)
    _free(s, at)


@small_kernel
def _arrive(s: Any, message: int, tail: int, grant: int) -> None:
    """A packet was granted its last link and its tail will arrive at `tail`."""
    m = message_at(s, message)
    if tail > m.tail or (tail == m.tail and grant < m.tail_record):
        m.tail, m.tail_record = tail, grant
    m.unarrived -= 1
    if m.unarrived == 0:
        push(s, m.tail, DELIVERED, message)


@small_kernel
def _enter(s: Any, link: int, lane: int, at: int, tail: int) -> None:
    """Take room in `lane` and join its FIFO; rule 9's e, with the fastest link the packet may choose (rule 19)."""
    p, fifo = packet_at(s, at), lane_at(s, lane)
    fifo.room -= p.size
    p.record, p.tail = link_at(s, link).record, tail
    p.at += 1
    m = message_at(s, p.message)
    if m.hop >= 0:
        hop = m.hop + p.at
        p.lane, p.span, p.final = hop_at(s, hop).lane, hop_at(s, hop).span, p.at == m.hops - 1
        time = serialise(s, lane_at(s, p.lane).link, p.size)
    else:
        count = options(s, at)
        time = fastest(s, at, count)
        if count == 1:
            set_way(s, at, 0)
        else:
            p.lane = -1
    head = after(s, after(s, s.now, link_at(s, link).latency), head_time(s, link, p.size))
    p.asks_from = after(s, max(head, tail - time) if time >= 0 else head, s.router_delay)
    p.next = -1
    if fifo.head >= 0:
        packet_at(s, fifo.tail).next = at
        fifo.tail = at
    else:
        fifo.head = fifo.tail = at
        push(s, max(p.asks_from, fifo.left_at), ASK, lane)
