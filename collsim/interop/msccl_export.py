"""A schedule as an MSCCL program: `collsim schedule --export plan.xml`.

Every connection has a thread block that sends and one that receives, so that no message waits behind another of its rank. A
chunk lies at one place of a rank from beginning to end. Steps of a rank are taken in the order of the schedule's: sends of a
step before what lands in it, so that each reads the version it carries; waits between thread blocks keep that order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import gcd

from collsim.collectives.schedule import REDUCE, Schedule
from collsim.errors import InvalidValue
from collsim.interop.msccl import MOST_CHUNKS, SPELT, Block, Gpu, MscclProgram, Place, Step
from collsim.interop.msccl_lint import MOST_CHANNEL_BLOCKS, MOST_CHANNELS, MOST_STEPS

__all__ = ["msccl_program"]

Wait = tuple[int, int]
ANY_SIZE = 1 << 35
"""maxBytes of a program for all sizes: newer runtimes ask for the attribute, and older ones take 0 for no size at all."""


def msccl_program(schedule: Schedule, *, name: str | None = None, proto: str = "Simple") -> MscclProgram:
    """Return `schedule` as a program, in place but for an all-to-all; channels are added while thread blocks are too many on
    one, or too long.

    Chunks of different weight become runs of equal ones; a transfer whose chunks do not lie side by side becomes several
    messages. Raises InvalidValue for collectives and weights that the format cannot express.
    """
    if schedule.collective.name not in SPELT:
        raise InvalidValue(f"MSCCL has no {schedule.collective.name}; it knows {', '.join(SPELT)}.")
    layout = _Layout(schedule)
    groups, lanes = 1, 1
    found = _Writer(schedule, layout, groups, lanes)
    while 2 * groups * lanes <= MOST_CHANNELS:
        if found.longest() > MOST_STEPS:
            lanes *= 2
        elif found.widest() > MOST_CHANNEL_BLOCKS:
            groups *= 2
        else:
            break
        found = _Writer(schedule, layout, groups, lanes)
    collective = schedule.collective.name
    inputs, outputs = layout.units, layout.units if collective == "all-to-all" else 0
    if collective == "all-gather":
        inputs, outputs = layout.units // schedule.ranks, layout.units
    gpus = tuple(Gpu(rank, inputs, outputs, layout.scratch[rank], found.blocks(rank)) for rank in range(schedule.ranks))
    in_place = collective != "all-to-all"
    return MscclProgram(
        name or schedule.algorithm,
        collective,
        in_place,
        layout.units,
        gpus,
        proto,
        groups * lanes,
        least=0,
        most=ANY_SIZE,
    )


class _Layout:
    """Where each chunk lies: (buffer, first unit, units) for a rank; `units`: nchunksperloop; `scratch[rank]`: its units."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule, self.kind = schedule, schedule.collective.name
        weights = schedule.weights.tolist()
        step = gcd(schedule.unit, *weights)
        self.size = [weight // step for weight in weights]
        self.units = schedule.unit // step
        if self.units > MOST_CHUNKS:
            raise InvalidValue(
                f"Chunks of equal size would be {self.units:,} a buffer, and the format takes {MOST_CHUNKS:,}; choose an "
                "algorithm or options with simpler weights."
            )
        self.scratch = [0] * schedule.ranks
        self._scratch_at: dict[tuple[int, int], int] = {}
        owners = list(zip(schedule.chunk_src.tolist(), schedule.chunk_dst.tolist(), strict=True))
        if self.kind == "all-to-all":
            self.first = self._offsets(range(len(weights)), owners)
        else:
            order = sorted(range(len(weights)), key=lambda c: (*owners[c], c))
            self.first = dict(zip(order, _sums(self.size[c] for c in order), strict=True))
        self.owners = owners

    def _offsets(self, chunks: range, owners: list[tuple[int, int]]) -> dict[int, int]:
        """Return the place of each chunk within the block of its pair of ranks."""
        filled: dict[tuple[int, int], int] = defaultdict(int)
        first = {}
        for chunk in chunks:
            first[chunk] = filled[owners[chunk]]
            filled[owners[chunk]] += self.size[chunk]
        return first

    def place(self, rank: int, chunk: int) -> Place:
        """Return where the first unit of `chunk` lies at `rank`."""
        if self.kind != "all-to-all":
            return ("o" if self.kind == "all-gather" else "i"), self.first[chunk]
        src, dst = self.owners[chunk]
        share = self.units // self.schedule.ranks
        if rank == src:
            return "i", dst * share + self.first[chunk]
        if rank == dst:
            return "o", src * share + self.first[chunk]
        if (rank, chunk) not in self._scratch_at:
            self._scratch_at[rank, chunk] = self.scratch[rank]
            self.scratch[rank] += self.size[chunk]
        return "s", self._scratch_at[rank, chunk]

    def runs(self, transfer: int) -> Iterator[tuple[Place, Place, int]]:
        """Yield (place at the source, at the destination, units) of the messages of a transfer."""
        s = self.schedule
        src, dst = int(s.src[transfer]), int(s.dst[transfer])
        held: tuple[Place, Place, int] | None = None
        for chunk in s.chunks_of(transfer):
            a, b, size = self.place(src, chunk), self.place(dst, chunk), self.size[chunk]
            if held is not None:
                (x, p), (y, q), count = held
                if (x, p + count) == a and (y, q + count) == b:
                    held = held[0], held[1], count + size
                    continue
                yield held
            held = a, b, size
        if held is not None:
            yield held


def _sums(sizes: Iterator[int]) -> list[int]:
    found, total = [], 0
    for size in sizes:
        found.append(total)
        total += size
    return found


@dataclass(slots=True)
class _Open:
    """A thread block being written; `heard`: the latest step of other blocks that it has waited for."""

    send: int
    recv: int
    channel: int
    steps: list[tuple[str, Place, Place, int, Wait | None]] = field(default_factory=list)
    heard: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Cell:
    """Who last wrote a cell and who has read it since, as (block, step)."""

    written: Wait | None = None
    read: list[Wait] = field(default_factory=list)


class _Writer:
    """Writes the thread blocks of all ranks: peers are dealt out to `groups` of channels, messages to the `lanes` of one."""

    def __init__(self, schedule: Schedule, layout: _Layout, groups: int, lanes: int) -> None:
        self.schedule = schedule
        self.open: list[dict[tuple[int, int, int], int]] = [{} for _ in range(schedule.ranks)]
        self.written: list[list[_Open]] = [[] for _ in range(schedule.ranks)]
        self.cells: list[dict[Place, _Cell]] = [defaultdict(_Cell) for _ in range(schedule.ranks)]
        self.waited: list[set[Wait]] = [set() for _ in range(schedule.ranks)]
        if layout.kind == "all-to-all":
            self._keep_own(layout)
        turns: dict[tuple[int, int], int] = defaultdict(int)
        events = []
        for t in sorted(range(schedule.transfers), key=lambda t: (int(schedule.step[t]), t)):
            src, dst, step = int(schedule.src[t]), int(schedule.dst[t]), int(schedule.step[t])
            kind = "rrc" if schedule.op[t] == REDUCE else "r"
            for a, b, count in layout.runs(t):
                turn = turns[src, dst]
                turns[src, dst] += 1
                channel = (dst - src) % schedule.ranks % groups * lanes + turn % lanes
                events.append(((step, 0, t, turn), src, (dst, -1, channel), "s", a, b, count))
                events.append(((step, 1, t, turn), dst, (-1, src, channel), kind, b, b, count))
        for _, rank, connection, kind, a, b, count in sorted(events):
            self._add(rank, connection, kind, a, b, count)

    def _keep_own(self, layout: _Layout) -> None:
        """Copy the block that each rank of an all-to-all keeps for itself from input to output."""
        share = layout.units // self.schedule.ranks
        for rank in range(self.schedule.ranks):
            place = rank * share
            self._add(rank, (-1, -1, 0), "cpy", ("i", place), ("o", place), share)

    def _add(self, rank: int, connection: tuple[int, int, int], kind: str, a: Place, b: Place, count: int) -> None:
        if connection not in self.open[rank]:
            self.open[rank][connection] = len(self.written[rank])
            self.written[rank].append(_Open(*connection))
        number = self.open[rank][connection]
        block = self.written[rank][number]
        reads = [] if kind == "r" else [(a[0], a[1] + k) for k in range(count)]
        writes = [] if kind == "s" else [(b[0], b[1] + k) for k in range(count)]
        cells = self.cells[rank]
        needs = {w for cell in (*reads, *writes) if (w := cells[cell].written) is not None}
        needs |= {r for cell in writes for r in cells[cell].read}
        waits = self._fresh(rank, number, needs)
        for extra in waits[:-1]:
            block.steps.append(("nop", ("i", -1), ("o", -1), 0, extra))
        me = number, len(block.steps)
        block.steps.append((kind, a, b, count, waits[-1] if waits else None))
        for cell in reads:
            cells[cell].read.append(me)
        for cell in writes:
            cells[cell] = _Cell(me)

    def _fresh(self, rank: int, number: int, needs: set[Wait]) -> list[Wait]:
        """Return what a block has still to wait for: of every other block the latest step, unless it has already."""
        heard, latest = self.written[rank][number].heard, dict[int, int]()
        for block, step in needs:
            if block != number and step > max(heard.get(block, -1), latest.get(block, -1)):
                latest[block] = step
        heard |= latest
        self.waited[rank].update(latest.items())
        return sorted(latest.items())

    def longest(self) -> int:
        """Return the number of steps of the longest thread block."""
        return max((len(block.steps) for blocks in self.written for block in blocks), default=0)

    def widest(self) -> int:
        """Return the number of thread blocks on the fullest channel of a rank."""
        counts = Counter((rank, block.channel) for rank, blocks in enumerate(self.written) for block in blocks)
        return max(counts.values(), default=0)

    def blocks(self, rank: int) -> tuple[Block, ...]:
        """Return the thread blocks of a rank."""
        waited = self.waited[rank]
        return tuple(
            Block(
                number,
                block.send,
                block.recv,
                block.channel,
                tuple(Step(*one, (number, index) in waited) for index, one in enumerate(block.steps)),
            )
            for number, block in enumerate(self.written[rank])
        )
