"""Ring: every rank passes chunks to its neighbour on one ring; the least volume there is, in steps linear in the ranks."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from collsim.collectives.algorithm import Formula, Hint, algorithm
from collsim.collectives.collective import Collective
from collsim.collectives.hamiltonian import ring_order
from collsim.collectives.isca21_rings import isca21_order
from collsim.collectives.patterns import RING, Lines, all_gather_and_reduce, finish
from collsim.collectives.pipelining import DEFAULT_SEGMENTS, choose_segments, refuse_segments
from collsim.collectives.schedule import COPY, REDUCE, Schedule, ScheduleBuilder
from collsim.errors import UnknownName
from collsim.topology.graph import Topology

ORDERS = ("links", "isca21")


def ring_steps(topology: Topology, collective: Collective, ranks: int) -> int:
    """Return n-1 steps a phase; a chain of the default number of segments takes n-2 plus those."""
    if collective.root is not None:
        return ranks - 2 + DEFAULT_SEGMENTS
    return (2 if collective.name == "all-reduce" else 1) * (ranks - 1)


def ring_volume(topology: Topology, collective: Collective, ranks: int) -> Fraction:
    """Return (n-1)/n a phase; 1 along a chain."""
    if collective.root is not None:
        return Fraction(1)
    return Fraction((2 if collective.name == "all-reduce" else 1) * (ranks - 1), ranks)


@algorithm(
    "ring",
    title="reduce-scatter and all-gather around one Hamiltonian ring of the topology; broadcast and reduce along it",
    source="Patarasu and Yuan, Bandwidth optimal all-reduce algorithms for clusters of workstations, JPDC 2009, section 3",
    needs="nothing but a connected topology",
    collectives=("all-reduce", "reduce-scatter", "all-gather", "broadcast", "reduce"),
    steps=Formula("2(n-1); n-1 for one phase; n-2+m for a chain of m segments", ring_steps),
    volume=Formula("2(n-1)/n; (n-1)/n for one phase; 1 for a chain", ring_volume),
    size_free=False,
    suits=("ring8", "torus4x4", "switch8"),
)
def ring(
    topology: Topology,
    collective: Collective,
    hosts: Sequence[int],
    hint: Hint | None,
    *,
    segments: int = 0,
    order: str = "links",
) -> Schedule:
    """Return the schedule; `segments` (0: from the hint) cuts the data of broadcast and reduce; InvalidValue for others.

    `order`: "links" follows links wherever it can, "isca21" is that of the MULTITREE paper (AlgorithmUnsuitable where it
    has none). Raises UnknownName for another order.
    """
    if order not in ORDERS:
        raise UnknownName("order of ring", order, ORDERS)
    find, variant = (ring_order, "") if order == "links" else (isca21_order, f"order={order}")
    ring_of_ranks = np.array(find(topology, hosts), dtype=np.int64)
    if collective.root is not None:
        m = choose_segments(hint, segments, fill=len(hosts) - 2)
        return chain(collective, "ring", hosts, [ring_of_ranks], m, variant)
    refuse_segments(segments, "ring", collective.name)
    rows = all_gather_and_reduce(collective, [(RING, Lines(ring_of_ranks[None], ring_of_ranks[None]))])
    return finish(collective, "ring", hosts, rows, np.arange(len(hosts)), variant=variant)


def chain(
    collective: Collective,
    name: str,
    hosts: Sequence[int],
    rings: Sequence[np.ndarray],
    segments: int,
    variant: str = "",
) -> Schedule:
    """Return a broadcast or reduce along each ring from or to the root, every ring moving an equal part in segments."""
    ranks, count = len(hosts), len(rings) * segments
    builder = ScheduleBuilder(collective, name, hosts, [1] * count)
    position, segment = np.arange(ranks - 1)[:, None], np.arange(segments)[None, :]
    for part, order in enumerate(rings):
        root = int(np.flatnonzero(order == collective.root)[0])
        # A broadcast starts at the root, a reduction ends there; both follow the ring's direction.
        line = np.roll(order, -root if collective.name == "broadcast" else -root - 1)
        op = COPY if collective.name == "broadcast" else REDUCE
        chunk = part * segments + segment
        builder.add_many(position + segment, line[position], line[position + 1], chunk, op)
    return builder.finish(segments=segments, variant=variant)
