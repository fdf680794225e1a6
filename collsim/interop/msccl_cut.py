"""Cuts messages into transfers: runs of chunks that follow one another and are all copied or all added.

The chunks of a schedule may lie in any order. Where that of the file would cut messages up, as those of a two-step
all-to-all, an order is tried in which chunks that travel together stand together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from collsim.interop.msccl_run import Run

__all__ = ["Piece", "cut"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A transfer of `count` chunks from place `chunk` on (cyclic), part of the message numbered `message`."""

    message: int
    chunk: int
    count: int
    op: int


def cut(run: Run, ops: Mapping[tuple[int, int], int]) -> tuple[list[int], list[Piece]]:
    """Return (chunks of the file in the schedule's order, pieces); `ops`: {(message, chunk): op}.

    Blocks that ranks of an all-to-all keep for themselves are no chunks unless something moves them.
    """
    memory = run.memory
    moved = {chunk for message in run.messages for chunk, _, _ in message.cells}
    plain = [c for c in range(memory.chunks) if c in moved or memory.source(c) < 0 or memory.source(c) != memory.target(c)]
    pieces = _pieces(run, ops, plain)
    if len(pieces) > len(run.messages):
        chained = _chained(run, plain)
        others = _pieces(run, ops, chained)
        if len(others) < len(pieces):
            return chained, others
    return plain, pieces


def _pieces(run: Run, ops: Mapping[tuple[int, int], int], order: Sequence[int]) -> list[Piece]:
    number, total = {chunk: k for k, chunk in enumerate(order)}, len(order)
    found: list[Piece] = []
    for m, message in enumerate(run.messages):
        runs: list[tuple[int, int, int]] = []
        for chunk, _, _ in message.cells:
            at, op = number[chunk], ops[m, chunk]
            if runs and runs[-1][2] == op and at == (runs[-1][0] + runs[-1][1]) % total:
                runs[-1] = (runs[-1][0], runs[-1][1] + 1, op)
            else:
                runs.append((at, 1, op))
        found += [Piece(m, *one) for one in runs]
    return found


def _chained(run: Run, plain: Sequence[int]) -> list[int]:
    """Return the chunks so that those that travel one behind the other most often stand so, greedily."""
    pairs: Counter[tuple[int, int]] = Counter()
    for message in run.messages:
        chunks = [chunk for chunk, _, _ in message.cells]
        pairs.update(pairwise(chunks))
    behind: dict[int, int] = {}
    followers: set[int] = set()
    head, tail = {chunk: chunk for chunk in plain}, {chunk: chunk for chunk in plain}
    for (a, b), _ in sorted(pairs.items(), key=lambda item: (-item[1], item[0])):
        # `a` has to end a chain and `b` to begin another.
        if a in behind or b in followers or head[a] == b:
            continue
        behind[a] = b
        followers.add(b)
        head[tail[b]], tail[head[a]] = head[a], tail[b]
    order: list[int] = []
    for chunk in plain:
        at: int | None = None if chunk in followers else chunk
        while at is not None:
            order.append(at)
            at = behind.get(at)
    return order
