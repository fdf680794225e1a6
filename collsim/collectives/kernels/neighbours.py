"""Growing all trees of MULTITREE where every edge is one link: `tree_growers.Neighbours` and the turns, compiled.

Every tree keeps the list of its links to hosts outside it and walks down it once a step. The lists of all trees lie in one
pool, written anew at each step without what has come inside: that costs as much as the walks themselves.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from collsim.collectives.kernels.turns import at_opening, still_growing
from collsim.jit.compile import kernel, small_kernel

__all__ = ["Machine", "grow_neighbours"]

Array = Any


class Machine(NamedTuple):
    """int32 arrays of a machine with L links and N nodes; the links of `out` in scan order, by node, to the group only.

    `source`, `target`: int32[L]. `out_link[out_begin[v]:out_begin[v + 1]]` leave v; `in_link`, `in_begin` likewise enter.
    """

    source: Array
    target: Array
    out_begin: Array
    out_link: Array
    in_begin: Array
    in_link: Array


class _Trees(NamedTuple):
    """By tree: edges in order of insertion (`links`, `steps`, `size` of them), hosts `inside`, and its list in the pool.

    The list is `begin` to `end`, looked at up to `walk`; `opened` edges were in the tree when it was written, -1 for none.
    """

    links: Array
    steps: Array
    size: Array
    inside: Array
    begin: Array
    end: Array
    walk: Array
    opened: Array


class _Left(NamedTuple):
    """What a step has left: free links, ports to send from and to receive at; bool[L], int32[N] twice."""

    free: Array
    sends: Array
    receives: Array


@kernel
def grow_neighbours(m: Any, t: Any) -> Any:
    """Return (links, steps), int32[T, edges] each: the edges of every tree in order of insertion; of Machine and Turns."""
    count, nodes = len(t.roots), len(m.out_begin) - 1
    s = _fresh(t, count, nodes)
    left = _Left(np.empty(len(m.source), np.bool_), np.empty(nodes, np.int32), np.empty(nodes, np.int32))
    pool, spare = np.empty(0, np.int32), np.empty(0, np.int32)
    turns, growing, step = np.empty(count, np.int32), t.first.copy(), 0
    while len(growing) > 0:
        growing = at_opening(t, growing, s.size)
        pool, spare = _open(m, t, s, growing, pool, spare)
        left.free[:], left.sends[:], left.receives[:] = True, t.ports, t.ports
        asking, waiting = len(growing), len(m.out_link)
        turns[:asking] = growing
        while asking > 0 and (waiting > 0 or not t.any_tree):
            asking, used, added = _round(m, t, s, left, turns[:asking], (pool, step))
            waiting -= used
            if not t.any_tree and not added:
                break
        growing = still_growing(t, growing, s.size)
        step += 1
    return s.links, s.steps


@small_kernel
def _fresh(t: Any, count: int, nodes: int) -> Any:
    inside = np.zeros((count, nodes), np.bool_)
    for tree in range(count):
        inside[tree, t.roots[tree]] = True
    return _Trees(
        np.empty((count, t.edges), np.int32),
        np.empty((count, t.edges), np.int32),
        np.zeros(count, np.int32),
        inside,
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
        np.full(count, -1, np.int32),
    )


@small_kernel
def _open(m: Any, t: Any, s: Any, growing: Array, pool: Array, spare: Array) -> Any:
    """Write the lists of the growing trees into `spare`: of the old what still leads outside, then the links of new members.

    Returns the two pools, exchanged.
    """
    room = 0
    for tree in growing:
        room += s.end[tree] - s.begin[tree]
        for edge in range(s.opened[tree], s.size[tree]):
            host = t.roots[tree] if edge < 0 else m.target[s.links[tree, edge]]
            room += m.out_begin[host + 1] - m.out_begin[host]
    if room > len(spare):
        spare = np.empty(room + room // 2, np.int32)
    at = 0
    for tree in growing:
        start = at
        for place in range(s.begin[tree], s.end[tree]):
            link = pool[place]
            if not s.inside[tree, m.target[link]]:
                spare[at] = link
                at += 1
        for edge in range(s.opened[tree], s.size[tree]):
            host = t.roots[tree] if edge < 0 else m.target[s.links[tree, edge]]
            for place in range(m.out_begin[host], m.out_begin[host + 1]):
                link = m.out_link[place]
                if not s.inside[tree, m.target[link]]:
                    spare[at] = link
                    at += 1
        s.begin[tree], s.walk[tree], s.end[tree], s.opened[tree] = start, start, at, s.size[tree]
    return spare, pool


@small_kernel
def _round(m: Any, t: Any, s: Any, left: Any, turns: Array, opened: Any) -> Any:
    """Let each tree of `turns` add the nearest host; the trees to ask again come first in `turns` afterwards.

    `opened`: (pool, step). Returns how many trees to ask again, how many free links are gone, whether the last one could.
    """
    # Taking arrays out of a tuple costs more than a turn does: once a round, it is a fifth of the time of once a turn.
    pool, step = opened
    target, source, free, inside = m.target, m.source, left.free, s.inside
    walk, end, links, steps, size = s.walk, s.end, s.links, s.steps, s.size
    kept, used, added = 0, 0, False
    for turn in range(len(turns)):
        tree = turns[turn]
        here, stop = walk[tree], end[tree]
        added = False
        while here < stop and not added:
            link = pool[here]
            here += 1
            child = target[link]
            if free[link] and not inside[tree, child]:
                added = True
                free[link] = False
                used += 1
                inside[tree, child] = True
                links[tree, size[tree]], steps[tree, size[tree]] = link, step
                size[tree] += 1
                if t.ports > 0:
                    used += _use_port(source[link], left.sends, m.out_begin, m.out_link, free)
                    used += _use_port(child, left.receives, m.in_begin, m.in_link, free)
        walk[tree] = here
        if (added or not t.any_tree) and size[tree] < t.edges:
            turns[kept] = tree
            kept += 1
    return kept, used, added


@small_kernel
def _use_port(host: int, ports: Array, begin: Array, links: Array, free: Array) -> int:
    """Take a port of `host`; with the last one go its free links. Return how many of them were free."""
    ports[host] -= 1
    gone = 0
    if ports[host] == 0:
        for place in range(begin[host], begin[host + 1]):
            if free[links[place]]:
                free[links[place]] = False
                gone += 1
    return gone
