"""The NIC: a heap of flows for each port, ordered by the scheduler's key, and the flow a port stays with (rules 11, 12).

A flow is a message in the queue of one port; only under spraying from a host of several links has a message more than one.
"""

from __future__ import annotations

from typing import Any

from collsim.engines.compiled.access import (
    flow_at,
    flow_packets_of,
    link_at,
    message_at,
    note_at,
    queue_at,
)
from collsim.engines.compiled.codes import BY_PLACE, BY_STEP
from collsim.engines.compiled.events import poke
from collsim.jit.compile import small_kernel

__all__ = ["enqueue", "flow_granted", "flow_left", "named", "next_index", "packet_size", "pending"]


@small_kernel
def _before(s: Any, one: int, other: int) -> bool:
    a, b = flow_at(s, one), flow_at(s, other)
    if a.key != b.key:
        return a.key < b.key
    if a.second != b.second:
        return a.second < b.second
    return one < other


@small_kernel
def _join(s: Any, flow: int) -> None:
    """Put `flow` into the heap of its port, at the back of equals."""
    record, message = flow_at(s, flow), message_at(s, flow_at(s, flow).message)
    if s.scheduler == BY_PLACE:
        record.key, record.second = s.places, 0
        s.places += 1
    else:
        record.key = message.step if s.scheduler == BY_STEP else message.size
        record.second = message.ready
    port = link_at(s, record.link)
    first, at = port.queue, port.queued
    port.queued = at + 1
    while at > 0:
        above = (at - 1) >> 1
        if not _before(s, flow, queue_at(s, first + above).flow):
            break
        queue_at(s, first + at).flow = queue_at(s, first + above).flow
        at = above
    queue_at(s, first + at).flow = flow


@small_kernel
def _leave(s: Any, link: int) -> None:
    """Remove the first flow from the heap of the port at `link`."""
    port = link_at(s, link)
    first, size = port.queue, port.queued - 1
    port.queued = size
    last = queue_at(s, first + size).flow
    at, below = 0, 1
    while below < size:
        if below + 1 < size and _before(s, queue_at(s, first + below + 1).flow, queue_at(s, first + below).flow):
            below += 1
        if not _before(s, queue_at(s, first + below).flow, last):
            break
        queue_at(s, first + at).flow = queue_at(s, first + below).flow
        at, below = below, 2 * below + 1
    queue_at(s, first + at).flow = last


@small_kernel
def enqueue(s: Any, flow: int) -> None:
    """Let the scheduler of its port see `flow`."""
    _join(s, flow)
    poke(s, flow_at(s, flow).link)


@small_kernel
def named(s: Any, link: int) -> int:
    """Return the flow that the scheduler names at `link`, -1 when its queue is empty."""
    port = link_at(s, link)
    if port.current >= 0:
        return port.current
    return queue_at(s, port.queue).flow if port.queued > 0 else -1


@small_kernel
def pending(s: Any, flow: int) -> bool:
    """Tell whether a packet of `flow` is to be granted."""
    return flow_at(s, flow).left > 0 or flow_at(s, flow).again >= 0


@small_kernel
def next_index(s: Any, flow: int) -> int:
    """Return the index in its message of the packet of `flow` to be granted next."""
    record = flow_at(s, flow)
    if record.again >= 0:
        return note_at(s, record.again).index
    at = record.total - record.left
    return at if record.packets < 0 else flow_packets_of(s, record.packets + at)


@small_kernel
def packet_size(s: Any, message: int, index: int) -> int:
    """Return the bytes of packet `index` of `message`, with its header if it has one (rules 2 and 21)."""
    record = message_at(s, message)
    payload = s.payload if index < record.packets - 1 else record.size - index * s.payload
    return payload if s.by_message and index else payload + s.header


@small_kernel
def flow_granted(s: Any, flow: int) -> None:
    """Take note that the next packet of `flow`, the named one, was granted."""
    record = flow_at(s, flow)
    if record.again >= 0:
        note, following = record.again, note_at(s, record.again).next
        note_at(s, note).next = s.free_note
        s.free_note = note
        s.free_notes += 1
        record.again = following
    else:
        record.left -= 1
    port = link_at(s, record.link)
    if port.current < 0:
        _leave(s, record.link)
        if pending(s, flow):
            if s.stays:
                port.current = flow
            else:
                _join(s, flow)
    elif not pending(s, flow):
        port.current = -1


@small_kernel
def flow_left(s: Any, flow: int) -> None:
    """Take note that all packets left of `flow`, the named one, were granted."""
    record = flow_at(s, flow)
    record.left = 0
    port = link_at(s, record.link)
    if port.current < 0:
        _leave(s, record.link)
    port.current = -1
