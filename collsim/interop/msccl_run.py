"""Runs an MSCCL program on symbols: which contributions every message carries, and whether the outputs are right.

Steps of a thread block run in order, a message waits in the queue of (source, destination, channel) until it is received,
and sends never wait. Cells hold values: a chunk, the contributions in it, and what it is made of here - the rank's own
contribution and messages received - which is what the schedule is made from.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field

from collsim.collectives.collective import Collective
from collsim.errors import FileFormatError, InvalidValue, ScheduleError
from collsim.interop.msccl import Block, Gpu, MscclProgram, Place, Step
from collsim.interop.msccl_memory import Memory

__all__ = ["OWN", "Message", "Run", "Value", "run_msccl"]

OWN = 1
"""The bit of a rank's own contribution in the parts of a value; bit k + 1 is the k-th arrival of the chunk there."""
MOST_MOVES = 1 << 23
"""Chunks moved by all steps together: above, a run on symbols would take minutes and gigabytes."""
Value = tuple[int, int, int]
"""(chunk, contributions: ranks as bits, parts: OWN and arrivals as bits)."""
Key = tuple[int, int]


@dataclass(slots=True)
class Message:
    """One send and the receive it matched. `cells`: of each chunk (chunk, parts at the source, which arrival at the target).

    `block`, `step`: indices of the sending step in its GPU, `turn` its place among the messages of its connection. `known`:
    messages that the source has received before it may send, as bits by order of arrival there (`Run.arrivals`).
    """

    src: int
    dst: int
    channel: int
    turn: int
    block: int
    step: int
    known: int
    cells: list[tuple[int, int, int]]


@dataclass(slots=True)
class Run:
    """What came of a run: `messages` in the order sent, `arrivals[gpu]` messages in the order received there,
    `held[gpu, chunk]` the arrivals of a chunk as message numbers, `finals[gpu, chunk]` the parts of the result.

    `accesses`: (GPU, cell) -> [(step number, writes)], and `past[step number]`: the steps before it as bits, both only where
    asked for; `places[step number]` = (gpu, block index, step index). `wrong`: what is wrong with the outputs, or nothing.
    """

    memory: Memory
    messages: list[Message] = field(default_factory=list)
    arrivals: list[list[int]] = field(default_factory=list)
    held: dict[Key, list[int]] = field(default_factory=lambda: defaultdict(list))
    finals: dict[Key, int] = field(default_factory=dict)
    accesses: dict[tuple[int, Place], list[tuple[int, bool]]] = field(default_factory=lambda: defaultdict(list))
    past: list[int] = field(default_factory=list)
    places: list[tuple[int, int, int]] = field(default_factory=list)
    wrong: str = ""


def run_msccl(program: MscclProgram, collective: Collective, *, watch: bool = False) -> Run:
    """Return the run of `program` as `collective`; `watch` keeps who accesses which cell when, and goes on if it is wrong.

    Raises FileFormatError for reads of nothing, sums of different chunks and messages that nobody sends or receives,
    ScheduleError where an output is wrong and nobody watches, InvalidValue for programs too large to run.
    """
    moves = sum(step.count for _, _, _, step in program.steps())
    memory = Memory(program, collective)
    if max(moves, memory.chunks * program.ranks) > MOST_MOVES:
        raise InvalidValue(
            f"{program.origin}: {max(moves, memory.chunks * program.ranks):,} chunks are moved or held; up to "
            f"{MOST_MOVES:,} can be followed one by one, so state fewer and larger chunks."
        )
    machine = _Machine(program, memory, watch)
    machine.go()
    machine.run.wrong = _outputs(program, machine)
    if machine.run.wrong and not watch:
        raise ScheduleError(machine.run.wrong)
    return machine.run


