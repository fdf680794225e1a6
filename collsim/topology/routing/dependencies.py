"""Everything that a routing table lets packets do at once: its dependencies between (link, class), without listing paths.

The engines know the paths of a run that does not adapt; an adaptive routing, and the choice of how few classes are enough,
need the dependencies of all packets that there could be. States (link just taken, counter, destination) are explored
breadth-first in arrays, a block of destinations at a time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collsim.topology.graph import Topology
from collsim.topology.routing.table import RouteTable

__all__ = ["Exploration", "injected"]

IntArray = NDArray[np.int64]
BLOCK = 128


class Exploration:
    """Explores one table; `edges` are the dependencies found so far, `arrived` the states in which a table ended.

    `classes_below`: added to each class (the second leg of a Valiant route). `to_hosts`: destinations are hosts, whose
    last link takes no buffer unless `last_counts`; otherwise they are intermediate stops, and every link does.
    """

    def __init__(
        self,
        topology: Topology,
        table: RouteTable,
        *,
        classes_below: int = 0,
        to_hosts: bool = True,
        last_counts: bool = False,
    ):
        self.topology, self.table, self.classes_below = topology, table, classes_below
        self.skips_last = to_hosts and not last_counts
        self.cap = max(table.bias + table.classes - 1, table.phases - 1)
        self.width = classes_below + table.classes
        self._edges: list[IntArray] = []
        self._arrived: list[IntArray] = []

    @property
    def edges(self) -> IntArray:
        """int64[E, 4]: link and class held, link and class asked for; each once."""
        codes = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *self._edges]))
        held, asked = np.divmod(codes, self.topology.links * self.width)
        return np.stack([*np.divmod(held, self.width), *np.divmod(asked, self.width)], axis=1)

    @property
    def arrived(self) -> IntArray:
        """int64[S, 2]: (link, counter) of packets that reached the end of the table, each once."""
        codes = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *self._arrived]))
        return np.stack(np.divmod(codes, self.cap + 1), axis=1)

    def turn(self, link: IntArray, destination: IntArray) -> tuple[IntArray, IntArray, IntArray]:
        """Return (index, next link, counter) of packets that begin this table anew where `link` has taken them."""
        picked, following = expand(self.table, self.topology.target[link] * self.table.hosts + destination)
        return picked, following, np.minimum(self.table.bump[following], self.cap)

    def classes_of(self, counter: IntArray) -> IntArray:
        """Return the class of hops with these counters."""
        return self.classes_below + np.clip(counter - self.table.bias, 0, self.table.classes - 1)

    def run(self, link: IntArray, counter: IntArray, destination: IntArray) -> None:
        """Follow packets that have just taken `link` with `counter` towards `destination` (int64[S] each)."""
        counter = np.minimum(counter, self.cap)
        for low in range(0, self.table.hosts, BLOCK):
            block = (destination >= low) & (destination < low + BLOCK)
            if bool(block.any()):
                self._run_block(link[block], counter[block], destination[block], low)

    def _run_block(self, link: IntArray, counter: IntArray, destination: IntArray, low: int) -> None:
        links, states = self.topology.links, (self.cap + 1) * self.topology.links
        seen = np.zeros(states * BLOCK, dtype=np.bool_)
        front = np.unique((counter * links + link) * BLOCK + destination - low)
        while len(front):
            seen[front] = True
            state, column = np.divmod(front, BLOCK)
            counter, link = np.divmod(state, links)
            picked, following, grown = self._successors(link, counter, column + low)
            if self.skips_last:
                inner = self.topology.target[following] != column[picked] + low
            else:
                inner = np.ones(len(following), dtype=np.bool_)
            held = link[picked] * self.width + self.classes_of(counter[picked])
            asked = following * self.width + self.classes_of(grown)
            self._edges.append(np.unique((held * links * self.width + asked)[inner]))
            front = np.unique((grown * links + following) * BLOCK + column[picked])
            front = front[~seen[front]]

    def _successors(self, link: IntArray, counter: IntArray, destination: IntArray) -> tuple[IntArray, IntArray, IntArray]:
        table = self.table
        node = self.topology.target[link]
        row = (np.minimum(counter, table.phases - 1) * table.nodes + node) * table.hosts + destination
        picked, following = expand(table, row)
        ended = table.offsets[row] == table.offsets[row + 1]
        self._arrived.append(np.unique(link[ended] * (self.cap + 1) + counter[ended]))
        kept = np.where(table.stage[link[picked]] == table.stage[following], counter[picked], 0)
        return picked, following, np.minimum(kept + table.bump[following], self.cap)


def expand(table: RouteTable, row: IntArray) -> tuple[IntArray, IntArray]:
    """Return (index into `row`, candidate link) for every candidate of every row."""
    counts = table.offsets[row + 1] - table.offsets[row]
    picked = np.repeat(np.arange(len(row)), counts)
    rank = np.arange(len(picked)) - np.repeat(np.cumsum(counts) - counts, counts)
    return picked, table.links[table.offsets[row][picked] + rank]


def injected(table: RouteTable, sources: IntArray, destinations: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return (link, counter, destination) of the first hops from `sources` to `destinations` (int64[P] each)."""
    picked, link = expand(table, sources * table.hosts + destinations)
    return link, table.bump[link], destinations[picked]
