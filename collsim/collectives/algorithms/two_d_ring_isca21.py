"""2-D ring as the MULTITREE paper has it: a full all-reduce along one dimension, then a full one along the other.

A quarter of the data goes around every row eastwards, one westwards, and meanwhile one around every column each way; then
the quarters change dimensions. All four links of a torus node are busy all the time, but a rank moves the whole data
twice: k/(k-1) of a link on k x k. `2d-ring`, which scatters first and gathers back, moves about half as much.

Chunks that a sweep brings early could start the next one early and get ahead of the first on a link that stands idle for a
moment. So homes are shifted from line to line such that what a rank sends first in the second sweep is, or overlaps, what
came last in the first: no rank begins before it is done, and all links stay in step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import lcm

import numpy as np

from collsim.collectives.algorithm import Formula, Hint, algorithm
from collsim.collectives.algorithms.two_d_ring import sub_grid
from collsim.collectives.collective import Collective
from collsim.collectives.patterns import RING, Lines, all_gather_and_reduce, finish
from collsim.collectives.schedule import IntArray, Schedule
from collsim.topology.graph import Topology

WAYS: tuple[Callable[[IntArray], IntArray], ...] = (
    lambda grid: grid,
    lambda grid: grid[::-1, ::-1],
    lambda grid: grid.T,
    lambda grid: grid.T[::-1, ::-1],
)
"""How each quarter sees the grid, so that it goes along rows first, then columns: east, west, south, north."""


def _steps(topology: Topology, collective: Collective, ranks: int) -> int | None:
    return 4 * (max(topology.dims) - 1) if ranks == topology.hosts else None


def _volume(topology: Topology, collective: Collective, ranks: int) -> Fraction | None:
    return sum((2 - Fraction(2, k) for k in topology.dims), Fraction(0)) if ranks == topology.hosts else None


@algorithm(
    "2d-ring-isca21",
    title="a quarter of the data around rows and columns each way, a full all-reduce, then the other dimension",
    source="Huang et al., MULTITREE, ISCA 2021, baseline 2D-RING",
    needs="a torus or mesh of two dimensions, or a group that is a sub-grid of one",
    collectives=("all-reduce",),
    steps=Formula("4(k-1), k the longer side", _steps),
    volume=Formula("2(a-1)/a + 2(b-1)/b on a x b", _volume),
    size_free=True,
    suits=("torus4x4", "mesh4x4", "torus8x8"),
)
def two_d_ring_isca21(topology: Topology, collective: Collective, hosts: Sequence[int], hint: Hint | None) -> Schedule:
    """Return the schedule; both sweeps start together for all quarters. AlgorithmUnsuitable off a grid of two dimensions."""
    if topology.family not in ("torus", "mesh") or len(topology.dims) != 2:
        raise two_d_ring_isca21.refuse(topology, "it is no grid of two dimensions.")
    grid = sub_grid(topology, hosts)
    if grid is None:
        raise two_d_ring_isca21.refuse(topology, "the hosts of the group do not form a sub-grid.")
    pieces, sweep = lcm(*grid.shape), 2 * (max(grid.shape) - 1)
    rows = []
    for quarter, turned in enumerate(WAYS):
        for turn, lines in enumerate(_sweeps(turned(grid), quarter * pieces, pieces)):
            transfers = all_gather_and_reduce(collective, [(RING, lines)])
            transfers[0] += turn * sweep
            rows.append(transfers)
    return finish(collective, "2d-ring-isca21", hosts, np.concatenate(rows, axis=1), np.zeros(4 * pieces, dtype=np.int64))


def _sweeps(grid: IntArray, first: int, pieces: int) -> tuple[Lines, Lines]:
    """Return the rings along rows and along columns of `grid` (ranks, a x b) over chunks first..first + pieces - 1.

    The last to come to position q of a row is what is at home at q + 1, the first to leave position r of a column what is at
    home at r - 1. With y = r/a + q/b both are the part of the data, of b or of a parts, that holds y (modulo 1).
    """
    a, b = grid.shape
    r, q = np.arange(a), np.arange(b)
    along_row = (q[None, :] - 1 + (b * r // a)[:, None]) % b * (pieces // b)
    along_column = (r[None, :] + 1 + (a * q // b)[:, None]) % a * (pieces // a)
    return Lines(grid, first + along_row, pieces // b), Lines(grid.T, first + along_column, pieces // a)
