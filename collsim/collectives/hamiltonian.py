"""The order in which a ring algorithm visits ranks: a Hamiltonian ring of the topology wherever one is found.

Grids and hypercubes have one by formula; other graphs of directly linked hosts are searched for the ring with the widest
narrowest link, within a budget; hosts behind switches are visited switch by switch, along a ring of switches where these
are linked directly.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import prod

import numpy as np

from collsim.topology.graph import Topology

__all__ = ["family_ring", "gray_ring", "grid_ring", "is_ring", "ring_order", "ring_orders", "rotate_ring", "search_ring"]

SEARCH_BUDGET = 100_000
"""Nodes the searches for one ring may visit together before they give up."""
ROTATION_BUDGET = 20_000
"""Moves of the second search, each linear in the ranks, when the first has failed."""


def ring_order(topology: Topology, hosts: Sequence[int]) -> list[int]:
    """Return the ranks (0..n-1, rank r on node hosts[r]) in ring order, from the rank on the lowest host on.

    Every consecutive pair, last to first included, is joined by a link wherever such an order is found (`is_ring`).
    """
    rank_of = {host: rank for rank, host in enumerate(hosts)}
    order = family_ring(topology) if len(hosts) == topology.hosts else None
    if order is None:
        order = _searched(topology, sorted(hosts)) or _leaf_ring(topology, sorted(hosts)) or _near(topology, hosts)
    first = order.index(min(hosts))
    return [rank_of[host] for host in order[first:] + order[:first]]


def ring_orders(topology: Topology, hosts: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return two ring orders of the ranks that run in opposite directions and share no link where that can be had.

    The second is the first turned round, except on whole meshes with an odd number of nodes: there the first ring's hop of
    two links would meet links of the second, so the last corner is visited from its other neighbour.
    """
    forth = ring_order(topology, hosts)
    back = forth[::-1]
    if topology.family == "mesh" and topology.hosts % 2 and len(hosts) == topology.hosts:
        rank_of = {host: rank for rank, host in enumerate(hosts)}
        corner, beside = rank_of[topology.hosts - 1], rank_of[topology.hosts - 2]
        back.remove(corner)
        back.insert(back.index(beside) + 1, corner)
    return forth, back


def is_ring(topology: Topology, order: Sequence[int]) -> bool:
    """Return whether each node of `order` has a link to the next one, and the last to the first."""
    return all(topology.links_between(a, b) for a, b in zip(order, [*order[1:], order[0]], strict=True))


def family_ring(topology: Topology) -> list[int] | None:
    """Return the ring that the formula of the family gives over all hosts, None for a family that has none.

    On meshes with an odd number of nodes it is the best there is: one hop of two links, disjoint from all other hops.
    """
    dims = tuple(size for size in topology.dims if size > 1)
    if topology.family == "hypercube":
        return gray_ring(topology.hosts)
    if topology.family in ("torus", "mesh", "ring") and prod(dims) == topology.hosts:
        return grid_ring(dims, wraps=topology.family != "mesh")
    return None


def gray_ring(nodes: int) -> list[int]:
    """Return the reflected binary Gray code over 2^k nodes: neighbours differ in one bit."""
    return [i ^ (i >> 1) for i in range(nodes)]


def grid_ring(dims: Sequence[int], wraps: bool) -> list[int]:
    """Return a ring through the nodes of a grid (row-major ids); `wraps` for a torus.

    The grid is seen as rows (a snake through all dimensions but the last) by columns (the last dimension). With an even
    number of columns: row 0 from left to right, then a snake through the columns back over the other rows. With an even
    number of rows the same, turned. Odd by odd: a snake through the rows and home by column 0 over one wrap-around link,
    or, in a mesh, a zigzag through the last two rows that leaves one hop of two links.
    """
    if len(dims) == 1:
        return list(range(dims[0]))
    rows, columns = _snake(dims[:-1]), dims[-1]

    def node(row: int, column: int) -> int:
        return rows[row] * columns + column

    high, wide = len(rows), columns
    if wide % 2 == 0:
        return [node(*cell) for cell in _even_ring(high, wide)]
    if high % 2 == 0:
        return [node(row, column) for column, row in _even_ring(wide, high)]
    if wraps:
        forth = [(r, c) for r in range(high) for c in (range(1, wide) if r % 2 == 0 else range(wide - 1, 0, -1))]
        return [node(*cell) for cell in [*forth, *((r, 0) for r in reversed(range(high)))]]
    return [node(*cell) for cell in _odd_ring(high, wide)]


