"""The two ends of a message: what is noticed, sent again, put in order and learnt of paths (reference/ends.py).

A packet of a message that ends keep account of carries a note from its grant at the NIC on. The note is an event when its
packet arrives, or when its sender learns something; a note of a packet to be sent again waits in the list of its flow.
"""

from __future__ import annotations

from typing import Any

from collsim.engines.compiled.access import (
    cut_of,
    flow_at,
    host_at,
    link_at,
    message_at,
    note_at,
    number_at,
    parcel_at,
    score_at,
)
from collsim.engines.compiled.attempts import choose_path, no_way
from collsim.engines.compiled.codes import (
    ARRIVED,
    CUT_OFF,
    DELIVERED,
    DISCARDED,
    LOST,
    NOTED,
    RECEIPT,
)
from collsim.engines.compiled.events import after, poke, push
from collsim.engines.compiled.nic import enqueue, pending
from collsim.engines.reference.ends import MOST_SCORE
from collsim.jit.compile import small_kernel

__all__ = ["arrive", "hear", "heard", "rejoin", "sent", "vanish", "went_on"]


# What the fabric tells.


@small_kernel
def sent(s: Any, link: int, flow: int, index: int) -> int:
    """The NIC sends packet `index` of `flow`: return its note, with the attempt and the path (rule 32)."""
    at = s.free_note
    n, f = note_at(s, at), flow_at(s, flow)
    s.free_note = n.next
    s.free_notes -= 1
    m = message_at(s, f.message)
    parcel = parcel_at(s, m.parcels + index)
    n.flow, n.index, n.place, n.attempt, n.next = flow, index, f.total - f.left, parcel.attempts, -1
    n.sent, n.way, n.waited, n.path = s.now, link_at(s, link).latency, 0, -1
    parcel.attempts += 1
    if n.attempt > 0:
        s.repeated += 1
    if m.scores >= 0:
        choose_path(s, link, at)
    return at


@small_kernel
def went_on(s: Any, note: int, waited: int, latency: int) -> None:
    """A packet that waited for its next link has been granted it."""
    n = note_at(s, note)
    n.waited += waited
    n.way = after(s, n.way, latency)


@small_kernel
def vanish(s: Any, note: int, grant: int, tail: int, left: int) -> None:
    """A packet is lost, whose tail would be at `tail` and `left` later at its destination (rule 29)."""
    s.lost += 1
    n = note_at(s, note)
    n.record, n.kind = grant, LOST
    n.way = after(s, n.way, left)
    _notify(s, note, tail, left)


@small_kernel
def arrive(s: Any, note: int, grant: int, tail: int) -> None:
    """The tail of a packet will be at its destination at `tail`."""
    n = note_at(s, note)
    n.record, n.kind = grant, ARRIVED
    push(s, tail, NOTED, note)


@small_kernel
def _notify(s: Any, note: int, missed: int, left: int) -> None:
    n = note_at(s, note)
    if s.timeout < 0:
        push(s, after(s, after(s, missed, left), n.way), NOTED, note)
    else:
        push(s, max(after(s, n.sent, s.timeout), missed), NOTED, note)


# What the ends hear, tick by tick.


@small_kernel
def heard(s: Any, note: int) -> None:
    """A note is due: it is taken when nothing else of phase 1 is left."""
    number_at(s.at_heard, s.heards).value = note
    s.heards += 1


@small_kernel
def _precedes(s: Any, one: int, other: int) -> bool:
    a, b = note_at(s, one), note_at(s, other)
    if a.flow != b.flow:
        return a.flow < b.flow
    return a.index < b.index if a.index != b.index else a.attempt < b.attempt


@small_kernel
def _sort(s: Any) -> None:
    """Sort what was heard by flow, packet and attempt: Shell's sort."""
    gap, size = 1, s.heards
    while gap < size // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for end in range(gap, size):
            note, at = number_at(s.at_heard, end).value, end
            while at >= gap and _precedes(s, note, number_at(s.at_heard, at - gap).value):
                number_at(s.at_heard, at).value = number_at(s.at_heard, at - gap).value
                at -= gap
            number_at(s.at_heard, at).value = note
        gap //= 3


@small_kernel
def hear(s: Any) -> None:
    """Take all that was heard in this tick."""
    _sort(s)
    for k in range(s.heards):
        note = number_at(s.at_heard, k).value
        kind = note_at(s, note).kind
        if kind == ARRIVED:
            _arrived(s, note)
        elif kind == RECEIPT:
            _learn(s, note)
            _free(s, note)
        else:
            _missed(s, note, kind)
            if s.fault == CUT_OFF:
                return
    if s.in_order:
        for k in range(s.heards):
            host = host_at(s, message_at(s, flow_at(s, note_at(s, number_at(s.at_heard, k).value).flow).message).target)
            host.peak = max(host.peak, host.held)
    s.heards = 0


