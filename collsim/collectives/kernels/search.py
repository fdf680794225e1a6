"""Growing all trees of MULTITREE where paths lead through other nodes: `tree_growers.Search` and the turns, compiled.

The same search, breadth first from all parents at once, over the same numbering of the links to hosts ("places"), as words
of 64 bits. A parent whose links are all used is not looked at again in its step.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from collsim.collectives.kernels.turns import at_opening, still_growing
from collsim.jit.compile import kernel, small_kernel

__all__ = ["Network", "grow_search"]

Array = Any


class Network(NamedTuple):
    """A machine with L links, N nodes and P places, the links that may be the last of a path, by source in scan order.

    `source`, `target`: int32[L]. `onward[onward_begin[v]:onward_begin[v + 1]]`: links from v to nodes to pass through, in
    scan order. `last`: int32[P], the link of a place; those out of v are `low[v]` to `low[v + 1]`. `into[into_begin[h]:
    into_begin[h + 1]]`: the places that end at host h. `ring`: int32[N], -1 or the row of `behind`, int32[rings, N], which
    says for a switch that serves the whole group where to read on for each parent.
    """

    source: Array
    target: Array
    onward_begin: Array
    onward: Array
    low: Array
    last: Array
    into_begin: Array
    into: Array
    ring: Array
    behind: Array


class _State(NamedTuple):
    """What a step has left (by link, word and host), what a tree has reached, and the search's own lists."""

    free: Array
    free_last: Array
    sends: Array
    receives: Array
    exits: Array
    outside: Array
    members: Array
    parents: Array
    waiting: Array
    near: Array
    wanted: Array
    seen: Array
    came: Array
    queue: Array
    path: Array


@kernel
def grow_search(m: Any, t: Any) -> Any:
    """Return (tree, step, length, links) of all edges in order of time: int32[E] thrice, and int32 links of all paths.

    `m`: Network. `t`: Turns, with ports.
    """
    count = len(t.roots)
    s, size = _fresh(m, t.roots, t.edges), np.zeros(count, np.int32)
    total = count * t.edges
    trees, steps, lengths = np.empty(total, np.int32), np.empty(total, np.int32), np.empty(total, np.int32)
    links, used, done = np.empty(4 * total + len(s.path), np.int32), 0, 0
    turns, growing, step, clock = np.empty(count, np.int32), t.first.copy(), 0, 0
    while len(growing) > 0:
        growing = at_opening(t, growing, size)
        _open(m, s, growing, size, t.ports)
        asking = len(growing)
        turns[:asking] = growing
        while asking > 0:
            kept, length = 0, 0
            for turn in range(asking):
                tree = turns[turn]
                clock += 1
                length = _add(m, s, tree, size, clock)
                if length > 0:
                    links = _with_room(links, used, length)
                    links[used : used + length] = s.path[:length]
                    used += length
                    trees[done], steps[done], lengths[done] = tree, step, length
                    done += 1
                if (length > 0 or not t.any_tree) and size[tree] < t.edges:
                    turns[kept] = tree
                    kept += 1
            asking = kept
            if not t.any_tree and length == 0:
                break
        growing = still_growing(t, growing, size)
        step += 1
    return trees, steps, lengths, links[:used]


@small_kernel
def _with_room(numbers: Array, used: int, more: int) -> Array:
    """Return `numbers`, or a copy of twice its size where `more` do not fit behind the `used` ones."""
    if used + more <= len(numbers):
        return numbers
    larger = np.empty(2 * len(numbers), np.int32)
    larger[:used] = numbers[:used]
    return larger


@small_kernel
def _fresh(m: Any, roots: Array, edges: int) -> Any:
    count, nodes, links, places = len(roots), len(m.low) - 1, len(m.source), len(m.last)
    words = (places + 63) >> 6
    outside = np.zeros((count, words), np.uint64)
    members = np.empty((count, edges + 1), np.int32)
    for tree in range(count):
        for place in range(places):
            outside[tree, place >> 6] |= np.uint64(1) << np.uint64(place & 63)
        _drop(outside[tree], m, roots[tree])
        members[tree, 0] = roots[tree]
    return _State(
        np.empty(links, np.bool_),
        np.empty(words, np.uint64),
        np.empty(nodes, np.int32),
        np.empty(nodes, np.int32),
        np.empty(nodes, np.int32),
        outside,
        members,
        np.empty((count, edges + 1), np.int32),
        np.zeros(count, np.int32),
        np.zeros(count, np.int32),
        np.empty(words, np.uint64),
        np.zeros(nodes, np.int64),
        np.empty(nodes, np.int32),
        np.empty(2 * nodes + edges + 1, np.int32),
        np.empty(nodes + 1, np.int32),
    )


