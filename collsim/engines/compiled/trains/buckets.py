"""The future: nodes by the tick at which something happens to them, one bucket a tick, a heap over the buckets.

Schedules make thousands of messages arrive in one tick; the heap then holds one entry instead of thousands. A small cache
of the ticks pushed latest finds the bucket; where it forgets one, a tick has two buckets, which does no harm.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from collsim.engines.compiled.trains.access import bucket_at, cache_at, event_at, heap_at
from collsim.engines.compiled.trains.layout import LIMIT, OVERFLOW
from collsim.jit.compile import small_kernel

__all__ = ["CACHE", "at", "pop", "push"]

CACHE = 4096
"""Ticks remembered; a power of two."""


@small_kernel
def push(c: Any, time: int, node: int) -> None:
    """Have `node` come up at `time`, which is later than now; a node is in one bucket at a time."""
    known = cache_at(c, (time ^ (time >> 12) ^ (time >> 25)) & (CACHE - 1))
    if known.time == time:
        event_at(c, node).value = bucket_at(c, known.bucket).head
        bucket_at(c, known.bucket).head = node
        return
    if c.free > 0:
        c.free -= 1
        bucket = bucket_at(c, c.free).free
    else:
        bucket = np.int32(c.used)
        c.used += 1
    event_at(c, node).value = -1
    bucket_at(c, bucket).head = node
    known.time, known.bucket = time, bucket
    k = c.events
    c.events += 1
    while k > 0 and heap_at(c, (k - 1) >> 1).time > time:
        above = heap_at(c, (k - 1) >> 1)
        heap_at(c, k).time, heap_at(c, k).bucket = above.time, above.bucket
        k = (k - 1) >> 1
    heap_at(c, k).time, heap_at(c, k).bucket = time, bucket


@small_kernel
def pop(c: Any) -> int:
    """Take the bucket of the least time away; return its first node."""
    bucket = heap_at(c, 0).bucket
    bucket_at(c, c.free).free = bucket
    c.free += 1
    c.events -= 1
    n = c.events
    time, last = heap_at(c, n).time, heap_at(c, n).bucket
    k = 0
    while True:
        child = 2 * k + 1
        if child >= n:
            break
        if child + 1 < n and heap_at(c, child + 1).time < heap_at(c, child).time:
            child += 1
        if heap_at(c, child).time >= time:
            break
        heap_at(c, k).time, heap_at(c, k).bucket = heap_at(c, child).time, heap_at(c, child).bucket
        k = child
    heap_at(c, k).time, heap_at(c, k).bucket = time, last
    return int(bucket_at(c, bucket).head)


@small_kernel
def at(c: Any, time: int, node: int) -> None:
    """Let `node` come up at `time`: a message to be ready or complete, a port to be free, a task to start or end."""
    if time == c.now:
        event_at(c, node).value = c.todo
        c.todo = node
    elif time > LIMIT:
        c.fault = OVERFLOW
    else:
        push(c, time, node)
