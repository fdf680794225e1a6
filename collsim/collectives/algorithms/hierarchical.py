"""Hierarchical: reduce-scatter inside groups, all-reduce across them, all-gather inside; for boxes joined by thin links.

Groups may nest: racks in sites, reduce-scatter in the rack, then among ranks of equal place in the racks of a site, then an
exchange between sites, and back. Of M bytes 2(X-1)/X M then leave each of X sites, and no algorithm sends less.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import prod

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.algorithm import Formula, Hint, algorithm
from collsim.collectives.algorithms.two_d_ring import grid_phases
from collsim.collectives.collective import Collective
from collsim.collectives.hamiltonian import ring_order
from collsim.collectives.patterns import (
    HALVING,
    PATTERNS,
    RING,
    SWAP,
    Lines,
    Pattern,
    all_gather_and_reduce,
    finish,
    is_power_of_2,
)
from collsim.collectives.schedule import Schedule
from collsim.errors import UnknownName
from collsim.topology.graph import Topology

Groups = list[list[int]]
EVERY = "all"


def _steps(topology: Topology, collective: Collective, ranks: int) -> int | None:
    groups = _first_level(topology, list(range(topology.hosts))) if ranks == topology.hosts else None
    if groups is None:
        return None
    return (2 if collective.name == "all-reduce" else 1) * (len(groups) - 1 + len(groups[0]) - 1)


def _volume(topology: Topology, collective: Collective, ranks: int) -> Fraction:
    return Fraction((2 if collective.name == "all-reduce" else 1) * (ranks - 1), ranks)


@algorithm(
    "hierarchical",
    title="reduce-scatter inside groups, all-reduce among the ranks of equal place, all-gather inside",
    source="Cho et al., BlueConnect: decomposing all-reduce for deep learning, MLSys 2019",
    needs="equal groups of at least 2 ranks: a level of the topology that divides the hosts so, or the option group",
    collectives=("all-reduce", "reduce-scatter", "all-gather"),
    steps=Formula("2(k-1 + g-1) with rings inside and across g groups of k; half of it for one phase", _steps),
    volume=Formula("2(n-1)/n; (n-1)/n for one phase", _volume),
    size_free=True,
    suits=("fattree4x2", "bigraph4x4", "dragonfly2x4x2"),
    variants=(
        "inner=direct,outer=direct",
        "inner=direct",
        "outer=direct",
        "inner=halving-doubling,outer=halving-doubling",
        "outer=swap",
        "group=all",
        "group=all,inner=direct,middle=direct,outer=direct",
    ),
)
def hierarchical(
    topology: Topology,
    collective: Collective,
    hosts: Sequence[int],
    hint: Hint | None,
    *,
    group: str = "",
    inner: str = "ring",
    middle: str = "ring",
    outer: str = "ring",
) -> Schedule:
    """Return the schedule. `group`: a level's name or a number of ranks (default: the finest level that divides the
    hosts evenly); several, finest first, joined by "+", as rack+site; "all" for every level that divides them and nests.
    `inner`, `outer`: ring, direct or halving-doubling, in the finest groups and across the coarsest; `middle`: between.
    `outer` may be swap: partial sums go to all other coarsest groups at once and are summed there, one delay for two.

    Raises AlgorithmUnsuitable where no level suits or halving-doubling meets a number that is no power of 2.
    """
    grid_of_hosts = _grid(topology, list(hosts), str(group))
    patterns = []
    kinds = ["inner", *["middle"] * (grid_of_hosts.ndim - 2), "outer"]
    for kind, size in zip(kinds, grid_of_hosts.shape, strict=True):
        name = {"inner": inner, "middle": middle, "outer": outer}[kind]
        if kind == "outer" and name == SWAP.name:
            if collective.name != "all-reduce":
                raise hierarchical.refuse(topology, f"outer=swap is half of an all-reduce and no part of {collective.name}.")
            patterns.append(SWAP)
            continue
        if name not in PATTERNS:
            raise UnknownName(f"{kind} algorithm of hierarchical", name, PATTERNS)
        if PATTERNS[name] is HALVING and not is_power_of_2(size):
            raise hierarchical.refuse(topology, f"{kind}={name} works among 2^k ranks and there are {size}.")
        patterns.append(PATTERNS[name])
    rank_of = {host: rank for rank, host in enumerate(hosts)}
    grid = np.vectorize(rank_of.__getitem__, otypes=[np.int64])(grid_of_hosts)
    phases = [_along_rings(topology, hosts, *phase) for phase in grid_phases(grid, patterns)]
    rows = all_gather_and_reduce(collective, phases)
    sizes = "+".join(str(prod(grid.shape[: axis + 1])) for axis in range(grid.ndim - 1))
    variant = f"group={sizes} inner={inner}{f' middle={middle}' if grid.ndim > 2 else ''} outer={outer}"
    return finish(collective, "hierarchical", hosts, rows, grid.ravel(), variant=variant)


def _along_rings(topology: Topology, hosts: Sequence[int], pattern: Pattern, lines: Lines) -> tuple[Pattern, Lines]:
    """Order each line as a ring of the topology where the pattern is a ring; homes stay where they are."""
    if pattern is not RING:
        return pattern, lines
    order = np.array([ring_order(topology, [hosts[r] for r in line]) for line in lines.members.tolist()])
    members, chunk = (np.take_along_axis(table, order, axis=1) for table in (lines.members, lines.chunk))
    return pattern, Lines(members, chunk, lines.width)


def _grid(topology: Topology, hosts: list[int], group: str) -> NDArray[np.int64]:
    """Return hosts with an axis for the place in a finest group, one for the group within the next, and so on."""
    if group == EVERY:
        levels = _nested(topology, hosts)
        if len(levels) < 2:
            raise hierarchical.refuse(topology, "it has no two levels that divide the ranks equally, one inside the other.")
    else:
        levels = [_groups(topology, hosts, part.strip()) for part in group.split("+")]
    for fine, coarse in pairwise(levels):
        if not _nest(fine, coarse):
            raise hierarchical.refuse(
                topology, f"the groups of {len(coarse[0])} ranks are not made of the groups of {len(fine[0])} before them."
            )
    order: list[list[int]] = levels[0]
    for coarse in levels[1:]:
        place = {host: index for index, members in enumerate(coarse) for host in members}
        order = sorted(order, key=lambda members: place[members[0]])
    ends = [1, *(len(level[0]) for level in levels), len(hosts)]
    shape = [b // a for a, b in pairwise(ends)]
    return np.array(order, dtype=np.int64).reshape(shape[::-1]).transpose()


def _nested(topology: Topology, hosts: list[int]) -> list[Groups]:
    """Return the levels that divide the hosts equally, finest first, each made of the one before."""
    found: list[Groups] = []
    for level in range(len(topology.levels)):
        groups = _partition(topology, hosts, level)
        if groups is not None and (not found or (len(groups) < len(found[-1]) and _nest(found[-1], groups))):
            found.append(groups)
    return found


def _nest(fine: Groups, coarse: Groups) -> bool:
    place = {host: index for index, members in enumerate(coarse) for host in members}
    return len(fine[0]) < len(coarse[0]) and all(len({place[host] for host in members}) == 1 for members in fine)


def _groups(topology: Topology, hosts: list[int], group: str) -> Groups:
    """Return equal groups of host nodes, or raise AlgorithmUnsuitable or UnknownName."""
    names = [level.name for level in topology.levels]
    if group == "":
        found = _first_level(topology, hosts)
        if found is None:
            raise hierarchical.refuse(topology, "no level of it divides the ranks into equal groups of at least 2.")
        return found
    if group.isdigit():
        size = int(group)
        if size < 2 or len(hosts) % size or size == len(hosts):
            raise hierarchical.refuse(topology, f"{len(hosts)} ranks do not divide into two or more groups of {group}.")
        return [hosts[k : k + size] for k in range(0, len(hosts), size)]
    if group not in names:
        raise UnknownName(f"level of {topology.name}", group, names)
    found = _partition(topology, hosts, names.index(group))
    if found is None:
        raise hierarchical.refuse(
            topology, f"its level '{group}' does not divide the ranks into equal groups of at least 2."
        )
    return found


def _first_level(topology: Topology, hosts: list[int]) -> Groups | None:
    found = (_partition(topology, hosts, level) for level in range(len(topology.levels)))
    return next((groups for groups in found if groups is not None), None)


def _partition(topology: Topology, hosts: list[int], level: int) -> Groups | None:
    """Return the sets of a level cut down to `hosts` in ascending order, None unless equal, several and of 2 or more."""
    chosen = set(hosts)
    groups = [sorted(chosen.intersection(nodes)) for nodes in topology.levels[level].sets]
    groups = [members for members in groups if members]
    sizes = {len(members) for members in groups}
    whole = sum(map(len, groups)) == len(hosts)
    return groups if whole and len(groups) > 1 and len(sizes) == 1 and sizes != {1} else None
