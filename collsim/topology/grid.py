"""What ring, mesh, torus and hypercube share: nodes on a grid, numbered row by row, each axis a line or a cycle.

Links are numbered by source node and, within a node, axis by axis, the neighbour at the smaller coordinate first: axis 0
minus, axis 0 plus, axis 1 minus, axis 1 plus. In two dimensions that is north, south, west, east, the order in which
MULTITREE looks for neighbours. An axis of two nodes has one link each way, wrapped or not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collsim.topology.family import LinkSpec, impossible, refuse_above, uniform
from collsim.topology.graph import Level, Topology, build

__all__ = ["grid", "grid_links", "projection"]

FloatArray = NDArray[np.float64]


def grid(family: str, dims: tuple[int, ...], links: LinkSpec, *, wrap: bool, about: str) -> Topology:
    """Return the mesh, or with `wrap` the torus, of `dims` (axis 0 first): host id = row-major index, hosts forward.

    Raises TopologyError for a dimension under two and for gigantic sizes.
    """
    if any(size < 2 for size in dims):
        raise impossible(family, dims, "every number is at least 2; leave a dimension of one node out")
    hosts = int(np.prod(np.array(dims, dtype=object)))
    refuse_above(family, dims, 2 * len(dims) * hosts)
    return build(
        f"{family}{'x'.join(map(str, dims))}",
        hosts,
        uniform(grid_links(dims, wrap), links),
        family=family,
        forwards=[True] * hosts,
        coordinates=projection(dims),
        dims=dims,
        levels=_levels(dims),
        about=about,
    )


def grid_links(dims: tuple[int, ...], wrap: bool) -> NDArray[np.int64]:
    """Return int64[L, 2], the directed ends of the grid's links in the order the module describes."""
    ids = np.arange(int(np.prod(dims)), dtype=np.int64).reshape(dims)
    place = np.indices(dims).reshape(len(dims), -1)
    columns = []
    for axis, size in enumerate(dims):
        for step in (-1, 1):
            neighbour = np.roll(ids, -step, axis=axis).reshape(-1)
            inside = (place[axis] + step >= 0) & (place[axis] + step < size)
            columns.append(np.where(inside | (wrap and size > 2), neighbour, -1))
    targets = np.stack(columns, axis=1)
    sources = np.broadcast_to(ids.reshape(-1, 1), targets.shape)
    there = targets >= 0
    return np.stack([sources[there], targets[there]], axis=1)


def projection(dims: tuple[int, ...]) -> FloatArray:
    """Return float64[N, 2] for drawing: axis 0 downwards, axis 1 rightwards, each further axis obliquely and scaled."""
    place = np.indices(dims).reshape(len(dims), -1).astype(np.float64)
    if len(dims) == 1:
        return np.stack([place[0], np.zeros_like(place[0])], axis=1)
    x, y = place[1].copy(), -place[0]
    extent = float(max(dims[:2]))
    # All of the third axis stays within a cell of the first two, so that no node stands on another.
    oblique = min(0.4, 0.8 / dims[2]) if len(dims) > 2 else 0.0
    for axis in range(2, len(dims)):
        shift = (oblique, 0.75 * oblique) if axis == 2 else (extent + 1, 0.0) if axis % 2 else (0.0, -extent - 1)
        x += shift[0] * place[axis]
        y += shift[1] * place[axis]
        extent = max(extent, float(np.ptp(x)), float(np.ptp(y)))
    return np.stack([x, y], axis=1)


def _levels(dims: tuple[int, ...]) -> tuple[Level, ...]:
    """Return the lines along each axis and, from three dimensions on, the planes across each axis."""
    if len(dims) == 1:
        return ()
    ids = np.arange(int(np.prod(dims))).reshape(dims)
    names = ("column", "row") if len(dims) == 2 else tuple(f"line-{axis}" for axis in range(len(dims)))
    lines = [Level(names[axis], _sets(np.moveaxis(ids, axis, -1).reshape(-1, dims[axis]))) for axis in range(len(dims))]
    lines.reverse()
    if len(dims) == 2:
        return tuple(lines)
    planes = [Level(f"plane-{axis}", _sets(np.moveaxis(ids, axis, 0).reshape(dims[axis], -1))) for axis in range(len(dims))]
    return (*lines, *planes)


def _sets(rows: NDArray[np.int64]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(row) for row in rows.tolist())
