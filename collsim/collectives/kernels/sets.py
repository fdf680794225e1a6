"""Dependency sets of schedules in one pass over their transfers in order of steps, compiled.

Two ways for two kinds of schedules. Where every transfer carries one chunk, a counter for each (rank, chunk) tells what has
arrived. Where transfers carry ranges, each looks through the deliveries to its source: better than counters while ranks have
few, since a range may be thousands of chunks long. Inside, transfers and cells are int32.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from collsim.jit.compile import kernel, small_kernel

__all__ = ["Transfers", "range_sets", "single_sets"]

Array = Any


class Transfers(NamedTuple):
    """int64[T] columns of a schedule, its transfers by ascending (step, id) in `order`, its numbers of ranks and chunks."""

    order: Array
    step: Array
    src: Array
    dst: Array
    chunk: Array
    count: Array
    ranks: int
    chunks: int


@kernel
def single_sets(m: Any) -> Any:
    """Return (dep_set, set_offsets, set_members), int64 as `infer_dependencies` does, of transfers of one chunk each."""
    order, step, src, dst, chunk, chunks = m.order, m.step, m.src, m.dst, m.chunk, m.chunks
    total = len(order)
    # Of every cell (rank, chunk): where its deliveries begin in `ids`, where the next one goes, and the set that those
    # there make up, 0 if not asked for yet. Side by side, since a cell is looked at once in millions: half of the time.
    cells = np.zeros((m.ranks * chunks, 3), np.int32)
    for t in range(total):
        cells[dst[t] * chunks + chunk[t], 0] += 1
    place = 0
    for cell in range(len(cells)):
        landing = cells[cell, 0]
        cells[cell, 0] = cells[cell, 1] = place
        place += landing
    ids, dep_set = np.empty(total, np.int32), np.zeros(total, np.int64)
    low, high = np.zeros(total + 1, np.int32), np.zeros(total + 1, np.int32)
    sets, members, at = 1, 0, 0
    while at < total:
        start, now = at, step[order[at]]
        while at < total and step[order[at]] == now:
            t = order[at]
            at += 1
            cell = src[t] * chunks + chunk[t]
            begin, end, known = cells[cell, 0], cells[cell, 1], cells[cell, 2]
            if end > begin:
                if known == 0:
                    known = cells[cell, 2] = sets
                    low[sets], high[sets] = begin, end
                    members += end - begin
                    sets += 1
                dep_set[t] = known
        for earlier in range(start, at):
            t = order[earlier]
            cell = dst[t] * chunks + chunk[t]
            ids[cells[cell, 1]] = t
            cells[cell, 1] += 1
            cells[cell, 2] = 0
    offsets, flat = _flatten(ids, low[:sets], high[:sets], members)
    return dep_set, offsets, flat


@small_kernel
def _flatten(ids: Array, low: Array, high: Array, members: int) -> Any:
    """Return (offsets, numbers): ids[low:high] of every set, ascending, one after the other."""
    offsets, flat = np.zeros(len(low) + 1, np.int64), np.empty(members, np.int64)
    used = 0
    for k in range(len(low)):
        first, ascending = used, True
        for place in range(low[k], high[k]):
            flat[used] = ids[place]
            ascending = ascending and (used == first or flat[used] > flat[used - 1])
            used += 1
        if not ascending:
            flat[first:used] = np.sort(flat[first:used])
        offsets[k + 1] = used
    return offsets, flat


@kernel
def range_sets(m: Any) -> Any:
    """Return the same of transfers of any number of chunks, by looking through all deliveries to each one's source."""
    order, step, src, dst, chunk, count, chunks = m.order, m.step, m.src, m.dst, m.chunk, m.count, m.chunks
    total = len(order)
    end = np.zeros(m.ranks + 1, np.int32)
    for t in range(total):
        end[dst[t] + 1] += 1
    for rank in range(1, len(end)):
        end[rank] += end[rank - 1]
    begin = end.copy()
    ids = np.empty(total, np.int32)
    dep_set = np.empty(total, np.int64)
    bits = 4
    while (1 << bits) < 2 * total:
        bits += 1
    table, mask = np.zeros(1 << bits, np.int32), (1 << bits) - 1
    offsets, flat = np.zeros(total + 2, np.int64), np.empty(2 * total + 16, np.int64)
    sets, used, at = 1, 0, 0
    while at < total:
        start, now = at, step[order[at]]
        while at < total and step[order[at]] == now:
            t = order[at]
            at += 1
            rank, first, length = src[t], chunk[t], count[t]
            flat = _with_room(flat, used, end[rank] - begin[rank])
            stop = used
            for place in range(begin[rank], end[rank]):
                other = ids[place]
                # Cyclic ranges meet where one begins within the other.
                ahead = chunk[other] - first
                if ahead < 0:
                    ahead += chunks
                if ahead < length or chunks - ahead < count[other]:
                    flat[stop] = other
                    stop += 1
            dep_set[t] = 0
            if stop > used:
                slot = _hash_sorted(flat, used, stop) & mask
                while table[slot] > 0 and not _same(flat, offsets[table[slot]], offsets[table[slot] + 1], used, stop):
                    slot = (slot + 1) & mask
                if table[slot] == 0:
                    table[slot] = sets
                    sets += 1
                    used = stop
                    offsets[sets] = used
                dep_set[t] = table[slot]
        for place in range(start, at):
            t = order[place]
            ids[end[dst[t]]] = t
            end[dst[t]] += 1
    return dep_set, offsets[: sets + 1].copy(), flat[:used].copy()


@small_kernel
def _with_room(numbers: Array, used: int, more: int) -> Array:
    """Return `numbers`, or a copy of twice its size and more where `more` do not fit behind the `used` ones."""
    if used + more <= len(numbers):
        return numbers
    larger = np.empty(2 * len(numbers) + more, np.int64)
    larger[:used] = numbers[:used]
    return larger


@small_kernel
def _hash_sorted(numbers: Array, low: int, high: int) -> Any:
    """Sort numbers[low:high] where need be and return a number made of them."""
    value = np.int64(high - low)
    for place in range(low + 1, high):
        if numbers[place] < numbers[place - 1]:
            numbers[low:high] = np.sort(numbers[low:high])
            break
    for place in range(low, high):
        value = (value ^ numbers[place]) * np.int64(-7046029254386353131)
        value ^= (value >> 29) & 0x7FFFFFFFF
    return value


@small_kernel
def _same(numbers: Array, low: int, high: int, other: int, stop: int) -> Any:
    """Tell whether numbers[low:high] equals numbers[other:stop]."""
    return high - low == stop - other and np.array_equal(numbers[low:high], numbers[other:stop])
