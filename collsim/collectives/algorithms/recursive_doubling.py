"""Recursive doubling: partners at distance 1, 2, 4, ... swap everything they have; the fewest steps for small data."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from collsim.collectives.algorithm import Formula, Hint, algorithm
from collsim.collectives.collective import Collective
from collsim.collectives.patterns import HALVING, Lines, all_gather_and_reduce, finish, is_power_of_2
from collsim.collectives.schedule import REDUCE, Schedule, ScheduleBuilder
from collsim.topology.graph import Topology


def _volume(topology: Topology, collective: Collective, ranks: int) -> Fraction:
    if collective.name == "all-gather":
        return Fraction(ranks - 1, ranks)
    return Fraction(ranks.bit_length() - 1)


@algorithm(
    "recursive-doubling",
    title="partners at distance 1, 2, 4, ... exchange and reduce the whole buffer, or gather blocks that double",
    source="Thakur, Rabenseifner and Gropp, Optimization of collective communication operations in MPICH, IJHPCA 2005",
    needs="a number of ranks that is a power of 2",
    collectives=("all-reduce", "all-gather"),
    steps=Formula("log2 n", lambda t, c, n: n.bit_length() - 1),
    volume=Formula("log2 n; (n-1)/n for all-gather", _volume),
    size_free=True,
    suits=("hypercube8", "full8", "switch8"),
)
def recursive_doubling(topology: Topology, collective: Collective, hosts: Sequence[int], hint: Hint | None) -> Schedule:
    """Return the schedule; two partners read before either writes, as steps are versions. AlgorithmUnsuitable: n != 2^k."""
    ranks = len(hosts)
    if not is_power_of_2(ranks):
        raise recursive_doubling.refuse(topology, f"{ranks} ranks are no power of 2.")
    everyone = np.arange(ranks, dtype=np.int64)
    if collective.name == "all-gather":
        rows = all_gather_and_reduce(collective, [(HALVING, Lines(everyone[None], everyone[None]))])
        return finish(collective, "recursive-doubling", hosts, rows, everyone)
    builder = ScheduleBuilder(collective, "recursive-doubling", hosts, [1])
    for step in range(ranks.bit_length() - 1):
        builder.add_many(step, everyone, everyone ^ (1 << step), 0, REDUCE)
    return builder.finish()
