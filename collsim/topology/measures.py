"""What is said of a topology before anything runs on it: sizes, degrees, distances, bisection.

Distances count links between hosts along nodes that forward, as traffic travels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collsim.topology.bisection import Bisection, bisection
from collsim.topology.graph import Topology

__all__ = ["Measures", "host_distances", "measure"]

_ONES = np.array([value.bit_count() for value in range(256)], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Measures:
    """Counts of `hosts`, `switches` and directed `links`; links out of a host and out of a switch, (least, most).

    `diameter` and `average_distance` are links between two different hosts; `capacity` is the sum of all links, bytes/s;
    `bisection` says whether it is exact. `switch_degree` is None without switches.
    """

    hosts: int
    switches: int
    links: int
    host_degree: tuple[int, int]
    switch_degree: tuple[int, int] | None
    diameter: int
    average_distance: float
    bisection: Bisection
    capacity: int


def measure(topology: Topology) -> Measures:
    """Return the measures of `topology`; below a second up to some thousand nodes."""
    degree = np.bincount(topology.source, minlength=topology.nodes)
    hosts, switches = degree[: topology.hosts], degree[topology.hosts :]
    diameter, average = host_distances(topology)
    return Measures(
        hosts=topology.hosts,
        switches=topology.switches,
        links=topology.links,
        host_degree=(int(hosts.min()), int(hosts.max())),
        switch_degree=(int(switches.min()), int(switches.max())) if len(switches) else None,
        diameter=diameter,
        average_distance=average,
        bisection=bisection(topology),
        capacity=sum(topology.bandwidth.tolist()),
    )


def host_distances(topology: Topology) -> tuple[int, float]:
    """Return (diameter, average distance) in links between different hosts.

    Grids add up their axes; any other graph is searched from all hosts at once, one bit a host, 1,024 hosts at a time.
    """
    if topology.dims:
        return _grid_distances(topology)
    relays = topology.forwards[topology.source]
    order = np.flatnonzero(relays)[np.argsort(topology.target[relays], kind="stable")]
    farthest, total = 0, 0
    for first in range(0, topology.hosts, 1024):
        block = range(first, min(first + 1024, topology.hosts))
        diameter, distance = _search(topology, block, order)
        farthest, total = max(farthest, diameter), total + distance
    return farthest, total / (topology.hosts * (topology.hosts - 1))


def _grid_distances(topology: Topology) -> tuple[int, float]:
    wrapped = topology.family in ("ring", "torus")
    diameter, mean = 0, 0.0
    for size in topology.dims:
        apart = np.abs(np.arange(size)[:, None] - np.arange(size)[None, :])
        if wrapped:
            apart = np.minimum(apart, size - apart)
        diameter += int(apart.max())
        mean += float(apart.sum()) / size**2
    return diameter, mean * topology.hosts / (topology.hosts - 1)


def _search(topology: Topology, block: range, order: NDArray[np.int64]) -> tuple[int, int]:
    """Return the longest and the sum of distances from the hosts of `block` to all hosts.

    `order` lists the links out of nodes that forward, by target. Row v of `reached` has a bit for each host of the block.
    """
    reached = np.zeros((topology.nodes, -(-len(block) // 8)), dtype=np.uint8)
    column = np.arange(len(block))
    bits = np.left_shift(1, column % 8).astype(np.uint8)
    reached[np.array(block), column // 8] |= bits
    pairs = len(block) * topology.hosts
    steps, total = 0, 0
    own = np.flatnonzero((topology.source >= block.start) & (topology.source < block.stop))
    mine = topology.source[own] - block.start
    targets, starts = np.unique(topology.target[order], return_index=True)
    while missing := pairs - int(_ONES[reached[: topology.hosts]].sum()):
        steps, total = steps + 1, total + missing
        before = reached.copy()
        if len(order):
            arrived = np.bitwise_or.reduceat(before[topology.source[order]], starts, axis=0)
            reached[targets] |= arrived
        if steps == 1:
            np.bitwise_or.at(reached, (topology.target[own], mine // 8), bits[mine])
    return steps, total
