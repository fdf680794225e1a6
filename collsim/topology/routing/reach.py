"""The links that packets between given hosts may cross: on a shortest path, or on any path that a routing lets them take.

A measure of how evenly links are loaded must not count links that nobody could have loaded; these are the others. Both
searches go through states (node, destination) from all sources at once, so that a state is looked at once, however many
pairs pass it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collsim.topology.graph import Topology
from collsim.topology.paths import hops_to
from collsim.topology.routing.table import RouteTable
from collsim.topology.routing.valiant import Turns
from collsim.topology.routing.walk import Routing

__all__ = ["routed_links", "shortest_links"]

IntArray = NDArray[np.int64]
Mask = NDArray[np.bool_]


def shortest_links(topology: Topology, pairs: IntArray) -> Mask:
    """Return bool[L]: links on a shortest path of any of `pairs` (int64[P, 2], hosts from and to).

    Paths count links and pass only through nodes that forward, as routing has them.
    """
    hops = topology.worked_out.get("hops")
    if hops is None:
        hops = topology.worked_out["hops"] = hops_to(topology)
    assert isinstance(hops, np.ndarray)
    offsets = np.concatenate([[0], np.cumsum([len(links) for links in topology.out_links])]).astype(np.int64)
    links = np.fromiter((link for out in topology.out_links for link in out), dtype=np.int64, count=topology.links)
    used, seen = np.zeros(topology.links, dtype=np.bool_), np.zeros(topology.nodes * topology.hosts, dtype=np.bool_)
    rows = _fresh(pairs[:, 0] * topology.hosts + pairs[:, 1], seen)
    while len(rows):
        node, target = np.divmod(rows, topology.hosts)
        owner, link = _expand(offsets, links, node)
        target, after = target[owner], topology.target[link]
        nearer = hops[after, target] == hops[node[owner], target] - 1
        nearer &= topology.forwards[after] | (after == target)
        used[link[nearer]] = True
        on = nearer & (after != target)
        rows = _fresh(after[on] * topology.hosts + target[on], seen)
    return used


def routed_links(routing: Routing, pairs: IntArray) -> Mask:
    """Return bool[L]: links that packets of `pairs` (int64[P, 2], hosts from and to, not equal) may take under `routing`.

    A link counts if some draw, hash or queue leads a packet over it. Packets that pass a stop drawn at random (valiant,
    ugal) may take any but the stops of their two ends; the search ends when no link is left to find.
    """
    used = np.zeros(routing.topology.links, dtype=np.bool_)
    seen = np.zeros(len(routing.table.offsets) - 1, dtype=np.bool_)
    turns = routing.turns
    if turns is None or routing.multipath == "ugal":
        _follow(routing, pairs[:, 0], pairs[:, 1], used, seen)
    for stop in range(0 if turns is None else turns.table.hosts):
        if used.all():
            break
        assert turns is not None
        own = turns.home[pairs]
        alone = (own[:, 0] == own[:, 1]) & (own[:, 0] >= 0)
        free = pairs[~alone & (own != stop).all(axis=1)]
        node, target = _to_stop(routing, turns, stop, free, used)
        _follow(routing, node, target, used, seen)
        if stop == 0 and turns.table.hosts:
            _follow(routing, pairs[alone, 0], pairs[alone, 1], used, seen)
    return used


def _follow(routing: Routing, node: IntArray, target: IntArray, used: Mask, seen: Mask) -> None:
    """Mark in `used` the links from `node` to `target` by the routing's table; states in `seen` are not left again."""
    table, topology = routing.table, routing.topology
    # Where a table has phases (up*/down*) all links are of one stage, so that counters never return to 0.
    going = node != target
    rows = _fresh(node[going] * table.hosts + target[going], seen)
    while len(rows):
        owner, link = _expand(table.offsets, table.links, rows)
        used[link] = True
        phase, target = rows[owner] // (table.nodes * table.hosts), rows[owner] % table.hosts
        phase = np.minimum(phase + table.bump[link], table.phases - 1)
        after = topology.target[link]
        on = after != target
        rows = _fresh((phase[on] * table.nodes + after[on]) * table.hosts + target[on], seen)


def _to_stop(routing: Routing, turns: Turns, stop: int, pairs: IntArray, used: Mask) -> tuple[IntArray, IntArray]:
    """Mark in `used` the links that lead packets of `pairs` to the stop; return (node, destination) where they arrive."""
    table: RouteTable = turns.table
    topology = routing.topology
    seen = np.zeros(topology.nodes * topology.hosts, dtype=np.bool_)
    rows = _fresh(pairs[:, 0] * topology.hosts + pairs[:, 1], seen)
    arrived: list[IntArray] = [np.zeros(0, dtype=np.int64)]
    while len(rows):
        node, target = np.divmod(rows, topology.hosts)
        away = node * table.hosts + stop
        there = table.offsets[away + 1] == table.offsets[away]
        arrived.append(rows[there])
        owner, link = _expand(table.offsets, table.links, away)
        used[link] = True
        target, after = target[owner], topology.target[link]
        on = after != target
        rows = _fresh(after[on] * topology.hosts + target[on], seen)
    node, target = np.divmod(np.concatenate(arrived), topology.hosts)
    return node, target


def _fresh(rows: IntArray, seen: Mask) -> IntArray:
    """Return those of `rows` that are not `seen`, each once and marked as seen now."""
    fresh = np.unique(rows[~seen[rows]])
    seen[fresh] = True
    return fresh


def _expand(offsets: IntArray, links: IntArray, rows: IntArray) -> tuple[IntArray, IntArray]:
    """Return (index into `rows`, link) of every link of every row."""
    first, count = offsets[rows], offsets[rows + 1] - offsets[rows]
    owner = np.repeat(np.arange(len(rows)), count)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    return owner, links[first[owner] + within]
