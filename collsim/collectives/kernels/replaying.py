"""The replay of fingerprints in one compiled pass: the same values as `replay` gives, or word that something is wrong.

What is wrong is left to `replay` itself to find and to say.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from collsim.jit.compile import kernel

__all__ = ["Moves", "replay_fingerprints"]

Array = Any


class Moves(NamedTuple):
    """int64[T] columns of a schedule, its transfers by ascending (step, id) in `order`, and its number of chunks."""

    order: Array
    step: Array
    src: Array
    dst: Array
    chunk: Array
    count: Array
    op: Array
    chunks: int


@kernel
def replay_fingerprints(m: Any, values: Array, prime: Any, most: Any) -> Any:
    """Return (needs int64[T], whether all went well), and leave in `values` uint64[cells, 2] what the cells hold at last.

    A cell is undefined while its number of contributions, the second word, is 0. `prime`, `most`: uint64, see `fingerprint`.
    """
    order, step, src, dst, chunk, count, op, chunks = m
    arrived, stamp = np.zeros(len(values), np.int32), np.zeros(len(values), np.int32)
    needs, nothing = np.zeros(len(order), np.int64), np.uint64(0)
    moved = np.empty((1024, 2), np.uint64)
    at, round_ = 0, 0
    while at < len(order):
        start, now, used = at, step[order[at]], 0
        round_ += 1
        while at < len(order) and step[order[at]] == now:
            t = order[at]
            at += 1
            if used + count[t] > len(moved):
                larger = np.empty((2 * len(moved) + count[t], 2), np.uint64)
                larger[:used] = moved[:used]
                moved = larger
            for k in range(count[t]):
                cell = src[t] * chunks + (chunk[t] + k) % chunks
                if values[cell, 1] == nothing:
                    return needs, False
                moved[used, 0], moved[used, 1] = values[cell, 0], values[cell, 1]
                needs[t] += arrived[cell]
                used += 1
        used = 0
        for place in range(start, at):
            t = order[place]
            for k in range(count[t]):
                cell = dst[t] * chunks + (chunk[t] + k) % chunks
                # The stamp is this step's number, negative for a copy: a copy must be alone in its cell.
                again = stamp[cell] == round_
                if stamp[cell] == -round_ or (again and op[t] == 0) or (op[t] == 1 and values[cell, 1] == nothing):
                    return needs, False
                if op[t] == 0:
                    stamp[cell] = -round_
                    values[cell, 0], values[cell, 1] = moved[used, 0], moved[used, 1]
                else:
                    stamp[cell] = round_
                    total = values[cell, 0] + moved[used, 0]
                    values[cell, 0] = total - prime if total >= prime else total
                    values[cell, 1] = min(values[cell, 1] + moved[used, 1], most)
                arrived[cell] += 1
                used += 1
    return needs, True
