"""An MSCCL program as data: what every thread block of every GPU does, in the words of the XML that MSCCL's runtime reads.

Everything that concerns one element alone is checked at construction, so that whoever runs, writes or lints a program may
rely on it. Source of the format: microsoft/msccl-tools (msccl/language/ir.py) and the runtime's parser.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from collsim.errors import FileFormatError

__all__ = ["COLLECTIVES", "KINDS", "MOST_CHUNKS", "SPELT", "Block", "Gpu", "MscclProgram", "Step"]

SPELT = {
    "all-reduce": "allreduce",
    "all-gather": "allgather",
    "reduce-scatter": "reduce_scatter",
    "broadcast": "broadcast",
    "reduce": "reduce",
    "all-to-all": "alltoall",
}
"""How files spell each collective that they know."""
COLLECTIVES = {text.replace("_", ""): name for name, text in SPELT.items()}
"""Name in the file without '_', and the collective it means."""
KINDS = ("s", "r", "rcs", "rrs", "rrc", "rrcs", "cpy", "re", "nop")
SENDS, RECEIVES = ("s", "rcs", "rrs", "rrcs"), ("r", "rcs", "rrs", "rrc", "rrcs")
READS, WRITES = ("s", "rrs", "rrc", "rrcs", "cpy", "re"), ("r", "rcs", "rrc", "rrcs", "cpy", "re")
MOST_CHUNKS = 1 << 20
"""Chunks of a buffer; a file that names more is taken for a mistake before memory is spent on it."""
Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction: `source`, `target` are (buffer i, o or s; chunk), `count` chunks from there.

    `after`: (thread block, step) of the same GPU that must be finished before, or None. `waited`: some other step waits for
    this one (`hasdep`). `line`: where it stands in a file, 0 if in none.
    """

    kind: str
    source: Place
    target: Place
    count: int
    after: tuple[int, int] | None = None
    waited: bool = False
    line: int = field(default=0, compare=False)

    @property
    def sends(self) -> bool:
        """Whether it hands something to the send peer."""
        return self.kind in SENDS

    @property
    def receives(self) -> bool:
        """Whether it takes something from the receive peer."""
        return self.kind in RECEIVES

    @property
    def reads(self) -> bool:
        """Whether it reads what lies at `source`."""
        return self.kind in READS

    @property
    def writes(self) -> bool:
        """Whether it writes what lies at `target`."""
        return self.kind in WRITES


@dataclass(frozen=True, slots=True)
class Block:
    """A thread block: its steps run in order; `send` and `recv` are its peers or -1, `channel` its channel or -1."""

    id: int
    send: int
    recv: int
    channel: int
    steps: tuple[Step, ...]
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU (rank) with its thread blocks; `inputs`, `outputs`, `scratch`: chunks of its buffers as stated."""

    id: int
    inputs: int
    outputs: int
    scratch: int
    blocks: tuple[Block, ...]
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class MscclProgram:
    """A whole algorithm: `chunks` is nchunksperloop, `least` and `most` the sizes in bytes it is meant for, or None.

    Raises FileFormatError, with `origin` and the line, for peers, dependencies and connections that cannot be.
    """

    name: str
    collective: str
    inplace: bool
    chunks: int
    gpus: tuple[Gpu, ...]
    proto: str = "Simple"
    channels: int = 1
    least: int | None = None
    most: int | None = None
    threads: int | None = None
    origin: str = field(default="program", compare=False)

    def __post_init__(self) -> None:
        if not 1 <= self.chunks <= MOST_CHUNKS:
            raise FileFormatError(f"{self.origin}: nchunksperloop is {self.chunks}; it is 1 to {MOST_CHUNKS:,}.")
        if self.collective in ("all-gather", "reduce-scatter", "all-to-all") and self.chunks % len(self.gpus):
            raise FileFormatError(
                f"{self.origin}: {self.chunks} chunks cannot be shared equally by {len(self.gpus)} GPUs, as "
                f"{self.collective} demands; make nchunksperloop a multiple of {len(self.gpus)}."
            )
        for gpu in self.gpus:
            _check_gpu(self, gpu)

    @property
    def ranks(self) -> int:
        """Number of GPUs."""
        return len(self.gpus)

    def steps(self) -> Iterator[tuple[Gpu, Block, int, Step]]:
        """Yield (GPU, block, index, step) of every step."""
        for gpu in self.gpus:
            for block in gpu.blocks:
                for index, step in enumerate(block.steps):
                    yield gpu, block, index, step

    def where(self, gpu: Gpu, block: Block | None = None, index: int | None = None) -> str:
        """Return the words by which errors name a place: "x.xml, line 7: GPU 0, block 2, step 3"."""
        line, text = gpu.line, f"GPU {gpu.id}"
        if block is not None:
            line, text = block.line, f"{text}, block {block.id}"
            if index is not None:
                line, text = block.steps[index].line, f"{text}, step {index}"
        return f"{self.origin}{f', line {line}' if line else ''}: {text}"


def _check_gpu(program: MscclProgram, gpu: Gpu) -> None:
    blocks: dict[int, Block] = {}
    connections: dict[tuple[str, int, int], int] = {}
    for block in gpu.blocks:
        where = program.where(gpu, block)
        if block.id < 0 or block.id in blocks:
            raise FileFormatError(f"{where}: the id {block.id} is {'negative' if block.id < 0 else 'there twice'}.")
        blocks[block.id] = block
        if not (0 if max(block.send, block.recv) >= 0 else -1) <= block.channel < 1 << 16:
            raise FileFormatError(f"{where}: channel {block.channel}; channels count from 0.")
        for what, peer in (("send", block.send), ("recv", block.recv)):
            if not -1 <= peer < program.ranks or peer == gpu.id:
                others = f"another GPU of 0..{program.ranks - 1}, or -1 for none"
                raise FileFormatError(f"{where}: its {what} peer is {peer}; name {others}.")
            if peer >= 0 and connections.setdefault((what, peer, block.channel), block.id) != block.id:
                raise FileFormatError(
                    f"{where}: block {connections[what, peer, block.channel]} has the same {what} peer {peer} on channel "
                    f"{block.channel}; whose message is whose is then left open, so put one on another channel."
                )
    for block in gpu.blocks:
        for index, step in enumerate(block.steps):
            _check_step(program, gpu, block, index, step, blocks)


def _check_step(program: MscclProgram, gpu: Gpu, block: Block, index: int, step: Step, blocks: dict[int, Block]) -> None:
    for needed, peer, name in ((step.sends, block.send, "send"), (step.receives, block.recv, "recv")):
        if needed and peer < 0:
            raise FileFormatError(
                f"{program.where(gpu, block, index)}: '{step.kind}' needs a {name} peer and the block has none."
            )
    if step.after is None:
        return
    other, number = step.after
    if other not in blocks or not 0 <= number < len(blocks[other].steps):
        raise FileFormatError(
            f"{program.where(gpu, block, index)}: it waits for step {number} of block {other}, which GPU {gpu.id} lacks."
        )
    if other == block.id and number >= index:
        raise FileFormatError(f"{program.where(gpu, block, index)}: it waits for step {number} of its own block.")
