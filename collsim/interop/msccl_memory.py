"""The buffers of an MSCCL program: which cells are the same memory, what lies where before, and what must lie there after.

A cell is (buffer, chunk). In place, input and output are one memory: an all-gather's input is its share of the output, a
reduce-scatter's output its share of the input, elsewhere the two are the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from collsim.collectives.collective import Collective
from collsim.interop.msccl import MscclProgram, Place

__all__ = ["Memory"]


@dataclass(frozen=True, slots=True)
class Memory:
    """Where the chunks of `collective` lie in the buffers of `program`.

    Chunks are numbered as in nchunksperloop; those of an all-to-all as source x nchunksperloop + place in its input, so
    that they follow one another by source, then destination.
    """

    program: MscclProgram
    collective: Collective

    @property
    def share(self) -> int:
        """Chunks of one rank's share: of a gathered buffer, a scattered one, or an exchange with one other rank."""
        return self.program.chunks // self.program.ranks

    @property
    def chunks(self) -> int:
        """Number of chunks of the schedule."""
        return self.program.chunks * (self.program.ranks if self.collective.name == "all-to-all" else 1)

    def limit(self, buffer: str, gpu: int) -> int:
        """Return how many chunks a buffer has."""
        if buffer == "s":
            return self.program.gpus[gpu].scratch
        short = {"i": "all-gather", "o": "reduce-scatter"}[buffer] == self.collective.name
        return self.share if short else self.program.chunks

    def cell(self, place: Place, gpu: int) -> Place:
        """Return the one name of the memory at `place`."""
        buffer, offset = place
        if buffer == "s" or not self.program.inplace:
            return place
        if self.collective.name == "all-gather":
            return ("o", offset + gpu * self.share) if buffer == "i" else place
        if self.collective.name == "reduce-scatter":
            return ("i", offset + gpu * self.share) if buffer == "o" else place
        return "i", offset

    def before(self, gpu: int) -> Iterator[tuple[Place, int]]:
        """Yield (cell, chunk) of everything that `gpu` contributes."""
        name, chunks = self.collective.name, self.program.chunks
        if name == "broadcast" and gpu != self.collective.root:
            return
        for offset in range(self.limit("i", gpu)):
            chunk = offset
            if name == "all-gather":
                chunk += gpu * self.share
            elif name == "all-to-all":
                chunk += gpu * chunks
            yield self.cell(("i", offset), gpu), chunk

    def after(self, gpu: int) -> Iterator[tuple[Place, int]]:
        """Yield (cell, chunk) of everything that `gpu` must hold in the end."""
        name, chunks, share = self.collective.name, self.program.chunks, self.share
        if name == "reduce" and gpu != self.collective.root:
            return
        for offset in range(self.limit("o", gpu)):
            chunk = offset
            if name == "reduce-scatter":
                chunk += gpu * share
            elif name == "all-to-all":
                chunk = offset // share * chunks + gpu * share + offset % share
            yield self.cell(("o", offset), gpu), chunk

    def source(self, chunk: int) -> int:
        """Return the only rank that contributes to `chunk`, or -1."""
        if self.collective.name == "all-gather":
            return chunk // self.share
        return chunk // self.program.chunks if self.collective.name == "all-to-all" else -1

    def target(self, chunk: int) -> int:
        """Return the only rank that must end with `chunk`, or -1."""
        if self.collective.name == "reduce-scatter":
            return chunk // self.share
        return chunk % self.program.chunks // self.share if self.collective.name == "all-to-all" else -1

    def wanted(self, chunk: int) -> int:
        """Return the ranks whose contributions make up `chunk`, as bits."""
        if self.collective.reduces:
            return (1 << self.program.ranks) - 1
        root = self.collective.root
        return 1 << (self.source(chunk) if root is None else root)
