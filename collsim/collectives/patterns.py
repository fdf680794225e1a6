"""Reduce-scatter and all-gather along lines of ranks, the parts that most all-reduce algorithms are put together from.

A line is a list of ranks that share the work on a run of chunks; member p is the home of `width` chunks from chunk[p].
Reduce-scatter leaves every home with its sum, all-gather spreads it again. Many lines work at once, so that rows of a
torus or boxes of a cluster are one call; everything is arrays, so that a thousand ranks take a second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.collective import Collective
from collsim.collectives.schedule import COPY, REDUCE, Schedule, ScheduleBuilder

__all__ = [
    "DIRECT",
    "HALVING",
    "PATTERNS",
    "RING",
    "SWAP",
    "Lines",
    "Pattern",
    "all_gather_and_reduce",
    "finish",
    "is_power_of_2",
]

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """G lines of k ranks: `members` int64[G, k]; `chunk` int64[G, k], first chunk at home there; `width` chunks each."""

    members: IntArray
    chunk: IntArray
    width: int = 1


@dataclass(frozen=True, slots=True)
class Pattern:
    """A way to reduce-scatter and all-gather along lines; `steps(k)` each takes.

    `reduce_scatter(lines, start)` and `all_gather(lines, start)` return int64[6, K] of step, src, dst, chunk, op and
    count, one column a transfer, the first of them in step `start`.
    """

    name: str
    reduce_scatter: Callable[[Lines, int], IntArray]
    all_gather: Callable[[Lines, int], IntArray]
    steps: Callable[[int], int]


def is_power_of_2(number: int) -> bool:
    """Return whether `number` is 1, 2, 4, 8, ..."""
    return number > 0 and number & (number - 1) == 0


def _rows(step: object, src: object, dst: object, chunk: object, op: int, count: int) -> IntArray:
    columns = np.broadcast_arrays(*(np.asarray(x, dtype=np.int64) for x in (step, src, dst, chunk, op, count)))
    rows = np.empty((6, columns[0].size), dtype=np.int64)
    for row, column in zip(rows, columns, strict=True):
        row.reshape(column.shape)[...] = column
    return rows


def _around(lines: Lines, start: int, ahead: int, op: int) -> IntArray:
    """In step s of k - 1 every position p passes the chunks of home p - ahead - s to position p + 1."""
    k = lines.members.shape[1]
    s, p = np.arange(k - 1)[:, None], np.arange(k)[None, :]
    src, dst = lines.members[:, p], lines.members[:, (p + 1) % k]
    chunk = lines.chunk[:, (p - ahead - s) % k]
    return _rows(start + s[None], src, dst, chunk, op, lines.width)


def _one_shot(lines: Lines, start: int, home_is_target: bool) -> IntArray:
    """Everybody to everybody in one step, listed so that no two of one rank's k-th sends meet at a target."""
    k = lines.members.shape[1]
    p, other = np.arange(k)[None, :], (np.arange(k)[None, :] + np.arange(1, k)[:, None]) % k
    home = other if home_is_target else np.broadcast_to(p, other.shape)
    # Axes (offset, line, position): ids then ascend with the offset at every rank, which is the order NICs send in.
    src = np.broadcast_to(lines.members[:, p], (len(lines.members), *other.shape)).swapaxes(0, 1)
    dst, chunk = lines.members[:, other].swapaxes(0, 1), lines.chunk[:, home].swapaxes(0, 1)
    op = REDUCE if home_is_target else COPY
    return _rows(start, src, dst, chunk, op, lines.width)


def _exchange(lines: Lines, step: int, distance: int, op: int) -> IntArray:
    """Partners at `distance` swap blocks of `distance` homes: their partner's to reduce, their own to copy."""
    p = np.arange(lines.members.shape[1])
    block = ((p ^ distance) if op == REDUCE else p) // distance * distance
    return _rows(step, lines.members, lines.members[:, p ^ distance], lines.chunk[:, block], op, distance * lines.width)


def _halving(lines: Lines, start: int) -> IntArray:
    distances = [1 << b for b in reversed(range(_log2(lines.members.shape[1])))]
    return _stack([_exchange(lines, start + s, d, REDUCE) for s, d in enumerate(distances)])


def _doubling(lines: Lines, start: int) -> IntArray:
    distances = [1 << b for b in range(_log2(lines.members.shape[1]))]
    return _stack([_exchange(lines, start + s, d, COPY) for s, d in enumerate(distances)])


def _log2(k: int) -> int:
    return k.bit_length() - 1


