"""Bisection bandwidth: the least capacity, in one direction, from one half of the hosts to the other half.

Switches may stand on either side; with an odd number of hosts the halves differ by one. Families of equal links have
formulas; small graphs are searched completely; elsewhere the best cut found is an upper bound and is called one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb, gcd, prod

import numpy as np
from numpy.typing import NDArray

from collsim.topology.graph import Topology

__all__ = ["Bisection", "best_cut", "bisection", "exhaustive", "formula"]

_MOST_PARTITIONS = 150_000


@dataclass(frozen=True, slots=True)
class Bisection:
    """`bandwidth` in bytes/s, one direction; exact or else "at most"; `how`: "formula", "all halves" or "best cut found"."""

    bandwidth: int
    exact: bool
    how: str


def bisection(topology: Topology) -> Bisection:
    """Return the bisection bandwidth, exact where a formula or a complete search allows it, else the best cut found."""
    known = formula(topology)
    if known is not None:
        return Bisection(known, True, "formula")
    if comb(topology.hosts, topology.hosts // 2) * 2**topology.switches * (1 + topology.hosts % 2) <= _MOST_PARTITIONS:
        return Bisection(exhaustive(topology), True, "all halves")
    return Bisection(best_cut(topology), False, "best cut found")


def formula(topology: Topology) -> int | None:
    """Return the closed form for a whole family of equal links, or for hosts around one switch; None where none is known.

    Meshes and tori: Aroca and Fernandez Anta, Bisection (Band)Width of Product Networks (TPDS 2014). Fat-trees are
    rearrangeable, so no cut is under that of the host links. Leaf-spine: the cost of a leaf is concave in its hosts on a
    side, so all leaves but one are whole. BiGraph: the least over how many switches of each row are on a side.
    """
    star = _star(topology)
    rates = set(topology.bandwidth.tolist())
    if star is not None or len(rates) > 1:
        return star
    width = _width(topology)
    return None if width is None else width * int(rates.pop())


def _width(topology: Topology) -> int | None:
    """Return the links that the best bisection of a whole family cuts, None where no formula is known."""
    given, half = topology.parameters, topology.hosts // 2
    match topology.family:
        case "ring":
            return 1 if topology.hosts == 2 else 2
        case "full":
            return half * (topology.hosts - half)
        case "mesh" | "hypercube":
            return _array_width(topology.dims)
        case "torus" if 2 not in topology.dims:
            return 2 * _array_width(topology.dims)
        case "torus" if set(topology.dims) == {2}:
            return _array_width(topology.dims)
        case "fattree":
            return half
        case "leafspine":
            shape = given["hosts_per_leaf"], given["leaves"], given["spines"]
            return min(_leaf_cut(size, *shape) for size in _sizes(topology))
        case "bigraph":
            return min(_bigraph_cut(size, given["hosts_per_switch"], given["switches"] // 2) for size in _sizes(topology))
    return None


def _sizes(topology: Topology) -> tuple[int, ...]:
    return tuple({topology.hosts // 2, topology.hosts - topology.hosts // 2})


def _array_width(dims: tuple[int, ...]) -> int:
    """Return the links cut in a mesh: along the longest axis, and on while the axes are odd."""
    longest_first = sorted(dims, reverse=True)
    width = 0
    for axis, size in enumerate(longest_first):
        width += prod(longest_first[axis + 1 :])
        if size % 2 == 0:
            break
    return width


def _star(topology: Topology) -> int | None:
    """Return the bisection of hosts around one switch, links of any rates: the least rates up or down of one half."""
    if topology.switches != 1:
        return None
    hub = topology.hosts
    if not ((topology.source == hub) | (topology.target == hub)).all():
        return None
    up = np.zeros(topology.hosts, dtype=np.int64)
    down = np.zeros(topology.hosts, dtype=np.int64)
    rising = topology.target == hub
    np.add.at(up, topology.source[rising], topology.bandwidth[rising])
    np.add.at(down, topology.target[~rising], topology.bandwidth[~rising])
    half = topology.hosts // 2
    return min(int(np.sort(up)[:half].sum()), int(np.sort(down)[:half].sum()))


def _leaf_cut(size: int, each: int, leaves: int, spines: int) -> int:
    """Return the links from a side of `size` hosts to the other; all spines are on one side, all leaves but one whole."""
    whole, rest = divmod(size, each)

    def leaf(inside: int, spines_inside: int) -> int:
        return min(each - inside + spines - spines_inside, inside + spines_inside)

    def cut(spines_inside: int) -> int:
        others = leaves - whole - 1
        partial = leaf(rest, spines_inside) if others >= 0 else 0
        return whole * leaf(each, spines_inside) + partial + max(others, 0) * leaf(0, spines_inside)

    return min(cut(0), cut(spines))


def _bigraph_cut(size: int, each: int, row: int) -> int:
    upper, lower = np.arange(row + 1)[:, None], np.arange(row + 1)[None, :]
    between = upper * (row - lower) + lower * (row - upper)
    return int((between + np.abs(size - each * (upper + lower))).min())


def exhaustive(topology: Topology) -> int:
    """Return the bisection in bytes/s by trying every half of the hosts with every placement of the switches."""
    hosts, switches = topology.hosts, topology.switches
    placements = ((np.arange(2**switches)[:, None] >> np.arange(switches)) & 1).astype(np.bool_)
    least = None
    for size in _sizes(topology):
        chosen = np.fromiter((host for half in combinations(range(hosts), size) for host in half), np.int64).reshape(
            -1, size
        )
        for block in np.array_split(chosen, max(1, len(chosen) * len(placements) // 4096)):
            inside = np.zeros((len(block), hosts), dtype=np.bool_)
            np.put_along_axis(inside, block, True, axis=1)
            inside = np.repeat(inside, len(placements), axis=0)
            side = np.concatenate([inside, np.tile(placements, (len(block), 1))], axis=1)
            crossing = side[:, topology.source] & ~side[:, topology.target]
            found = int((crossing @ topology.bandwidth).min()) if topology.links else 0
            least = found if least is None else min(least, found)
    assert least is not None
    return least


def best_cut(topology: Topology) -> int:
    """Return an upper bound in bytes/s: halves along several orders of the hosts, switches placed best by max-flow."""
    orders: list[NDArray[np.float64]] = [np.arange(topology.hosts, dtype=np.float64)]
    orders += [topology.coordinates[: topology.hosts, axis] for axis in (0, 1)]
    orders += _spectral(topology)
    half = topology.hosts // 2
    sides: set[bytes] = set()
    for order in orders:
        ranked = np.argsort(order, kind="stable")
        for first in (ranked[:half], ranked[-half:]):
            inside = np.zeros(topology.hosts, dtype=np.bool_)
            inside[first] = True
            sides.add(inside.tobytes())
    halves = [np.frombuffer(side, dtype=np.bool_) for side in sorted(sides)]
    return min(_min_cut(topology, side) for half_ in halves for side in (half_, ~half_))


def _spectral(topology: Topology) -> list[NDArray[np.float64]]:
    """Return the hosts' entries of the second eigenvector of the capacity Laplacian, where the graph is small enough."""
    if topology.nodes > 1200:
        return []
    weight = np.zeros((topology.nodes, topology.nodes))
    np.add.at(weight, (topology.source, topology.target), topology.bandwidth / topology.bandwidth.max())
    weight += weight.T
    _, vectors = np.linalg.eigh(np.diag(weight.sum(axis=1)) - weight)
    return [vectors[: topology.hosts, 1]]


def _min_cut(topology: Topology, inside: NDArray[np.bool_]) -> int:
    """Return the least capacity out of the hosts `inside` to the others over all placements of the switches."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_flow

    hosts = topology.hosts
    side = np.full(topology.nodes, -1, dtype=np.int64)
    side[:hosts] = np.where(inside, 0, 1)
    # Hosts of one side are one node: capacity among them is never cut.
    merged = np.where(side >= 0, side, np.arange(topology.nodes) - hosts + 2)
    ends = merged[topology.source], merged[topology.target]
    unit = gcd(*topology.bandwidth.tolist())
    total = int(topology.bandwidth.sum()) // unit
    unit *= max(1, -(-total // (2**31 - 1)))
    table = np.zeros((topology.switches + 2, topology.switches + 2), dtype=np.int64)
    np.add.at(table, ends, -(-topology.bandwidth // unit))
    np.fill_diagonal(table, 0)
    return int(maximum_flow(csr_array(table.astype(np.int32)), 0, 1).flow_value) * unit
