"""Dimension order on ring, mesh and torus with dateline classes, e-cube on the hypercube.

Dally and Seitz, "Deadlock-free message routing in multiprocessor interconnection networks", IEEE Trans. Computers 36(5),
1987: within a cycle of a torus a packet moves to class 1 with the wrap link, so that no class closes the cycle.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collsim.errors import RoutingError
from collsim.topology.graph import Topology
from collsim.topology.routing.candidates import ClassRule, IntArray, single_links, tabulate
from collsim.topology.routing.table import RouteTable

__all__ = ["dimension_order", "is_grid"]


def is_grid(topology: Topology) -> bool:
    """Tell whether `dims` describe the hosts of `topology` as a grid without switches."""
    return bool(topology.dims) and int(np.prod(topology.dims)) == topology.hosts == topology.nodes


def dimension_order(topology: Topology, name: str = "dimension-order") -> RouteTable:
    """Return the table that corrects one dimension after another, each the shorter way around.

    Dimensions go in the order of `dims`, except for "e-cube", which begins with the least significant digit, the last of
    `dims`. Half way around a cycle both ways are as short: the plus direction is taken. stage = dimension, bump = wrap
    link, bias 0, two classes where a link wraps, else one. Of parallel links the first is used. Raises RoutingError if a
    link leads elsewhere than to a grid neighbour, or one is missing.
    """
    dims = topology.dims
    order = range(len(dims))[::-1] if name == "e-cube" else range(len(dims))
    stage, wraps, port = _ports(topology)
    place = np.stack(np.unravel_index(np.arange(topology.hosts), dims))
    link = np.full((topology.nodes, topology.hosts), -1, dtype=np.int64)
    undecided = np.ones(link.shape, dtype=np.bool_)
    for axis in order:
        size = dims[axis]
        ahead = place[axis][None, :] - place[axis][:, None]
        turn = undecided & (ahead != 0)
        plus = ahead % size <= size // 2 if bool(wraps[stage == axis].any()) else ahead > 0
        chosen = np.where(plus, port[:, axis, 1][:, None], port[:, axis, 0][:, None])
        link[turn] = chosen[turn]
        undecided &= ~turn
    if bool((link[~undecided] < 0).any()):
        raise RoutingError(f"'{topology.name}' lacks a link of its grid, so {name} does not reach every host; use ecmp.")
    rule = ClassRule(stage, wraps.astype(np.int64), 0)
    return tabulate(name, topology, single_links(link), rule, 2 if bool(wraps.any()) else 1)


def _ports(topology: Topology) -> tuple[IntArray, NDArray[np.bool_], IntArray]:
    """Return each link's dimension, whether it wraps, and port[node, dimension, minus or plus] -> link id or -1."""
    dims = topology.dims
    ends = [np.stack(np.unravel_index(nodes, dims)) for nodes in (topology.source, topology.target)]
    step = ends[1] - ends[0]
    if bool((np.count_nonzero(step, axis=0) != 1).any()):
        raise RoutingError(f"'{topology.name}' has a link across its grid, so dimension order does not fit; use ecmp.")
    axis = np.argmax(step != 0, axis=0)
    move = step[axis, np.arange(topology.links)]
    size = np.array(dims)[axis]
    wraps = (np.abs(move) == size - 1) & (size > 2)
    if bool(((np.abs(move) != 1) & ~wraps).any()):
        raise RoutingError(
            f"'{topology.name}' has a link that skips grid neighbours, so dimension order does not fit; use ecmp."
        )
    plus = (move > 0) != wraps
    port = np.full((topology.nodes, len(dims), 2), -1, dtype=np.int64)
    for link in range(topology.links - 1, -1, -1):
        port[topology.source[link], axis[link], int(plus[link])] = link
    return axis.astype(np.int64), wraps, port
