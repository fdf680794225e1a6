"""Schedule tables of network interfaces: what the NIC of each rank reads instead of a schedule, entry by entry.

MULTITREE (ISCA 2021, section IV) gives every node a static table and a NIC that works it off in order. Here a table is made
of any proved schedule, by looking at what its transfers wait for, and leads back to the same transfers. A table is plain
data: no times, no network. docs/nic-tables.md has the meaning of an entry and what cannot be a table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from collsim.collectives.collective import Collective
from collsim.collectives.schedule import COPY, REDUCE, Schedule, ScheduleBuilder
from collsim.errors import InvalidValue, ScheduleError

__all__ = ["Entry", "NicTables", "Opcode", "nic_tables"]

Opcode = Literal["Reduce", "Gather", "NOP"]
OPCODES: dict[int, Opcode] = {REDUCE: "Reduce", COPY: "Gather"}
OPERATIONS: dict[Opcode, int] = {"Reduce": REDUCE, "Gather": COPY}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a table. Ranks stand for nodes; `flow` is the first of `count` chunks (for trees: the tree), -1 in a NOP.

    Reduce waits for the partial sums of `children` and then sends to `parents` (none at a root). Gather waits for the
    copies of `parents` (none at a root) and then sends to `children`. Trees have at most one parent an entry; ranges of
    chunks may come from several. `start`, `size`: bytes in the buffer, cyclic, as the schedule lays chunks out.
    `paths`: link ids for each rank sent to, empty where routing chooses; no part of the paper's entry.
    """

    opcode: Opcode
    step: int
    flow: int = -1
    count: int = 0
    parents: tuple[int, ...] = ()
    children: tuple[int, ...] = ()
    start: int = 0
    size: int = 0
    paths: tuple[tuple[int, ...], ...] = ()

    @property
    def targets(self) -> tuple[int, ...]:
        """Ranks that the entry sends to."""
        return self.parents if self.opcode == "Reduce" else self.children

    @property
    def sources(self) -> tuple[int, ...]:
        """Ranks whose deliveries the entry waits for."""
        return self.children if self.opcode == "Reduce" else self.parents


@dataclass(frozen=True, eq=False)
class NicTables:
    """The tables of all ranks, by step and in order of issue, for buffers of `size` bytes, and what a schedule is beside.

    `hosts`, `weights`, `unit`, `chunk_src`, `chunk_dst`, `segments`, `variant`: as in Schedule. `steps`: of the schedule.
    """

    collective: Collective
    algorithm: str
    size: int
    steps: int
    hosts: tuple[int, ...]
    weights: tuple[int, ...]
    unit: int
    chunk_src: tuple[int, ...]
    chunk_dst: tuple[int, ...]
    tables: tuple[tuple[Entry, ...], ...]
    segments: int = 1
    variant: str = ""

    @property
    def ranks(self) -> int:
        """Number of ranks, each with a table."""
        return len(self.tables)

    def of(self, rank: int) -> tuple[Entry, ...]:
        """Return the table of `rank`; InvalidValue where there is no such rank."""
        if not 0 <= rank < self.ranks:
            raise InvalidValue(f"There is no table of rank {rank}; the ranks are 0 to {self.ranks - 1}.")
        return self.tables[rank]

    def entries(self) -> Iterator[tuple[int, Entry]]:
        """Yield (rank, entry) of all tables."""
        return ((rank, entry) for rank, table in enumerate(self.tables) for entry in table)

    def to_schedule(self) -> Schedule:
        """Return a schedule of the same transfers, by step, rank and place in the table; dependencies are inferred."""
        builder = ScheduleBuilder(
            self.collective,
            self.algorithm,
            self.hosts,
            self.weights,
            unit=self.unit,
            chunk_src=self.chunk_src,
            chunk_dst=self.chunk_dst,
        )
        for rank, e in sorted(self.entries(), key=lambda pair: pair[1].step):
            for target, path in zip(e.targets, e.paths, strict=True):
                builder.add(e.step, rank, target, e.flow, OPERATIONS[e.opcode], count=e.count, path=path)
        return builder.finish(segments=self.segments, variant=self.variant)


def nic_tables(schedule: Schedule, size: int) -> NicTables:
    """Return the tables that make NICs send what `schedule`, which is proved, sends of buffers of `size` bytes.

    Raises ScheduleError for what no table can say: a transfer that waits for something other than deliveries to its own
    source, of a smaller step and of a chunk that it carries.
    """
    if size < 0:
        raise InvalidValue(f"The size is {size} B; a buffer has 0 bytes or more.")
    sends: list[list[int]] = [[] for _ in range(schedule.ranks)]
    arrivals: list[list[int]] = [[] for _ in range(schedule.ranks)]
    order = sorted(range(schedule.transfers), key=schedule.step.tolist().__getitem__)
    columns = _Columns(schedule, size)
    for transfer in order:
        sends[columns.src[transfer]].append(transfer)
        arrivals[columns.dst[transfer]].append(transfer)
    return NicTables(
        schedule.collective,
        schedule.algorithm,
        size,
        schedule.steps,
        tuple(schedule.ranks_to_hosts.tolist()),
        tuple(schedule.weights.tolist()),
        schedule.unit,
        tuple(schedule.chunk_src.tolist()),
        tuple(schedule.chunk_dst.tolist()),
        tuple(_Author(columns, s, a).table() for s, a in zip(sends, arrivals, strict=True)),
        schedule.segments,
        schedule.variant,
    )