def _snake(dims: Sequence[int]) -> list[int]:
    """Return a path through all nodes of a grid: the last dimension forth and back, again and again."""
    path = [0]
    for size in dims:
        path = [a * size + b for i, a in enumerate(path) for b in (range(size) if i % 2 == 0 else reversed(range(size)))]
    return path


def _even_ring(high: int, wide: int) -> list[tuple[int, int]]:
    """(row, column) cells: row 0 to the right, then column by column back through rows 1.. (wide even, high >= 2)."""
    cells = [(0, column) for column in range(wide)]
    for turn, column in enumerate(reversed(range(wide))):
        cells += [(row, column) for row in (range(1, high) if turn % 2 == 0 else range(high - 1, 0, -1))]
    return cells


def _odd_ring(high: int, wide: int) -> list[tuple[int, int]]:
    """Cells of an odd x odd mesh: down column 0, zigzag through the last two rows, row by row up again.

    The hop from the last corner jumps over the cell above it, along two links that no other hop uses.
    """
    cells = [(row, 0) for row in range(high - 2)]
    for column in range(wide):
        cells += [(row, column) for row in ((high - 2, high - 1) if column % 2 == 0 else (high - 1, high - 2))]
    for turn, row in enumerate(reversed(range(high - 2))):
        cells += [(row, column) for column in (range(wide - 1, 0, -1) if turn % 2 == 0 else range(1, wide))]
    return cells


