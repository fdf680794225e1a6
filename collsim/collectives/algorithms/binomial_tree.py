"""Binomial tree: the number of ranks that have the data doubles in every step; all-reduce is reduce, then broadcast."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.algorithm import Formula, Hint, algorithm
from collsim.collectives.collective import Collective
from collsim.collectives.schedule import COPY, REDUCE, Schedule, ScheduleBuilder
from collsim.topology.graph import Topology

IntArray = NDArray[np.int64]


def _depth(ranks: int) -> int:
    return (ranks - 1).bit_length()


def _steps(topology: Topology, collective: Collective, ranks: int) -> int:
    return (2 if collective.name == "all-reduce" else 1) * _depth(ranks)


def _volume(topology: Topology, collective: Collective, ranks: int) -> Fraction:
    return Fraction(1 if collective.name == "reduce" else _depth(ranks))


@algorithm(
    "binomial-tree",
    title="whole buffers down, or up, a binomial tree; all-reduce goes up to rank 0 and down again",
    source="Thakur, Rabenseifner and Gropp, Optimization of collective communication operations in MPICH, IJHPCA 2005",
    needs="nothing but a connected topology",
    collectives=("all-reduce", "broadcast", "reduce"),
    steps=Formula("2 ceil(log2 n); half of it for broadcast and reduce", _steps),
    volume=Formula("ceil(log2 n); 1 for reduce", _volume),
    size_free=True,
    suits=("switch8", "torus4x4", "hypercube8"),
)
def binomial_tree(topology: Topology, collective: Collective, hosts: Sequence[int], hint: Hint | None) -> Schedule:
    """Return the schedule: one chunk, rooted at the collective's root, at rank 0 for all-reduce."""
    ranks, root = len(hosts), collective.root or 0
    depth = _depth(ranks)
    builder = ScheduleBuilder(collective, "binomial-tree", hosts, [1])
    if collective.name != "broadcast":
        for step in range(depth):
            parent, child = _edges(ranks, depth - 1 - step)
            builder.add_many(step, (child + root) % ranks, (parent + root) % ranks, 0, REDUCE)
    if collective.name != "reduce":
        start = depth if collective.name == "all-reduce" else 0
        for step in range(depth):
            parent, child = _edges(ranks, step)
            builder.add_many(start + step, (parent + root) % ranks, (child + root) % ranks, 0, COPY)
    return builder.finish()


def _edges(ranks: int, level: int) -> tuple[IntArray, IntArray]:
    """Return (parents, children), numbered from the root, of the broadcast step in which 2^level ranks have the data."""
    child = np.arange(1 << level, min(2 << level, ranks), dtype=np.int64)
    return child - (1 << level), child