class _Columns:
    """The columns of a schedule as lists, and the bytes of every transfer."""

    def __init__(self, schedule: Schedule, size: int):
        self.schedule, self.steps, self.chunks = schedule, schedule.steps, schedule.chunks
        self.step, self.src, self.dst = (c.tolist() for c in (schedule.step, schedule.src, schedule.dst))
        self.chunk, self.count, self.op = (c.tolist() for c in (schedule.chunk, schedule.count, schedule.op))
        self.bytes: list[int] = schedule.message_bytes(size).tolist()
        self.start = schedule.boundaries(size)

    def entry(self, transfer: int, step: int, op: int, waits: Sequence[int], sends: Sequence[int]) -> Entry:
        """Return an entry of the chunks of `transfer`; `waits`, `sends`: transfers into and out of its rank."""
        heard = tuple(dict.fromkeys(self.src[d] for d in waits))
        told = tuple(self.dst[t] for t in sends)
        parents, children = (told, heard) if op == REDUCE else (heard, told)
        flow = self.chunk[transfer]
        paths = tuple(tuple(self.schedule.path_of(t).tolist()) for t in sends)
        return Entry(
            OPCODES[op], step, flow, self.count[transfer], parents, children, self.start[flow], self.bytes[transfer], paths
        )


class _Author:
    """Writes the table of one rank, whose transfers (`sends`, `arrivals`) come in order of steps."""

    def __init__(self, columns: _Columns, sends: list[int], arrivals: list[int]):
        self._c, self._sends, self._arrivals = columns, sends, arrivals
        self._sending: list[Entry] = []
        self._receiving: list[Entry] = []
        # Deliveries that an entry of a smaller step has waited for, and those that an entry without targets waits for.
        self._known: set[int] = set()
        self._noted: set[int] = set()

    def table(self) -> tuple[Entry, ...]:
        """Return the entries by step: those that send, those that only receive, a NOP where nothing is sent."""
        for step_sends in self._by_step():
            for transfers in self._merged(step_sends):
                self._write(transfers)
            self._known |= {d for t in step_sends for d in self._needs(t)}
        self._receive_the_rest()
        busy = {entry.step for entry in self._sending}
        idle = [Entry("NOP", step) for step in range(self._c.steps) if step not in busy]
        return tuple(sorted((*self._sending, *self._receiving, *idle), key=lambda entry: entry.step))

    def _by_step(self) -> list[list[int]]:
        steps: defaultdict[int, list[int]] = defaultdict(list)
        for transfer in self._sends:
            steps[self._c.step[transfer]].append(transfer)
        return list(steps.values())

    def _merged(self, transfers: list[int]) -> list[list[int]]:
        """Group copies of the same chunks to several children; a partial sum goes to one parent."""
        groups: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
        sets = self._c.schedule.dep_set
        for t in transfers:
            alone = t if self._c.op[t] == REDUCE else -1
            groups[self._c.chunk[t], self._c.count[t], int(sets[t]), alone].append(t)
        return list(groups.values())

    def _write(self, transfers: list[int]) -> None:
        first = transfers[0]
        op, needs = self._c.op[first], self._needs(first)
        others = [d for d in needs if self._c.op[d] != op and d not in self._known and d not in self._noted]
        if others:
            self._note(first, REDUCE + COPY - op, others)
        same = [d for d in needs if self._c.op[d] == op]
        self._sending.append(self._c.entry(first, self._c.step[first], op, same, transfers))

    def _note(self, chunks_of: int, op: int, deliveries: list[int]) -> None:
        """Add an entry that sends nothing: it stands in the step in which the last of its deliveries is sent."""
        self._noted.update(deliveries)
        last = max(self._c.step[d] for d in deliveries)
        self._receiving.append(self._c.entry(chunks_of, last, op, deliveries, ()))

    def _receive_the_rest(self) -> None:
        rest: defaultdict[tuple[int, int, int], list[int]] = defaultdict(list)
        for d in self._arrivals:
            if d not in self._known and d not in self._noted:
                rest[self._c.op[d], self._c.chunk[d], self._c.count[d]].append(d)
        for (op, _, _), deliveries in rest.items():
            self._note(deliveries[0], op, deliveries)

    def _needs(self, transfer: int) -> list[int]:
        c = self._c
        needs: list[int] = c.schedule.deps_of(transfer).tolist()
        for d in needs:
            if c.dst[d] != c.src[transfer]:
                raise self._refusal(transfer, d, f"which does not end at rank {c.src[transfer]}")
            if c.step[d] >= c.step[transfer]:
                raise self._refusal(transfer, d, f"of step {c.step[d]}, and a table is worked off by step")
            ahead, behind = (c.chunk[d] - c.chunk[transfer]) % c.chunks, (c.chunk[transfer] - c.chunk[d]) % c.chunks
            if ahead >= c.count[transfer] and behind >= c.count[d]:
                raise self._refusal(transfer, d, "which brings none of its chunks")
        return needs

    def _refusal(self, transfer: int, dependency: int, why: str) -> ScheduleError:
        c = self._c
        return ScheduleError(
            f"{c.schedule.algorithm}: no NIC table can say that transfer {transfer} (step {c.step[transfer]}, rank "
            f"{c.src[transfer]}) waits for transfer {dependency}, {why}; an entry waits for deliveries of its own chunks."
        )
