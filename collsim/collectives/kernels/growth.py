"""Turns a machine into the arrays of the growing kernels, and their answers into the columns of a forest.

Numbers of links, nodes and trees are int32 inside: that halves what a step has to look through.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.kernels.neighbours import Machine, grow_neighbours
from collsim.collectives.kernels.search import Network, grow_search
from collsim.collectives.kernels.turns import Turns
from collsim.collectives.plays import Columns, Play
from collsim.topology.graph import Topology

__all__ = ["play_compiled"]

Small = NDArray[np.int32]


def play_compiled(topology: Topology, play: Play) -> Columns:
    """Return the links of all paths, their lengths and steps, by tree and in order of insertion; int64 each."""
    ports = play.ports if play.direct else play.ports or topology.links
    roots, first = np.array(play.roots, dtype=np.int32), np.array(play.first, dtype=np.int32)
    turns = Turns(roots, first, play.edges, ports, play.any_tree, play.smallest)
    if play.direct:
        links, steps = grow_neighbours(_machine(topology, play), turns)
        flat = links.ravel().astype(np.int64)
        return flat, np.ones(len(flat), dtype=np.int64), steps.ravel().astype(np.int64)
    trees, steps, lengths, links = grow_search(_network(topology, play), turns)
    order = np.argsort(trees, kind="stable")
    begin, length = (np.cumsum(lengths) - lengths)[order], lengths[order].astype(np.int64)
    ends = np.cumsum(length)
    along = np.arange(ends[-1]) + np.repeat(begin - ends + length, length)
    return links[along].astype(np.int64), length, steps[order].astype(np.int64)


def _machine(topology: Topology, play: Play) -> Machine:
    in_group = np.zeros(topology.nodes, dtype=np.bool_)
    in_group[list(play.hosts)] = True
    leaving = [[link for link in links if in_group[topology.target[link]]] for links in play.order]
    return Machine(*_ends(topology), *_lists(leaving), *_lists(topology.in_links))


def _network(topology: Topology, play: Play) -> Network:
    target, passes = topology.target, play.passes
    in_group = np.zeros(topology.nodes, dtype=np.bool_)
    in_group[list(play.hosts)] = True
    onward = [[link for link in links if passes[target[link]]] for links in play.order]
    ends = [
        [link for link in links if in_group[target[link]]] if in_group[node] or passes[node] else []
        for node, links in enumerate(play.order)
    ]
    low, last = _lists(ends)
    into: list[list[int]] = [[] for _ in range(topology.nodes)]
    for place, link in enumerate(last.tolist()):
        into[int(target[link])].append(place)
    ring = np.full(topology.nodes, -1, dtype=np.int32)
    serving = [node for node in range(topology.nodes) if set(target[ends[node]].tolist()) == set(play.hosts)]
    ring[serving] = np.arange(len(serving))
    behind = np.tile(low[serving][:, None], (1, topology.nodes)).astype(np.int32)
    for row, node in enumerate(serving):
        for place in range(low[node], low[node + 1]):
            behind[row, target[last[place]]] = place + 1
    return Network(*_ends(topology), *_lists(onward), low, last, *_lists(into), ring, behind)


def _ends(topology: Topology) -> tuple[Small, Small]:
    return topology.source.astype(np.int32), topology.target.astype(np.int32)


def _lists(lists: Sequence[Sequence[int]]) -> tuple[Small, Small]:
    """Return (begin int32[len + 1], all numbers int32) of the lists laid one after the other."""
    begin = np.cumsum([0, *(len(numbers) for numbers in lists)]).astype(np.int32)
    return begin, np.array([number for numbers in lists for number in numbers], dtype=np.int32)