class _Machine:
    """All GPUs at work: cells, queues, and which blocks wait for what."""

    def __init__(self, program: MscclProgram, memory: Memory, watch: bool) -> None:
        self.program, self.memory, self.watch = program, memory, watch
        self.run = Run(memory, arrivals=[[] for _ in program.gpus])
        self.cells: list[dict[Place, Value]] = [
            {cell: (chunk, 1 << gpu.id, OWN) for cell, chunk in memory.before(gpu.id)} for gpu in program.gpus
        ]
        self.queues: dict[tuple[int, int, int], deque[tuple[int, list[Value], int]]] = defaultdict(deque)
        self.turns: dict[tuple[int, int, int], int] = defaultdict(int)
        self.done = [[0] * len(gpu.blocks) for gpu in program.gpus]
        # What a block knows: the messages its GPU has received before its latest step, and all steps before, as bits.
        self.known = [[[0] for _ in gpu.blocks] for gpu in program.gpus]
        self.last = [[-1] * len(gpu.blocks) for gpu in program.gpus]
        self.number: dict[tuple[int, int, int], int] = {}

    def go(self) -> None:
        """Run every block as far as it goes, one step a turn, until all have ended or none can go on."""
        ready = deque((g, b) for g, gpu in enumerate(self.program.gpus) for b in range(len(gpu.blocks)))
        index = [{block.id: b for b, block in enumerate(gpu.blocks)} for gpu in self.program.gpus]
        sleeping: dict[tuple[object, ...], list[Key]] = defaultdict(list)
        while ready:
            g, b = ready.popleft()
            gpu = self.program.gpus[g]
            block = gpu.blocks[b]
            if self.done[g][b] == len(block.steps):
                continue
            step = block.steps[self.done[g][b]]
            if step.after is not None and self.done[g][index[g][step.after[0]]] <= step.after[1]:
                sleeping["step", g, *step.after].append((g, b))
                continue
            if step.receives and not self.queues[block.recv, g, block.channel]:
                sleeping["message", block.recv, g, block.channel].append((g, b))
                continue
            self._take(gpu, b, step, None if step.after is None else index[g][step.after[0]])
            ready.append((g, b))
            ready.extend(sleeping.pop(("step", g, block.id, self.done[g][b] - 1), ()))
            if step.sends:
                ready.extend(sleeping.pop(("message", g, block.send, block.channel), ()))
        self._check_ended()

    def _take(self, gpu: Gpu, b: int, step: Step, waits: int | None) -> None:
        """Do one step of block `b` and remember what it knew."""
        g, block, at = gpu.id, gpu.blocks[b], self.done[gpu.id][b]
        known = self.known[g][b][at]
        if waits is not None and step.after is not None:
            known |= self.known[g][waits][step.after[1] + 1]
        came: list[Value] | None = None
        sender = -1
        if step.receives:
            number, sent, sender = self.queues[block.recv, g, block.channel].popleft()
            came = self._arrive(number, sent, gpu, block, at)
            known |= 1 << (len(self.run.arrivals[g]) - 1)
        if self.watch:
            self._remember(g, b, at, None if waits is None or step.after is None else (waits, step.after[1]), sender)
        values = self._work(gpu, b, at, step, came)
        if step.sends:
            self._send(gpu, b, at, known, values)
        self.known[g][b].append(known)
        self.done[g][b] += 1

    def _work(self, gpu: Gpu, b: int, at: int, step: Step, came: list[Value] | None) -> list[Value]:
        """Return the values that the step produces, stored where it stores them."""
        if step.kind == "nop":
            return []
        g, cells, block = gpu.id, self.cells[gpu.id], gpu.blocks[b]
        local = self._cells(gpu, block, at, step.source, step.count) if step.reads else []
        target = self._cells(gpu, block, at, step.target, step.count) if step.writes else []
        values = [] if came is None else came
        if step.reads:
            read = [self._read(gpu, block, at, cell) for cell in local]
            values = read if came is None else [self._add(gpu, block, at, *pair) for pair in zip(read, came, strict=True)]
        if step.kind == "re":
            held = [self._read(gpu, block, at, cell) for cell in target]
            values = [self._add(gpu, block, at, *pair) for pair in zip(held, values, strict=True)]
        cells.update(zip(target, values, strict=False))
        if self.watch:
            number = self.number[g, b, at]
            for cell in local + target * (step.kind == "re"):
                self.run.accesses[g, cell].append((number, False))
            for cell in target:
                self.run.accesses[g, cell].append((number, True))
        return values

    def _cells(self, gpu: Gpu, block: Block, at: int, place: Place, count: int) -> list[Place]:
        buffer, offset = place
        limit = self.memory.limit(buffer, gpu.id)
        if offset < 0 or offset + count > limit:
            raise FileFormatError(
                f"{self.program.where(gpu, block, at)}: it touches {buffer}[{offset}..{offset + count - 1}]; that buffer "
                f"has {limit} chunks here."
            )
        return [self.memory.cell((buffer, offset + k), gpu.id) for k in range(count)]

    def _read(self, gpu: Gpu, block: Block, at: int, cell: Place) -> Value:
        value = self.cells[gpu.id].get(cell)
        if value is None:
            raise FileFormatError(
                f"{self.program.where(gpu, block, at)}: it reads {cell[0]}[{cell[1]}], which nothing has been put into."
            )
        return value

    def _add(self, gpu: Gpu, block: Block, at: int, a: Value, b: Value) -> Value:
        if a[0] != b[0]:
            what = f"it adds chunk {b[0]} to chunk {a[0]}"
        elif a[1] & b[1]:
            twice = a[1] & b[1]
            rank = (twice & -twice).bit_length() - 1
            what = f"it adds the contribution of rank {rank} to chunk {a[0]} a second time"
        elif not self.memory.collective.reduces:
            what = f"it adds up, and {self.memory.collective.name} adds nothing"
        else:
            return a[0], a[1] | b[1], a[2] | b[2]
        raise FileFormatError(f"{self.program.where(gpu, block, at)}: {what}.")

    def _send(self, gpu: Gpu, b: int, at: int, known: int, values: list[Value]) -> None:
        block = gpu.blocks[b]
        queue = gpu.id, block.send, block.channel
        cells = [(chunk, parts, 0) for chunk, _, parts in values]
        self.queues[queue].append((len(self.run.messages), values, self.number.get((gpu.id, b, at), -1)))
        self.run.messages.append(Message(*queue, self.turns[queue], b, at, known, cells))
        self.turns[queue] += 1

    def _arrive(self, number: int, sent: list[Value], gpu: Gpu, block: Block, at: int) -> list[Value]:
        """Return the values of a message as they are at the receiver: each a new part there."""
        step, message, g = block.steps[at], self.run.messages[number], gpu.id
        if step.count != len(sent):
            sender = self.program.gpus[message.src]
            raise FileFormatError(
                f"{self.program.where(gpu, block, at)}: it receives {step.count} chunks, and "
                f"{self.program.where(sender, sender.blocks[message.block], message.step)} sent {len(sent)}."
            )
        self.run.arrivals[g].append(number)
        values = []
        for k, (chunk, contributions, _) in enumerate(sent):
            held = self.run.held[g, chunk]
            held.append(number)
            message.cells[k] = (chunk, message.cells[k][1], len(held))
            values.append((chunk, contributions, 1 << len(held)))
        return values

    def _remember(self, g: int, b: int, at: int, waits: tuple[int, int] | None, sender: int) -> None:
        number = len(self.run.past)
        before = 0
        for one in (self.last[g][b], -1 if waits is None else self.number[g, waits[0], waits[1]], sender):
            if one >= 0:
                before |= self.run.past[one] | 1 << one
        self.run.past.append(before)
        self.run.places.append((g, b, at))
        self.number[g, b, at] = number
        self.last[g][b] = number

    def _check_ended(self) -> None:
        """Say who waits for what where not all blocks have ended, and which message nobody took where all have."""
        for g, gpu in enumerate(self.program.gpus):
            for b, block in enumerate(gpu.blocks):
                at = self.done[g][b]
                if at == len(block.steps):
                    continue
                step = block.steps[at]
                what = f"a message of GPU {block.recv} on channel {block.channel}, which is never sent"
                if step.after is not None and self.done[g][[x.id for x in gpu.blocks].index(step.after[0])] <= step.after[1]:
                    what = f"step {step.after[1]} of block {step.after[0]}, which waits as well or for it"
                raise FileFormatError(f"{self.program.where(gpu, block, at)}: it waits for ever for {what}.")
        for (src, dst, channel), queue in self.queues.items():
            if queue:
                message, gpu = self.run.messages[queue[0][0]], self.program.gpus[src]
                raise FileFormatError(
                    f"{self.program.where(gpu, gpu.blocks[message.block], message.step)}: what it sends to GPU {dst} on "
                    f"channel {channel} is never received."
                )


def _outputs(program: MscclProgram, machine: _Machine) -> str:
    """Hold output cells to what the collective demands and keep what it is made of; return what is wrong, if anything."""
    memory = machine.memory
    for g in range(program.ranks):
        for cell, chunk in memory.after(g):
            value = machine.cells[g].get(cell)
            wanted = memory.wanted(chunk)
            if value is not None and value[0] == chunk and value[1] == wanted:
                machine.run.finals[g, chunk] = value[2]
                continue
            what = "holds nothing"
            if value is not None and value[0] != chunk:
                what = f"holds chunk {value[0]}"
            elif value is not None:
                lacking = [str(r) for r in range(program.ranks) if wanted & ~value[1] >> r & 1]
                what = f"lacks the contributions of ranks {', '.join(lacking[:8])}{' and more' if lacking[8:] else ''}"
            return (
                f"{program.origin}: {memory.collective.name} is wrong: {cell[0]}[{cell[1]}] of GPU {g}, where chunk {chunk} "
                f"belongs, {what} in the end."
            )
    return ""
