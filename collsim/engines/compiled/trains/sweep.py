"""The run itself: tick by tick, all state changes first, then each port whose NIC may start its next train.

One event a message, its completion, and one more where it is ready later than released; a port has an event only while
messages queue there. Anything that a packet run could decide otherwise ends it at once with CONFLICT (docs/trains.md).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from collsim.engines.compiled.trains.access import (
    delay_at,
    dirty_at,
    entry_at,
    event_at,
    followers_at,
    gate_at,
    heap_at,
    hop_at,
    leg_at,
    link_at,
    message_at,
    operation_at,
    path_at,
    place_at,
    port_at,
    port_first_at,
    queue_at,
    row_at,
    set_at,
    shape_at,
    task_at,
)
from collsim.engines.compiled.trains.buckets import pop, push
from collsim.engines.compiled.trains.intervals import reserve
from collsim.engines.compiled.trains.layout import (
    ARRIVALS,
    BY_SIZE,
    BY_STEP,
    CALL,
    COMPUTE,
    CONFLICT,
    LIMIT,
    OVERFLOW,
)
from collsim.jit.compile import kernel, small_kernel

__all__ = ["sweep"]


@kernel
def sweep(c: Any) -> int:
    """Run the trains of root `c` until nothing is left or something would need packets; return a status (layout)."""
    messages = c.messages
    c.todo = -1
    for task in range(c.tasks):
        if task_at(c, task).waits == 0:
            _at(c, 0, messages + c.links + task)
    while True:
        while True:
            while c.todo >= 0:
                node = c.todo
                c.todo = event_at(c, node).value
                _happen(c, node, messages)
            if c.events == 0 or heap_at(c, 0).time != c.now:
                break
            c.todo = pop(c)
        for nth in range(c.dirties):
            port = dirty_at(c, nth).value
            link_at(c, port).marked = 0
            if link_at(c, port).queued > 0 and not _begin(c, port):
                return CONFLICT
        c.dirties = 0
        if c.fault or c.events == 0:
            return int(c.fault)
        c.now = heap_at(c, 0).time


@small_kernel
def _at(c: Any, time: int, node: int) -> None:
    """Let `node` come up at `time`: a message to be ready or complete, a port to be free, a task to start or end."""
    if time == c.now:
        event_at(c, node).value = c.todo
        c.todo = node
    elif time > LIMIT:
        c.fault = OVERFLOW
    else:
        push(c, time, node)


@small_kernel
def _happen(c: Any, node: int, messages: int) -> None:
    if node < messages:
        if message_at(c, node).ready < 0:
            _ready(c, node)
        else:
            _complete(c, node)
    elif node < messages + c.links:
        link_at(c, node - messages).wake = 0
        _mark(c, node - messages)
    else:
        task = node - messages - c.links
        if task_at(c, task).start < 0:
            _start(c, task)
        else:
            _ended(c, task)


@small_kernel
def _mark(c: Any, port: int) -> None:
    if not link_at(c, port).marked:
        link_at(c, port).marked = 1
        dirty_at(c, c.dirties).value = port
        c.dirties += 1


# Messages.


@small_kernel
def _row(c: Any, message: int) -> int:
    operation = operation_at(c, message_at(c, message).operation)
    return int(operation.row + message - operation.message)


@small_kernel
def _ready(c: Any, message: int) -> None:
    """A message joins its port (rule 11) or, where it crosses no link, is complete after its delays."""
    now, shape = c.now, shape_at(c, message_at(c, message).shape)
    message_at(c, message).ready = now
    if shape.packets == 0:
        _at(c, now + shape.after, message)
        return
    port = hop_at(c, path_at(c, row_at(c, _row(c, message)).path).first).link
    link = link_at(c, port)
    if c.alone and (link.queued > 0 or link.until > now):
        c.fault = CONFLICT
    _join(c, port, message)
    if link.until <= now:
        _mark(c, port)
    else:
        _wake(c, port)


@small_kernel
def _wake(c: Any, port: int) -> None:
    if not link_at(c, port).wake:
        link_at(c, port).wake = 1
        _at(c, link_at(c, port).until, c.messages + port)


@small_kernel
def _complete(c: Any, message: int) -> None:
    message_at(c, message).finish = c.now
    c.done += 1
    operation, row = operation_at(c, message_at(c, message).operation), row_at(c, _row(c, message))
    if operation.kind == CALL:
        base = operation.gate - operation.set
        entry = row.entry
        while entry >= 0:
            own = entry_at(c, entry).set
            gate_at(c, base + own).value -= 1
            if gate_at(c, base + own).value == 0:
                _open(c, operation, own)
            entry = entry_at(c, entry).next
    _ended(c, _task(c, operation, row.source))
    if row.target != row.source:
        _ended(c, _task(c, operation, row.target))


@small_kernel
def _task(c: Any, operation: Any, host: int) -> int:
    """Return the task of an operation on a host that takes part in it."""
    if operation.full:
        return int(operation.task + host)
    return int(operation.task if task_at(c, operation.task).host == host else operation.task + 1)


@small_kernel
def _open(c: Any, operation: Any, own: int) -> None:
    """All members of a set are complete: what waits for it is released where the call has started."""
    row = set_at(c, own).head
    while row >= 0:
        if task_at(c, operation.task + row_at(c, row).source).start >= 0:
            _at(c, c.now + c.lead, row - operation.row + operation.message)
        row = row_at(c, row).set_next


# Tasks.


@small_kernel
def _start(c: Any, index: int) -> None:
    now, task = c.now, task_at(c, index)
    operation = operation_at(c, task.operation)
    task.start = now
    if operation.kind == CALL:
        base = operation.gate - operation.set
        row = place_at(c, operation.plan * c.hosts + task.host).head
        while row >= 0:
            if gate_at(c, base + row_at(c, row).set).value == 0:
                _at(c, now + c.lead, row - operation.row + operation.message)
            row = row_at(c, row).host_next
    elif operation.kind == ARRIVALS:
        row = place_at(c, operation.plan * c.hosts + task.host).head
        while row >= 0:
            _at(c, now + delay_at(c, row - operation.gate).value + c.lead, row - operation.row + operation.message)
            row = row_at(c, row).host_next
    elif operation.kind == COMPUTE:
        if task.unfinished > 1:
            _at(c, now + operation.duration, c.messages + c.links + index)
    elif row_at(c, operation.row).source == task.host:
        _at(c, now + c.lead, operation.message)
    _ended(c, index)


@small_kernel
def _ended(c: Any, index: int) -> None:
    """One of the things that a task waits to end has ended."""
    task = task_at(c, index)
    task.unfinished -= 1
    if task.unfinished > 0:
        return
    task.finish = c.now
    for nth in range(operation_at(c, task.operation).follower, operation_at(c, task.operation + 1).follower):
        follower = operation_at(c, followers_at(c, nth).value).task + task.host
        task_at(c, follower).waits -= 1
        if task_at(c, follower).waits == 0:
            _at(c, c.now, c.messages + c.links + follower)


# Ports.


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
def _join(c: Any, port: int, message: int) -> None:
    """Put a message that is ready now into the heap of a port."""
    key = np.int64(0)
    if c.order == BY_STEP:
        key = np.int64(row_at(c, _row(c, message)).step)
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
def _begin(c: Any, port: int) -> bool:
    """Start the train that the NIC names at an idle port; False where packets might fare otherwise."""
    now, index, link = c.now, _leave(c, port), link_at(c, port)
    message, row = message_at(c, index), row_at(c, _row(c, index))
    shape = shape_at(c, message.shape)
    if c.ports and not _port_left(c, row.source):
        return False
    message.before = link.last if message.ready < now else -1
    message.started = now
    link.last = index
    link.until = now + shape.hold
    _at(c, now + shape.arrive + shape.after, index)
    if link.queued > 0:
        _wake(c, port)
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