@small_kernel
def _free(s: Any, note: int) -> None:
    note_at(s, note).next = s.free_note
    s.free_note = note
    s.free_notes += 1


@small_kernel
def _arrived(s: Any, note: int) -> None:
    """A tail has arrived: under go-back-n only the next packet of its flow is taken (rule 30)."""
    n = note_at(s, note)
    f = flow_at(s, n.flow)
    if s.go_back and n.place != f.expected:
        s.discarded += 1
        if n.place > f.expected:
            n.kind = DISCARDED
            _notify(s, note, s.now, 0)
            return
    else:
        f.expected += 1
        _receive(s, f.message, n)
    if s.cutting:
        parcel_at(s, message_at(s, f.message).parcels + n.index).ended += 1
    if n.path >= 0:
        n.kind = RECEIPT
        push(s, after(s, s.now, n.way), NOTED, note)
    else:
        _free(s, note)


@small_kernel
def _receive(s: Any, message: int, n: Any) -> None:
    m, now = message_at(s, message), s.now
    if now > m.tail or n.record < m.tail_record:
        m.tail, m.tail_record = now, n.record
    if s.in_order:
        _deliver(s, message, n.index)
    m.unarrived -= 1
    if m.unarrived == 0:
        push(s, now, DELIVERED, message)


@small_kernel
def _deliver(s: Any, message: int, index: int) -> None:
    """Rule 31: bytes are held until all packets before theirs have arrived."""
    m = message_at(s, message)
    host = host_at(s, m.target)
    if index != m.in_order:
        parcel_at(s, m.parcels + index).held = 1
        host.held += min(s.payload, m.size - index * s.payload)
        return
    m.in_order += 1
    while m.in_order < m.packets and parcel_at(s, m.parcels + m.in_order).held:
        host.held -= min(s.payload, m.size - m.in_order * s.payload)
        m.in_order += 1


@small_kernel
def _missed(s: Any, note: int, kind: int) -> None:
    """The sender learns that a packet was lost or thrown away (rules 29 and 30)."""
    n, now = note_at(s, note), s.now
    f = flow_at(s, n.flow)
    if n.path >= 0:
        if kind == LOST:
            score = score_at(s, n.path)
            score.waited = min(score.waited + min(now - n.sent, MOST_SCORE), MOST_SCORE)
            score.out -= 1
        else:
            _learn(s, note)
    if s.cutting and _cut_off(s, n):
        if not s.fault:
            s.fault, s.where = CUT_OFF, note
        return
    flow, waits = n.flow, pending(s, n.flow)
    if s.go_back:
        attempts = parcel_at(s, message_at(s, f.message).parcels + n.index).attempts
        if attempts > n.attempt + 1 or n.place >= f.total - f.left:
            _free(s, note)
            return
        f.left = f.total - n.place
    f.noticed_record = min(f.noticed_record, n.record) if f.noticed_at == now else n.record
    f.noticed_at = now
    if s.go_back:
        _free(s, note)
    else:
        _queue(s, note)
    if waits:
        poke(s, f.link)
    else:
        number_at(s.at_rejoining, s.rejoins).value = flow
        s.rejoins += 1


@small_kernel
def _cut_off(s: Any, n: Any) -> bool:
    """Tell whether nobody has a packet just missed, it is nowhere under way, and it has no way left (rule 28)."""
    f = flow_at(s, n.flow)
    at = message_at(s, f.message).parcels + n.index
    parcel = parcel_at(s, at)
    parcel.ended += 1
    if s.go_back and (n.place < f.expected or parcel.ended < parcel.attempts):
        return False
    if s.has_turns and message_at(s, f.message).hop < 0:
        return no_way(s, f.message, n.index)
    return cut_of(s, at) <= s.now


@small_kernel
def _queue(s: Any, note: int) -> None:
    """Put a note into the list of packets that its flow sends again, in ascending order."""
    n = note_at(s, note)
    f = flow_at(s, n.flow)
    if f.again < 0 or n.index < note_at(s, f.again).index:
        n.next, f.again = f.again, note
        return
    before = f.again
    while note_at(s, before).next >= 0 and note_at(s, note_at(s, before).next).index < n.index:
        before = note_at(s, before).next
    n.next, note_at(s, before).next = note_at(s, before).next, note


@small_kernel
def _learn(s: Any, note: int) -> None:
    """A receipt: an eighth of what is known of a path gives way to how long this packet waited on it."""
    n = note_at(s, note)
    score = score_at(s, n.path)
    score.waited += (min(n.waited, MOST_SCORE) >> 3) - (score.waited >> 3)
    score.out -= 1


@small_kernel
def rejoin(s: Any, flows: int) -> None:
    """Flows with packets to send again join their queues in ascending order: the list at `flows` is sorted."""
    for k in range(s.rejoins):
        enqueue(s, number_at(flows, k).value)
    s.rejoins = 0
