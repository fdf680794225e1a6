"""Virtual channels of routing classes, and the channel dependency graph that tells whether packets can deadlock.

Dally and Seitz (1987): with finite buffers no deadlock can arise if the graph "a packet that holds buffer a asks for
buffer b" has no cycle. The last link of a path takes no buffer and needs no room (rule 8), so a packet that asks for it
waits only until the link is idle: the dependencies of a path of H links are those among its first H - 1. Under
message-based flow control (rule 21) a message also waits while another one has the last link's channel reserved; if that
host forwards, the other one may itself be waiting there, so then the last link counts too (`last_counts`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from collsim.topology.graph import Topology

__all__ = ["Chain", "channel_cycle", "channels_of", "cycle_among", "name_cycle"]

IntArray = NDArray[np.int64]
Chain = Sequence[tuple[int, Iterable[int]]]


def channels_of(cls: int, classes: int, channels: int) -> tuple[int, int]:
    """Return (first, last + 1): the channels of a link with `channels` channels that class `cls` of `classes` uses.

    Channels are divided evenly, as whole numbers allow; with fewer channels than classes neighbouring classes share one.
    """
    first = cls * channels // classes
    return first, max((cls + 1) * channels // classes, first + 1) if channels >= classes else first + 1


def channel_cycle(topology: Topology, chains: Iterable[Chain], *, last_counts: bool = False) -> list[tuple[int, int]] | None:
    """Return a cycle of (link, channel), each asked for by a packet that may hold the one before, or None.

    `chains`: for each path that packets may follow, its hops as (link, channels they may take there). Equal chains cost
    one look-up. Linear in hops x channels^2; a few thousand paths take some milliseconds.
    """
    known = {tuple((link, tuple(channels)) for link, channels in chain) for chain in chains}
    hops = {pair for chain in known for pair in pairwise(chain if last_counts else chain[:-1])}
    width = 1 + max((c for pair in hops for _, channels in pair for c in channels), default=0)
    edges = {
        (link * width + c, following * width + d) for (link, held), (following, asked) in hops for c in held for d in asked
    }
    if not edges:
        return None
    cycle = cycle_among(np.array(sorted(edges), dtype=np.int64), topology.links * width)
    return None if cycle is None else [divmod(vertex, width) for vertex in cycle]


def cycle_among(edges: IntArray, vertices: int) -> list[int] | None:
    """Return the vertices of a short cycle of the directed graph of `edges` (int64[E, 2]), or None if it has none.

    The cycle is a shortest one through the least vertex that lies on any.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import breadth_first_order, connected_components

    if not len(edges):
        return None
    graph = coo_array((np.ones(len(edges), dtype=np.int8), (edges[:, 0], edges[:, 1])), shape=(vertices, vertices)).tocsr()
    _, part = connected_components(graph, directed=True, connection="strong")
    inside = edges[part[edges[:, 0]] == part[edges[:, 1]]]
    if not len(inside):
        return None
    start = int(inside.min())
    _, before = breadth_first_order(graph, start, directed=True, return_predecessors=True)
    closing = inside[inside[:, 1] == start, 0]
    routes = [_back(before, int(vertex), start) for vertex in closing]
    return min(routes, key=lambda route: (len(route), route))


def _back(before: NDArray[np.int32], vertex: int, start: int) -> list[int]:
    route = [vertex]
    while route[-1] != start:
        route.append(int(before[route[-1]]))
    return route[::-1]


def name_cycle(topology: Topology, cycle: Sequence[tuple[int, int]]) -> str:
    """Return a cycle in words: "h0->h1 channel 0, h1->h2 channel 0, ..., then h0->h1 channel 0 again"."""
    words = [f"{topology.link_name(link)} channel {channel}" for link, channel in cycle]
    shown = words if len(words) <= 12 else [*words[:11], f"{len(words) - 11} more"]
    return f"{', '.join(shown)}, then {words[0]} again"
