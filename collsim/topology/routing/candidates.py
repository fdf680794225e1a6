"""Candidate links of shortest paths and the class rules that go with them: the ground most families build on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collsim.topology.graph import Topology
from collsim.topology.routing.table import RouteTable

__all__ = ["ClassRule", "by_destination", "hop_index", "hop_index_classes", "next_links", "single_links", "tabulate"]

IntArray = NDArray[np.int64]
Rows = tuple[IntArray, IntArray]


@dataclass(frozen=True, slots=True, eq=False)
class ClassRule:
    """How hops get classes (see `table`): `stage`, `bump` int64[L], `bias`; routing decides how many classes there are."""

    stage: IntArray
    bump: IntArray
    bias: int


def hop_index(topology: Topology) -> ClassRule:
    """Return the rule "class = index of the hop among the links that leave forwarding nodes", from 0.

    A link that leaves a host which does not forward carries only what that host injects: no packet waits for it while it
    holds another buffer, so it cannot be part of a cycle and shares class 0 with the hop after it.
    """
    bump = topology.forwards[topology.source].astype(np.int64)
    return ClassRule(np.zeros(topology.links, dtype=np.int64), bump, 1)


def hop_index_classes(topology: Topology, hops: NDArray[np.int16], last_counts: bool) -> int:
    """Return how many classes `hop_index` needs on shortest paths between hosts, `hops` as from `hops_to` for hosts.

    The last link takes no buffer (rule 8), so its hop needs no class of its own unless `last_counts`.
    """
    own = topology.forwards[: topology.hosts]
    most = hops[: topology.hosts].max(axis=1).astype(np.int64)
    return max(1, int((most - ~own - (not last_counts)).max()))


def next_links(topology: Topology, hops: NDArray[np.int16], usable: NDArray[np.bool_] | None = None) -> Rows:
    """Return (offsets, links): all links that bring a packet one hop nearer, row node * T + target of `hops` int16[N, T].

    `usable`: bool[L, T], which links count for which target, as given to `hops_to`; default all.
    """
    columns = hops.shape[1]
    counts = np.zeros((topology.nodes, columns), dtype=np.int64)
    found: list[IntArray] = []
    for node, out in enumerate(topology.out_links):
        links = np.array(out, dtype=np.int64)
        ahead = hops[topology.target[links]]
        passable = topology.forwards[topology.target[links], None] | (ahead == 0)
        nearer = (ahead == hops[node] - 1) & passable & (hops[node] > 0)
        if usable is not None:
            nearer &= usable[links]
        counts[node] = nearer.sum(axis=0)
        found.append(links[np.nonzero(nearer.T)[1]])
    return _offsets(counts), np.concatenate(found)


def by_destination(rows: Rows, columns: int, divisor: IntArray) -> Rows:
    """Keep one link a row: candidate number (destination // divisor[node]) mod candidates; `divisor`: int64[N]."""
    offsets, links = rows
    counts = np.diff(offsets)
    row = np.flatnonzero(counts)
    index = (row % columns) // divisor[row // columns] % counts[row]
    return _offsets(np.minimum(counts, 1)), links[offsets[row] + index]


def single_links(link: IntArray) -> Rows:
    """Return rows of at most one link from an array of link ids in row order, -1 where there is none."""
    flat = link.reshape(-1)
    return _offsets((flat >= 0).astype(np.int64)), flat[flat >= 0].astype(np.int64)


def tabulate(name: str, topology: Topology, rows: Rows, rule: ClassRule, classes: int, phases: int = 1) -> RouteTable:
    """Return the RouteTable of `rows` under `rule`; the number of destinations follows from the number of rows."""
    offsets, links = rows
    return RouteTable(
        name=name,
        nodes=topology.nodes,
        hosts=(len(offsets) - 1) // (topology.nodes * phases),
        offsets=offsets,
        links=links,
        stage=rule.stage,
        bump=rule.bump,
        bias=rule.bias,
        classes=classes,
        phases=phases,
    )


def _offsets(counts: IntArray) -> IntArray:
    return np.concatenate([[0], np.cumsum(counts.reshape(-1))]).astype(np.int64)