def _stack(parts: Sequence[IntArray]) -> IntArray:
    return parts[0] if len(parts) == 1 else np.concatenate([np.zeros((6, 0), dtype=np.int64), *parts], axis=1)


RING = Pattern(
    "ring", lambda lines, t: _around(lines, t, 1, REDUCE), lambda lines, t: _around(lines, t, 0, COPY), lambda k: k - 1
)
DIRECT = Pattern(
    "direct",
    lambda lines, t: _one_shot(lines, t, True),
    lambda lines, t: _one_shot(lines, t, False),
    lambda k: min(k - 1, 1),
)
HALVING = Pattern("halving-doubling", _halving, _doubling, _log2)
"""Needs k = 2^b members whose chunks follow each other in line order."""


def _swap(lines: Lines, start: int) -> IntArray:
    """Everybody sends everybody all chunks of the line in one step: an all-reduce of k - 1 times the data of the line."""
    k = lines.members.shape[1]
    p, other = np.arange(k)[None, :], (np.arange(k)[None, :] + np.arange(1, k)[:, None]) % k
    src = np.broadcast_to(lines.members[:, p], (len(lines.members), *other.shape)).swapaxes(0, 1)
    dst = lines.members[:, other].swapaxes(0, 1)
    chunk = np.broadcast_to(lines.chunk.min(axis=1)[None, :, None], dst.shape)
    return _rows(start, src, dst, chunk, REDUCE, k * lines.width)


SWAP = Pattern("swap", _swap, lambda lines, t: np.zeros((6, 0), dtype=np.int64), lambda k: 1)
"""An all-reduce in one step where its reduce-scatter would be: as the last phase of an all-reduce only. Between two it
moves no more than reduce-scatter and all-gather do, and the data crosses once, not twice. A line's chunks are contiguous."""

PATTERNS = {pattern.name: pattern for pattern in (RING, DIRECT, HALVING)}


def all_gather_and_reduce(collective: Collective, phases: Sequence[tuple[Pattern, Lines]]) -> IntArray:
    """Return transfers (see Pattern): reduce-scatter through the phases, all-gather back, or the half that is asked for.

    `collective` is all-reduce, reduce-scatter or all-gather; each phase works within the chunks the one before left at home.
    """
    rows: list[IntArray] = []
    start = 0
    if collective.name != "all-gather":
        for pattern, lines in phases:
            rows.append(pattern.reduce_scatter(lines, start))
            start += pattern.steps(lines.members.shape[1])
    if collective.name != "reduce-scatter":
        for pattern, lines in reversed(phases):
            if pattern is SWAP:
                continue
            rows.append(pattern.all_gather(lines, start))
            start += pattern.steps(lines.members.shape[1])
    return _stack(rows)


def finish(
    collective: Collective, name: str, hosts: Sequence[int], rows: IntArray, home: IntArray, *, variant: str = ""
) -> Schedule:
    """Return the schedule of the transfers `rows` (int64[6, K]) over len(home) chunks of equal weight, in order of steps.

    `home` int64[C] is the rank at which each chunk is scattered to or gathered from. Reduce-scatter and all-gather
    buffers lie in order of ranks: chunks are renumbered so, and a range that this tears apart becomes several messages.
    """
    source: list[int] | None = None
    target: list[int] | None = None
    if collective.name != "all-reduce":
        order = np.argsort(home, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(home))
        rows = _renumber(rows, place)
        if collective.name == "all-gather":
            source = home[order].tolist()
        else:
            target = home[order].tolist()
    if np.any(rows[0, 1:] < rows[0, :-1]):
        rows = rows[:, np.argsort(rows[0], kind="stable")]
    builder = ScheduleBuilder(collective, name, hosts, [1] * len(home), chunk_src=source, chunk_dst=target)
    builder.add_many(*rows)
    return builder.finish(variant=variant)


def _renumber(rows: IntArray, place: IntArray) -> IntArray:
    """Return rows with chunk c called place[c]; a range becomes as few ranges as its new numbers allow."""
    if np.array_equal(place, np.arange(len(place))):
        return rows
    count = rows[5]
    owner = np.repeat(np.arange(rows.shape[1]), count)
    offset = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    chunk = place[(rows[3, owner] + offset) % len(place)]
    order = np.lexsort((chunk, owner))
    owner, chunk = owner[order], chunk[order]
    begins = np.flatnonzero(np.diff(owner, prepend=-1) | (np.diff(chunk, prepend=-2) != 1))
    pieces = rows[:, owner[begins]]
    pieces[3] = chunk[begins]
    pieces[5] = np.diff(begins, append=len(owner))
    return pieces
