"""Tracks of a trace: slices of one track may not overlap, so those that would are given a further one beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import groupby

from collsim.report.trace_slices import Slice

__all__ = ["Track", "lanes", "tracks_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """A row of the picture: `slices` of one `process` in the order of time, none overlapping another."""

    process: int
    name: str
    slices: list[Slice]


def tracks_of(slices: Iterable[Slice]) -> list[Track]:
    """Return the tracks in the order of (process, place), a second one of the same name being called "NAME (2)"."""
    found = []
    ordered = sorted(slices, key=lambda one: (one.process, one.place, one.start, one.end))
    for _, group in groupby(ordered, key=lambda one: (one.process, one.place)):
        own = list(group)
        rows: dict[int, list[Slice]] = {}
        for one, lane in zip(own, lanes([(one.start, one.end) for one in own]), strict=True):
            rows.setdefault(lane, []).append(one)
        name = own[0].track
        found += [Track(own[0].process, name if not k else f"{name} ({k + 1})", rows[k]) for k in sorted(rows)]
    return found


def lanes(spans: list[tuple[int, int]]) -> list[int]:
    """Return a lane for each (start, end), in the order of starts: the lowest that is free, with no overlap in any."""
    busy: list[tuple[int, int]] = []
    free: list[int] = []
    chosen = []
    used = 0
    for start, end in spans:
        while busy and busy[0][0] <= start:
            heappush(free, heappop(busy)[1])
        if free:
            lane = heappop(free)
        else:
            lane, used = used, used + 1
        chosen.append(lane)
        heappush(busy, (end, lane))
    return chosen
