"""Packing spanning trees into an undirected graph whose edges have room for several: as many as Nash-Williams allows.

Trees grow together from central roots, each along its shallowest edge that has room left, which leaves few holes and
short trees. Holes are filled by matroid union: an edge enters a tree, an edge of the cycle it closes moves to another
tree, and so on along a shortest chain that ends in joining two parts of a tree (Edmonds 1965; Roskind and Tarjan 1985).
When no chain is left no larger packing exists (Nash-Williams 1961, Tutte 1961: as many trees as
floor(room between the sets / (sets - 1)) over all partitions).
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["distances", "incidence", "pack_spanning_trees"]

Ends = Sequence[tuple[int, int]]
Incidence = list[list[tuple[int, int]]]


def pack_spanning_trees(nodes: int, ends: Ends, room: Sequence[int], trees: int) -> list[list[int]] | None:
    """Return `trees` spanning trees as lists of edge ids, edge e in at most room[e] of them; None where they do not exist.

    `ends`: the two nodes of each edge, among 0..nodes-1, without parallels or loops.
    """
    forests = _Forests(nodes, ends, room, trees)
    missing = trees * (nodes - 1) - _grow(forests, _roots(nodes, ends, trees))
    while missing:
        if not forests.augment():
            return None
        missing -= 1
    return [[e for e in range(len(ends)) if has[e]] for has in forests.has]


def incidence(nodes: int, ends: Ends) -> Incidence:
    """Return for each node its (neighbour, edge) pairs in order of edges."""
    around: Incidence = [[] for _ in range(nodes)]
    for e, (u, v) in enumerate(ends):
        around[u].append((v, e))
        around[v].append((u, e))
    return around


def distances(around: Incidence, start: int) -> list[int]:
    """Return the number of edges from `start` to every node, -1 where there is no way."""
    away = [-1] * len(around)
    away[start], queue = 0, [start]
    for u in queue:
        for v, _ in around[u]:
            if away[v] < 0:
                away[v] = away[u] + 1
                queue.append(v)
    return away


def _roots(nodes: int, ends: Ends, trees: int) -> list[int]:
    """Return a root a tree: the centres of the graph in turn, so that trees are short and do not crowd one node."""
    around = incidence(nodes, ends)
    radius = [max(distances(around, u)) for u in range(nodes)]
    centres = [u for u in range(nodes) if radius[u] == min(radius)]
    return [centres[t * len(centres) // trees if trees < len(centres) else t % len(centres)] for t in range(trees)]


class _Forests:
    """`trees` edge-disjoint forests (copies of one edge count as different edges) and the room that is left.

    `neighbours[t][u]`: {v: edge} of forest t; `has[t][e]`: whether edge e is in forest t; `left[e]`.
    """

    def __init__(self, nodes: int, ends: Ends, room: Sequence[int], trees: int):
        self.nodes, self.ends, self.left = nodes, ends, list(room)
        self.neighbours: list[list[dict[int, int]]] = [[{} for _ in range(nodes)] for _ in range(trees)]
        self.has = [bytearray(len(ends)) for _ in range(trees)]

    def add(self, tree: int, edge: int) -> None:
        """Put an edge into a forest."""
        u, v = self.ends[edge]
        self.neighbours[tree][u][v] = self.neighbours[tree][v][u] = edge
        self.has[tree][edge] = 1

    def remove(self, tree: int, edge: int) -> None:
        """Take an edge out of a forest."""
        u, v = self.ends[edge]
        del self.neighbours[tree][u][v], self.neighbours[tree][v][u]
        self.has[tree][edge] = 0

    def augment(self) -> bool:
        """Add one edge to the forests along a shortest chain of exchanges; False when there is none.

        An edge is visited once though several trees may hold a copy: copies are alike, and one that changes places with
        its twin gains nothing. `came[e]` is (the edge whose entry pushes e out, the tree it leaves).
        """
        rooted = [_Rooted(self.nodes, neighbours) for neighbours in self.neighbours]
        queue = [e for e, left in enumerate(self.left) if left]
        came: dict[int, tuple[int, int]] = dict.fromkeys(queue, (-1, -1))
        for edge in queue:
            u, v = self.ends[edge]
            for tree, parts in enumerate(rooted):
                if self.has[tree][edge]:
                    continue
                if parts.top[u] != parts.top[v]:
                    self._exchange(edge, tree, came)
                    return True
                for f in parts.between(u, v):
                    if f not in came:
                        came[f] = (edge, tree)
                        queue.append(f)
        return False

    def _exchange(self, edge: int, tree: int, came: dict[int, tuple[int, int]]) -> None:
        while edge >= 0:
            pusher, leaves = came[edge]
            self.add(tree, edge)
            if pusher < 0:
                self.left[edge] -= 1
            else:
                self.remove(leaves, edge)
            edge, tree = pusher, leaves


class _Rooted:
    """A forest with roots chosen: `top[u]`, the root of u's part, and the edges between two nodes of one part."""

    def __init__(self, nodes: int, neighbours: list[dict[int, int]]):
        self.top = [-1] * nodes
        self._above, self._edge, self._depth = [-1] * nodes, [-1] * nodes, [0] * nodes
        for root in range(nodes):
            if self.top[root] < 0:
                self.top[root], queue = root, [root]
                for u in queue:
                    for v, e in neighbours[u].items():
                        if self.top[v] < 0:
                            self.top[v], self._above[v], self._edge[v] = root, u, e
                            self._depth[v] = self._depth[u] + 1
                            queue.append(v)

    def between(self, u: int, v: int) -> list[int]:
        """Return the edges on the way from u to v."""
        way = []
        while u != v:
            if self._depth[u] < self._depth[v]:
                u, v = v, u
            way.append(self._edge[u])
            u = self._above[u]
        return way


def _grow(forests: _Forests, roots: list[int]) -> int:
    """Let one tree after the other add an edge to a node nearest to its root; return how many edges all found."""
    around = incidence(forests.nodes, forests.ends)
    frontier = [{root: 0} for root in roots]
    depth = [{root: 0} for root in roots]
    growing, added = list(range(len(roots))), 0
    while growing:
        still = []
        for t in growing:
            edge = _shallowest(forests.left, around, frontier[t], depth[t])
            if edge is None:
                continue
            u, v, e = edge
            forests.left[e] -= 1
            forests.add(t, e)
            depth[t][v] = frontier[t][v] = depth[t][u] + 1
            added += 1
            still.append(t)
        growing = still
    return added


def _shallowest(
    left: list[int], around: Incidence, frontier: dict[int, int], depth: dict[int, int]
) -> tuple[int, int, int] | None:
    """Return (member, node outside, edge) of least depth, most room first; forget members that can add no more."""
    best, least = None, (len(around), 0)
    for u in list(frontier):
        if frontier[u] > least[0]:
            break
        ways = [(-left[e], v, e) for v, e in around[u] if left[e] and v not in depth]
        if not ways:
            del frontier[u]
            continue
        room, v, e = min(ways, key=lambda way: way[0])
        if (frontier[u], room) < least:
            best, least = (u, v, e), (frontier[u], room)
    return best
