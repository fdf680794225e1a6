"""MULTITREE: one spanning tree a rank, grown while links are allocated, so that no two transfers of a step share a link.

Chunk r goes up tree r to its root in the reduce-scatter and down the same tree in the all-gather; with `chunks` = k every
rank has k trees, each for a k-th of its share. The trees come from `tree_growth`; here they only become transfers. Where
every link has one back, the way up is the way down reversed; where some link has none (a cable that failed in one
direction), the way up gets trees of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from collsim.collectives.algorithm import Formula, Hint, algorithm
from collsim.collectives.collective import Collective
from collsim.collectives.grown_trees import narrowed, on_wide_links, packing_of
from collsim.collectives.pipelined import pipelined
from collsim.collectives.schedule import COPY, REDUCE, IntArray, Schedule, ScheduleBuilder
from collsim.collectives.tree_growth import grow
from collsim.collectives.tree_plan import Plan, timetable_of
from collsim.collectives.trees import Forest, reverse_links, transposed
from collsim.errors import InvalidValue, UnknownName
from collsim.topology.graph import Topology

__all__ = ["multitree"]

LINKS = ("alike", "widths")


def _steps(topology: Topology, collective: Collective, ranks: int) -> int | None:
    """Steps where they are known beforehand: with a link to every peer, on a whole ring, and around one switch."""
    phase = {"full": 1, "switch": ranks - 1, "ring": ranks // 2 if ranks == topology.hosts else None}.get(topology.family)
    return None if phase is None else phase * (2 if collective.name == "all-reduce" else 1)


def _volume(topology: Topology, collective: Collective, ranks: int) -> Fraction | None:
    """In a reduce-scatter every rank sends once a tree but its own; copies may be unevenly spread."""
    share = Fraction(ranks - 1, ranks)
    if collective.name == "reduce-scatter":
        return share
    even = topology.family in ("full", "switch") or (topology.family == "ring" and ranks == topology.hosts)
    return collective.bus_factor(ranks) if even else None


@algorithm(
    "multitree",
    title="One spanning tree a rank, grown together with the allocation of links",
    source="Huang et al., MULTITREE, ISCA 2021, sections III and IV",
    needs="any connected topology",
    collectives=("all-reduce", "reduce-scatter", "all-gather"),
    steps=Formula(
        "2 S, S for one phase, found by construction: 1 on full, n-1 on switch, floor(n/2) on ring, else at least (n-1) / "
        "links into a host and n(n-1) / links out of all hosts; these bounds times k for k chunks a rank",
        _steps,
    ),
    volume=Formula(
        "reduce-scatter (n-1)/n; all-gather at least (n-1)/n, its busiest rank sends one chunk a child; on full, switch "
        "and ring exactly so",
        _volume,
    ),
    size_free=True,
    suits=("torus4x4", "mesh4x4", "fattree4x2", "bigraph4x8", "dgx1-v100"),
    variants=("chunks=2", "turns=smallest", "chunks=2,turns=smallest", "neighbour_order=fastest", "links=widths"),
)
def multitree(
    topology: Topology,
    collective: Collective,
    hosts: Sequence[int],
    hint: Hint | None = None,
    *,
    termination: str = "any-tree",
    neighbour_order: str = "ascending",
    ports: int = 0,
    chunks: int = 1,
    turns: str = "roots",
    links: str = "alike",
    segments: int = 0,
) -> Schedule:
    """Return MULTITREE's schedule; every transfer has an explicit path and shares no link within its step.

    `termination`: "any-tree", or "authors" as in their code. `neighbour_order`: ascending, descending, fastest, or an order
    of NSWE (see `trees.scan_order`). `ports`: sends and receptions of a host a step, 0 for as many as it has links.
    `chunks`: equal pieces of a rank's share, each with a tree of its own. `turns`: "roots", or "smallest" tree first.
    `links`: "alike", or "widths": a link is used as often a step as it is wider than the narrowest. `segments` > 0: as many
    pieces of each chunk follow each other through its tree, ways up and down side by side, by a timetable.
    """
    if links not in LINKS:
        raise UnknownName("links of multitree", links, LINKS)
    if segments < 0:
        raise InvalidValue(f"segments is 0 (no pipeline) or a number of pieces, not {segments}.")

    def trees(of: Topology) -> Forest:
        if links == "widths":
            narrow, origin = narrowed(of)
            return on_wide_links(grown(narrow), origin)
        return grown(of)

    def grown(of: Topology) -> Forest:
        return grow(
            of,
            hosts,
            termination=termination,
            neighbour_order=neighbour_order,
            ports=ports,
            chunks=chunks,
            turns=turns,
        )

    if segments:
        return _pipelined(topology, collective, hosts, trees, segments)
    return _schedule(collective, hosts, chunks, _all_moves(topology, collective, trees))


def _pipelined(
    topology: Topology, collective: Collective, hosts: Sequence[int], trees: Callable[[Topology], Forest], segments: int
) -> Schedule:
    """Return the schedule in which pieces follow each other through the trees, as in docs/forest.md."""
    down = trees(topology) if collective.name != "reduce-scatter" else None
    up = _led_back(topology, down, trees) if collective.reduces else None
    packing = packing_of(topology, hosts, down, up)
    plan = Plan(packing, timetable_of(packing, topology), f"segments={segments}")
    return pipelined(collective, "multitree", hosts, plan, segments)


def _led_back(topology: Topology, down: Forest | None, trees: Callable[[Topology], Forest]) -> Forest:
    """Return the trees of the way up, their paths from child to parent."""
    back = reverse_links(topology)
    forest = trees(transposed(topology)) if back is None else down or trees(topology)
    lengths, links = _paths(forest, np.arange(len(forest.step)), reverse=True)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return replace(forest, path_offsets=offsets, path_links=links if back is None else back[links])


@dataclass(frozen=True, slots=True)
class _Moves:
    """Transfers of a phase: columns of int64[E], and their paths as in Schedule; by step, then by tree."""

    step: IntArray
    src: IntArray
    dst: IntArray
    chunk: IntArray
    op: int
    path_lengths: IntArray
    path_links: IntArray


def _all_moves(topology: Topology, collective: Collective, trees: Callable[[Topology], Forest]) -> Iterator[_Moves]:
    """Yield the moves up and the moves down, as far as the collective has them."""
    down = trees(topology)
    if collective.reduces:
        back = reverse_links(topology)
        yield _upwards(down, back) if back is not None else _upwards(trees(transposed(topology)), None)
    if collective.name != "reduce-scatter":
        yield _downwards(down, first=down.steps if collective.reduces else 0)


def _downwards(forest: Forest, first: int) -> _Moves:
    """Parents send copies to children in the step of the edge, counted from `first`."""
    order = _by_step(forest.step)
    lengths, links = _paths(forest, order)
    step = forest.step[order] + first
    return _Moves(step, forest.parent[order], forest.child[order], forest.tree[order], COPY, lengths, links)


def _upwards(forest: Forest, back: IntArray | None) -> _Moves:
    """Children send partial sums to parents, last edges first, over the links back (of a transposed topology: the same)."""
    upside = forest.steps - 1 - forest.step
    order = _by_step(upside)
    lengths, links = _paths(forest, order, reverse=True)
    links = links if back is None else back[links]
    return _Moves(upside[order], forest.child[order], forest.parent[order], forest.tree[order], REDUCE, lengths, links)


def _by_step(step: IntArray) -> IntArray:
    # Numbers of 16 bits are sorted by their digits, several times as fast as by comparing.
    return np.argsort(step.astype(np.uint16) if step.max(initial=0) < 2**16 else step, kind="stable")


def _paths(forest: Forest, order: IntArray, *, reverse: bool = False) -> tuple[IntArray, IntArray]:
    """Return (lengths, links) of the paths of the edges `order`, each from its end to its beginning if `reverse`."""
    lengths = np.diff(forest.path_offsets)[order]
    if len(forest.path_links) == len(order):
        return lengths, forest.path_links[order]
    start = np.cumsum(lengths) - lengths
    along = np.arange(lengths.sum()) - np.repeat(start, lengths)
    if reverse:
        return lengths, forest.path_links[np.repeat(forest.path_offsets[1:][order] - 1, lengths) - along]
    return lengths, forest.path_links[np.repeat(forest.path_offsets[:-1][order], lengths) + along]


def _schedule(collective: Collective, hosts: Sequence[int], chunks: int, phases: Iterable[_Moves]) -> Schedule:
    """Return the schedule of chunk k in tree k, `chunks` of them a rank; transfers by step, then by tree."""
    ranks = [rank for rank in range(len(hosts)) for _ in range(chunks)]
    one_source, one_target = collective.name == "all-gather", collective.name == "reduce-scatter"
    builder = ScheduleBuilder(
        collective,
        "multitree",
        hosts,
        [1] * len(ranks),
        chunk_src=ranks if one_source else None,
        chunk_dst=ranks if one_target else None,
    )
    edges = len(ranks) * (len(hosts) - 1)
    total = edges * (2 if collective.name == "all-reduce" else 1)
    # Written where they stay: on 4,096 ranks the columns of a phase are 0.7 GB, and copies of them would be the peak.
    columns = np.empty((5, total), dtype=np.int64)
    offsets, links = np.zeros(total + 1, dtype=np.int64), []
    for k, moves in enumerate(phases):
        part = slice(k * edges, (k + 1) * edges)
        for column, values in zip(columns, (moves.step, moves.src, moves.dst, moves.chunk), strict=False):
            column[part] = values
        columns[4, part] = moves.op
        np.cumsum(moves.path_lengths, out=offsets[1:][part])
        offsets[1:][part] += offsets[part.start]
        links.append(moves.path_links)
        del moves
    builder.add_many(*columns)
    return builder.finish(paths=(offsets, np.concatenate(links)))
