"""What a growth of MULTITREE's trees is played by: the machine seen from the group, the trees, and the rules of turns.

Made once by `tree_growth.grow` and read by the Python growers and by the compiled ones alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Columns", "Play"]

Columns = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
"""Links of all paths, lengths of the paths, steps of the edges; by tree and in order of insertion."""


@dataclass(frozen=True, slots=True, eq=False)
class Play:
    """`hosts`: rank -> host. `roots`: tree -> host. `first`: the trees in their order of turns. `edges`: of a tree, n - 1.

    `order`: out-links of every node in scan order. `passes` bool[nodes]: paths may lead through. `direct`: no path can, so
    every edge is one link. `ports` of a host and direction, 0 no limit. `any_tree`, `smallest`: see `tree_growth.grow`.
    """

    hosts: Sequence[int]
    roots: Sequence[int]
    first: list[int]
    edges: int
    order: list[list[int]]
    passes: NDArray[np.bool_]
    direct: bool
    ports: int
    any_tree: bool
    smallest: bool
