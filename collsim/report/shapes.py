"""Where things go in a drawing: links straight unless they would run through a third node, arrows from rim to rim.

All lengths are in units of the coordinates, so that what meets in the drawing meets at every size of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collsim.topology.graph import Topology

__all__ = [
    "Arrow",
    "arrow",
    "beside",
    "bowed",
    "directed_shapes",
    "hits_a_node",
    "link_shapes",
    "node_radii",
    "node_radius",
    "rate_shares",
    "rates_shown",
    "spacing",
    "way",
]

Points = NDArray[np.float64]
FOLLOWED = 80
"""Nodes of a machine up to which an eye can follow each of its lines."""


def spacing(t: Topology, nodes: slice = slice(None)) -> float:
    """Return the distance between a node and its nearest neighbour: three of four of `nodes` have no less."""
    every = t.coordinates[nodes]
    sample = every[:400]
    distance = np.hypot(*(sample[:, None, :] - every[None, :, :]).transpose(2, 0, 1))
    distance[distance < 1e-9] = np.inf
    nearest = distance.min(axis=1, initial=np.inf)
    nearest = nearest[np.isfinite(nearest)]
    return float(np.quantile(nearest, 0.25, method="lower")) if nearest.size else 1.0


def beside(t: Topology, nodes: slice) -> float:
    """Return how far apart those of `nodes` are from what stands at their height: the room for a name above each."""
    own = t.coordinates[nodes][:400]
    away = np.abs(own[:, None, :] - t.coordinates[None, :, :])
    across = np.where((away[..., 1] < 0.3 * spacing(t)) & (away[..., 0] > 1e-9), away[..., 0], np.inf)
    nearest = np.minimum(across.min(axis=1), float(np.ptp(t.coordinates[:, 0])) or 1.0)
    return float(np.quantile(nearest, 0.25, method="lower"))


def node_radius(t: Topology) -> float:
    """Return the radius of a node: well within half the distance to its neighbour, and small on the whole drawing."""
    reach = float(np.ptp(t.coordinates, axis=0).max()) or 1.0
    return min(0.28 * spacing(t), 0.04 * reach)


def node_radii(t: Topology) -> Points:
    """Return the radius of each node, float64[nodes]: switches are larger than hosts where they stand less dense."""
    host = node_radius(t)
    radii = np.full(t.nodes, host)
    if t.switches:
        reach = float(np.ptp(t.coordinates, axis=0).max()) or 1.0
        switches, hosts = t.coordinates[t.hosts :], t.coordinates[: t.hosts]
        apart = spacing(t, slice(t.hosts, t.nodes)) if t.switches > 1 else np.inf
        away = hosts[None, :, :] - switches[:400, None, :]
        free = float(np.hypot(away[..., 0], away[..., 1]).min()) - host
        # A switch is a square, whose corners are 1.27 of its radius away from its middle.
        radii[t.hosts :] = max(host, min(0.28 * apart, 0.55 * free, 0.036 * reach, 0.75 * _passing(t)))
    return radii


def _passing(t: Topology) -> float:
    """Return how near a straight line of a link comes to a switch that is no end of it; lines that hit one go around it.

    Infinite for large machines, whose lines nobody follows one by one; there nodes had better be seen.
    """
    if t.nodes > FOLLOWED:
        return np.inf
    pairs = np.unique(np.sort(np.stack([t.source, t.target], axis=1), axis=1), axis=0)
    start, along = t.coordinates[pairs[:, 0]], t.coordinates[pairs[:, 1]] - t.coordinates[pairs[:, 0]]
    square = np.maximum((along * along).sum(axis=1), 1e-12)
    least, hit = np.inf, 0.16 * spacing(t)
    for switch in range(t.hosts, t.nodes):
        to = t.coordinates[switch] - start
        share = (to * along).sum(axis=1) / square
        away = np.hypot(*(to - share[:, None] * along).T)
        third = (share > 0) & (share < 1) & (away >= hit) & (pairs != switch).all(axis=1)
        least = min(least, float(away[third].min(initial=np.inf)))
    return least


def rates_shown(t: Topology) -> list[int]:
    """Return the rates that a key names, fastest first: all, or of more than five the fastest, a middle one, the slowest."""
    rates = sorted(set(t.bandwidth.tolist()), reverse=True)
    return rates if len(rates) <= 5 else [rates[0], rates[len(rates) // 2], rates[-1]]


def rate_shares(rates: Sequence[int] | NDArray[np.int64], t: Topology) -> list[float]:
    """Return how wide links of these rates are, as shares of the widest: by the root of the rate, a fifth at least."""
    roots = np.sqrt(np.asarray(rates) / float(t.bandwidth.max()))
    return [float(share) for share in np.clip(roots, 0.2, 1.0)]


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
        aside = 0.1 * gap * (seen // 2) * (1 if seen % 2 else -1)
        shapes.append(way(t, min(a, b), max(a, b), gap, aside))
        links.append(link)
    return shapes, np.array(links, dtype=np.int64)


def directed_shapes(t: Topology) -> list[Points]:
    """Return a polyline for every link, on the right of its way, so that the two directions of a cable lie side by side."""
    gap = spacing(t)
    seen: dict[tuple[int, int], int] = {}
    shapes = []
    for link in range(t.links):
        ends = int(t.source[link]), int(t.target[link])
        before = seen[ends] = seen.get(ends, 0) + 1
        line = way(t, min(ends), max(ends), gap, 0.1 * gap * (before - 1))
        line = line if ends[0] < ends[1] else line[::-1]
        along = line[-1] - line[0]
        length = float(np.hypot(*along)) or 1.0
        shapes.append(line + 0.035 * gap / length * np.array([along[1], -along[0]]))
    return shapes


def way(t: Topology, a: int, b: int, gap: float, aside: float = 0.0, link: bool = True) -> Points:
    """Return the line from node `a` to node `b`: `aside` to its left, and around nodes that stand in between.

    Lines that are no `link` rise higher the longer they are, so that many from one row to itself stay apart.
    """
    start, end = t.coordinates[a], t.coordinates[b]
    if not hits_a_node(t, a, b, 0.16 * gap):
        return bowed(start, end, aside)
    if not link:
        return bowed(start, end, max(0.4 * gap, 0.25 * float(np.hypot(*(end - start)))))
    # The line must have risen past the rim of the first node in between, one gap away, however long it is. Longer ones
    # rise a little higher, or those of a hypercube that begin in one row would run into each other.
    steps = float(np.hypot(*(end - start))) / gap
    steepness = max(2.0, np.log(0.15) / np.log(1 - 2 / steps)) if steps > 2 else 2.0
    height = 0.4 + 0.06 * np.log2(max(steps / 2, 1.0))
    return bowed(start, end, height * gap + abs(aside), steepness)


def bowed(start: Points, end: Points, height: float, steepness: float = 2.0) -> Points:
    """Return a polyline from `start` to `end` that rises by `height` to its left; float64[2 or 49, 2].

    `steepness` 2 is a parabola; more rises sooner and stays up longer.
    """
    if height == 0:
        return np.array([start, end])
    along = end - start
    length = float(np.hypot(*along)) or 1.0
    normal = np.array([-along[1], along[0]]) / length
    share = np.linspace(0, 1, 49)[:, None]
    rise = 1 - np.abs(2 * share - 1) ** steepness
    return np.asarray(start + share * along + rise * height * normal)


@dataclass(frozen=True, slots=True, eq=False)
class Arrow:
    """`shaft`: float64[P, 2], a polyline; `head`: float64[3, 2], a triangle whose first corner is the tip."""

    shaft: Points
    head: Points


def arrow(line: Points, start: float, end: float, size: float) -> Arrow:
    """Return the arrow along `line` that leaves its first `start` and last `end` free, with a head of length `size`."""
    passed = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    length = float(passed[-1]) or 1.0
    fit = min(1.0, 0.9 * length / (start + end + size))
    tip, base, tail = length - fit * end, length - fit * (end + size), fit * start
    inner = passed[(passed > tail) & (passed < base)]
    corners = [np.interp([tail, *inner, base, tip], passed, column) for column in line.T]
    points = np.stack(corners, axis=1)
    along = points[-1] - points[-2]
    across = 0.35 * np.array([-along[1], along[0]])
    return Arrow(points[:-1], np.array([points[-1], points[-2] + across, points[-2] - across]))


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
