"""2-D ring as the MULTITREE paper has it: a full all-reduce along one dimension, then a full one along the other.

A quarter of the data goes around every row eastwards, one westwards, and meanwhile one around every column each way; then
the quarters change dimensions, each rank when its first sweep is over: chunks that were complete early would otherwise get
ahead of those of the sweep. All four links of a torus node are busy all the time, but a rank moves the whole data twice:
k/(k-1) of a link on k x k. `2d-ring`, which scatters first and gathers back, moves about half as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import lcm

import numpy as np

from collsim.collectives.algorithm import Formula, Hint, algorithm
from collsim.collectives.algorithms.two_d_ring import sub_grid
from collsim.collectives.collective import Collective
from collsim.collectives.dependencies import wait_also
from collsim.collectives.patterns import RING, Lines, all_gather_and_reduce, finish
from collsim.collectives.schedule import Schedule
from collsim.topology.graph import Topology

WAYS = ((1, False), (1, True), (0, False), (0, True))
"""(axis, backwards) that each quarter starts with: east, west, south, north; it goes on with the other axis."""


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
    for quarter, (first_axis, backwards) in enumerate(WAYS):
        for turn, axis in enumerate((first_axis, 1 - first_axis)):
            size = grid.shape[axis]
            members = np.moveaxis(grid, axis, -1)[:, :: -1 if backwards else 1]
            chunk = np.broadcast_to(quarter * pieces + np.arange(size) * (pieces // size), members.shape)
            transfers = all_gather_and_reduce(collective, [(RING, Lines(members, chunk, pieces // size))])
            transfers[0] += turn * sweep
            rows.append(transfers)
    home = np.zeros(4 * pieces, dtype=np.int64)
    plan = finish(collective, "2d-ring-isca21", hosts, np.concatenate(rows, axis=1), home)
    return _one_sweep_after_the_other(plan, pieces, sweep)


def _one_sweep_after_the_other(plan: Schedule, pieces: int, sweep: int) -> Schedule:
    """Return `plan` with first sends of the second sweep (step `sweep`) after the quarter's last arrival in the first."""
    quarter = plan.chunk // pieces
    last = np.full((4, plan.ranks), -1, dtype=np.int64)
    arrivals = np.flatnonzero(plan.step < sweep)  # in order of steps, so that the last one stays
    last[quarter[arrivals], plan.dst[arrivals]] = arrivals
    begins = np.flatnonzero(plan.step == sweep)
    earlier = last[quarter[begins], plan.src[begins]]
    begins, earlier = begins[earlier >= 0], earlier[earlier >= 0]
    sets = wait_also((plan.dep_set, plan.set_offsets, plan.set_members), begins, earlier)
    return replace(plan, dep_set=sets[0], set_offsets=sets[1], set_members=sets[2])
