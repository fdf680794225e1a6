"""The mesh of any number of dimensions: a grid without wrap-around links."""

from __future__ import annotations

from collsim.topology.family import FAMILIES, Family, LinkSpec
from collsim.topology.graph import Topology
from collsim.topology.grid import grid

ABOUT = "grid of hosts, linked to their neighbours in every dimension"


def mesh(numbers: tuple[int, ...], links: LinkSpec) -> Topology:
    """Return the mesh of the dimensions `numbers`, each 2 or more; hosts forward, id = row-major index."""
    return grid("mesh", numbers, links, wrap=False, about=ABOUT)


FAMILIES.add("mesh", Family("mesh", "mesh<a>x<b>[x<c>...]", "mesh4x4", ABOUT, mesh))
