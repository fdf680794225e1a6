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
    number_at,
    packet_at,
)
from collsim.engines.compiled.codes import (
    ARRIVAL,
    ASK,
    CREDIT,
    DELIVERED,
    FIFO,
    FREE,
    LINK,
    OLDEST,
    OVERFLOW,
    PORT,
    ROUND_ROBIN,
    SENT,
    STEP,
)
from collsim.engines.compiled.events import poke, push
from collsim.engines.compiled.nic import flow_granted, named, next_index, packet_size
from collsim.engines.compiled.room import admit, await_room, head_time, promise, serialise
from collsim.engines.compiled.ways import choose, fastest, lanes_of, launch, options, set_way
from collsim.jit.compile import small_kernel

__all__ = ["arbitrate", "ask", "choose_ways"]


@small_kernel
def _join_askers(s: Any, lane: int, link: int) -> None:
    lane_at(s, lane).ask_next = link_at(s, link).askers
    link_at(s, link).askers = lane
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
def arbitrate(s: Any, l: int) -> None:
    """Grant link `l`, if it is idle, to the first of its candidates in the order of rule 16 or 17."""
    link = link_at(s, l)
    best_lane, best_from, before_best, best_rank = -1, -1, -1, 0
    k0, k1, k2 = 0, 0, 0
    before, asker = -1, link.askers
    while asker >= 0:
        fifo = lane_at(s, asker)
        p = packet_at(s, fifo.head)
        holder = p.message if p.index else -1
        lane = admit(s, p.lane, p.span, p.final, p.size, holder)
        if lane < 0:
            await_room(s, p.lane, p.span, holder)
        else:
            if s.arbitration == ROUND_ROBIN:
                a, b, c = fifo.rank - link.pointer, 0, 0
                if a < 0:
                    a += link.inputs
            else:
                m = message_at(s, p.message)
                a, b, c = (m.ready if s.arbitration == OLDEST else m.step), p.message, p.index
            if best_lane < 0 or a < k0 or (a == k0 and (b < k1 or (b == k1 and c < k2))):
                k0, k1, k2 = a, b, c
                best_lane, best_from, before_best, best_rank = lane, asker, before, fifo.rank
        before, asker = asker, fifo.ask_next
    flow = -1
    if link.host >= 0 and not (s.ports and host_at(s, link.host).sending >= s.ports):
        flow = named(s, l)
    size, index, final = 0, 0, 0
    if flow >= 0:
        message = flow_at(s, flow).message
        index = next_index(s, flow)
        size = packet_size(s, message, index)
        first, span, final = _nic_hop(s, message, index)
        holder = message if index else -1
        lane = admit(s, first, span, final, size, holder)
        rank = link.inputs - 1
        wins = False
        if lane < 0:
            await_room(s, first, span, holder)
        elif best_lane < 0:
            wins = True
        elif s.arbitration == ROUND_ROBIN:
            a = rank - link.pointer
            wins = (a if a >= 0 else a + link.inputs) < k0
        else:
            m = message_at(s, message)
            a = m.ready if s.arbitration == OLDEST else m.step
            wins = a < k0 or (a == k0 and (message < k1 or (message == k1 and index < k2)))
        if wins:
            best_lane, best_rank = lane, rank
        else:
            flow = -1
    if best_lane < 0:
        return
    link.pointer = best_rank + 1 if best_rank + 1 < link.inputs else 0
    if flow >= 0:
        _grant_nic(s, l, best_lane, flow, index, size, final)
    else:
        _grant_fifo(s, l, best_lane, best_from, before_best)


@small_kernel
def _occupy(s: Any, l: int, lane: int, message: int, index: int, size: int) -> int:
    """Let a packet hold link `l` from now; return when its tail has left."""
    link = link_at(s, l)
    ser = serialise(s, l, size)
    end = s.now + ser
    if end < 0:
        s.fault = OVERFLOW
    link.free_at, link.record = end, s.grants
    s.grants += 1
    link.busy += ser
    link.bytes += size
    if s.by_message:
        lane_at(s, lane).holder = message if index < message_at(s, message).packets - 1 else -1
    return end


