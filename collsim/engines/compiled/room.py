"""Packets' times on links and the sender's account of buffers (rules 1, 7, 10 and 21), credits counted when looked at.

Bytes under way back to the sender of a lane lie in a list with the tick at which they count; whoever reads the room counts
those that have come. A refused packet leaves a wake-up: at the next credit promised, or when one is promised.
"""

from __future__ import annotations

from typing import Any

from collsim.engines.compiled.access import (
    credit_at,
    lane_at,
    link_at,
)
from collsim.engines.compiled.codes import ROOM
from collsim.engines.compiled.events import push
from collsim.jit.compile import small_kernel

__all__ = ["admit", "await_room", "count_credits", "head_time", "promise", "serialise"]


@small_kernel
def serialise(s: Any, link: int, size: int) -> int:
    """Return the fs that `size` bytes hold `link`, exact (rule 1); -1 for more than the clock counts."""
    record = link_at(s, link)
    if size == s.full:
        return record.full_ser
    if size > record.most:
        return -1
    if size <= record.safe:
        return size * record.whole + (size * record.part + record.divisor - 1) // record.divisor
    quotient, rest = 0, 0  # (quotient, rest) = divmod(leading bits of size times part, divisor)
    bit = 62
    while bit >= 0:
        quotient, rest = 2 * quotient, 2 * rest
        if (size >> bit) & 1:
            rest += record.part
        while rest >= record.divisor:
            quotient, rest = quotient + 1, rest - record.divisor
        bit -= 1
    return size * record.whole + quotient + (rest > 0)


@small_kernel
def head_time(s: Any, link: int, size: int) -> int:
    """Return how long after the grant, latency aside, the head of a packet has come over `link` (rule 7)."""
    if not s.cut_through:
        return serialise(s, link, size)
    if size >= s.header:
        return link_at(s, link).full_head
    return max(1, serialise(s, link, size))


@small_kernel
def count_credits(s: Any, lane: int) -> None:
    """Count the bytes that have come back to the sender of `lane` by now."""
    record, now = lane_at(s, lane), s.now
    at = record.credit_head
    while at >= 0 and credit_at(s, at).time <= now:
        credit = credit_at(s, at)
        record.room += credit.bytes
        record.credited_at, record.credited_record = credit.time, credit.record
        following = credit.next
        credit.next = s.free_credit
        s.free_credit = at
        s.free_credits += 1
        at = following
    record.credit_head = at


@small_kernel
def promise(s: Any, lane: int, time: int, size: int, grant: int) -> None:
    """Have `size` bytes of `lane` count again at `time`, later than all promised before."""
    at = s.free_credit
    credit = credit_at(s, at)
    s.free_credit = credit.next
    s.free_credits -= 1
    credit.time, credit.bytes, credit.record, credit.next = time, size, grant, -1
    record = lane_at(s, lane)
    if record.credit_head < 0:
        record.credit_head = at
    else:
        credit_at(s, record.credit_tail).next = at
    record.credit_tail = at
    if record.starved:
        record.starved = 0
        record.wake_at = time
        push(s, time, ROOM, lane)


@small_kernel
def admit(s: Any, lane: int, span: int, final: int, size: int, holder: int) -> int:
    """Return the lane among `span` from `lane` on that a packet may take now, -1 when none has room.

    `holder`: who must hold it under message-based flow control: -1 for a first packet, else the message.
    """
    best = -1
    for at in range(lane, lane + span):
        record = lane_at(s, at)
        if s.by_message and record.holder != holder:
            continue
        if record.credit_head >= 0:
            count_credits(s, at)
        if (final or record.room >= size) and (best < 0 or record.room > lane_at(s, best).room):
            best = at
    return best


@small_kernel
def await_room(s: Any, lane: int, span: int, holder: int) -> None:
    """Have the link of a refused packet arbitrated again when bytes count again on a lane it may take."""
    for at in range(lane, lane + span):
        record = lane_at(s, at)
        if s.by_message and record.holder != holder:
            continue
        if record.credit_head < 0:
            record.starved = 1
        elif record.wake_at != credit_at(s, record.credit_head).time:
            record.wake_at = credit_at(s, record.credit_head).time
            push(s, record.wake_at, ROOM, at)
