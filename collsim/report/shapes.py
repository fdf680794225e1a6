"""Where lines go in a drawing: a link is straight unless it would run through a third node, then it bows around it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collsim.topology.graph import Topology

__all__ = ["bowed", "hits_a_node", "link_shapes", "spacing"]

Points = NDArray[np.float64]


def spacing(t: Topology) -> float:
    """Return the typical distance between a node and its nearest neighbour, in units of the coordinates."""
    sample = t.coordinates[:400]
    distance = np.hypot(*(sample[:, None, :] - t.coordinates[None, :, :]).transpose(2, 0, 1))
    distance[distance < 1e-9] = np.inf
    nearest = distance.min(axis=1)
    return float(np.median(nearest[np.isfinite(nearest)])) if np.isfinite(nearest).any() else 1.0


def link_shapes(t: Topology) -> tuple[list[Points], NDArray[np.int64]]:
    """Return (polylines, link ids): one line a pair of opposite links, parallel links side by side."""
    gap = spacing(t)
    shapes, links = [], []
    drawn: dict[tuple[int, int], int] = {}
    for link in range(t.links):
        a, b = int(t.source[link]), int(t.target[link])
        seen = drawn[a, b] = drawn.get((a, b), 0) + 1
        if a > b and drawn.get((b, a), 0) >= seen:
            continue
        bow = 0.4 * gap if hits_a_node(t, a, b, 0.16 * gap) else 0.0
        bow += 0.1 * gap * (seen // 2) * (1 if seen % 2 else -1)
        shapes.append(bowed(t.coordinates[min(a, b)], t.coordinates[max(a, b)], bow))
        links.append(link)
    return shapes, np.array(links, dtype=np.int64)


def bowed(start: Points, end: Points, height: float) -> Points:
    """Return a polyline from `start` to `end` that rises by `height` to its left; float64[2 or 25, 2]."""
    if height == 0:
        return np.array([start, end])
    along = end - start
    length = float(np.hypot(*along)) or 1.0
    normal = np.array([-along[1], along[0]]) / length
    share = np.linspace(0, 1, 25)[:, None]
    return np.asarray(start + share * along + 4 * share * (1 - share) * height * normal)


def hits_a_node(t: Topology, a: int, b: int, reach: float) -> bool:
    """Say whether a third node lies within `reach` of the straight line from node `a` to node `b`."""
    start, along = t.coordinates[a], t.coordinates[b] - t.coordinates[a]
    square = float(along @ along)
    if square == 0:
        return False
    share = (t.coordinates - start) @ along / square
    away = np.hypot(*(t.coordinates - start - share[:, None] * along).T)
    inside = (share > 1e-6) & (share < 1 - 1e-6) & (away < reach)
    inside[[a, b]] = False
    return bool(inside.any())