@small_kernel
def _log(s: Any, l: int, message: int, previous: int, cause: int, by: int) -> None:
    entry = grant_at(s, s.logged)
    s.logged += 1
    entry.time, entry.previous, entry.by = s.now, previous, by
    entry.link, entry.message, entry.cause = l, message, cause


@small_kernel
def _watch(s: Any, l: int) -> None:
    """Have an event at the end of the packet on `l` if anybody waits for the link."""
    link = link_at(s, l)
    if not link.woken and (link.askers >= 0 or (link.host >= 0 and (link.current >= 0 or link.queued > 0))):
        link.woken = 1
        push(s, link.free_at, FREE, l)


@small_kernel
def _grant_nic(s: Any, l: int, lane: int, flow: int, index: int, size: int, final: int) -> None:
    link, now, f = link_at(s, l), s.now, flow_at(s, flow)
    message = f.message
    if s.logging:
        if message_at(s, message).ready == now:
            _log(s, l, message, -1, ARRIVAL, -1)
        elif link.free_at == now:
            _log(s, l, message, -1, LINK, link.record)
        elif f.opened == now:
            _log(s, l, message, -1, STEP, -1)
        elif lane_at(s, lane).credited_at == now:
            _log(s, l, message, -1, CREDIT, lane_at(s, lane).credited_record)
        else:
            _log(s, l, message, -1, PORT, host_at(s, link.host).freed_record)
    end = _occupy(s, l, lane, message, index, size)
    flow_granted(s, flow)
    if s.watch_sent:
        host_at(s, link.host).sending += 1
        link.sent = flow
        push(s, end, SENT, l)
    _watch(s, l)
    if final:
        _arrive(s, message, end + link.latency, link.record)
        return
    at = s.free_packet
    p = packet_at(s, at)
    s.free_packet = p.next
    s.free_packets -= 1
    p.message, p.index, p.size, p.at = message, index, size, 0
    if message_at(s, message).hop < 0:
        _, _, p.counter, p.pick, p.stop, p.leg = launch(s, message, index)
        p.previous = l
    _enter(s, l, lane, at, end + link.latency)


@small_kernel
def _grant_fifo(s: Any, l: int, lane: int, asker: int, before: int) -> None:
    link, now, fifo = link_at(s, l), s.now, lane_at(s, asker)
    at = fifo.head
    p = packet_at(s, at)
    if before < 0:
        link.askers = fifo.ask_next
    else:
        lane_at(s, before).ask_next = fifo.ask_next
    if s.logging:
        if p.asks_from == now:
            _log(s, l, p.message, p.record, ARRIVAL, -1)
        elif fifo.left_at == now:
            _log(s, l, p.message, p.record, FIFO, fifo.left_record)
        elif link.free_at == now:
            _log(s, l, p.message, p.record, LINK, link.record)
        else:
            _log(s, l, p.message, p.record, CREDIT, lane_at(s, lane).credited_record)
    end = _occupy(s, l, lane, p.message, p.index, p.size)
    fifo.left_at, fifo.left_record = end, link.record
    promise(s, asker, end + link_at(s, fifo.link).latency, p.size, link.record)
    fifo.head = p.next
    if p.next >= 0:
        push(s, max(packet_at(s, p.next).asks_from, end), ASK, asker)
    _watch(s, l)
    if p.final:
        _arrive(s, p.message, end + link.latency, link.record)
        p.next = s.free_packet
        s.free_packet = at
        s.free_packets += 1
    else:
        _enter(s, l, lane, at, end + link.latency)


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
def _enter(s: Any, l: int, lane: int, at: int, tail: int) -> None:
    """Take room in `lane` and join its FIFO; rule 9's e, with the fastest link the packet may choose (rule 19)."""
    p, fifo = packet_at(s, at), lane_at(s, lane)
    fifo.room -= p.size
    p.record = link_at(s, l).record
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
    head = s.now + link_at(s, l).latency + head_time(s, l, p.size)
    p.asks_from = max(head, tail - time) + s.router_delay
    if p.asks_from < 0:
        s.fault = OVERFLOW
    p.next = -1
    if fifo.head >= 0:
        packet_at(s, fifo.tail).next = at
        fifo.tail = at
    else:
        fifo.head = fifo.tail = at
        push(s, max(p.asks_from, fifo.left_at), ASK, lane)
