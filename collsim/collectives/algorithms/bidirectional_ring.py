"""Bidirectional ring: half of the data goes round each way, so that both directions of every link work."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from collsim.collectives.algorithm import Formula, Hint, algorithm
from collsim.collectives.algorithms.ring import chain, ring_steps, ring_volume
from collsim.collectives.collective import Collective
from collsim.collectives.hamiltonian import ring_orders
from collsim.collectives.patterns import RING, Lines, all_gather_and_reduce, finish
from collsim.collectives.pipelining import choose_segments, refuse_segments
from collsim.collectives.schedule import Schedule
from collsim.topology.graph import Topology


@algorithm(
    "bidirectional-ring",
    title="the ring algorithm on two halves of the data, once in each direction",
    source="Jain and Sabharwal, Optimal bucket algorithms for large MPI collectives on torus interconnects, ICS 2010",
    needs="nothing but a connected topology",
    collectives=("all-reduce", "reduce-scatter", "all-gather", "broadcast", "reduce"),
    steps=Formula("2(n-1); n-1 for one phase; n-2+m for chains of m segments", ring_steps),
    volume=Formula("2(n-1)/n; (n-1)/n for one phase; 1 for chains", ring_volume),
    size_free=False,
    suits=("ring8", "torus4x4", "mesh4x4"),
)
def bidirectional_ring(
    topology: Topology, collective: Collective, hosts: Sequence[int], hint: Hint | None, *, segments: int = 0
) -> Schedule:
    """Return the schedule; `segments` (0: from the hint) cuts each half of the data of broadcast and reduce only."""
    rings = [np.array(order, dtype=np.int64) for order in ring_orders(topology, hosts)]
    if collective.root is not None:
        count = choose_segments(hint, segments, fill=len(hosts) - 2, parts=2)
        return chain(collective, "bidirectional-ring", hosts, rings, count)
    refuse_segments(segments, "bidirectional-ring", collective.name)
    # Chunk 2 r + d: the part of rank r that travels in direction d.
    rows = [
        all_gather_and_reduce(collective, [(RING, Lines(order[None], 2 * order[None] + direction))])
        for direction, order in enumerate(rings)
    ]
    home = np.arange(2 * len(hosts)) // 2
    return finish(collective, "bidirectional-ring", hosts, np.concatenate(rows, axis=1), home)
