"""Where Valiant routes may turn: the intermediate groups of a dragonfly, or nodes of other networks, and tables to them.

Valiant, "A scheme for fast parallel communication", SIAM J. Computing 11(2), 1982. In a dragonfly the intermediate is a
group, not a router (Kim, Dally, Scott and Abts, "Technology-driven, highly-scalable dragonfly topology", ISCA 2008).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collsim.errors import RoutingError
from collsim.topology.graph import Topology
from collsim.topology.paths import hops_to
from collsim.topology.routing.candidates import ClassRule, next_links, tabulate
from collsim.topology.routing.dragonfly import direct_links, group_stops, groups
from collsim.topology.routing.table import RouteTable

__all__ = ["Turns", "hop_index_turns", "node_turns"]

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Turns:
    """The stops that Valiant routes pass: `table` leads to stop v as if it were host v; a row without links is at the stop.

    `home`: int64[N], the stop that a node belongs to, -1 for none. `restarts`: the second leg begins with counter 0 and
    classes of its own above those of the first (dimension order); otherwise the counter goes on (hop index).
    """

    table: RouteTable
    home: IntArray
    restarts: bool

    def draw(self, number: int, source: int, target: int) -> tuple[int, int]:
        """Return (stop, quotient): `number` modulo the stops other than those of the two ends; -1 where none is apart.

        A dragonfly sends nothing away from a group that holds both ends.
        """
        ends = sorted({int(self.home[source]), int(self.home[target])} - {-1})
        left = self.table.hosts - len(ends)
        if left <= 0 or (len(ends) == 1 and self.home[source] == self.home[target]):
            return -1, number
        number, stop = divmod(number, left)
        for end in ends:
            stop += stop >= end
        return stop, number


def node_turns(table: RouteTable) -> Turns:
    """Return the turns of a network whose hosts forward and whose `table` leads to every node: any host is a stop."""
    return Turns(table, np.arange(table.nodes), restarts=True)


def hop_index_turns(topology: Topology, rule: ClassRule, hops: NDArray[np.int16], last_counts: bool) -> tuple[Turns, int]:
    """Return (turns, classes needed) over shortest paths: groups of a dragonfly, single forwarding nodes elsewhere."""
    group = groups(topology)
    stops = [(int(n),) for n in np.flatnonzero(topology.forwards)] if group is None else group_stops(topology, group)
    if len(stops) < 3:
        raise RoutingError(f"'{topology.name}' has {len(stops)} place(s) to turn at; valiant and ugal need at least 3.")
    usable = None if group is None else direct_links(topology, group, range(len(stops)))
    away = hops_to(topology, stops, usable)
    home = np.full(topology.nodes, -1, dtype=np.int64)
    for stop, members in enumerate(stops):
        home[list(members)] = stop
    for host in np.flatnonzero(~topology.forwards[: topology.hosts]).tolist():
        home[host] = next((int(home[k]) for k in topology.target[list(topology.out_links[host])]), -1)
    own = topology.forwards[: topology.hosts]
    classes = 1
    for stop, members in enumerate(stops):
        out = int((away[: topology.hosts, stop] - ~own).max())
        back = int(hops[list(members)].max())
        classes = max(classes, out + back - (not last_counts))
    table = tabulate("to-stops", topology, next_links(topology, away, usable), rule, classes)
    return Turns(table, home, restarts=False), classes
