"""SplitMix64, the counter-based source of every random choice in routing: a pure function of integers, no state.

Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014. The scalar form takes Python ints;
the other takes numpy uint64 arrays and, because it is nothing but arithmetic, compiles under numba as it stands.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["GAMMA", "fold", "fold_array", "splitmix64", "splitmix64_array"]

MASK = (1 << 64) - 1
GAMMA = 0x9E3779B97F4A7C15
_M1, _M2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_GAMMA_U, _M1_U, _M2_U = np.uint64(GAMMA), np.uint64(_M1), np.uint64(_M2)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)

Words = TypeVar("Words", bound="NDArray[np.uint64]")


def splitmix64(state: int) -> int:
    """Return the first output, in [0, 2^64), of the SplitMix64 stream that starts at `state` (taken modulo 2^64).

    Output k (from 0) of the stream seeded s is splitmix64(s + k GAMMA).
    """
    z = (state + GAMMA) & MASK
    z = ((z ^ (z >> 30)) * _M1) & MASK
    z = ((z ^ (z >> 27)) * _M2) & MASK
    return z ^ (z >> 31)


def splitmix64_array(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return `splitmix64` of each element; uint64 of any shape, or a uint64 scalar inside a numba kernel."""
    z = state + _GAMMA_U
    z = (z ^ (z >> _S30)) * _M1_U
    z = (z ^ (z >> _S27)) * _M2_U
    return z ^ (z >> _S31)


def fold(*words: int) -> int:
    """Return a 64-bit hash of integers in order: h = splitmix64(h xor word) from h = 0, each word modulo 2^64."""
    h = 0
    for word in words:
        h = splitmix64(h ^ (word & MASK))
    return h


def fold_array(*words: NDArray[np.int64] | int) -> NDArray[np.uint64]:
    """Return `fold` element by element of int64 arrays (or scalars) that broadcast together; at least one dimension."""
    columns = np.broadcast_arrays(*(np.atleast_1d(np.asarray(word)).astype(np.uint64) for word in words))
    h = np.zeros(columns[0].shape, dtype=np.uint64)
    for column in columns:
        h = splitmix64_array(h ^ column)
    return h
