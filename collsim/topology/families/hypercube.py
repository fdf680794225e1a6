"""The hypercube: hosts whose binary numbers differ in one digit are linked."""

from __future__ import annotations

from collsim.topology.family import FAMILIES, Family, LinkSpec, impossible, refuse_above, uniform
from collsim.topology.graph import Level, Topology, build
from collsim.topology.grid import grid_links, projection

ABOUT = "hosts numbered in binary, linked where one digit differs"


def hypercube(numbers: tuple[int, ...], links: LinkSpec) -> Topology:
    """Return the hypercube of `numbers[0]` hosts, a power of two from 2 on; axis 0 is the most significant digit."""
    hosts = numbers[0]
    if len(numbers) != 1 or hosts < 2 or hosts & (hosts - 1):
        near = 1 << max(1, hosts.bit_length() - 1)
        cure = f"the number of hosts is one power of two, like hypercube{near} or hypercube{2 * near}"
        raise impossible("hypercube", numbers, cure)
    dimensions = hosts.bit_length() - 1
    refuse_above("hypercube", numbers, dimensions * hosts)
    dims = (2,) * dimensions
    cubes = [Level(f"subcube-{size}", _subcubes(hosts, size)) for size in (1 << d for d in range(1, dimensions))]
    return build(
        f"hypercube{hosts}",
        hosts,
        uniform(grid_links(dims, wrap=False), links),
        family="hypercube",
        forwards=[True] * hosts,
        coordinates=projection(dims),
        dims=dims,
        levels=tuple(cubes),
        about=ABOUT,
    )


def _subcubes(hosts: int, size: int) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(range(first, first + size)) for first in range(0, hosts, size))


FAMILIES.add("hypercube", Family("hypercube", "hypercube<n>", "hypercube16", ABOUT, hypercube))
