"""How the trees of MULTITREE grow: step by step, all trees in turn, a link and a port used once a step.

Two growers give what reading the construction aloud gives, in a fraction of the time. Within a step links only vanish
and trees only grow, so what a tree has passed over once it need not look at again. Where every tree edge is one link, a
tree keeps the list of links that lead out of it and walks down it; elsewhere it searches breadth first from all its
parents at once and remembers how near the nearest host can still be.
Source: Huang et al., ISCA 2021, sections III and IV, algorithm 1.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.trees import Forest, scan_order
from collsim.errors import InvalidValue
from collsim.topology.graph import Topology

__all__ = ["TERMINATIONS", "grow"]

TERMINATIONS = ("any-tree", "authors")
NOTHING: tuple[int, ...] = ()


def grow(
    topology: Topology,
    hosts: Sequence[int],
    *,
    termination: str = "any-tree",
    neighbour_order: str = "ascending",
    ports: int = 0,
) -> Forest:
    """Return MULTITREE's forest over `hosts` (rank -> host node), edges directed from the roots outwards.

    A step opens with all links and ports free. Trees take turns in the order of roots; each adds the host outside it
    that is nearest to any node that was its member before the step, over free links, ties to the parent inserted first
    and then to `neighbour_order` (see `scan_order`). Paths lead through switches, and through hosts outside the group,
    where they forward. `termination`: a step ends when in a round no tree ("any-tree") or not the last tree ("authors")
    could add. `ports` > 0: a host sends and receives at most so many edges a step. Raises InvalidValue (an option).
    """
    if termination not in TERMINATIONS:
        raise InvalidValue(f"termination is {' or '.join(TERMINATIONS)}, not '{termination}'.")
    if ports < 0:
        raise InvalidValue(f"ports is 0 (all) or a positive number of ports a host, not {ports}.")
    order = scan_order(topology, neighbour_order)
    passes = topology.forwards.copy()
    passes[list(hosts)] = False
    direct = not any(passes[topology.target[link]] for host in hosts for link in order[host])
    grower = _Neighbours(topology, hosts, order, ports) if direct else _Search(topology, hosts, order, ports, passes)
    return _grow(topology, hosts, grower, termination == "any-tree")


class _Grower(Protocol):
    """What the construction asks of a grower: open a step for some trees, and give one tree its next path."""

    def open(self, trees: list[int]) -> None:
        """Free all links and ports; the present members of `trees` are the parents of this step."""

    def add(self, tree: int) -> tuple[int, ...]:
        """Add the nearest host to `tree` and return the links that lead to it, () when none can be added."""


def _grow(topology: Topology, hosts: Sequence[int], grower: _Grower, any_tree: bool) -> Forest:
    edges = len(hosts) - 1
    links, lengths, steps = ([array("q") for _ in hosts] for _ in range(3))
    step, growing = 0, list(range(len(hosts)))
    while growing:
        grower.open(growing)
        turns = growing
        while turns:
            added, path = [], NOTHING
            for tree in turns:
                path = grower.add(tree)
                if path:
                    links[tree].extend(path)
                    lengths[tree].append(len(path))
                    steps[tree].append(step)
                    added.append(tree)
            # A tree that could not add cannot later in this step, so only the authors' rule needs to ask it again.
            turns = [tree for tree in (added if any_tree else turns) if len(steps[tree]) < edges]
            if not any_tree and not path:
                break
        growing = [tree for tree in growing if len(steps[tree]) < edges]
        step += 1
    return _forest(topology, hosts, links, lengths, steps)


def _forest(
    topology: Topology, hosts: Sequence[int], links: list[array[int]], lengths: list[array[int]], steps: list[array[int]]
) -> Forest:
    flat_links, flat_lengths, flat_steps = (
        np.concatenate([np.frombuffer(column, dtype=np.int64) for column in columns]) for columns in (links, lengths, steps)
    )
    offsets = np.concatenate([[0], np.cumsum(flat_lengths)]).astype(np.int64)
    rank = np.full(topology.nodes, -1, dtype=np.int64)
    rank[list(hosts)] = np.arange(len(hosts))
    return Forest(
        ranks=len(hosts),
        tree=np.repeat(np.arange(len(hosts), dtype=np.int64), len(hosts) - 1),
        child=rank[topology.target[flat_links[offsets[1:] - 1]]],
        parent=rank[topology.source[flat_links[offsets[:-1]]]],
        step=flat_steps,
        path_offsets=offsets,
        path_links=flat_links,
    )


class _Neighbours:
    """Grower where every edge is one link: a tree walks down the list of its links to hosts outside it."""

    def __init__(self, topology: Topology, hosts: Sequence[int], order: list[list[int]], ports: int):
        self._source, self._target = topology.source.tolist(), topology.target.tolist()
        self._ports = ports
        grouped = set(hosts)
        self._out = [[link for link in links if self._target[link] in grouped] for links in order]
        self._in = topology.in_links
        self._inside = [bytearray(topology.nodes) for _ in hosts]
        self._joined = [[host] for host in hosts]
        self._leaving: list[list[int]] = [[] for _ in hosts]
        self._walk: list[Iterator[int]] = [iter(()) for _ in hosts]
        for tree, host in enumerate(hosts):
            self._inside[tree][host] = 1
        self._links, self._nodes = topology.links, topology.nodes

    def open(self, trees: list[int]) -> None:
        self._free = bytearray(b"\1") * self._links
        self._sends, self._receives = ([self._ports] * self._nodes for _ in range(2))
        target = self._target
        for tree in trees:
            inside = self._inside[tree]
            new = [link for host in self._joined[tree] for link in self._out[host]]
            self._leaving[tree] = [
                link for links in (self._leaving[tree], new) for link in links if not inside[target[link]]
            ]
            self._walk[tree] = iter(self._leaving[tree])
            self._joined[tree] = []

    def add(self, tree: int) -> tuple[int, ...]:
        free, inside, target = self._free, self._inside[tree], self._target
        for link in self._walk[tree]:
            if free[link] and not inside[target[link]]:
                child = target[link]
                free[link] = 0
                inside[child] = 1
                self._joined[tree].append(child)
                if self._ports:
                    self._count(self._source[link], child)
                return (link,)
        return NOTHING

    def _count(self, parent: int, child: int) -> None:
        """Take a port at both ends; a host without ports has no free links of that direction."""
        for host, left, links in ((parent, self._sends, self._out), (child, self._receives, self._in)):
            left[host] -= 1
            if not left[host]:
                for link in links[host]:
                    self._free[link] = 0


class _Search:
    """Grower for networks with nodes to pass through: breadth first from all parents at once.

    That finds what searching from parent after parent and keeping the shortest would: a node on the way of the first
    among nearest parents cannot have been reached earlier from another, or that one would be nearer or come first.
    The links to hosts of the group are numbered by their source in scan order, so that "the first free link from here
    to a host outside this tree" is the lowest bit of three integers' common bits.
    """

    def __init__(
        self, topology: Topology, hosts: Sequence[int], order: list[list[int]], ports: int, passes: NDArray[np.bool_]
    ):
        self._source, self._target = topology.source.tolist(), topology.target.tolist()
        self._ports, self._nodes, self._links = ports or topology.links, topology.nodes, topology.links
        grouped = set(hosts)
        self._onward = [[(link, self._target[link]) for link in links if passes[self._target[link]]] for links in order]
        self._last: list[int] = []
        self._block, self._into = [0] * self._nodes, [0] * self._nodes
        for node, links in enumerate(order):
            for link in links if node in grouped or passes[node] else ():
                if self._target[link] in grouped:
                    bit = 1 << len(self._last)
                    self._last.append(link)
                    self._block[node] |= bit
                    self._into[self._target[link]] |= bit
        self._place = {link: place for place, link in enumerate(self._last)}
        self._all = (1 << len(self._last)) - 1
        self._outside = [self._all ^ self._into[host] for host in hosts]
        self._members = [[host] for host in hosts]
        self._parents: list[list[int]] = [[] for _ in hosts]
        self._near = [0] * len(hosts)

    def open(self, trees: list[int]) -> None:
        self._free, self._free_last = bytearray(b"\1") * self._links, self._all
        self._sends, self._receives = ([self._ports] * self._nodes for _ in range(2))
        for tree in trees:
            self._parents[tree] = self._members[tree].copy()
            self._near[tree] = 0

    def add(self, tree: int) -> tuple[int, ...]:
        wanted = self._outside[tree] & self._free_last
        path = self._nearest(tree, wanted) if wanted else NOTHING
        if not path:
            # Neither will there be more of what was wanted later in this step.
            self._parents[tree] = []
            return NOTHING
        parent, child = self._source[path[0]], self._target[path[-1]]
        for link in path[:-1]:
            self._free[link] = 0
        self._sends[parent] -= 1
        self._receives[child] -= 1
        gone = self._into[child] if not self._receives[child] else 1 << self._place[path[-1]]
        self._free_last ^= self._free_last & gone
        self._outside[tree] ^= self._outside[tree] & self._into[child]
        self._members[tree].append(child)
        return path

    def _nearest(self, tree: int, wanted: int) -> tuple[int, ...]:
        block, free, near = self._block, self._free, self._near[tree]
        parents = self._parents[tree] = [host for host in self._parents[tree] if self._sends[host]]
        if near == 0:
            for host in parents:
                if wanted & block[host]:
                    return self._trace({}, host, wanted)
        came: dict[int, int] = {}
        frontier, level = parents, 1
        while frontier:
            reached = []
            for node in frontier:
                for link, onward in self._onward[node]:
                    if free[link] and onward not in came:
                        came[onward] = link
                        if level >= near and wanted & block[onward]:
                            self._near[tree] = level
                            return self._trace(came, onward, wanted)
                        reached.append(onward)
            frontier, level = reached, level + 1
        return NOTHING

    def _trace(self, came: dict[int, int], node: int, wanted: int) -> tuple[int, ...]:
        """Return the links by which `node` was reached and the first wanted link out of it."""
        choice = wanted & self._block[node]
        path = [self._last[(choice & -choice).bit_length() - 1]]
        while node in came:
            path.append(came[node])
            node = self._source[came[node]]
        return tuple(reversed(path))
