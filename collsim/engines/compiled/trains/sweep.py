"""The run itself: tick by tick, all state changes first, then each port whose NIC may start its next train.

One event a message, its completion, and one more where it is ready later than released; a port has an event only while
messages queue there. Anything that a packet run could decide otherwise ends it at once with CONFLICT (docs/trains.md).
"""

from __future__ import annotations

from typing import Any

from collsim.engines.compiled.trains.access import (
    delay_at,
    dirty_at,
    entry_at,
    event_at,
    follow_at,
    followers_at,
    gate_at,
    heap_at,
    hop_at,
    link_at,
    message_at,
    operation_at,
    path_at,
    place_at,
    row_at,
    set_at,
    shape_at,
    task_at,
)
from collsim.engines.compiled.trains.buckets import at, pop
from collsim.engines.compiled.trains.layout import ARRIVALS, CALL, COMPUTE, CONFLICT, PAUSED
from collsim.engines.compiled.trains.ports import begin, join, mark, number_of_row, wake
from collsim.jit.compile import kernel, small_kernel

__all__ = ["sweep"]


@kernel
def sweep(c: Any) -> int:
    """Run the trains of root `c` until nothing is left or something would need packets; return a status (layout).

    It comes back as well when `c.until` is used up, so that Python hears of Ctrl-C, and goes on when called again.
    """
    messages = c.messages
    if not c.begun:
        c.begun, c.todo = 1, -1
        for task in range(c.tasks):
            if task_at(c, task).waits == 0:
                at(c, 0, messages + c.links + task)
    while c.until > 0:
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
            if link_at(c, port).queued > 0 and not begin(c, port):
                return CONFLICT
        c.until -= c.dirties + 1
        c.dirties = 0
        if c.fault or c.events == 0:
            return int(c.fault)
        c.now = heap_at(c, 0).time
    return PAUSED


@small_kernel
def _happen(c: Any, node: int, messages: int) -> None:
    if node < messages:
        if message_at(c, node).ready < 0:
            _ready(c, node)
        else:
            _complete(c, node)
    elif node < messages + c.links:
        link_at(c, node - messages).wake = 0
        mark(c, node - messages)
    else:
        task = node - messages - c.links
        if task_at(c, task).start < 0:
            _start(c, task)
        else:
            _ended(c, task)


# Messages.


@small_kernel
def _ready(c: Any, message: int) -> None:
    """A message joins its port (rule 11) or, where it crosses no link, is complete after its delays."""
    now, shape = c.now, shape_at(c, message_at(c, message).shape)
    message_at(c, message).ready = now
    if shape.packets == 0:
        at(c, now + shape.after, message)
        return
    port = hop_at(c, path_at(c, row_at(c, number_of_row(c, message)).path).first).link
    link = link_at(c, port)
    if c.alone and (link.queued > 0 or link.until > now):
        c.fault = CONFLICT
    join(c, port, message)
    if link.until <= now:
        mark(c, port)
    else:
        wake(c, port)


@small_kernel
def _complete(c: Any, message: int) -> None:
    message_at(c, message).finish = c.now
    c.done += 1
    operation, row = operation_at(c, message_at(c, message).operation), row_at(c, number_of_row(c, message))
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
            at(c, c.now + c.lead, row - operation.row + operation.message)
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
                at(c, now + c.lead, row - operation.row + operation.message)
            row = row_at(c, row).host_next
    elif operation.kind == ARRIVALS:
        row = place_at(c, operation.plan * c.hosts + task.host).head
        while row >= 0:
            at(c, now + delay_at(c, row - operation.gate).value + c.lead, row - operation.row + operation.message)
            row = row_at(c, row).host_next
    elif operation.kind == COMPUTE:
        if task.unfinished > 1:
            at(c, now + operation.duration, c.messages + c.links + index)
    elif row_at(c, operation.row).source == task.host:
        at(c, now + c.lead, operation.message)
    _ended(c, index)


@small_kernel
def _ended(c: Any, index: int) -> None:
    """One of the things that a task waits to end has ended."""
    task = task_at(c, index)
    task.unfinished -= 1
    if task.unfinished > 0:
        return
    task.finish = c.now
    for nth in range(follow_at(c, index).value, follow_at(c, index + 1).value):
        follower = followers_at(c, nth).value
        task_at(c, follower).waits -= 1
        if task_at(c, follower).waits == 0:
            at(c, c.now, c.messages + c.links + follower)
