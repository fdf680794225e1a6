"""Bruck: all-gather and all-to-all in the least number of steps, ceil(log2 n), for any number of ranks."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from collsim.collectives.algorithm import Formula, Hint, algorithm
from collsim.collectives.collective import Collective
from collsim.collectives.schedule import COPY, Schedule, ScheduleBuilder
from collsim.topology.graph import Topology


def _volume(topology: Topology, collective: Collective, ranks: int) -> Fraction:
    if collective.name == "all-gather":
        return Fraction(ranks - 1, ranks)
    return Fraction(sum(distance.bit_count() for distance in range(ranks)), ranks)


@algorithm(
    "bruck",
    title="blocks double in every step and wrap around; all-to-all moves each block by the binary digits of its distance",
    source="Bruck et al., Efficient algorithms for all-to-all communications in message-passing systems, IEEE TPDS 1997",
    needs="nothing but a connected topology",
    collectives=("all-gather", "all-to-all"),
    steps=Formula("ceil(log2 n)", lambda t, c, n: (n - 1).bit_length()),
    volume=Formula("(n-1)/n; all-to-all: the ones in the binary numbers 1..n-1, together, over n", _volume),
    size_free=True,
    suits=("switch8", "full5", "torus4x4"),
)
def bruck(topology: Topology, collective: Collective, hosts: Sequence[int], hint: Hint | None) -> Schedule:
    """Return the schedule; all-to-all sends what a rank forwards in a step as few runs of chunks, see `_all_to_all`."""
    if collective.name == "all-to-all":
        return _all_to_all(collective, hosts)
    ranks = len(hosts)
    everyone = np.arange(ranks, dtype=np.int64)
    builder = ScheduleBuilder(collective, "bruck", hosts, [1] * ranks, chunk_src=everyone.tolist())
    for step in range((ranks - 1).bit_length()):
        held = 1 << step
        builder.add_many(step, everyone, (everyone - held) % ranks, everyone, COPY, min(held, ranks - held))
    return builder.finish()


def _all_to_all(collective: Collective, hosts: Sequence[int]) -> Schedule:
    """Block (s, distance j) moves by 2^k in step k where digit k of j is one.

    A source's chunks are listed by the reversed binary digits of j: blocks of equal low digits, which travel together up
    to the next digit, then follow each other, and step k takes 2^k messages a rank instead of n/2.
    """
    ranks = len(hosts)
    digits = (ranks - 1).bit_length()
    listed = np.array(sorted(range(ranks), key=lambda j: int(f"{j:0{digits}b}"[::-1], 2)), dtype=np.int64)
    source = np.repeat(np.arange(ranks), ranks)
    builder = ScheduleBuilder(
        collective,
        "bruck",
        hosts,
        [1] * ranks**2,
        unit=ranks,
        chunk_src=source.tolist(),
        chunk_dst=((source + np.tile(listed, ranks)) % ranks).tolist(),
    )
    everyone = np.arange(ranks)
    for step in range(digits):
        hop = 1 << step
        for low in range(hop):
            run = np.flatnonzero(listed % (2 * hop) == low + hop)
            if len(run):
                at = (everyone + low) % ranks
                builder.add_many(step, at, (at + hop) % ranks, everyone * ranks + run[0], COPY, len(run))
    return builder.finish()
