"""2-D ring: rings along one dimension of a grid after the other, on any number of dimensions.

Reduce-scatter along the first dimension leaves a fraction of the data for the second, and so on; all-gather goes back.
Cut into parts that take the dimensions in different orders, and both directions, it keeps every link of a torus busy.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.algorithm import Formula, Hint, algorithm
from collsim.collectives.collective import Collective
from collsim.collectives.patterns import RING, Lines, Pattern, all_gather_and_reduce, finish
from collsim.collectives.schedule import Schedule
from collsim.errors import InvalidValue
from collsim.topology.graph import Topology

IntArray = NDArray[np.int64]


def _steps(topology: Topology, collective: Collective, ranks: int) -> int | None:
    if ranks != topology.hosts:
        return None
    return (2 if collective.name == "all-reduce" else 1) * sum(size - 1 for size in topology.dims)


def _volume(topology: Topology, collective: Collective, ranks: int) -> Fraction:
    return Fraction((2 if collective.name == "all-reduce" else 1) * (ranks - 1), ranks)


@algorithm(
    "2d-ring",
    title="reduce-scatter along each dimension in turn, all-gather back; 1 part, d parts (orders) or 2d (and directions)",
    source="Jain and Sabharwal, Optimal bucket algorithms for large MPI collectives on torus interconnects, ICS 2010",
    needs="a torus or mesh, or a group that is a sub-grid of one",
    collectives=("all-reduce", "reduce-scatter", "all-gather"),
    steps=Formula("2(a-1+b-1) on a x b, one term a dimension; half of it for one phase", _steps),
    volume=Formula("2(n-1)/n; (n-1)/n for one phase", _volume),
    size_free=True,
    suits=("torus4x4", "mesh4x4", "torus8x8"),
    variants=("parts=2", "parts=3", "parts=4", "parts=6"),
)
def two_d_ring(
    topology: Topology, collective: Collective, hosts: Sequence[int], hint: Hint | None, *, parts: int = 1
) -> Schedule:
    """Return the schedule. `parts`: 1; the number of dimensions d (part k begins with dimension k); or 2d (each of those
    in both directions). Raises InvalidValue for other numbers, AlgorithmUnsuitable off a grid.
    """
    grid = sub_grid(topology, hosts)
    if grid is None:
        if topology.family not in ("torus", "mesh"):
            raise two_d_ring.refuse(topology, "it is not a grid.")
        raise two_d_ring.refuse(topology, "the hosts of the group do not form a sub-grid.")
    dimensions = len(topology.dims)
    if parts not in (1, dimensions, 2 * dimensions):
        raise InvalidValue(
            f"2d-ring on {topology.name} takes parts=1, {dimensions} (one a dimension) or {2 * dimensions} "
            f"(and both directions), not {parts}."
        )
    rows, homes = [], []
    for part in range(parts):
        turn = part % dimensions
        along = [(turn + k) % dimensions for k in range(dimensions)]
        turned = grid.transpose(along)
        phases = grid_phases(turned, [RING] * dimensions, first=part * grid.size, backwards=part >= dimensions)
        rows.append(all_gather_and_reduce(collective, phases))
        homes.append(turned.ravel())
    return finish(
        collective, "2d-ring", hosts, np.concatenate(rows, axis=1), np.concatenate(homes), variant=f"parts={parts}"
    )


def grid_phases(
    grid: IntArray, patterns: Sequence[Pattern], *, first: int = 0, backwards: bool = False
) -> list[tuple[Pattern, Lines]]:
    """Return one phase an axis of `grid` (ranks, any shape), axis 0 first, over chunks first..first + grid.size - 1.

    The rank at flat position i is the home of chunk first + i, so that what an axis leaves to the next is contiguous.
    """
    position = np.arange(grid.size, dtype=np.int64).reshape(grid.shape)
    phases = []
    for axis, pattern in enumerate(patterns):
        size, width = grid.shape[axis], prod(grid.shape[axis + 1 :])
        members = np.moveaxis(grid, axis, -1).reshape(-1, size)
        chunk = first + np.moveaxis(position, axis, -1).reshape(-1, size) // width * width
        if backwards:
            members, chunk = members[:, ::-1], chunk[:, ::-1]
        phases.append((pattern, Lines(members, chunk, width)))
    return phases


def sub_grid(topology: Topology, hosts: Sequence[int]) -> IntArray | None:
    """Return the ranks laid out as the sub-grid their hosts form (same number of dimensions), None if they form none."""
    if topology.family not in ("torus", "mesh") or prod(topology.dims) != topology.hosts:
        return None
    places = np.stack(np.unravel_index(np.array(hosts, dtype=np.int64), topology.dims), axis=1)
    axes = [np.unique(places[:, d], return_inverse=True) for d in range(len(topology.dims))]
    shape = tuple(len(values) for values, _ in axes)
    if prod(shape) != len(hosts):
        return None
    grid = np.empty(shape, dtype=np.int64)
    grid[tuple(index.ravel() for _, index in axes)] = np.arange(len(hosts))
    return grid
