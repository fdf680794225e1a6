"""Up and down a composed machine: where several links lead up or across, the destination's place in its plane picks one.

D-mod-K for planes: host d is number d // k of its plane (k planes, k dividing the hosts of a rack), and of several
candidates takes that number modulo theirs. Ranks of equal place in two racks then cross a plane free of contention
wherever a leaf has as many spines as ports. No shortest path turns up or across after down, so one class is enough.
"""

from __future__ import annotations

import numpy as np

from collsim.topology.graph import Topology
from collsim.topology.routing.candidates import Rows, by_destination

__all__ = ["rail_links"]


def rail_links(topology: Topology, rows: Rows) -> Rows:
    """Return one candidate a row of `rows` (as from `next_links`), chosen by destination // planes."""
    divisor = np.full(topology.nodes, topology.parameters["planes"], dtype=np.int64)
    return by_destination(rows, topology.hosts, divisor)