@small_kernel
def _open(m: Any, s: Any, growing: Array, size: Array, ports: int) -> None:
    """Free all links and ports; the present members of the growing trees are the parents of this step."""
    s.free[:] = True
    s.free_last[:] = 0
    for place in range(len(m.last)):
        s.free_last[place >> 6] |= np.uint64(1) << np.uint64(place & 63)
    s.sends[:], s.receives[:] = ports, ports
    for node in range(len(s.exits)):
        s.exits[node] = m.onward_begin[node + 1] - m.onward_begin[node] + m.low[node + 1] - m.low[node]
    for tree in growing:
        held = size[tree] + 1
        s.parents[tree, :held] = s.members[tree, :held]
        s.waiting[tree], s.near[tree] = held, 0


@small_kernel
def _add(m: Any, s: Any, tree: int, size: Array, clock: int) -> Any:
    """Add the nearest host to `tree`; return the length of the path to it, left in `s.path`, 0 when none can be added."""
    some = False
    for word in range(len(s.wanted)):
        s.wanted[word] = s.outside[tree, word] & s.free_last[word]
        some = some or s.wanted[word] != 0
    length = _nearest(m, s, tree, clock) if some and s.waiting[tree] > 0 else 0
    if length == 0:
        s.waiting[tree] = 0
        return 0
    parent, final = m.source[s.path[0]], s.path[length - 1]
    child = m.target[final]
    for hop in range(length - 1):
        s.free[s.path[hop]] = False
        s.exits[m.source[s.path[hop]]] -= 1
    s.exits[m.source[final]] -= 1
    s.sends[parent] -= 1
    s.receives[child] -= 1
    if s.receives[child] == 0:
        _drop(s.free_last, m, child)
    else:
        for at in range(m.into_begin[child], m.into_begin[child + 1]):
            place = m.into[at]
            if m.last[place] == final:
                s.free_last[place >> 6] &= ~(np.uint64(1) << np.uint64(place & 63))
    _drop(s.outside[tree], m, child)
    size[tree] += 1
    s.members[tree, size[tree]] = child
    return length


@small_kernel
def _nearest(m: Any, s: Any, tree: int, clock: int) -> Any:
    """Find the nearest wanted host and write the links to it into `s.path`; return how many, 0 for none."""
    # Out of their tuples once: that costs about as much as looking at a node does.
    sends, exits, wanted, low, parents, queue = s.sends, s.exits, s.wanted, m.low, s.parents, s.queue
    near, waiting = s.near[tree], s.waiting[tree]
    kept = 0
    for at in range(waiting):
        host = parents[tree, at]
        if sends[host] > 0 and exits[host] > 0:
            parents[tree, kept] = queue[kept] = host
            kept += 1
            if near == 0 and low[host] < low[host + 1] and _first_in(wanted, low[host], low[host + 1]) >= 0:
                # The rest moves up unseen.
                for rest in range(at + 1, waiting):
                    parents[tree, kept] = parents[tree, rest]
                    kept += 1
                s.waiting[tree] = kept
                return _trace(m, s, host, clock)
    s.waiting[tree] = kept
    begin, links, target, free, seen, came = m.onward_begin, m.onward, m.target, s.free, s.seen, s.came
    start, tail, level = 0, kept, 1
    while start < tail:
        stop = tail
        for at in range(start, stop):
            node = queue[at]
            for place in range(begin[node], begin[node + 1]):
                link = links[place]
                onward = target[link]
                if free[link] and seen[onward] != clock:
                    seen[onward], came[onward] = clock, link
                    if level >= near and _first_in(wanted, low[onward], low[onward + 1]) >= 0:
                        s.near[tree] = level
                        return _trace(m, s, onward, clock)
                    queue[tail] = onward
                    tail += 1
        start = stop
        level += 1
    return 0


@small_kernel
def _trace(m: Any, s: Any, node: int, clock: int) -> Any:
    """Write the links by which `node` was reached and the first wanted link out of it; return how many."""
    here, length = node, 1
    while s.seen[here] == clock:
        here = m.source[s.came[here]]
        length += 1
    at = node
    for hop in range(length - 2, -1, -1):
        s.path[hop] = s.came[at]
        at = m.source[s.came[at]]
    place = -1
    if m.ring[node] >= 0:
        place = _first_in(s.wanted, m.behind[m.ring[node], here], m.low[node + 1])
    if place < 0:
        place = _first_in(s.wanted, m.low[node], m.low[node + 1])
    s.path[length - 1] = m.last[place]
    return length


@small_kernel
def _first_in(words: Array, low: int, high: int) -> int:
    """Return the lowest set bit of `words` in [low, high), -1 for none."""
    at = low
    while at < high:
        bits = words[at >> 6] >> np.uint64(at & 63)
        if bits == 0:
            at = (at | 63) + 1
        else:
            while bits & np.uint64(255) == 0:
                bits >>= np.uint64(8)
                at += 8
            while bits & np.uint64(1) == 0:
                bits >>= np.uint64(1)
                at += 1
            return at if at < high else -1
    return -1


@small_kernel
def _drop(words: Array, m: Any, host: int) -> None:
    """Clear the places that end at `host`."""
    for at in range(m.into_begin[host], m.into_begin[host + 1]):
        place = m.into[at]
        words[place >> 6] &= ~(np.uint64(1) << np.uint64(place & 63))
