"""The paths of a dragonfly: minimal means at most one link between groups (Kim, Dally, Scott and Abts, ISCA 2008).

Counting links alone would send some packets over two links between groups, through a third group, because that can be a
link shorter; the machines do not, and Valiant routes would be hard to tell apart. So distances here are those of paths
that stay in their group until a link into the destination's group.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from collsim.topology.graph import Topology
from collsim.topology.paths import hops_to

__all__ = ["direct_links", "group_stops", "groups"]

IntArray = NDArray[np.int64]


def groups(topology: Topology) -> IntArray | None:
    """Return int64[N], the group of each node; None unless the topology is a dragonfly that names every node's group."""
    level = next((level for level in topology.levels if level.name == "group"), None)
    if topology.family != "dragonfly" or level is None:
        return None
    group = np.full(topology.nodes, -1, dtype=np.int64)
    for number, members in enumerate(level.sets):
        group[list(members)] = number
    return None if bool((group < 0).any()) else group


def group_stops(topology: Topology, group: IntArray) -> list[tuple[int, ...]]:
    """Return the routers of each group, the places where a Valiant route may turn."""
    return [tuple(np.flatnonzero((group == number) & topology.forwards).tolist()) for number in range(int(group.max()) + 1)]


def direct_links(topology: Topology, group: IntArray, targets: Sequence[int] | IntArray) -> NDArray[np.bool_] | None:
    """Return bool[L, T]: links inside groups, and those into the group of each target (a group number a column).

    None where two groups have no link between them, so that some host could not be reached; shortest paths serve then.
    """
    inside = group[topology.source] == group[topology.target]
    usable = inside[:, None] | (group[topology.target][:, None] == np.asarray(targets)[None, :])
    members = [tuple(np.flatnonzero(group == number).tolist()) for number in range(int(group.max()) + 1)]
    into = inside[:, None] | (group[topology.target][:, None] == np.arange(len(members))[None, :])
    reach = hops_to(topology, members, into)
    return None if bool((reach[: topology.hosts] < 0).any()) else usable
