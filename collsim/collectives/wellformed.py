"""The part of a proof that needs no replay: indices in range, arrays that fit together, paths made of existing links."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.schedule import COPY, OP_NAMES, REDUCE, Schedule
from collsim.errors import ScheduleError
from collsim.topology.graph import Topology

__all__ = ["check_form", "check_paths", "describe"]

IntArray = NDArray[np.int64]


def describe(schedule: Schedule, transfer: int) -> str:
    """Return the words by which errors name a transfer: "transfer 7 (step 2, reduce of chunk 3, rank 1 to rank 0)"."""
    t = int(transfer)
    first, count = int(schedule.chunk[t]), int(schedule.count[t])
    chunks = f"chunk {first}" if count == 1 else f"{count} chunks from {first}"
    op = int(schedule.op[t])
    name = OP_NAMES[op] if op in (COPY, REDUCE) else f"op {op}"
    return f"transfer {t} (step {schedule.step[t]}, {name} of {chunks}, rank {schedule.src[t]} to rank {schedule.dst[t]})"


def check_form(schedule: Schedule, topology: Topology) -> None:
    """Raise ScheduleError unless every array has its length and every index is within its range."""
    s, n, chunks, transfers = schedule, schedule.ranks, schedule.chunks, schedule.transfers
    hosts = s.ranks_to_hosts
    if n < 2 or np.unique(hosts).size != n or hosts.min() < 0 or hosts.max() >= topology.hosts:
        raise ScheduleError(
            f"{s.algorithm}: the {n} ranks sit on hosts {hosts.tolist()[:8]}; they need distinct hosts of "
            f"{topology.name}, 0..{topology.hosts - 1}, and at least two of them."
        )
    if chunks < (s.collective.share > 0) or s.unit < 1 or s.weights.min(initial=0) < 0 or (s.weights == 0).any():
        raise ScheduleError(f"{s.algorithm}: chunks are at least one, with positive weights and a positive unit.")
    if {len(s.chunk_src), len(s.chunk_dst)} != {chunks}:
        raise ScheduleError(f"{s.algorithm}: chunk_src and chunk_dst need one entry for each of the {chunks} chunks.")
    lengths = {len(a) for a in (s.step, s.src, s.dst, s.chunk, s.count, s.op, s.dep_set)} | {len(s.path_offsets) - 1}
    if lengths != {transfers}:
        raise ScheduleError(f"{s.algorithm}: the arrays of transfers have the lengths {sorted(lengths)}; they are equal.")
    _in_range(s, "step", s.step, 0, None)
    _in_range(s, "source rank", s.src, 0, n)
    _in_range(s, "destination rank", s.dst, 0, n)
    _in_range(s, "chunk", s.chunk, 0, chunks)
    _in_range(s, "count of chunks", s.count, 1, chunks + 1)
    _in_range(s, "op", s.op, COPY, REDUCE + 1)
    _in_range(s, "set of dependencies", s.dep_set, 0, len(s.set_offsets) - 1)
    _check_offsets(s, "sets of dependencies", s.set_offsets, len(s.set_members))
    _check_offsets(s, "paths", s.path_offsets, len(s.path_links))
    wrong = np.flatnonzero(s.src == s.dst)
    if wrong.size:
        raise ScheduleError(f"{s.algorithm}: {describe(s, wrong[0])} has no way to go; its ranks must differ.")
    _check_sets(s)


def check_paths(schedule: Schedule, topology: Topology) -> None:
    """Raise ScheduleError unless each explicit path runs over existing, joined links, from host to host, via forwarders."""
    s, t = schedule, topology
    lengths = np.diff(s.path_offsets)
    routed = np.flatnonzero(lengths)
    if not routed.size:
        return
    owner = np.repeat(np.arange(s.transfers), lengths)
    _path_error(s, owner[(s.path_links < 0) | (s.path_links >= t.links)], f"names a link that {t.name} does not have")
    heads, tails = t.source[s.path_links], t.target[s.path_links]
    first, last = s.path_offsets[routed], s.path_offsets[routed + 1] - 1
    _path_error(s, routed[heads[first] != s.ranks_to_hosts[s.src[routed]]], "does not start at the host of its source")
    _path_error(s, routed[tails[last] != s.ranks_to_hosts[s.dst[routed]]], "does not end at the host of its destination")
    inner = np.flatnonzero(owner[1:] == owner[:-1])
    _path_error(
        s, owner[inner[tails[inner] != heads[inner + 1]]], "has a link that does not begin where the one before ends"
    )
    _path_error(s, owner[inner[~t.forwards[tails[inner]]]], "passes through a node that does not forward")


def _path_error(schedule: Schedule, wrong: IntArray, what: str) -> None:
    if wrong.size:
        links = schedule.path_of(int(wrong[0])).tolist()
        raise ScheduleError(f"{schedule.algorithm}: the path {links} of {describe(schedule, wrong[0])} {what}.")


def _in_range(schedule: Schedule, what: str, values: IntArray, least: int, end: int | None) -> None:
    wrong = np.flatnonzero((values < least) | (values >= end) if end is not None else values < least)
    if wrong.size:
        t = int(wrong[0])
        limit = f"{least}..{end - 1}" if end is not None else f"{least} or more"
        raise ScheduleError(f"{schedule.algorithm}: transfer {t} has {what} {values[t]}; it is {limit}. {_CURES[what]}")


_CURES = {
    "step": "Number steps from 0.",
    "source rank": "Ranks are numbered in the order of the hosts given; name one of them, or give more hosts.",
    "destination rank": "Ranks are numbered in the order of the hosts given; name one of them, or give more hosts.",
    "chunk": "There are as many chunks as weights: name one of them, or give a weight for each chunk, as in weights=[1, 1].",
    "count of chunks": "Send at least one chunk and no more than there are; a weight makes a chunk.",
    "op": "Use COPY or REDUCE of collsim.",
    "set of dependencies": "Name a set that set_offsets has, or let ScheduleBuilder.finish infer all of them.",
}


def _check_offsets(schedule: Schedule, what: str, offsets: IntArray, total: int) -> None:
    if len(offsets) < 1 or offsets[0] != 0 or offsets[-1] != total or (np.diff(offsets) < 0).any():
        raise ScheduleError(f"{schedule.algorithm}: the offsets of {what} do not rise from 0 to {total}.")


def _check_sets(schedule: Schedule) -> None:
    """Set 0 is empty; members are transfers, each once in a set (the count of satisfied needs relies on it)."""
    s = schedule
    sizes = np.diff(s.set_offsets)
    if sizes.size and sizes[0]:
        raise ScheduleError(f"{s.algorithm}: set 0 of the dependencies holds {sizes[0]} transfers; it is the empty one.")
    wrong = np.flatnonzero((s.set_members < 0) | (s.set_members >= s.transfers))
    if wrong.size:
        raise ScheduleError(
            f"{s.algorithm}: a dependency names transfer {s.set_members[wrong[0]]}; there are {s.transfers} transfers."
        )
    owner = np.repeat(np.arange(len(sizes)), sizes)
    rising = s.set_members[1:] > s.set_members[:-1]
    if (rising | (owner[1:] != owner[:-1])).all():
        return
    keys = np.sort(owner * s.transfers + s.set_members)
    twice = np.flatnonzero(keys[1:] == keys[:-1])
    if twice.size:
        raise ScheduleError(f"{s.algorithm}: transfer {keys[twice[0]] % s.transfers} is twice in a set of dependencies.")
