"""From packed trees to a schedule: pieces of the data follow each other through all trees, one period apart.

Chunk (t, s) is piece s of what tree t carries. Piece s of tree t moves over a hop in the hop's slot of period s; the step
of a transfer is the number of its slot among those in use, so steps order what a port sends and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.collective import Collective
from collsim.collectives.schedule import COPY, REDUCE, Schedule, ScheduleBuilder
from collsim.collectives.tree_plan import Plan

__all__ = ["pipelined"]


def pipelined(collective: Collective, name: str, hosts: Sequence[int], plan: Plan, segments: int) -> Schedule:
    """Return the schedule of `segments` pieces a tree; for all-gather and reduce-scatter trees stand in order of roots."""
    trees, table = plan.packing.trees, plan.table
    hops = [
        (t, hop, op) for t, tree in enumerate(trees) for row, op in ((tree.up, REDUCE), (tree.down, COPY)) for hop in row
    ]
    slots = [slot for row in table.start for slot in row]
    # Rates without a common divisor to speak of make slots that only Python's integers hold.
    first: NDArray[Any] = np.array(slots, dtype=np.int64 if max(slots) + table.period * segments < 2**63 else object)
    tree, src, dst, op = (
        np.array(column, dtype=np.int64)[:, None]
        for column in zip(*((t, hop.src, hop.dst, op) for t, hop, op in hops), strict=True)
    )
    piece = np.arange(segments)[None, :]
    step = first[:, None] + table.period * piece
    _, step = np.unique(step, return_inverse=True)
    order = np.argsort(step.ravel(), kind="stable")
    columns = [
        np.broadcast_to(column, (len(hops), segments)).ravel()[order]
        for column in (step.reshape(len(hops), segments), src, dst, tree * segments + piece, op)
    ]
    homes = [tree.root for tree in trees for _ in range(segments)]
    builder = ScheduleBuilder(
        collective,
        name,
        hosts,
        [tree.weight for tree in trees for _ in range(segments)],
        chunk_src=homes if collective.name == "all-gather" else None,
        chunk_dst=homes if collective.name == "reduce-scatter" else None,
    )
    builder.add_many(*columns)
    lengths = np.array([len(hop.path) for _, hop, _ in hops], dtype=np.int64)
    flat = np.array([link for _, hop, _ in hops for link in hop.path], dtype=np.int64)
    which = np.repeat(np.arange(len(hops)), segments)[order]
    begin = (np.cumsum(lengths) - lengths)[which]
    offsets = np.concatenate([[0], np.cumsum(lengths[which])])
    along = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths[which])
    return builder.finish(
        segments=segments, variant=plan.words, paths=(offsets, flat[np.repeat(begin, lengths[which]) + along])
    )
