"""The torus of any number of dimensions: a grid whose axes are cycles."""

from __future__ import annotations

from collsim.topology.family import FAMILIES, Family, LinkSpec
from collsim.topology.graph import Topology
from collsim.topology.grid import grid

ABOUT = "grid of hosts with wrap-around links in every dimension (a dimension of two has one link pair)"


def torus(numbers: tuple[int, ...], links: LinkSpec) -> Topology:
    """Return the torus of the dimensions `numbers`, each 2 or more; hosts forward, id = row-major index."""
    return grid("torus", numbers, links, wrap=True, about=ABOUT)


FAMILIES.add("torus", Family("torus", "torus<a>x<b>[x<c>...]", "torus4x4", ABOUT, torus))
