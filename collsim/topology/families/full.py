"""The fully connected network: a link from every host to every other."""

from __future__ import annotations

import numpy as np

from collsim.topology.family import FAMILIES, Family, LinkSpec, impossible, refuse_above, uniform
from collsim.topology.graph import Topology, build

ABOUT = "a link from every host to every other; hosts do not forward"


def full(numbers: tuple[int, ...], links: LinkSpec) -> Topology:
    """Return `numbers[0]` hosts (2 or more) with all links, in order of (source, target)."""
    if len(numbers) != 1 or numbers[0] < 2:
        raise impossible("full", numbers, "it is one number of hosts, 2 or more, like full8")
    hosts = numbers[0]
    refuse_above("full", numbers, hosts * (hosts - 1))
    ends = np.argwhere(~np.eye(hosts, dtype=np.bool_))
    return build(f"full{hosts}", hosts, uniform(ends, links), family="full", about=ABOUT)


FAMILIES.add("full", Family("full", "full<n>", "full8", ABOUT, full))
