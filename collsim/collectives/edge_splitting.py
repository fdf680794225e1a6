"""A network without its switches: links between ranks that carry as many trees, each with the way it takes.

Switches pass on but do not copy, so the trees of a collective run between ranks; which share of a switch joins which two
ranks is what has to be chosen. Source: Zhao et al., ForestColl: throughput-optimal collective communications on
heterogeneous network fabrics, 2024, section 5 (edge splitting).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collsim.topology.graph import Topology

__all__ = ["Logical", "Route", "split_switches"]

IntArray = NDArray[np.int64]


@dataclass(slots=True)
class Route:
    """`count` trees may go along the link ids `path`."""

    count: int
    path: tuple[int, ...]


Rows = list[tuple[int, int, int]]
Routes = dict[tuple[int, int], list[Route]]


@dataclass(frozen=True, eq=False)
class Logical:
    """What ranks see once switches are gone: `room` int64[n, n] trees from rank to rank, and the `routes` they take."""

    room: IntArray
    routes: Routes


def split_switches(
    topology: Topology, nodes: Sequence[int], rooms: dict[int, int], needs: IntArray, *, spread: bool
) -> Logical | None:
    """Return the links between ranks that are left when every switch is split off; None where cuts would not survive it.

    `nodes`: node ids, ranks first, one entry of `needs` (trees rooted there) a rank, then the nodes to pass through.
    `rooms`: trees that each usable link has room for. `spread`: join every rank to all others behind a switch alike, rather
    than each to the next as far as cuts allow; the latter leaves switches nothing to sort.
    """
    from collsim.collectives.kernels.splitting import shortfall, split_off

    ranks, size, source = len(needs), len(nodes), topology.source.tolist()
    place = {node: k for k, node in enumerate(nodes)}
    room = np.zeros((size, size), dtype=np.int64)
    routes: Routes = {}
    for link, count in rooms.items():
        ends = place[int(topology.source[link])], place[int(topology.target[link])]
        room[ends] += count
        routes.setdefault(ends, []).append(Route(count, (link,)))
    wanted = np.concatenate([needs, np.zeros(size - ranks, dtype=np.int64)])
    for switch in _order(room, ranks):
        fair, others = _pairs(room, ranks, switch, spread=spread)
        pairs = np.array([(a, switch, b, most) for a, b, most in (*fair, *others)], dtype=np.int64).reshape(-1, 4)
        counts = split_off(room, wanted, ranks, pairs, len(fair))
        for (before, _, behind, _), count in zip(pairs.tolist(), counts.tolist(), strict=True):
            _join(routes, source, (before, behind), switch, count)
        room[switch, :] = room[:, switch] = 0
    if shortfall(room, wanted, ranks):
        return None
    return Logical(room[:ranks, :ranks].copy(), routes)


def _order(room: IntArray, ranks: int) -> list[int]:
    """Return the switches from the ranks outwards: those with ranks around them first, and of these the small ones."""
    around = (room > 0) | (room.T > 0)
    switches = range(ranks, len(room))
    return sorted(switches, key=lambda node: (not around[node, :ranks].any(), int(around[node].sum())))


def _pairs(room: IntArray, ranks: int, switch: int, *, spread: bool) -> tuple[Rows, Rows]:
    """Return rows (before, behind, at most how often): fair shares if `spread`, and all in turn, ways back last.

    Ranks before switches, because a way from switch to switch grows longer with each switch that is split off. Then all
    nodes to the one so many places ahead, so that each receiver has one sender; first the distance in places that joins
    nodes farthest from each other by what is there already: a fabric between boxes is for joining boxes.
    """
    into, out = room[:, switch], room[switch]
    ring = np.flatnonzero((into > 0) | (out > 0)).tolist()
    away = _distances(room, ring, switch)
    size = len(ring)
    shifts = sorted(range(1, size), key=lambda ahead: -sum(away[k][(k + ahead) % size] for k in range(size)))
    turns = [(ring[k], ring[(k + ahead) % size]) for ahead in shifts for k in range(size)]
    turns.sort(key=lambda pair: (pair[0] >= ranks) + (pair[1] >= ranks))
    most, total = int(room.max()), int(into.sum())
    fair = [(a, b, int(into[a]) * int(out[b]) // max(1, total - int(into[b]))) for a, b in turns] if spread else []
    return fair, [(a, b, most) for a, b in [*turns, *zip(ring, ring, strict=True)]]


def _distances(room: IntArray, ring: Sequence[int], switch: int) -> list[list[int]]:
    """Return the links between each two nodes of `ring` without `switch`, the number of nodes where there is no way."""
    # scipy is slow to import, and reports list algorithms without building any.
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import shortest_path

    others = np.arange(len(room)) != switch
    ways = csr_array(((room > 0) & others & others[:, None]).astype(np.int8))
    away = shortest_path(ways, unweighted=True, indices=list(ring))[:, list(ring)]
    return [[int(d) for d in row] for row in np.where(np.isinf(away), len(room), away)]


def _join(routes: Routes, source: Sequence[int], pair: tuple[int, int], switch: int, count: int) -> None:
    """Let `count` trees that came to the switch and went on from it take the joined ways; ways back are dropped."""
    before, behind = pair
    while count:
        first, second = routes[before, switch][0], routes[switch, behind][0]
        part = min(count, first.count, second.count)
        if before != behind:
            path = _straight(first.path + second.path, source)
            routes.setdefault((before, behind), []).append(Route(part, path))
        for ends, route in (((before, switch), first), ((switch, behind), second)):
            route.count -= part
            if not route.count:
                routes[ends].pop(0)
        count -= part


def _straight(path: tuple[int, ...], source: Sequence[int]) -> tuple[int, ...]:
    """Return the path without the circles that lead back to a node it has passed."""
    kept: list[int] = []
    for link in path:
        passed = [source[before] for before in kept]
        if source[link] in passed:
            del kept[passed.index(source[link]) :]
        kept.append(link)
    return tuple(kept)
