"""The ring: each host linked to the one before and the one after it."""

from __future__ import annotations

from collsim.topology.family import FAMILIES, Family, LinkSpec, impossible, refuse_above, uniform
from collsim.topology.graph import Topology, build
from collsim.topology.grid import grid_links
from collsim.topology.layout import circle

ABOUT = "hosts in a cycle, a link to each of the two neighbours"


def ring(numbers: tuple[int, ...], links: LinkSpec) -> Topology:
    """Return the ring of `numbers[0]` hosts (2 or more; of two, one link each way); hosts forward."""
    if len(numbers) != 1 or numbers[0] < 2:
        raise impossible("ring", numbers, "a ring is one number of hosts, 2 or more, like ring8")
    hosts = numbers[0]
    refuse_above("ring", numbers, 2 * hosts)
    return build(
        f"ring{hosts}",
        hosts,
        uniform(grid_links(numbers, wrap=True), links),
        family="ring",
        forwards=[True] * hosts,
        coordinates=circle(hosts),
        dims=numbers,
        about=ABOUT,
    )


FAMILIES.add("ring", Family("ring", "ring<n>", "ring8", ABOUT, ring))
