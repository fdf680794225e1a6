"""Numbering what is equal: an open-addressing hash table, because sorting two million keys costs more than a run."""

from __future__ import annotations

from typing import Any

import numpy as np

from collsim.jit.compile import kernel, small_kernel

__all__ = ["intern"]


@kernel
def intern(keys: Any, ids: Any) -> Any:
    """Fill `ids` with the number of each key (int64, negative ones get -1); return where each number first occurs.

    Numbers are given in order of first occurrence.
    """
    mask, count = 1023, 0
    table = np.full(mask + 1, -1, dtype=np.int64)
    first = np.empty(512, dtype=np.int64)
    last, last_id = np.int64(-1), -1
    for k in range(len(keys)):
        key = keys[k]
        if key != last:
            last, last_id = key, -1
            if key >= 0:
                slot = _slot(keys, first, table, mask, key)
                last_id = table[slot]
                if last_id < 0:
                    last_id = count
                    table[slot] = count
                    first[count] = k
                    count += 1
                    if count == len(first):
                        longer = np.empty(2 * count, dtype=np.int64)
                        longer[:count] = first
                        first = longer
                        mask = 2 * mask + 1
                        table = np.full(mask + 1, -1, dtype=np.int64)
                        for number in range(count):
                            table[_slot(keys, first, table, mask, keys[first[number]])] = number
        ids[k] = last_id
    return first[:count].copy()


@small_kernel
def _slot(keys: Any, first: Any, table: Any, mask: int, key: int) -> int:
    """Return the place of `key` in the table, or the empty one where it belongs."""
    slot = ((key * 0x9E3779B97F4A7C1) >> 24) & mask
    while table[slot] >= 0 and keys[first[table[slot]]] != key:
        slot = (slot + 1) & mask
    return slot
