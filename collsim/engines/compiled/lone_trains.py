"""Trains within a run of packets: all that is left of a message goes as one event while nobody else asks for its link.

Where a message crosses one link only and its NIC is the only one to ask for that link, the ticks at which its packets are
granted are sums. So they are granted together. If a packet begins to ask for the link before their end, those granted before
that tick stand and the others go one by one: nothing that has happened is taken back, and what was foreseen (a delivery, a
departure, the end of the link's work) is passed over when it comes up. A message is split once at most, so a link or a
message has one such forecast at most. docs/trains.md says why this is exact.
"""

from __future__ import annotations

from typing import Any

from collsim.engines.compiled.access import flow_at, grant_at, host_at, lane_at, link_at, message_at
from collsim.engines.compiled.codes import DELIVERED, SENT
from collsim.engines.compiled.events import push
from collsim.engines.compiled.nic import flow_left, packet_size
from collsim.engines.compiled.room import serialise
from collsim.jit.compile import small_kernel
from collsim.units import MAX_TIME

__all__ = ["depart", "split", "train_of"]


@small_kernel
def train_of(s: Any, link: int, flow: int, index: int) -> int:
    """Return how many packets, from number `index` on, `flow` may send over its idle link as one train; 0 for none."""
    record = flow_at(s, flow)
    count, m = record.left, message_at(s, record.message)
    if count < 2 or m.hops != 1 or m.hop < 0 or m.split:
        return 0
    # A time beyond the clock has to come up at the packet that exceeds it.
    first, each = serialise(s, link, packet_size(s, record.message, index)), link_at(s, link).full_ser
    left = MAX_TIME - s.now - link_at(s, link).latency
    if first < 0 or each < 0 or left < first or (left - first) // each < count - 1:
        return 0
    return int(count)


@small_kernel
def depart(s: Any, link: int, lane: int, flow: int, index: int, count: int) -> None:
    """Grant the idle `link` to the last `count` packets of the message of `flow`, from `index` on, one after another."""
    wire, message = link_at(s, link), flow_at(s, flow).message
    first, last = packet_size(s, message, index), packet_size(s, message, index + count - 1)
    begun = s.now + serialise(s, link, first) + (count - 2) * wire.full_ser
    end = begun + serialise(s, link, last)
    if s.logging:
        grant_at(s, s.logged - 1).last = begun
    m = message_at(s, message)
    if m.started < 0:
        m.started = s.now
    wire.train, wire.train_lane, wire.train_packets, wire.train_at = flow, lane, count, s.now
    wire.free_at, wire.record = end, s.grants
    s.grants += 1
    s.hops += count
    s.trained += count
    wire.busy += end - s.now
    wire.bytes += first + (count - 2) * s.full + last
    if s.by_message:
        lane_at(s, lane).holder = -1
    flow_left(s, flow)
    if s.watch_sent:
        host_at(s, wire.host).sending += 1
        wire.sent, wire.last_at, wire.again = flow, begun, 0
        push(s, end, SENT, link)
    m.unarrived -= count
    m.tail, m.tail_record = end + wire.latency, wire.record
    if m.unarrived == 0:
        push(s, m.tail, DELIVERED, message)


@small_kernel
def split(s: Any, link: int) -> None:
    """A packet begins to ask for `link`: keep of the train on it what was granted before now."""
    wire = link_at(s, link)
    flow, count = wire.train, wire.train_packets
    message = flow_at(s, flow).message
    index = flow_at(s, flow).total - count
    since = s.now - wire.train_at - serialise(s, link, packet_size(s, message, index))
    stood = min(count, 1 + (max(since, 0) + wire.full_ser - 1) // wire.full_ser)
    if stood == count:
        return
    left, m = count - stood, message_at(s, message)
    end = s.now - since + (stood - 1) * wire.full_ser
    wire.busy -= wire.free_at - end
    wire.bytes -= (left - 1) * s.full + packet_size(s, message, index + count - 1)
    s.hops -= left
    s.trained -= left
    if s.watch_sent:
        wire.void_sent = wire.free_at
        message_at(s, message).unsent -= stood
    if s.by_message:
        lane_at(s, wire.train_lane).holder = message
    wire.free_at, wire.train, wire.woken = end, -1, 0
    flow_at(s, flow).left, wire.current = left, flow
    m.split = 1
    m.unarrived += left
    m.tail = end + wire.latency
