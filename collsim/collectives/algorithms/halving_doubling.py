"""Halving-doubling: recursive halving scatters the sum in log2 n steps, recursive doubling gathers it in as many."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from collsim.collectives.algorithm import Formula, Hint, algorithm
from collsim.collectives.collective import Collective
from collsim.collectives.patterns import HALVING, Lines, all_gather_and_reduce, finish, is_power_of_2
from collsim.collectives.schedule import Schedule
from collsim.errors import UnknownName
from collsim.topology.graph import Topology

ORDERS = ("near", "far")


def _steps(topology: Topology, collective: Collective, ranks: int) -> int:
    return (2 if collective.name == "all-reduce" else 1) * (ranks.bit_length() - 1)


def _volume(topology: Topology, collective: Collective, ranks: int) -> Fraction:
    return Fraction((2 if collective.name == "all-reduce" else 1) * (ranks - 1), ranks)


@algorithm(
    "halving-doubling",
    title="reduce-scatter by recursive halving, all-gather by recursive doubling: least volume in 2 log2 n steps",
    source="Rabenseifner, Optimization of collective reduction operations, ICCS 2004; Thakur et al., IJHPCA 2005, section 4",
    needs="a number of ranks that is a power of 2",
    collectives=("all-reduce", "reduce-scatter", "all-gather"),
    steps=Formula("2 log2 n; log2 n for one phase", _steps),
    volume=Formula("2(n-1)/n; (n-1)/n for one phase", _volume),
    size_free=True,
    suits=("hypercube8", "full8", "switch8"),
    variants=("order=far",),
)
def halving_doubling(
    topology: Topology, collective: Collective, hosts: Sequence[int], hint: Hint | None, *, order: str = "near"
) -> Schedule:
    """Return the schedule. `order` of all-reduce: near swaps the largest halves with the nearest ranks (distance 1
    first), far with the farthest; reduce-scatter and all-gather keep chunks in order of ranks, which is far.

    Raises AlgorithmUnsuitable unless n = 2^k, UnknownName for another order.
    """
    ranks = len(hosts)
    if not is_power_of_2(ranks):
        raise halving_doubling.refuse(topology, f"{ranks} ranks are no power of 2.")
    if order not in ORDERS:
        raise UnknownName("order of halving-doubling", order, ORDERS)
    members = np.arange(ranks, dtype=np.int64)
    if order == "near" and collective.name == "all-reduce":
        members = bit_reversed(ranks)
    chunk = np.arange(ranks, dtype=np.int64)
    rows = all_gather_and_reduce(collective, [(HALVING, Lines(members[None], chunk[None]))])
    return finish(collective, "halving-doubling", hosts, rows, members)


def bit_reversed(ranks: int) -> np.ndarray:
    """Return int64[2^k]: each number with its k binary digits in reverse."""
    table = np.zeros(1, dtype=np.int64)
    for _ in range(ranks.bit_length() - 1):
        table = np.concatenate([2 * table, 2 * table + 1])
    return table
