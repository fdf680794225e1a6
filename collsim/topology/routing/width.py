"""How wide shortest paths are: the rate of the slowest link on the way, for routing that prefers the fast ones.

Counting links alone, a path over a slow network and one over a fast switch inside a box look the same; hosts with both
(a GPU with NVLink and a network card) do not use them alike.
"""

from __future__ import annotations

import numpy as np

from collsim.topology.graph import Topology
from collsim.topology.paths import hops_to
from collsim.topology.routing.candidates import IntArray, Rows, next_links

__all__ = ["slower_ways", "widest_links"]

FREE = np.iinfo(np.int64).max


def widest_links(topology: Topology, rows: Rows, hops: np.ndarray) -> Rows:
    """Keep of the candidates `rows` (as from `next_links`, `hops` int16[N, T]) those on a shortest path of most width."""
    offsets, links = rows
    reached = _width(topology, rows, hops, np.maximum)
    counts = np.diff(offsets)
    row = np.repeat(np.arange(len(counts)), counts)
    columns = hops.shape[1]
    own = np.minimum(topology.bandwidth[links], reached[topology.target[links], row % columns])
    keep = own == reached.reshape(-1)[row]
    kept = np.bincount(row[keep], minlength=len(counts))
    return np.concatenate([[0], np.cumsum(kept)]).astype(np.int64), links[keep]


def slower_ways(topology: Topology) -> tuple[IntArray, IntArray]:
    """Return (least, most) bytes/s of the slowest link over all shortest paths; int64[hosts, hosts], 0 on the diagonal."""
    hops = hops_to(topology)
    rows = next_links(topology, hops)
    both = [_width(topology, rows, hops, pick)[: topology.hosts].copy() for pick in (np.minimum, np.maximum)]
    for width in both:
        np.fill_diagonal(width, 0)
    return both[0], both[1]


def _width(topology: Topology, rows: Rows, hops: np.ndarray, pick: np.ufunc) -> IntArray:
    """Return int64[N, T]: the width of the shortest path that `pick` (maximum or minimum) takes, nearest nodes first."""
    offsets, links = rows
    columns = hops.shape[1]
    width = np.where(hops == 0, FREE, 0).astype(np.int64)
    flat, distance, counts = width.reshape(-1), hops.reshape(-1), np.diff(offsets)
    for hop in range(1, int(hops.max(initial=0)) + 1):
        row = np.flatnonzero((distance == hop) & (counts > 0))
        if not row.size:
            continue
        own = np.repeat(row, counts[row])
        starts = np.concatenate([[0], np.cumsum(counts[row])[:-1]])
        taken = links[np.arange(len(own)) - np.repeat(starts, counts[row]) + offsets[own]]
        flat[row] = pick.reduceat(
            np.minimum(topology.bandwidth[taken], width[topology.target[taken], own % columns]), starts
        )
    return width
