"""A timetable for trees that share links: one period, in which every hop of every tree has its slots on its links.

Pieces of the data follow each other one period apart, as iterations of a loop do in software pipelining (Rau 1981). Within
a period no link serves two hops at once, so nobody waits for a link in the steady state; what a hop waits for is its
turn. The slots become the steps of the schedule, whose order the NICs keep.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from collsim.collectives.packed_trees import Hop, PackedTree

__all__ = ["Timetable", "timetable"]


@dataclass(frozen=True, slots=True)
class Timetable:
    """`period` slots between pieces; `start[t]`: first slot of each hop of tree t, up then down; `span` slots of one piece.

    `depth`: hops of the longest chain of hops that wait for each other.
    """

    period: int
    start: tuple[tuple[int, ...], ...]
    span: int
    depth: int


def timetable(trees: Sequence[PackedTree], slots: Sequence[int], period: int, lag: int = 0) -> Timetable:
    """Return a timetable in which a hop of weight w holds link l for w slots[l] slots, all links of its path together.

    A hop starts when what it passes on has arrived, `lag` slots after the end of the hop that brings it, and its links
    are free; those with the longest way still to go choose first. Where `period` leaves no room, it starts at once.
    """
    hops = [(*tree.up, *tree.down) for tree in trees]
    after, before, height = _dependences(hops)
    busy = [0] * len(slots)
    start = [[0] * len(row) for row in hops]
    ready = [[0] * len(row) for row in hops]
    depth = [[1] * len(row) for row in hops]
    queue = [(0, -height[t][k], t, k) for t, row in enumerate(before) for k, count in enumerate(row) if not count]
    heapify(queue)
    span = 0
    while queue:
        _, _, t, k = heappop(queue)
        needs = [(link, slots[link] * trees[t].weight) for link in hops[t][k].path]
        begin = start[t][k] = _free(busy, needs, ready[t][k], period)
        end = begin + max((length for _, length in needs), default=0)
        span = max(span, end)
        for j in after[t][k]:
            ready[t][j] = max(ready[t][j], end + lag)
            depth[t][j] = max(depth[t][j], depth[t][k] + 1)
            before[t][j] -= 1
            if not before[t][j]:
                heappush(queue, (ready[t][j], -height[t][j], t, j))
    return Timetable(period, tuple(map(tuple, start)), span, max(max(row, default=0) for row in depth))


Links = list[list[list[int]]]
Counts = list[list[int]]


def _dependences(hops: Sequence[Sequence[Hop]]) -> tuple[Links, Counts, Counts]:
    """Return, for each hop of each tree, the hops that wait for it, how many it waits for, and hops after it in a chain."""
    after: Links = []
    before: Counts = []
    height: Counts = []
    for row in hops:
        leaving: dict[int, list[int]] = {}
        later: list[list[int]] = [[] for _ in row]
        rise = [0] * len(row)
        for k in range(len(row) - 1, -1, -1):
            later[k] = list(leaving.get(row[k].dst, ()))
            rise[k] = 1 + max((rise[j] for j in later[k]), default=0)
            leaving.setdefault(row[k].src, []).append(k)
        count = [0] * len(row)
        for waiting in later:
            for j in waiting:
                count[j] += 1
        after.append(later)
        before.append(count)
        height.append(rise)
    return after, before, height


def _free(busy: list[int], needs: Sequence[tuple[int, int]], ready: int, period: int) -> int:
    """Return the first slot >= ready from which all links are free for their lengths, modulo the period; take them.

    `busy[link]`: bit s is set where slot s of the period is taken.
    """
    full = (1 << period) - 1
    blocked = 0
    for link, length in needs:
        if length > period:
            return ready
        run, reach = busy[link], 1
        # Bit s of `run` says whether any of the slots s..s+reach-1 is taken.
        while reach < length:
            shift = min(reach, length - reach)
            run |= (run >> shift) | (run << (period - shift)) & full
            reach += shift
        blocked |= run
    here = ready % period
    turned = ((blocked >> here) | (blocked << (period - here))) & full
    open_ = ~turned & full
    if not open_:
        return ready
    begin = ready + (open_ & -open_).bit_length() - 1
    for link, length in needs:
        taken = ((1 << length) - 1) << (begin % period)
        busy[link] |= (taken | (taken >> period)) & full
    return begin
