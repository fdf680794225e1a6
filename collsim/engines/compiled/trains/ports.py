"""Ports: messages wait there for the NIC, which sends one train after another, and no train may meet another on its way."""

from __future__ import annotations

from typing import Any

import numpy as np

from collsim.engines.compiled.trains.access import (
    dirty_at,
    hop_at,
    leg_at,
    link_at,
    message_at,
    operation_at,
    path_at,
    port_at,
    port_first_at,
    queue_at,
    row_at,
    shape_at,
)
from collsim.engines.compiled.trains.buckets import at
from collsim.engines.compiled.trains.intervals import reserve
from collsim.engines.compiled.trains.layout import BY_SIZE, BY_STEP
from collsim.jit.compile import small_kernel

__all__ = ["begin", "join", "mark", "number_of_row", "wake"]


@small_kernel
def number_of_row(c: Any, message: int) -> int:
    """Return the row of a message."""
    operation = operation_at(c, message_at(c, message).operation)
    return int(operation.row + message - operation.message)


@small_kernel
def mark(c: Any, port: int) -> None:
    """Have a port looked at when this tick's state changes are over."""
    if not link_at(c, port).marked:
        link_at(c, port).marked = 1
        dirty_at(c, c.dirties).value = port
        c.dirties += 1


@small_kernel
def wake(c: Any, port: int) -> None:
    """Have a port looked at when its train ends, once."""
    if not link_at(c, port).wake:
        link_at(c, port).wake = 1
        at(c, link_at(c, port).until, c.messages + port)


@small_kernel
def _before(one: Any, key: int, ready: int, message: int) -> bool:
    """Whether the NIC names the queued message `one` before another one, of (key, ready, id) (rule 12)."""
    if one.key != key:
        return bool(one.key < key)
    if one.ready != ready:
        return bool(one.ready < ready)
    return bool(one.message < message)


@small_kernel
def _put(place: Any, key: int, ready: int, message: int) -> None:
    place.key, place.ready, place.message = key, ready, message


@small_kernel
def join(c: Any, port: int, message: int) -> None:
    """Put a message that is ready now into the heap of a port."""
    key = np.int64(0)
    if c.order == BY_STEP:
        key = np.int64(row_at(c, number_of_row(c, message)).step)
    elif c.order == BY_SIZE:
        key = shape_at(c, message_at(c, message).shape).size
    base = link_at(c, port).queue
    k = np.int64(link_at(c, port).queued)
    link_at(c, port).queued = k + 1
    while k > 0:
        above = queue_at(c, base + ((k - 1) >> 1))
        if _before(above, key, c.now, message):
            break
        _put(queue_at(c, base + k), above.key, above.ready, above.message)
        k = (k - 1) >> 1
    _put(queue_at(c, base + k), key, c.now, message)


@small_kernel
def _leave(c: Any, port: int) -> int:
    """Take the message that the NIC names out of the heap of a port."""
    base = link_at(c, port).queue
    named = int(queue_at(c, base).message)
    n = np.int64(link_at(c, port).queued) - 1
    link_at(c, port).queued = n
    last, k = queue_at(c, base + n), np.int64(0)
    key, ready, message = last.key, last.ready, last.message
    while 2 * k + 1 < n:
        child = 2 * k + 1
        least = queue_at(c, base + child)
        if child + 1 < n:
            right = queue_at(c, base + child + 1)
            if _before(right, least.key, least.ready, least.message):
                child, least = child + 1, right
        if not _before(least, key, ready, message):
            break
        _put(queue_at(c, base + k), least.key, least.ready, least.message)
        k = child
    _put(queue_at(c, base + k), key, ready, message)
    return named


@small_kernel
def begin(c: Any, port: int) -> bool:
    """Start the train that the NIC names at an idle port; False where packets might fare otherwise."""
    now, index, link = c.now, _leave(c, port), link_at(c, port)
    message, row = message_at(c, index), row_at(c, number_of_row(c, index))
    shape = shape_at(c, message.shape)
    if c.ports and not _port_left(c, row.source):
        return False
    message.before = link.last if message.ready < now else -1
    message.started = now
    link.last = index
    link.until = now + shape.hold
    at(c, now + shape.arrive + shape.after, index)
    if link.queued > 0:
        wake(c, port)
    path = path_at(c, row.path)
    c.packets += shape.packets
    c.packet_hops += shape.packets * path.hops
    for i in range(path.hops):
        used = link_at(c, hop_at(c, path.first + i).link)
        used.busy += leg_at(c, shape.first + i).busy
        used.bytes += shape.wire
    if path.hops == 1 and not link.transit:
        return True
    return _reserve_way(c, index, path, shape.first)


@small_kernel
def _reserve_way(c: Any, message: int, path: Any, first: int) -> bool:
    """Keep every link of a train for its time, and every FIFO from the first packet's leaving it to the last's.

    Where some message needs a buffer to itself, keep that as well from the first grant until all bytes have come back.
    """
    now = c.now
    for i in range(path.hops):
        link = hop_at(c, path.first + i).link
        begin, end = now + leg_at(c, first + i).begin, now + leg_at(c, first + i).end
        if link_at(c, link).transit and not reserve(c, link, begin, end, now):
            return False
        if i:
            behind = hop_at(c, path.first + i - 1)
            fifo = c.links + behind.lane + message % behind.span
            if not reserve(c, fifo, begin, end, now):
                return False
            since, back = now + leg_at(c, first + i - 1).begin, end + link_at(c, behind.link).latency
            if c.tight and not reserve(c, c.lanes + fifo, since, back, now):
                return False
    return True


@small_kernel
def _port_left(c: Any, host: int) -> bool:
    """Whether fewer than `ports` links of a host send from its NIC now (rule 14)."""
    sending = 0
    for nth in range(port_first_at(c, host).value, port_first_at(c, host + 1).value):
        if link_at(c, port_at(c, nth).value).until > c.now:
            sending += 1
    return bool(sending < c.ports)
