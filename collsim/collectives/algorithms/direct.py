"""Direct: everybody sends to everybody at once; the fewest steps, best where every pair has a link or data are small."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from collsim.collectives.algorithm import Formula, Hint, algorithm
from collsim.collectives.collective import Collective
from collsim.collectives.patterns import DIRECT, Lines, all_gather_and_reduce, finish
from collsim.collectives.schedule import COPY, REDUCE, Schedule, ScheduleBuilder
from collsim.topology.graph import Topology


def _volume(topology: Topology, collective: Collective, ranks: int) -> Fraction:
    if collective.root is not None:
        return Fraction(ranks - 1 if collective.name == "broadcast" else 1)
    return Fraction((2 if collective.name == "all-reduce" else 1) * (ranks - 1), ranks)


@algorithm(
    "direct",
    title="one-shot exchange among all pairs: reduce-scatter in one step, all-gather in one",
    source="Thakur, Rabenseifner and Gropp, Optimization of collective communication operations in MPICH, IJHPCA 2005",
    needs="nothing but a connected topology",
    collectives=("all-reduce", "reduce-scatter", "all-gather", "broadcast", "reduce", "all-to-all"),
    steps=Formula("2; 1 for everything but all-reduce", lambda t, c, n: 2 if c.name == "all-reduce" else 1),
    volume=Formula("2(n-1)/n; (n-1)/n for one phase and all-to-all; n-1 for broadcast, 1 for reduce", _volume),
    size_free=True,
    suits=("full8", "switch8", "torus4x4"),
)
def direct(topology: Topology, collective: Collective, hosts: Sequence[int], hint: Hint | None) -> Schedule:
    """Return the schedule; every rank lists its targets from its own number on, so that no target is hit by all at once."""
    ranks = len(hosts)
    everyone = np.arange(ranks, dtype=np.int64)
    if collective.name in ("all-reduce", "reduce-scatter", "all-gather"):
        rows = all_gather_and_reduce(collective, [(DIRECT, Lines(everyone[None], everyone[None]))])
        return finish(collective, "direct", hosts, rows, everyone)
    if collective.root is not None:
        others = (collective.root + everyone[1:]) % ranks
        builder = ScheduleBuilder(collective, "direct", hosts, [1])
        sends = collective.name == "broadcast"
        src, dst = (collective.root, others) if sends else (others, collective.root)
        builder.add_many(0, src, dst, 0, COPY if sends else REDUCE)
        return builder.finish()
    # All-to-all: chunk n s + d goes from s to d.
    source, target = np.divmod(np.arange(ranks * ranks), ranks)
    builder = ScheduleBuilder(
        collective, "direct", hosts, [1] * ranks**2, unit=ranks, chunk_src=source.tolist(), chunk_dst=target.tolist()
    )
    offset = everyone[1:, None]
    to = (everyone[None, :] + offset) % ranks
    builder.add_many(0, everyone[None, :], to, everyone[None, :] * ranks + to, COPY)
    return builder.finish()
