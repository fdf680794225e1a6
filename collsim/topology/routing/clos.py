"""Up and down a composed machine: where several links lead up or across, the destination's place in its plane picks one.

D-mod-K for planes: host d is number d // k of its plane (k planes, k dividing the hosts of a rack), and of several
candidates takes that number modulo theirs; where a core leads to another site all planes meet, and d itself counts. Ranks
of equal place in two racks then cross a plane free of contention wherever a leaf has as many spines as ports. No shortest
path turns up or across after down, so one class is enough.
"""

from __future__ import annotations

import numpy as np

from collsim.topology.graph import Topology
from collsim.topology.routing.candidates import Rows

__all__ = ["rail_links"]


def rail_links(topology: Topology, rows: Rows) -> Rows:
    """Return one candidate a row of `rows` (as from `next_links`), chosen by the number of the destination."""
    offsets, links = rows
    site = np.zeros(topology.nodes, dtype=np.int64)
    for index, nodes in enumerate(next((level.sets for level in topology.levels if level.name == "site"), ())):
        site[list(nodes)] = index
    counts = np.diff(offsets)
    row = np.flatnonzero(counts)
    node, host = row // topology.hosts, row % topology.hosts
    first = links[offsets[row]]
    leaves_site = site[node] != site[topology.target[first]]
    number = np.where(leaves_site, host, host // topology.parameters["planes"])
    kept = links[offsets[row] + number % counts[row]]
    return np.concatenate([[0], np.cumsum(np.minimum(counts, 1))]).astype(np.int64), kept
