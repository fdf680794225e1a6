"""The single switch: every host linked to one crossbar."""

from __future__ import annotations

import numpy as np

from collsim.topology.family import FAMILIES, Family, LinkSpec, cables, impossible, refuse_above, uniform
from collsim.topology.graph import Topology, build

ABOUT = "hosts around one switch"


def switch(numbers: tuple[int, ...], links: LinkSpec) -> Topology:
    """Return `numbers[0]` hosts (2 or more) around switch s0; host r has links 2r (to the switch) and 2r + 1 (back)."""
    if len(numbers) != 1 or numbers[0] < 2:
        raise impossible("switch", numbers, "it is one number of hosts, 2 or more, like switch16")
    hosts = numbers[0]
    refuse_above("switch", numbers, 2 * hosts)
    angle = 2 * np.pi * np.arange(hosts) / hosts
    around = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    ends = cables(np.stack([np.arange(hosts), np.full(hosts, hosts)], axis=1))
    return build(
        f"switch{hosts}",
        hosts,
        uniform(ends, links),
        family="switch",
        switches=1,
        coordinates=np.concatenate([around, [[0.0, 0.0]]]),
        about=ABOUT,
    )


FAMILIES.add("switch", Family("switch", "switch<n>", "switch16", ABOUT, switch))
