"""Packets that find their own way: the state a packet carries and the links it may take next (rules 19 and 24).

The same steps as `Routing.start` and `Routing.choices` of topology/routing/walk.py. A packet's state is (counter, link
before, pick, stop, leg); a choice is a tuple of the state after it and its class.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from collsim.engines.compiled.access import (
    bump_of,
    capacity_of,
    class_first_of,
    class_span_of,
    forwards_of,
    lane_at,
    link_at,
    message_at,
    message_first_of,
    packet_at,
    row_first_of,
    row_links_of,
    stage_of,
    turn_first_of,
    turn_home_of,
    turn_links_of,
)
from collsim.engines.compiled.codes import HOME, LEAST_QUEUED, NO_ROUTE, OUT, TURN, UGAL, UNDECIDED
from collsim.engines.compiled.room import count_credits, serialise
from collsim.jit.compile import small_kernel
from collsim.topology.routing.splitmix import splitmix64_array

__all__ = ["choose", "fastest", "lanes_of", "launch", "mix", "options", "set_way", "take", "word"]

mix = small_kernel(splitmix64_array)


@small_kernel
def word(value: int) -> Any:
    """Return an integer as 64 bits without a sign."""
    return np.uint64(value)


@small_kernel
def lanes_of(s: Any, link: int, cls: int, message: int) -> tuple[int, int]:
    """Return (first lane, how many) that a hop over `link` in class `cls` may take."""
    first, span = link * s.channels + class_first_of(s, cls), class_span_of(s, cls)
    return (first, span) if s.most_room else (first + message % span, 1)


@small_kernel
def _start(s: Any, message: int, index: int) -> tuple[Any, int, int]:
    """Return (pick, stop, leg) of packet `index` at its source."""
    record = message_at(s, message)
    source, target = record.source, record.target
    transfer = message - message_first_of(s, record.call)
    h = mix(word(s.seed))
    if not s.has_turns:
        h = mix(h ^ word(source))
        h = mix(h ^ word(target))
        h = mix(h ^ word(record.call))
        return mix(h ^ word(transfer)) + word(index), -1, HOME
    h = mix(h ^ word(record.call))
    h = mix(h ^ word(transfer))
    number = mix(h ^ word(index))
    low, high = min(turn_home_of(s, source), turn_home_of(s, target)), max(turn_home_of(s, source), turn_home_of(s, target))
    left = s.stops - (low >= 0) - (high >= 0 and high != low)
    if left <= 0 or (low == high and low >= 0):
        return number, -1, HOME
    stop = np.int64(number % word(left))
    if low >= 0 and stop >= low:
        stop += 1
    if high >= 0 and high != low and stop >= high:
        stop += 1
    return number // word(left), int(stop), UNDECIDED if s.multipath == UGAL else OUT


@small_kernel
def _advance(s: Any, counter: int, previous: int, link: int) -> tuple[int, int]:
    """Return (counter, class) of a packet that takes `link` after `previous`."""
    if previous >= 0 and stage_of(s, previous) != stage_of(s, link):
        counter = 0
    counter += bump_of(s, link)
    return counter, min(max(counter - s.bias, 0), s.classes - 1)


@small_kernel
def _row(s: Any, node: int, target: int, counter: int, stop: int, leg: int) -> tuple[int, int, int]:
    """Return (leg, where its candidates begin, how many) of a packet at `node`; a leg OUT that has ended turns HOME."""
    if leg == OUT:
        row = node * s.stops + stop
        count = turn_first_of(s, row + 1) - turn_first_of(s, row)
        if count > 0:
            return OUT, turn_first_of(s, row), count
        leg = HOME
        if s.restarts:
            counter = 0
    row = (min(counter, s.phases - 1) * s.nodes + node) * s.hosts + target
    return leg, row_first_of(s, row), row_first_of(s, row + 1) - row_first_of(s, row)


@small_kernel
def take(  # noqa: PLR0917
    s: Any, node: int, target: int, counter: int, previous: int, pick: Any, stop: int, leg: int, nth: int
) -> tuple[int, int, int, Any, int]:
    """Return (link, class, counter, pick, leg) of the `nth` candidate at `node`, counted from where the pick points."""
    before = leg
    leg, first, count = _row(s, node, target, counter, stop, leg)
    if count == 0:
        s.fault, s.where = NO_ROUTE, node * s.hosts + target
        return 0, 0, counter, pick, leg
    if before == OUT and leg == HOME and s.restarts:
        counter, previous = 0, -1
    digit = np.int64(pick % word(count))
    at = first + (digit + nth) % count
    link = turn_links_of(s, at) if leg == OUT else row_links_of(s, at)
    counter, cls = _advance(s, counter, previous, link)
    if s.restarts and leg != OUT:
        cls += s.below
    return link, cls, counter, pick // word(count), leg


@small_kernel
def _length(s: Any, packet: int, leg: int) -> int:
    """Return the links between routers to the destination of `packet`, on the leg it would decide for."""
    p = packet_at(s, packet)
    node, target = link_at(s, p.previous).target, message_at(s, p.message).target
    counter, previous, pick, hops = p.counter, p.previous, p.pick, 0
    while node != target and not s.fault:
        link, _, counter, pick, leg = take(s, node, target, counter, previous, pick, p.stop, leg, 0)
        previous, node = link, link_at(s, link).target
        hops += 1
    return hops - (not forwards_of(s, target))


@small_kernel
def launch(s: Any, message: int, index: int) -> tuple[int, int, int, Any, int, int]:
    """Return (link, class, counter, pick, stop, leg) of the first hop of packet `index`."""
    pick, stop, leg = _start(s, message, index)
    record = message_at(s, message)
    link, cls, counter, pick, leg = take(s, record.source, record.target, 0, -1, pick, stop, leg, 0)
    return link, cls, counter, pick, stop, leg


@small_kernel
def way(s: Any, packet: int, nth: int) -> tuple[int, int, int, Any, int]:
    """Return (link, class, counter, pick, leg) of the `nth` option of a packet in the FIFO behind `previous`."""
    p = packet_at(s, packet)
    node, target, leg = link_at(s, p.previous).target, message_at(s, p.message).target, p.leg
    if leg == UNDECIDED:
        leg, nth = (HOME if nth == 0 else OUT), 0
    return take(s, node, target, p.counter, p.previous, p.pick, p.stop, leg, nth)


@small_kernel
def options(s: Any, packet: int) -> int:
    """Return how many ways a packet that has just taken `previous` may choose from."""
    p = packet_at(s, packet)
    if p.leg == UNDECIDED:
        return 1 if _length(s, packet, HOME) == 0 else 2
    if s.multipath != LEAST_QUEUED or p.leg == TURN:
        return 1
    node, target = link_at(s, p.previous).target, message_at(s, p.message).target
    return _row(s, node, target, p.counter, p.stop, p.leg)[2]


@small_kernel
def fastest(s: Any, packet: int, count: int) -> int:
    """Return the least fs that the packet would hold one of the links it may choose, -1 for more than the clock counts."""
    best = -1
    for nth in range(count):
        link = way(s, packet, nth)[0]
        time = serialise(s, link, packet_at(s, packet).size)
        if best < 0 or 0 <= time < best:
            best = time
    return best


@small_kernel
def set_way(s: Any, packet: int, nth: int) -> None:
    """Make option `nth` the next hop of `packet`, for good."""
    p = packet_at(s, packet)
    link, cls, counter, pick, leg = way(s, packet, nth)
    p.counter, p.pick, p.leg, p.previous = counter, pick, leg, link
    p.lane, p.span = lanes_of(s, link, cls, p.message)
    p.final = link_at(s, link).target == message_at(s, p.message).target


@small_kernel
def choose(s: Any, packet: int, count: int) -> None:
    """Choose the option with the least weighted bytes outstanding, ties to the first (rules 19 and 24)."""
    p = packet_at(s, packet)
    best, least = 0, -1
    for nth in range(count):
        weight = 1
        if p.leg == UNDECIDED:
            weight = _length(s, packet, HOME if nth == 0 else OUT)
        link, cls, _, _, _ = way(s, packet, nth)
        lane, span = lanes_of(s, link, cls, p.message)
        queued = -1
        for at in range(lane, lane + span):
            count_credits(s, at)
            outstanding = capacity_of(s, link) - lane_at(s, at).room
            if queued < 0 or outstanding < queued:
                queued = outstanding
        if least < 0 or weight * queued < least:
            best, least = nth, weight * queued
    set_way(s, packet, best)
