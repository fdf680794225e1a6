"""Double binary tree: two trees carry half of the data each, and who forwards in one is a leaf in the other.

Every rank then sends and receives as much as it must and no more, in a number of steps logarithmic in the ranks. The
edges are coloured with two colours, odd and even steps, so that in each phase no rank sends or receives two segments in
one step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from collsim.collectives.algorithm import Formula, Hint, algorithm
from collsim.collectives.collective import Collective
from collsim.collectives.pipelining import DEFAULT_SEGMENTS, choose_segments
from collsim.collectives.schedule import COPY, REDUCE, Schedule, ScheduleBuilder
from collsim.errors import InvalidValue, UnknownName
from collsim.topology.graph import Topology

PHASES = ("sequential", "overlapped")
CUTS = ("size", "ranks")


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge of `tree` 0 or 1 between ranks, root-relative; `colour` 0 or 1 is the parity of the steps it works in."""

    tree: int
    child: int
    parent: int
    colour: int = 0


def inorder_parent(role: int, roles: int) -> int:
    """Return the parent of a role 1..roles-1 in the in-order binary tree under role 0: even roles forward, odd are leaves.

    The lowest set bit is the height of a role; its parent is one higher, on the side that exists.
    """
    bit = role & -role
    outer = (role ^ bit) | (bit << 1)
    return outer if outer < roles else role ^ bit


@lru_cache(maxsize=64)
def two_trees(ranks: int, rooted: bool) -> tuple[Edge, ...]:
    """Return the coloured edges of both trees over ranks 0..n-1; `rooted`: rank 0 is the root of both.

    The second tree is the first with ranks renumbered so that parities swap: mirrored or shifted by one, as n demands.
    """
    edges = []
    for role in range(1, ranks):
        parent = inorder_parent(role, ranks)
        edges.append(Edge(0, role, parent))
        edges.append(Edge(1, _twin(role, ranks, rooted), _twin(parent, ranks, rooted)))
    return _coloured(edges)


def _twin(role: int, ranks: int, rooted: bool) -> int:
    """Return the rank that has `role` in the second tree."""
    if not rooted:
        return ranks - 1 - role if ranks % 2 == 0 else (role + 1) % ranks
    if role == 0:
        return 0
    return ranks - role if ranks % 2 else role % (ranks - 1) + 1


def _coloured(edges: list[Edge]) -> tuple[Edge, ...]:
    """Colour edges so that no two of one child, nor two of one parent, are alike.

    Every rank is a child at most twice and a parent at most twice, so the edges form paths and even cycles between
    children and parents, and two colours in turn along each do.
    """
    at: dict[tuple[str, int], list[int]] = {}
    for index, edge in enumerate(edges):
        at.setdefault(("child", edge.child), []).append(index)
        at.setdefault(("parent", edge.parent), []).append(index)
    colour: dict[int, int] = {}
    ends = [pair[0] for pair in at.values() if len(pair) == 1]
    for first in [*ends, *range(len(edges))]:
        pending = [(first, 0)] if first not in colour else []
        while pending:
            index, shade = pending.pop()
            if index in colour:
                continue
            colour[index] = shade
            for end in (("child", edges[index].child), ("parent", edges[index].parent)):
                pending += [(other, 1 - shade) for other in at[end] if other != index]
    return tuple(Edge(e.tree, e.child, e.parent, colour[i]) for i, e in enumerate(edges))


