"""What a space-time diagram shows: rows of ranks or links, bars of transfers, two that overlap on a row above each other.

With a run the bars are when the engine says; without one a transfer takes the whole of its step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.schedule import OP_NAMES, Schedule
from collsim.errors import InvalidValue
from collsim.report.trace_tracks import lanes
from collsim.topology.graph import Topology

if TYPE_CHECKING:
    from collsim.result import Outcome

__all__ = [
    "MOST_LINKS",
    "MOST_RANKS",
    "Bars",
    "bars_of_ranks",
    "bars_of_run",
    "bars_of_steps",
    "described",
    "fewer",
    "shortened",
]

IntArray = NDArray[np.int64]
MOST_LINKS, MOST_RANKS = 96, 32
"""Rows that a page has room for; ranks send over several links at once, so theirs have to be higher."""
MOST_BARS = 200_000


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """B bars: `row`, `start`, `end`, `transfer` int64[B]; `low`, `high` float64[B], the part of its row that each takes.

    `labels` of the rows; `what` they are, "rank" or "link"; `left_out`: rows that there is no room for.
    """

    row: IntArray
    start: IntArray
    end: IntArray
    transfer: IntArray
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    labels: tuple[str, ...]
    what: str
    left_out: int = 0


def bars_of_run(outcome: Outcome, rows: str = "auto", most: int | None = None) -> Bars:
    """Return the bars of a run in fs: on links from first grant to last tail, on ranks from first grant to the end.

    `rows`: "links", "ranks", or "auto": links where the run recorded crossings and `most` rows hold those used, else ranks.
    On ranks a bar is a send, until its last tail has left the host where that is known. Raises InvalidValue.
    """
    found, plan = outcome.crossings, outcome.schedule
    _check(rows, outcome.schedule)
    if rows == "links" and found is None:
        raise InvalidValue("This run did not record its crossings; simulate it with crossings=True on a packet engine.")
    if found is not None and rows != "ranks" and (rows == "links" or 0 < len(np.unique(found.link)) <= (most or MOST_LINKS)):
        return _on_links(outcome.topology, (found.link, found.first, found.end, found.message), most or MOST_LINKS)
    result = outcome.result
    started = result.message_ready if result.message_started is None else result.message_started
    start = np.where(started < 0, result.message_ready, started)
    end = result.message_finish.copy()
    if found is not None:
        leaves = outcome.topology.source[found.link] == plan.ranks_to_hosts[plan.src[found.message]]
        end[found.message[leaves]] = 0
        np.maximum.at(end, found.message[leaves], found.end[leaves])
    return _on_ranks(plan, start, end, np.arange(plan.transfers), most or MOST_RANKS)


def bars_of_steps(schedule: Schedule, topology: Topology, rows: str = "auto", most: int | None = None) -> Bars:
    """Return the bars of a schedule, a transfer from its step to the next: on links where all paths are given and fit."""
    _check(rows, schedule)
    given = np.diff(schedule.path_offsets)
    used = len(np.unique(schedule.path_links))
    if rows == "links" and not given.all():
        raise InvalidValue("Routing chooses paths of this schedule, so its links are not known without a run; draw ranks.")
    which = np.repeat(np.arange(schedule.transfers), given)
    if rows == "links" or (rows == "auto" and given.all() and used <= (most or MOST_LINKS)):
        step = schedule.step[which]
        return _on_links(topology, (schedule.path_links, step, step + 1, which), most or MOST_LINKS)
    return _on_ranks(schedule, schedule.step, schedule.step + 1, np.arange(schedule.transfers), most or MOST_RANKS)


def bars_of_ranks(schedule: Schedule, most: int = MOST_RANKS) -> Bars:
    """Return the bars of a schedule by ranks, which takes no topology."""
    _check("ranks", schedule)
    return _on_ranks(schedule, schedule.step, schedule.step + 1, np.arange(schedule.transfers), most)


def fewer(bars: Bars, most: int) -> Bars:
    """Return the first rows of `bars`, as many whole ones as hold `most` bars; of a single row its first bars."""
    if len(bars.row) <= most:
        return bars
    ends = np.searchsorted(bars.row, np.arange(len(bars.labels)), side="right")
    rows = max(1, int((ends <= most).sum()))
    kept = slice(0, min(most, int(ends[rows - 1])))
    return Bars(
        row=bars.row[kept],
        start=bars.start[kept],
        end=bars.end[kept],
        transfer=bars.transfer[kept],
        low=bars.low[kept],
        high=bars.high[kept],
        labels=bars.labels[:rows],
        what=bars.what,
        left_out=bars.left_out + len(bars.labels) - rows,
    )


def shortened(label: str, most: int = 34) -> str:
    """Return a label of up to `most` letters, what is too much left out in the middle: names differ at their ends."""
    return label if len(label) <= most else f"{label[: most // 2 - 1]}\N{HORIZONTAL ELLIPSIS}{label[-(most // 2) :]}"


def described(schedule: Schedule, transfer: int) -> str:
    """Return a transfer in words: "reduce of chunk 3 from rank 0 to rank 1, step 2"."""
    chunk, count = int(schedule.chunk[transfer]), int(schedule.count[transfer])
    chunks = f"chunk {chunk}" if count == 1 else f"{count} chunks from {chunk}"
    ends = f"from rank {schedule.src[transfer]} to rank {schedule.dst[transfer]}"
    return f"{OP_NAMES[schedule.op[transfer]]} of {chunks} {ends}, step {schedule.step[transfer]}"


def _check(rows: str, schedule: Schedule) -> None:
    if rows not in ("auto", "links", "ranks"):
        raise InvalidValue(f"The rows '{rows}' are neither links, ranks nor auto.")
    if not schedule.transfers:
        raise InvalidValue(f"{schedule.algorithm} sends nothing here, so there is nothing to draw.")


def _on_links(topology: Topology, columns: tuple[IntArray, IntArray, IntArray, IntArray], most: int) -> Bars:
    link = columns[0]
    used, row = np.unique(link, return_inverse=True)
    return _bars(row, *columns[1:], [topology.link_name(k) for k in used.tolist()], "link", most)


def _on_ranks(plan: Schedule, start: IntArray, end: IntArray, transfer: IntArray, most: int) -> Bars:
    return _bars(plan.src, start, end, transfer, [str(rank) for rank in range(plan.ranks)], "rank", most)


def _bars(  # noqa: PLR0917
    row: IntArray, start: IntArray, end: IntArray, transfer: IntArray, labels: Sequence[str], what: str, most: int
) -> Bars:
    kept = np.flatnonzero((row < most) & (end > start))[:MOST_BARS]
    order = kept[np.lexsort((transfer[kept], end[kept], start[kept], row[kept]))]
    row, start, end, transfer = row[order], start[order], end[order], transfer[order]
    low, high = np.zeros(len(row)), np.ones(len(row))
    edges = np.flatnonzero(np.diff(row, prepend=-1, append=-1))
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        chosen = np.array(lanes(list(zip(start[first:last].tolist(), end[first:last].tolist(), strict=True))))
        # Within each stretch in which bars overlap the row is shared by as many as lie there above each other.
        for a, b in _stretches(start[first:last], end[first:last]):
            share = 1 / (int(chosen[a:b].max()) + 1)
            low[first + a : first + b] = chosen[a:b] * share
            high[first + a : first + b] = (chosen[a:b] + 1) * share
    return Bars(row, start, end, transfer, low, high, tuple(labels[:most]), what, max(0, len(labels) - most))


def _stretches(start: IntArray, end: IntArray) -> list[tuple[int, int]]:
    """Return the index ranges of bars, sorted by start, between which nothing overlaps."""
    reach = np.maximum.accumulate(end)
    cuts = [0, *(np.flatnonzero(start[1:] >= reach[:-1]) + 1).tolist(), len(start)]
    return list(pairwise(cuts))
