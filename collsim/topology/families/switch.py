"""The single switch: every host linked to one crossbar."""

from __future__ import annotations

import numpy as np

from collsim.topology.family import FAMILIES, Family, LinkSpec, cables, impossible, refuse_above, uniform
from collsim.topology.graph import Topology, build
from collsim.topology.layout import circle

ABOUT = "hosts around one switch"


def switch(numbers: tuple[int, ...], links: LinkSpec) -> Topology:
    """Return `numbers[0]` hosts (2 or more) around switch s0; host r has links 2r (to the switch) and 2r + 1 (back)."""
    if len(numbers) != 1 or numbers[0] < 2:
        raise impossible("switch", numbers, "it is one number of hosts, 2 or more, like switch16")
    hosts = numbers[0]
    refuse_above("switch", numbers, 2 * hosts)
    ends = cables(np.stack([np.arange(hosts), np.full(hosts, hosts)], axis=1))
    return build(
        f"switch{hosts}",
        hosts,
        uniform(ends, links),
        family="switch",
        switches=1,
        coordinates=np.concatenate([circle(hosts), [[0.0, 0.0]]]),
        about=ABOUT,
    )


FAMILIES.add("switch", Family("switch", "switch<n>", "switch16", ABOUT, switch))
