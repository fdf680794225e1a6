"""Exposed communication: for how long a host had communication unfinished and nothing to compute.

Engines report, per operation and host, from when to when it was under way; what is exposed is the part of the union of
the communications that the union of the computations leaves uncovered.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["exposed_time"]

Interval = tuple[int, int, int]


def exposed_time(hosts: int, communication: Iterable[Interval], computation: Iterable[Interval]) -> NDArray[np.int64]:
    """Return int64[hosts], fs; both arguments yield (host, begin, end) with begin <= end, in any order."""
    busy: list[list[tuple[int, int]]] = [[] for _ in range(hosts)]
    covered: list[list[tuple[int, int]]] = [[] for _ in range(hosts)]
    for lists, intervals in ((busy, communication), (covered, computation)):
        for host, begin, end in intervals:
            lists[host].append((begin, end))
    return np.array([_length(b + c) - _length(c) for b, c in zip(busy, covered, strict=True)], dtype=np.int64)


def _length(intervals: list[tuple[int, int]]) -> int:
    total, reached = 0, 0
    for begin, end in sorted(intervals):
        if end > reached:
            total += end - max(begin, reached)
            reached = end
    return total