@lru_cache(maxsize=64)
def first_steps(ranks: int, kind: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return (up, down): the step in which each edge of `two_trees` moves its first segment, the others every 2 steps on.

    `kind`: "all-reduce" (down begins when the first segment is at the root), "broadcast" (no up) or "reduce" (no down).
    """
    edges = two_trees(ranks, kind != "all-reduce")
    children: dict[tuple[int, int], list[int]] = {}
    for index, edge in enumerate(edges):
        children.setdefault((edge.tree, edge.parent), []).append(index)
    roots = sorted({(e.tree, e.parent) for e in edges} - {(e.tree, e.child) for e in edges})
    down_order = [index for root in roots for index in _from(root, edges, children)]
    ready = dict.fromkeys(((e.tree, r) for e in edges for r in (e.child, e.parent)), 0)
    up = dict.fromkeys(range(len(edges)), 0)
    if kind != "broadcast":
        for index in reversed(down_order):
            edge = edges[index]
            up[index] = _at(ready[edge.tree, edge.child], edge.colour)
            ready[edge.tree, edge.parent] = max(ready[edge.tree, edge.parent], up[index] + 1)
    down = dict.fromkeys(range(len(edges)), 0)
    if kind != "reduce":
        for index in down_order:
            edge = edges[index]
            down[index] = _at(ready[edge.tree, edge.parent], edge.colour)
            ready[edge.tree, edge.child] = down[index] + 1
    return tuple(up[i] for i in range(len(edges))), tuple(down[i] for i in range(len(edges)))


def _from(root: tuple[int, int], edges: Sequence[Edge], children: dict[tuple[int, int], list[int]]) -> list[int]:
    """Return the edges below a (tree, rank), parents before children."""
    order = list(children.get(root, ()))
    for index in order:
        order += children.get((edges[index].tree, edges[index].child), ())
    return order


def _at(ready: int, colour: int) -> int:
    return ready + (ready + colour) % 2


def down_shift(ranks: int, kind: str, segments: int, phases: str) -> int:
    """Return how many steps later than in `first_steps` the way down begins.

    Sequential all-reduce: past the last segment's way up, by an even number, so that colours keep their meaning.
    """
    if kind != "all-reduce" or phases == "overlapped":
        return 0
    up, down = first_steps(ranks, kind)
    return 2 * (segments - 1) + (max(up) + 2 - min(down)) // 2 * 2


def count_steps(ranks: int, kind: str, segments: int, phases: str = PHASES[0]) -> int:
    """Return the steps of the whole schedule with `segments` a tree."""
    up, down = first_steps(ranks, kind)
    last = max(*up, *(step + down_shift(ranks, kind, segments, phases) for step in down))
    return last + 1 + 2 * (segments - 1)


def _steps(topology: Topology, collective: Collective, ranks: int) -> int:
    return count_steps(ranks, collective.name, DEFAULT_SEGMENTS)


def _volume(topology: Topology, collective: Collective, ranks: int) -> Fraction:
    if collective.name != "all-reduce":
        return Fraction(1)
    return Fraction(2) if ranks > 5 else {2: Fraction(1), 3: Fraction(3, 2)}.get(ranks, Fraction(2))


@algorithm(
    "double-binary-tree",
    title="half of the data up and down each of two binary trees with leaves and forwarders swapped, in segments",
    source="Sanders, Speck and Träff, Two-tree algorithms for full bandwidth broadcast, reduction and scan, ParCo 2009",
    needs="nothing but a connected topology",
    collectives=("all-reduce", "broadcast", "reduce"),
    steps=Formula("4(m-1) + about 4 log2 n, m segments a tree; half of it for broadcast and reduce", _steps),
    volume=Formula("2 from 4 ranks on, 3/2 for 3, 1 for 2; 1 for broadcast and reduce", _volume),
    size_free=False,
    suits=("switch8", "torus4x4", "fattree4"),
    aliases=("tree",),
    variants=("phases=overlapped",),
)
def double_binary_tree(
    topology: Topology,
    collective: Collective,
    hosts: Sequence[int],
    hint: Hint | None,
    *,
    segments: int = 0,
    phases: str = "sequential",
    cut: str = "size",
) -> Schedule:
    """Return the schedule. `segments` of each half (0: as `cut` says); `phases` of all-reduce: in sequential
    steps the way up has precedence, overlapped numbers the steps of the way down from the first segment's arrival.
    `cut`: "size" takes the segments that suit size, alpha and beta, "ranks" half as many as there are ranks, so that a
    segment is a chunk of S/n (DBTREE of the MULTITREE paper, ISCA 2021).

    Raises UnknownName and InvalidValue for other options.
    """
    if phases not in PHASES:
        raise UnknownName("phases of double-binary-tree", phases, PHASES)
    if cut not in CUTS:
        raise UnknownName("cut of double-binary-tree", cut, CUTS)
    if cut == "ranks":
        if segments:
            raise InvalidValue(f"cut=ranks sets the segments itself; leave segments={segments} or cut=ranks out.")
        segments = max(1, len(hosts) // 2)
    ranks, root, kind = len(hosts), collective.root or 0, collective.name
    edges = two_trees(ranks, kind != "all-reduce")
    period = count_steps(ranks, kind, 2, phases) - count_steps(ranks, kind, 1, phases)
    fill = count_steps(ranks, kind, 1, phases) - period
    m = choose_segments(hint, segments, fill=fill, period=period, parts=2)
    up, down = (np.array(times)[:, None] for times in first_steps(ranks, kind))
    down = down + down_shift(ranks, kind, m, phases)
    child, parent, tree = (np.array([getattr(e, f) for e in edges])[:, None] for f in ("child", "parent", "tree"))
    segment = np.arange(m)[None, :]
    child, parent, chunk = (child + root) % ranks, (parent + root) % ranks, tree * m + segment
    builder = ScheduleBuilder(collective, "double-binary-tree", hosts, [1] * (2 * m))
    if kind != "broadcast":
        builder.add_many(up + 2 * segment, child, parent, chunk, REDUCE)
    if kind != "reduce":
        builder.add_many(down + 2 * segment, parent, child, chunk, COPY)
    return builder.finish(segments=m, variant=phases if kind == "all-reduce" else "")
