"""Numbers the steps of transfers so that every version is the one a program sends, as low as its thread blocks allow.

Edges say "not before" (weight 0) or "later" (weight 1). Those that versions demand are hard; that a thread block sends one
thing after another is soft, because within a circle of "not before" all transfers share a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

__all__ = ["Edges", "number_steps"]


@dataclass(slots=True)
class Edges:
    """Edges between `nodes` nodes, each (earlier, later, weight, hard)."""

    nodes: int
    rows: list[tuple[int, int, int, bool]] = field(default_factory=list)

    def node(self) -> int:
        """Return a further node."""
        self.nodes += 1
        return self.nodes - 1

    def add(self, earlier: int, later: int, weight: int, *, hard: bool = True) -> None:
        """Add an edge; of a node to itself only the contradiction "later than itself" is kept."""
        if earlier != later or (weight and hard):
            self.rows.append((earlier, later, weight, hard))

    def between(self, earlier: Sequence[int], later: Sequence[int], weight: int, *, hard: bool = True) -> None:
        """Add an edge from each of `earlier` to each of `later`, through a node of its own where that takes fewer."""
        if len(earlier) > 1 and len(later) > 1:
            middle = self.node()
            for one in earlier:
                self.add(one, middle, 0, hard=hard)
            earlier = [middle]
        for one in earlier:
            for other in later:
                self.add(one, other, weight, hard=hard)


def number_steps(edges: Edges) -> list[int] | tuple[int, int]:
    """Return the least step of every node, or an edge (earlier, later) that contradicts the other hard ones."""
    found = _number(edges.nodes, edges.rows)
    return found if isinstance(found, list) else _number(edges.nodes, [row for row in edges.rows if row[3]])


def _number(n: int, rows: Sequence[tuple[int, int, int, bool]]) -> list[int] | tuple[int, int]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not rows:
        return [0] * n
    sources, targets = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    graph = coo_array((np.ones(len(sources), dtype=np.int8), (sources, targets)), shape=(n, n))
    groups, labels = connected_components(graph.tocsr(), directed=True, connection="strong")
    label = labels.tolist()
    follow: list[list[tuple[int, int]]] = [[] for _ in range(groups)]
    waits = [0] * groups
    for earlier, later, weight, hard in rows:
        a, b = label[earlier], label[later]
        if a != b:
            follow[a].append((b, weight))
            waits[b] += 1
        elif weight and hard:
            return earlier, later
    step = [0] * groups
    ready = [group for group in range(groups) if not waits[group]]
    while ready:
        a = ready.pop()
        for b, weight in follow[a]:
            step[b] = max(step[b], step[a] + weight)
            waits[b] -= 1
            if not waits[b]:
                ready.append(b)
    return [step[group] for group in label]
