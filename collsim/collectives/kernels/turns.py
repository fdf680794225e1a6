"""The order of play as the growing kernels share it: which trees grow, in which turns, until when."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from collsim.jit.compile import small_kernel

__all__ = ["Turns", "at_opening", "still_growing"]

Array = Any


class Turns(NamedTuple):
    """`roots`: int32[T]. `first`: int32[T], trees in their order of turns. `edges` of a tree. `ports` of a host, 0 no limit.

    `any_tree`, `smallest`: see `tree_growth.grow`.
    """

    roots: Array
    first: Array
    edges: int
    ports: int
    any_tree: bool
    smallest: bool


@small_kernel
def at_opening(t: Any, growing: Array, size: Array) -> Array:
    """Return the growing trees in their turns of a step that opens; `size`: int32[T], edges that a tree has."""
    return growing[np.argsort(size[growing], kind="mergesort")] if t.smallest else growing


@small_kernel
def still_growing(t: Any, growing: Array, size: Array) -> Array:
    """Return the trees that lack edges after a step, in the order that equals have."""
    return t.first[size[t.first] < t.edges] if t.smallest else growing[size[growing] < t.edges]
