"""Who has a link or a FIFO when: intervals in order, kept as long as one may still meet them; two that overlap conflict."""

from __future__ import annotations

from typing import Any

import numpy as np

from collsim.engines.compiled.trains.access import interval_at, list_at
from collsim.jit.compile import small_kernel

__all__ = ["reserve"]


@small_kernel
def reserve(c: Any, place: int, begin: int, end: int, now: int) -> bool:
    """Add [begin, end) to those of `place`; False if it overlaps one of them. None that is added later begins before now."""
    mine = list_at(c, place)
    head = mine.head
    while head >= 0 and interval_at(c, head).end <= now:
        after = interval_at(c, head).next
        interval_at(c, head).next = c.spare
        c.spare = head
        head = after
    mine.head = head
    if head < 0:
        mine.tail = -1
    else:
        interval_at(c, head).previous = -1
    left, right = mine.tail, np.int32(-1)
    while left >= 0 and interval_at(c, left).begin >= begin:
        left, right = interval_at(c, left).previous, left
    if (left >= 0 and interval_at(c, left).end > begin) or (right >= 0 and interval_at(c, right).begin < end):
        return False
    node = np.int32(c.spare)
    if node >= 0:
        c.spare = interval_at(c, node).next
    else:
        node = np.int32(c.intervals)
        c.intervals += 1
    new = interval_at(c, node)
    new.begin, new.end, new.previous, new.next = begin, end, left, right
    if left >= 0:
        interval_at(c, left).next = node
    else:
        mine.head = node
    if right >= 0:
        interval_at(c, right).previous = node
    else:
        mine.tail = node
    return True
