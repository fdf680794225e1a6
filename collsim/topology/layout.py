"""Where nodes are drawn: circles and layers, shared by the families and by files that give no coordinates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["by_distance", "circle", "layers"]

FloatArray = NDArray[np.float64]


def circle(count: int) -> FloatArray:
    """Return float64[count, 2] on the unit circle, clockwise from the top; two nodes stand side by side."""
    angle = 2 * np.pi * np.arange(count) / max(count, 1) - (np.pi / 2 if count == 2 else 0)
    return np.stack([np.sin(angle), np.cos(angle)], axis=1).round(12)


def layers(width: int, counts: Sequence[int]) -> FloatArray:
    """Return float64[N, 2]: layer i (from the bottom) has counts[i] nodes spread evenly over `width`."""
    height = max(1.0, width / 6)
    rows = [np.stack([(np.arange(n) + 0.5) * width / n, np.full(n, i * height)], axis=1) for i, n in enumerate(counts)]
    return np.concatenate(rows)


def by_distance(hosts: int, ends: Sequence[tuple[int, int]], nodes: int) -> FloatArray:
    """Return float64[N, 2]: hosts in the bottom row, each switch as many rows up as it is hops from the nearest host.

    Hosts alone, and hosts around one switch, stand in a circle.
    """
    if nodes - hosts <= 1:
        return np.concatenate([circle(hosts), np.zeros((nodes - hosts, 2))])
    row = [0] * hosts + [-1] * (nodes - hosts)
    neighbours: list[set[int]] = [set() for _ in range(nodes)]
    for a, b in ends:
        neighbours[a].add(b)
        neighbours[b].add(a)
    front = list(range(hosts))
    while front:
        found = sorted({b for a in front for b in neighbours[a] if row[b] < 0})
        for node in found:
            row[node] = row[front[0]] + 1
        front = found
    members = [[n for n in range(nodes) if row[n] == level] for level in sorted(set(row))]
    place = layers(hosts, [len(each) for each in members])
    coordinates = np.empty((nodes, 2))
    coordinates[[n for each in members for n in each]] = place
    return coordinates
