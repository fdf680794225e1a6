"""The two growers of MULTITREE's construction: which host a tree adds next, and over which links.

Both give what scanning all parents from the first again would give, in a fraction of the time. Within a step links only
vanish and trees only grow, so what a tree has passed over once it need not look at again. `Neighbours` serves where
every tree edge is one link, `Search` wherever there are nodes to pass through. Tree k starts at host `roots[k]`.
"""

from __future__ import annotations

from collections.abc import Iterator

from collsim.collectives.plays import Play
from collsim.topology.graph import Topology

__all__ = ["Neighbours", "Search"]

NOTHING: tuple[int, ...] = ()


class Neighbours:
    """Grower where every edge is one link: a tree walks down the list of its links to hosts outside it."""

    def __init__(self, topology: Topology, play: Play):
        self._source, self._target = topology.source.tolist(), topology.target.tolist()
        self._ports, roots, order = play.ports, play.roots, play.order
        grouped = set(play.hosts)
        self._out = [[link for link in links if self._target[link] in grouped] for links in order]
        self._in = topology.in_links
        self._inside = [bytearray(topology.nodes) for _ in roots]
        self._joined = [[root] for root in roots]
        self._leaving: list[list[int]] = [[] for _ in roots]
        self._walk: list[Iterator[int]] = [iter(()) for _ in roots]
        for tree, root in enumerate(roots):
            self._inside[tree][root] = 1
        self._links, self._nodes = topology.links, topology.nodes

    def open(self, trees: list[int]) -> None:
        """Free all links and ports; the present members of `trees` are the parents of this step."""
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
        """Add the nearest host to `tree` and return the links that lead to it, () when none can be added."""
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


class Search:
    """Grower for networks with nodes to pass through: breadth first from all parents at once.

    That finds what searching from parent after parent and keeping the shortest would: a node on the way of the first
    among nearest parents cannot have been reached earlier from another, or that one would be nearer or come first.
    The links to hosts of the group are numbered by their source in scan order, so that "the first free link from here
    to a host outside this tree" is the lowest bit of three integers' common bits. A switch that serves the whole group is
    read from behind the parent's own link, cyclically: every step is then a shift of the ranks and S = n - 1. Read from
    its first link, the choices would be those of a nim-addition table, which wastes steps unless n is a power of two (127
    instead of 71 for 72 hosts).
    """

    def __init__(self, topology: Topology, play: Play):
        self._source, self._target = topology.source.tolist(), topology.target.tolist()
        self._ports, self._nodes, self._links = play.ports or topology.links, topology.nodes, topology.links
        roots, order, passes, grouped = play.roots, play.order, play.passes, set(play.hosts)
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
        self._behind = self._places_behind(grouped)
        self._all = (1 << len(self._last)) - 1
        self._outside = [self._all ^ self._into[root] for root in roots]
        self._members = [[root] for root in roots]
        self._parents: list[list[int]] = [[] for _ in roots]
        self._near = [0] * len(roots)

    def open(self, trees: list[int]) -> None:
        """Free all links and ports; the present members of `trees` are the parents of this step."""
        self._free, self._free_last = bytearray(b"\1") * self._links, self._all
        self._sends, self._receives = ([self._ports] * self._nodes for _ in range(2))
        for tree in trees:
            self._parents[tree] = self._members[tree].copy()
            self._near[tree] = 0

    def add(self, tree: int) -> tuple[int, ...]:
        """Add the nearest host to `tree` and return the links that lead to it, () when none can be added."""
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

    def _places_behind(self, group: set[int]) -> dict[tuple[int, int], int]:
        """Return {(switch, host): place behind the last link to host} for the switches that serve the whole group."""
        last = [(self._source[link], self._target[link], place + 1) for link, place in self._place.items()]
        served: dict[int, set[int]] = {}
        for node, host, _ in last:
            served.setdefault(node, set()).add(host)
        return {(node, host): place for node, host, place in last if served[node] == group}

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
        here, path = node, []
        while here in came:
            path.append(came[here])
            here = self._source[came[here]]
        choice = wanted & self._block[node]
        place = self._behind.get((node, here), 0)
        choice = (choice >> place << place) or choice
        return (*reversed(path), self._last[(choice & -choice).bit_length() - 1])
