"""The schedule: a collective algorithm's transfers as typed arrays, independent of sizes, time and network.

Step is a version number, never a barrier: a transfer carries the value of (source, chunk) as left by all deliveries into
it with a smaller step. A transfer moves a cyclic range of `count` chunks as one message. Chunks have integer weights, not
bytes: chunk c of a buffer of S bytes is [floor(S W(c) / unit), floor(S W(c+1) / unit)), W the cumulative weight, so the
bytes of a buffer sum exactly whatever S is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.collective import Collective
from collsim.collectives.collective import collective as named
from collsim.collectives.dependencies import infer_dependencies
from collsim.display import html_of
from collsim.errors import InvalidValue

__all__ = ["COPY", "REDUCE", "Schedule", "ScheduleBuilder"]

COPY, REDUCE = 0, 1
OP_NAMES = ("copy", "reduce")
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Schedule:
    """Transfers of one collective among n ranks, T of them over C chunks; made by ScheduleBuilder or from arrays.

    `ranks_to_hosts` int64[n]: host node of each rank. `weights` int64[C] > 0, `unit`: the weight of one buffer of `size`
    bytes (all chunks together, except all-to-all: the chunks of one source; partial all-reduce: the chunks and what stays
    local). `chunk_src`, `chunk_dst` int64[C]: see Collective; -1 where the collective has no such rank. Per transfer
    (int64[T]): `step` >= 0, `src`, `dst` ranks, `chunk` first chunk, `count` chunks (cyclic modulo C), `op` COPY or REDUCE.
    `dep_set` int64[T] names a set of transfers that must be complete before: members
    `set_members[set_offsets[k]:set_offsets[k + 1]]`; sets are shared between transfers, set 0 is empty. `path_offsets`
    int64[T + 1] and `path_links` (link ids): the explicit path, empty where routing chooses. `segments`, `variant`: what the
    hint chose, part of the cache key.
    """

    collective: Collective
    algorithm: str
    ranks_to_hosts: IntArray
    weights: IntArray
    unit: int
    chunk_src: IntArray
    chunk_dst: IntArray
    step: IntArray
    src: IntArray
    dst: IntArray
    chunk: IntArray
    count: IntArray
    op: IntArray
    dep_set: IntArray
    set_offsets: IntArray
    set_members: IntArray
    path_offsets: IntArray
    path_links: IntArray
    segments: int = 1
    variant: str = ""

    def __repr__(self) -> str:
        """Return what is done and the extent; the arrays of a large schedule would fill screens."""
        extent = f"{self.chunks:,} chunks, {self.steps:,} steps, {self.transfers:,} transfers"
        return f"Schedule {self.algorithm}: {self.collective.text} among {self.ranks:,} ranks, {extent}"

    def _repr_html_(self) -> str:
        return html_of("schedule", self)

    @property
    def ranks(self) -> int:
        """Number of ranks n."""
        return len(self.ranks_to_hosts)

    @property
    def chunks(self) -> int:
        """Number of chunks C."""
        return len(self.weights)

    @property
    def transfers(self) -> int:
        """Number of transfers T, each one message."""
        return len(self.step)

    @property
    def steps(self) -> int:
        """Number of steps: the highest step used plus one."""
        return int(self.step.max(initial=-1)) + 1

    @cached_property
    def cumulative(self) -> IntArray:
        """int64[C + 1]: weight of the chunks before each chunk."""
        return np.concatenate([[0], np.cumsum(self.weights)])

    def boundaries(self, size: int) -> list[int]:
        """Return the C + 1 byte offsets of the chunks of buffers of `size` bytes, exact for any size."""
        size, unit = self.scale(size)
        return [size * w // unit for w in self.cumulative.tolist()]

    def scale(self, size: int) -> tuple[int, int]:
        """Return (bytes, weight): the part of a buffer of `size` bytes that chunks make up, and what weighs as much.

        That is (size, unit) unless chunks weigh less than a buffer, as in a partial all-reduce: the part is then cut as an
        all-reduce of that part alone would be.
        """
        total = int(self.cumulative[-1])
        return (size * total // self.unit, max(total, 1)) if total < self.unit else (size, self.unit)

    def message_bytes(self, size: int) -> IntArray:
        """Return int64[T]: the bytes of each transfer when a buffer has `size` bytes; zeros are possible and legal."""
        bounds = np.array(self.boundaries(size), dtype=np.int64)
        end = self.chunk + self.count
        wrapped = np.maximum(end - self.chunks, 0)
        plain = bounds[np.minimum(end, self.chunks)] - bounds[self.chunk]
        return np.asarray(plain + bounds[wrapped])

    def deps_of(self, transfer: int) -> IntArray:
        """Return the ids of the transfers that must be complete before `transfer` is ready."""
        k = self.dep_set[transfer]
        return self.set_members[self.set_offsets[k] : self.set_offsets[k + 1]]

    def path_of(self, transfer: int) -> IntArray:
        """Return the link ids of the explicit path of `transfer`, empty when routing chooses."""
        return self.path_links[self.path_offsets[transfer] : self.path_offsets[transfer + 1]]

    def chunks_of(self, transfer: int) -> list[int]:
        """Return the chunk ids that `transfer` carries, in order."""
        first, count = int(self.chunk[transfer]), int(self.count[transfer])
        return [(first + k) % self.chunks for k in range(count)]


class ScheduleBuilder:
    """Collects transfers and turns them into a Schedule, working out the dependencies that a schedule must have.

    Parameters: `collective` (or its name), `algorithm` name, `hosts` (host node of each rank), `weights` of the chunks,
    `unit` (default: their sum), `chunk_src` and `chunk_dst` (default: none).
    """

    def __init__(
        self,
        collective: Collective | str,
        algorithm: str,
        hosts: Sequence[int],
        weights: Sequence[int],
        *,
        unit: int | None = None,
        chunk_src: Sequence[int] | None = None,
        chunk_dst: Sequence[int] | None = None,
    ):
        if any(w <= 0 for w in weights):
            raise InvalidValue("Chunk weights are positive integers.")
        self._head = (named(collective) if isinstance(collective, str) else collective, algorithm)
        self._hosts, self._weights = np.array(hosts, dtype=np.int64), np.array(weights, dtype=np.int64)
        self._unit = int(self._weights.sum()) if unit is None else unit
        none = [-1] * len(self._weights)
        self._chunk_src = np.array(none if chunk_src is None else chunk_src, dtype=np.int64)
        self._chunk_dst = np.array(none if chunk_dst is None else chunk_dst, dtype=np.int64)
        self._rows: list[tuple[int, int, int, int, int, int]] = []
        self._paths: list[Sequence[int]] = []
        self._columns: list[Sequence[IntArray]] = []

    def add(self, step: int, src: int, dst: int, chunk: int, op: int, *, count: int = 1, path: Sequence[int] = ()) -> int:
        """Append one transfer, one message from rank `src` to rank `dst`, and return its id.

        It carries chunks `chunk` to `chunk` + `count` - 1, chunk 0 following the last, as they are in `step`; `op` is REDUCE
        (add to what is there) or COPY (replace it). `path`: ids of the links it takes, or empty to leave them to routing.
        Nothing is checked before `finish` and the proof.
        """
        self._rows.append((step, src, dst, chunk, count, op))
        self._paths.append(path)
        return len(self._rows) - 1

    def add_many(self, step: Any, src: Any, dst: Any, chunk: Any, op: Any, count: Any = 1) -> None:
        """Append many transfers without paths; every argument is an int64[K] array or a scalar (broadcast together).

        Arrays may be kept, not copied: leave them as they are afterwards.
        """
        if self._rows:
            raise InvalidValue("add_many comes before add: ids follow the order of calls.")
        columns = np.broadcast_arrays(*(np.asarray(x, dtype=np.int64) for x in (step, src, dst, chunk, count, op)))
        self._columns.append([c.reshape(-1) for c in columns])

    def finish(self, *, segments: int = 1, variant: str = "", paths: tuple[IntArray, IntArray] | None = None) -> Schedule:
        """Return the Schedule, transfers in the order added, dependencies inferred by `infer_dependencies`.

        `paths`: (path_offsets, path_links) of all transfers, instead of those given to `add`.
        """
        rows = np.array(self._rows, dtype=np.int64).reshape(-1, 6).T
        parts = [*self._columns, *([rows] if self._rows or not self._columns else [])]
        # A column of a single part stays what it is: of 33 million transfers a copy of all columns is 1.6 GB.
        single = len(parts) == 1
        joined = [np.ascontiguousarray(c[0] if single else np.concatenate(c)) for c in zip(*parts, strict=True)]
        step, src, dst, chunk, count, op = joined
        offsets, links = self._given_paths(len(step)) if paths is None else paths
        dep_set, set_offsets, set_members = infer_dependencies(step, src, dst, chunk, count, len(self._weights))
        return Schedule(
            *self._head,
            ranks_to_hosts=self._hosts,
            weights=self._weights,
            unit=self._unit,
            chunk_src=self._chunk_src,
            chunk_dst=self._chunk_dst,
            step=step,
            src=src,
            dst=dst,
            chunk=chunk,
            count=count,
            op=op,
            dep_set=dep_set,
            set_offsets=set_offsets,
            set_members=set_members,
            path_offsets=offsets,
            path_links=links,
            segments=segments,
            variant=variant,
        )

    def _given_paths(self, transfers: int) -> tuple[IntArray, IntArray]:
        offsets = np.zeros(transfers + 1, dtype=np.int64)
        offsets[transfers - len(self._paths) + 1 :] = np.cumsum([len(p) for p in self._paths], dtype=np.int64)
        return offsets, np.array([link for path in self._paths for link in path], dtype=np.int64)


def iterate(schedule: Schedule) -> Iterator[dict[str, object]]:
    """Yield one dict a transfer (id, step, src, dst, chunk, count, op, deps), for printing and small tests."""
    for t in range(schedule.transfers):
        yield {
            "id": t,
            "step": int(schedule.step[t]),
            "src": int(schedule.src[t]),
            "dst": int(schedule.dst[t]),
            "chunk": int(schedule.chunk[t]),
            "count": int(schedule.count[t]),
            "op": OP_NAMES[int(schedule.op[t])],
            "deps": schedule.deps_of(t).tolist(),
        }
