"""Hierarchical: reduce-scatter inside groups, all-reduce across them, all-gather inside; for boxes joined by thin links."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from collsim.collectives.algorithm import Formula, Hint, algorithm
from collsim.collectives.algorithms.two_d_ring import grid_phases
from collsim.collectives.collective import Collective
from collsim.collectives.hamiltonian import ring_order
from collsim.collectives.patterns import (
    HALVING,
    PATTERNS,
    RING,
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
    variants=("inner=direct,outer=direct", "inner=direct", "outer=direct", "inner=halving-doubling,outer=halving-doubling"),
)
def hierarchical(
    topology: Topology,
    collective: Collective,
    hosts: Sequence[int],
    hint: Hint | None,
    *,
    group: str = "",
    inner: str = "ring",
    outer: str = "ring",
) -> Schedule:
    """Return the schedule. `group`: a level's name or a number of ranks (default: the finest level that divides the
    hosts evenly); `inner`, `outer`: ring, direct or halving-doubling.

    Raises AlgorithmUnsuitable where no level suits or halving-doubling meets a number that is no power of 2.
    """
    groups = _groups(topology, list(hosts), str(group))
    patterns = []
    for kind, name, size in (("inner", inner, len(groups[0])), ("outer", outer, len(groups))):
        if name not in PATTERNS:
            raise UnknownName(f"{kind} algorithm of hierarchical", name, PATTERNS)
        if PATTERNS[name] is HALVING and not is_power_of_2(size):
            raise hierarchical.refuse(topology, f"{kind}={name} works among 2^k ranks and there are {size}.")
        patterns.append(PATTERNS[name])
    rank_of = {host: rank for rank, host in enumerate(hosts)}
    grid = np.array([[rank_of[host] for host in members] for members in groups], dtype=np.int64).T
    phases = [_along_rings(topology, hosts, *phase) for phase in grid_phases(grid, patterns)]
    rows = all_gather_and_reduce(collective, phases)
    variant = f"group={len(groups[0])} inner={inner} outer={outer}"
    return finish(collective, "hierarchical", hosts, rows, grid.ravel(), variant=variant)


def _along_rings(topology: Topology, hosts: Sequence[int], pattern: Pattern, lines: Lines) -> tuple[Pattern, Lines]:
    """Order each line as a ring of the topology where the pattern is a ring; homes stay where they are."""
    if pattern is not RING:
        return pattern, lines
    order = np.array([ring_order(topology, [hosts[r] for r in line]) for line in lines.members.tolist()])
    members, chunk = (np.take_along_axis(table, order, axis=1) for table in (lines.members, lines.chunk))
    return pattern, Lines(members, chunk, lines.width)


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
