"""The replay of fingerprints by runs: neighbouring chunks of a rank that hold the same are one entry.

Recursive halving moves half a buffer in one transfer, and an all-to-all leaves most of a rank's chunks untouched for ever;
cell by cell that is ranks x chunks of work and memory. The runs of a rank are a sorted stretch of one table; a stretch that
is full moves to the end of the table with twice the room.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from collsim.jit.compile import kernel, small_kernel

__all__ = ["FINE", "NOTHING_TO_REDUCE", "NOT_HELD", "TWO_AT_ONCE", "first_wrong", "replay_runs"]

Array = Any
FINE, NOT_HELD, NOTHING_TO_REDUCE, TWO_AT_ONCE = 0, 1, 2, 3
# Columns of the table of runs: first chunk, fingerprint, number of contributions (0: undefined), deliveries so far, and the
# step of the latest delivery, negative for a copy.
START, VALUE, NUMBER, ARRIVED, STAMP = 0, 1, 2, 3, 4


@small_kernel
def _at(table: Array, first: int, length: int, chunk: int) -> int:
    """Return the row of the run that holds `chunk`, among `length` from `first` on."""
    low, high = first, first + length
    while high - low > 1:
        middle = (low + high) >> 1
        if table[middle, START] <= chunk:
            low = middle
        else:
            high = middle
    return low


@small_kernel
def _more(table: Array, places: Array, rank: int) -> Array:
    """Return the table with room for two more runs of `rank`.

    `places` int64[n + 1, 3]: first row, length and room of each rank; the last one holds how much of the table is used.
    """
    first, length, room = places[rank]
    if length + 2 <= room:
        return table
    used = places[len(places) - 1, 0]
    if used + 2 * room > len(table):
        larger = np.empty((2 * len(table) + 2 * room, 5), np.int64)
        larger[:used] = table[:used]
        table = larger
    for k in range(length):
        table[used + k] = table[first + k]
    places[rank, 0], places[rank, 2] = used, 2 * room
    places[len(places) - 1, 0] = used + 2 * room
    return table


@small_kernel
def _cut(table: Array, places: Array, rank: int, row: int, ends: Any, chunks: int) -> Any:
    """Return (table, row), changed so that the run of `rank` in `row`, which holds the first of `ends`, begins there and
    is over by the second.

    Both cuts at once move what lies behind once: an all-to-all on 256 ranks in two thirds of the time.
    """
    first, length = places[rank, 0], places[rank, 1]
    low, high = ends
    begins = table[row, START] == low
    over = (table[row + 1, START] if row + 1 < first + length else chunks) <= high
    extra = (0 if begins else 1) + (0 if over else 1)
    if extra == 0:
        return table, row
    offset = row - first
    table = _more(table, places, rank)
    row = places[rank, 0] + offset
    for k in range(places[rank, 0] + length - 1, row - 1, -1):
        for c in range(5):
            table[k + extra, c] = table[k, c]
    places[rank, 1] = length + extra
    if not begins:
        for c in range(5):
            table[row + 1, c] = table[row, c]
        row += 1
        table[row, START] = low
    if not over:
        table[row + 1, START] = high
    return table, row


@small_kernel
def _same(table: Array, a: int, b: int, now: int) -> Any:
    """Tell whether two runs hold the same; of stamps only those of this step count."""
    equal = (
        table[a, VALUE] == table[b, VALUE]
        and table[a, NUMBER] == table[b, NUMBER]
        and table[a, ARRIVED] == table[b, ARRIVED]
    )
    return equal and (table[a, STAMP] == table[b, STAMP] or (abs(table[a, STAMP]) != now and abs(table[b, STAMP]) != now))


@small_kernel
def _merge(table: Array, places: Array, rank: int, row: int, end: int, now: int) -> None:
    """Join equal neighbours among the runs in rows `row` to `end` - 1 and those beside them."""
    first, length = places[rank, 0], places[rank, 1]
    kept, end = max(row - 1, first), min(end + 1, first + length)
    for k in range(kept + 1, end):
        if not _same(table, kept, k, now):
            kept += 1
            if kept < k:
                for c in range(5):
                    table[kept, c] = table[k, c]
    gone = end - 1 - kept
    if gone > 0:
        for k in range(end, first + length):
            for c in range(5):
                table[k - gone, c] = table[k, c]
        places[rank, 1] = length - gone


@small_kernel
def _begin(ranks: int, chunks: int, leaf: Array, own_first: Array, own: Array, everyone: bool) -> Any:
    """Return (table, places): the runs before the first step. `own`: the chunks of each rank, unless `everyone` has all."""
    table = np.empty((8 * ranks + 2 * len(own), 5), np.int64)
    places = np.zeros((ranks + 1, 3), np.int64)
    used = 0
    for r in range(ranks):
        places[r, 0], at = used, used
        table[at] = 0
        if everyone:
            table[at, VALUE], table[at, NUMBER] = leaf[r, 0], 1
        else:
            for k in range(own_first[r], own_first[r + 1]):
                if k > own_first[r] and own[k] == own[k - 1] + 1:
                    continue
                if own[k] > 0:
                    at += 1
                table[at] = 0
                table[at, START], table[at, VALUE], table[at, NUMBER] = own[k], leaf[r, 0], 1
                last = k
                while last + 1 < own_first[r + 1] and own[last + 1] == own[last] + 1:
                    last += 1
                if own[last] + 1 < chunks:
                    at += 1
                    table[at] = 0
                    table[at, START] = own[last] + 1
        places[r, 1] = at + 1 - used
        places[r, 2] = max(places[r, 1], 4)
        used += places[r, 2]
    places[ranks, 0] = used
    return table, places


@kernel
def replay_runs(m: Any, ranks: int, leaf: Array, owned: Any, prime: int, most: int) -> Any:  # noqa: PLR0915
    """Return (needs int64[T], table, places, fault, transfer, chunk): what `replay` finds, the runs at last, what is wrong.

    `m`: as for `replay_fingerprints`; `leaf` int64[n, 2]; `owned`: (first, chunks, everyone), see `_begin`.
    """
    order, step, src, dst, chunk, count, op, chunks = m
    table, places = _begin(ranks, chunks, leaf, owned[0], owned[1], owned[2])
    needs, moved = np.zeros(len(order), np.int64), np.empty((1024, 3), np.int64)
    at, now = 0, 0
    while at < len(order):
        start, this, used = at, step[order[at]], 0
        now += 1
        while at < len(order) and step[order[at]] == this:
            t = order[at]
            at += 1
            left, place = count[t], chunk[t]
            while left > 0:
                row = _at(table, places[src[t], 0], places[src[t], 1], place)
                last = places[src[t], 0] + places[src[t], 1] - 1
                end = table[row + 1, START] if row < last else chunks
                length = min(left, end - place)
                if table[row, NUMBER] == 0:
                    return needs, table, places, NOT_HELD, t, place
                needs[t] += table[row, ARRIVED] * length
                if used == len(moved):
                    larger = np.empty((2 * used, 3), np.int64)
                    larger[:used] = moved
                    moved = larger
                moved[used, 0], moved[used, 1], moved[used, 2] = length, table[row, VALUE], table[row, NUMBER]
                used += 1
                left -= length
                place = (place + length) % chunks
        used = 0
        for position in range(start, at):
            t = order[position]
            r, left, place = dst[t], count[t], chunk[t]
            while left > 0:
                length, end = moved[used, 0], place + moved[used, 0]
                row = _at(table, places[r, 0], places[r, 1], place)
                table, row = _cut(table, places, r, row, (place, end), chunks)
                begun = row - places[r, 0]
                while row < places[r, 0] + places[r, 1] and table[row, START] < end:
                    table, row = _cut(table, places, r, row, (table[row, START], end), chunks)
                    if op[t] == 1 and table[row, NUMBER] == 0:
                        return needs, table, places, NOTHING_TO_REDUCE, t, table[row, START]
                    if table[row, STAMP] == -now or (table[row, STAMP] == now and op[t] == 0):
                        return needs, table, places, TWO_AT_ONCE, t, table[row, START]
                    if op[t] == 0:
                        table[row, VALUE], table[row, NUMBER], table[row, STAMP] = moved[used, 1], moved[used, 2], -now
                    else:
                        total = table[row, VALUE] + moved[used, 1]
                        table[row, VALUE] = total - prime if total >= prime else total
                        table[row, NUMBER] = min(table[row, NUMBER] + moved[used, 2], most)
                        table[row, STAMP] = now
                    table[row, ARRIVED] += 1
                    row += 1
                _merge(table, places, r, places[r, 0] + begun, row, now)
                used += 1
                left -= length
                place = (place + length) % chunks
    return needs, table, places, FINE, -1, -1


@kernel
def first_wrong(table: Array, places: Array, owed: Any, source: Array, leaf: Array, whole: Array) -> Any:
    """Return (rank, chunk) of the first chunk that does not end as demanded, (-1, -1) without any.

    `owed`: (first, chunks, everyone): the chunks in which each rank must end, as for `_begin`; `source` int64[C]: whose
    contribution, negative for all, which is `whole`.
    """
    first, owing, everyone = owed
    for r in range(len(places) - 1):
        row, end = places[r, 0], places[r, 0] + places[r, 1]
        low, high = (0, len(source)) if everyone else (first[r], first[r + 1])
        for k in range(low, high):
            chunk = k if everyone else owing[k]
            while row + 1 < end and table[row + 1, START] <= chunk:
                row += 1
            value = whole[0] if source[chunk] < 0 else leaf[source[chunk], 0]
            number = whole[1] if source[chunk] < 0 else 1
            if table[row, VALUE] != value or table[row, NUMBER] != number:
                return r, chunk
    return -1, -1
