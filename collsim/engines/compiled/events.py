"""The clock: a binary heap of events by (time, code), and marking links that are to be arbitrated in this tick.

The order of events within a tick means nothing (rule 18); codes are part of the key only so that runs are repeated exactly.
No list here can overflow: every thing has at most one event of a kind under way, and the heap holds that many.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from collsim.engines.compiled.access import (
    event_at,
    link_at,
    number_at,
)
from collsim.engines.compiled.codes import FREE, OVERFLOW
from collsim.jit.compile import small_kernel
from collsim.units import MAX_TIME

__all__ = ["after", "poke", "pop", "push", "sort"]


@small_kernel
def after(s: Any, time: int, duration: int) -> int:
    """Return `time` + `duration`; beyond the clock that is a fault and `time` is returned (rule 1).

    Every sum of times goes through here: numba tells the compiler that signed sums never overflow, so a sum that has done so
    can no longer be told by its sign. A duration that is itself beyond the clock is -1.
    """
    if np.uint64(duration) > np.uint64(MAX_TIME - time):  # as words, -1 is the largest
        s.fault = OVERFLOW
        return time
    return time + duration


@small_kernel
def push(s: Any, time: int, kind: int, index: int) -> None:
    """Have event (kind, index) happen at `time` >= now."""
    code = kind << 40 | index
    at = s.events
    s.events = at + 1
    while at > 0:
        above = event_at(s, (at - 1) >> 1)
        if above.time < time or (above.time == time and above.code <= code):
            break
        here = event_at(s, at)
        here.time, here.code = above.time, above.code
        at = (at - 1) >> 1
    here = event_at(s, at)
    here.time, here.code = time, code


@small_kernel
def pop(s: Any) -> int:
    """Remove the first event and return its code."""
    first = event_at(s, 0).code
    size = s.events - 1
    s.events = size
    time, code = event_at(s, size).time, event_at(s, size).code
    at, below = 0, 1
    while below < size:
        least = event_at(s, below)
        if below + 1 < size:
            right = event_at(s, below + 1)
            if right.time < least.time or (right.time == least.time and right.code < least.code):
                below, least = below + 1, right
        if time < least.time or (time == least.time and code <= least.code):
            break
        here = event_at(s, at)
        here.time, here.code = least.time, least.code
        at, below = below, 2 * below + 1
    here = event_at(s, at)
    here.time, here.code = time, code
    return first


@small_kernel
def poke(s: Any, link: int) -> None:
    """Have `link` arbitrated in this tick or, if a packet is on it, when that has left."""
    record = link_at(s, link)
    if record.free_at > s.now:
        if not record.woken:
            record.woken = 1
            push(s, record.free_at, FREE, link)
    elif not record.dirty:
        record.dirty = 1
        number_at(s.at_dirty, s.dirties).value = link
        s.dirties += 1


@small_kernel
def sort(numbers: int, size: int) -> None:
    """Sort a list, by its address, ascending: Shell's sort, linear where it is in order, which it mostly is."""
    gap = 1
    while gap < size // 3:
        gap = 3 * gap + 1
    if _ascends(numbers, size):
        gap = 0
    while gap > 0:
        for end in range(gap, size):
            number, at = number_at(numbers, end).value, end
            while at >= gap and number_at(numbers, at - gap).value > number:
                number_at(numbers, at).value = number_at(numbers, at - gap).value
                at -= gap
            number_at(numbers, at).value = number
        gap //= 3


@small_kernel
def _ascends(numbers: int, size: int) -> bool:
    at = 1
    while at < size and number_at(numbers, at - 1).value <= number_at(numbers, at).value:
        at += 1
    return at >= size