def _searched(topology: Topology, hosts: list[int]) -> list[int] | None:
    """Return a ring of the nodes `hosts` over direct links, its narrowest hop as wide as the search can make it, or None.

    Links that go both ways are tried first, so that a bidirectional ring finds both.
    """
    width: dict[tuple[int, int], int] = {}
    chosen = np.zeros(topology.nodes, dtype=np.bool_)
    chosen[hosts] = True
    links = np.flatnonzero(chosen[topology.source] & chosen[topology.target])
    columns = (topology.source[links], topology.target[links], topology.bandwidth[links])
    for a, b, bandwidth in zip(*(column.tolist() for column in columns), strict=True):
        width[a, b] = width.get((a, b), 0) + bandwidth
    two_way = {pair: min(w, width[pair[::-1]]) for pair, w in width.items() if pair[::-1] in width}
    trials = [
        (pairs, narrowest)
        for pairs in ((two_way,) if width == two_way else (two_way, width))
        for narrowest in _widths(pairs)
    ]
    for pairs, narrowest in trials:
        graph = [pair for pair, w in pairs.items() if w >= narrowest]
        ring = search_ring(hosts, graph, SEARCH_BUDGET // len(trials))
        if ring is None and pairs is two_way:
            ring = rotate_ring(hosts, graph, ROTATION_BUDGET // len(trials))
        if ring is not None:
            return ring
    return None


def _widths(pairs: dict[tuple[int, int], int]) -> list[int]:
    """Return up to eight widths to demand of every hop, widest first, the narrowest link's always among them."""
    widths = sorted(set(pairs.values()), reverse=True)
    return [*widths[:7], *widths[7:][-1:]]


def search_ring(hosts: list[int], pairs: list[tuple[int, int]], budget: int) -> list[int] | None:
    """Return a Hamiltonian ring of `hosts` over directed `pairs`, or None if `budget` visited nodes show none.

    Depth first, nodes with the fewest ways on tried first (Warnsdorff's rule), ties in favour of the lowest number.
    """
    ways: dict[int, list[int]] = {host: [] for host in hosts}
    entered: dict[int, set[int]] = {host: set() for host in hosts}
    for a, b in sorted(pairs):
        ways[a].append(b)
        entered[b].add(a)
    free = dict.fromkeys(hosts, True)
    if any(not _passable(set(ways[host]), entered[host], len(hosts)) for host in hosts):
        return None

    def onward(node: int) -> list[int]:
        open_ = [b for b in ways[node] if free[b]]
        return sorted(open_, key=lambda b: (sum(free[c] for c in ways[b]), b), reverse=True)

    path = [hosts[0]]
    free[hosts[0]] = False
    choices = [onward(hosts[0])]
    while choices and budget:
        if len(path) == len(hosts) and hosts[0] in ways[path[-1]]:
            return path
        if choices[-1]:
            budget -= 1
            path.append(choices[-1].pop())
            free[path[-1]] = False
            choices.append(onward(path[-1]))
        else:
            choices.pop()
            free[path.pop()] = True
    return None


def rotate_ring(hosts: list[int], pairs: list[tuple[int, int]], budget: int) -> list[int] | None:
    """Return a Hamiltonian ring over pairs that all go both ways, or None if `budget` moves find none.

    Posa's method: extend a path at its end; where it is stuck, join the end to a node inside and reverse what follows,
    which gives a new end. Finds rings in large graphs that a depth-first search gets lost in. Draws are seeded: the same
    graph always gives the same ring.
    """
    ways: dict[int, list[int]] = {host: [] for host in hosts}
    for a, b in sorted(pairs):
        ways[a].append(b)
    if any(not _passable(set(near), set(near), len(hosts)) for near in ways.values()):
        return None
    draw = random.Random(0)
    path, place = [hosts[0]], {hosts[0]: 0}
    for _ in range(budget):
        end = path[-1]
        if len(path) == len(hosts) and hosts[0] in ways[end]:
            return path
        fresh = [b for b in ways[end] if b not in place]
        if fresh:
            place[best := min(fresh, key=lambda b: sum(c not in place for c in ways[b]))] = len(path)
            path.append(best)
            continue
        pivot = place[draw.choice(ways[end])] + 1
        path[pivot:] = path[pivot:][::-1]
        place.update((node, pivot + k) for k, node in enumerate(path[pivot:]))
    return None


def _passable(ways: set[int], entered: set[int], nodes: int) -> bool:
    """Return whether a ring can come in and go out at a node, by different neighbours from three nodes on."""
    return bool(ways and entered) and (nodes == 2 or len(ways | entered) > 1)


def _leaf_ring(topology: Topology, hosts: list[int]) -> list[int] | None:
    """Return hosts switch by switch along a ring of directly linked switches (dragonfly, BiGraph), None without one.

    No hop then takes more than one link between switches, and none shares one.
    """
    members: dict[int, list[int]] = {}
    for host in hosts:
        ways = {int(topology.target[link]) for link in topology.out_links[host]}
        if len(ways) != 1 or min(ways) < topology.hosts:
            return None
        members.setdefault(min(ways), []).append(host)
    ring = _searched(topology, list(members)) if len(members) > 1 else None
    return [host for leaf in ring for host in members[leaf]] if ring is not None else None


def _near(topology: Topology, hosts: Sequence[int]) -> list[int]:
    """Return hosts box by box (coarsest level first, then the next finer one), or along the family's ring."""
    whole = family_ring(topology)
    if whole is not None:
        chosen = set(hosts)
        return [host for host in whole if host in chosen]
    keys: dict[int, list[int]] = {host: [] for host in hosts}
    for level in reversed(topology.levels):
        place = {node: index for index, nodes in enumerate(level.sets) for node in nodes}
        for host in hosts:
            keys[host].append(place.get(host, len(level.sets)))
    return sorted(hosts, key=lambda host: (keys[host], host))
