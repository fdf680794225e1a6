"""From what cells of a rank hold to one value a chunk: how a schedule, which has no scratch buffers, holds the same sums.

A schedule keeps one value of a chunk at a rank; a delivery adds to it or takes its place. So what a rank sends of a chunk,
one thing after another, has to grow (more arrivals are added), or begin anew with an arrival that is copied over. The rank's
own contribution is there from the start and cannot come back once it is overwritten. Whatever buffers a program uses,
what it sends tells whether it fits; most programs do, since scratch is for what has arrived and is not added yet.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from collsim.errors import FileFormatError
from collsim.interop.msccl_run import OWN, Run

__all__ = ["Stage", "stages"]

Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Stage:
    """A value of a chunk at a rank: what `arrives` (message numbers) makes it, and who is sent (`reads`, message numbers).

    `copies`: the first of the arrivals is copied over what was there; the others, or all of them, are added.
    """

    arrives: tuple[int, ...]
    reads: tuple[int, ...]
    copies: bool


def stages(run: Run) -> dict[Key, list[Stage]]:
    """Return the stages of every (rank, chunk) that sends or receives, in order; FileFormatError where they do not fit."""
    reads: dict[Key, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number, message in enumerate(run.messages):
        for chunk, parts, _ in message.cells:
            if not reads[message.src, chunk][parts] or reads[message.src, chunk][parts][-1] != number:
                reads[message.src, chunk][parts].append(number)
    return {key: _stages(run, key, reads.get(key, {})) for key in sorted({*reads, *run.held})}


def _stages(run: Run, key: Key, reads: dict[int, list[int]]) -> list[Stage]:
    final = run.finals.get(key)
    wanted = sorted({*reads, *(() if final is None else (final,))}, key=lambda parts: (parts.bit_count(), parts))
    own = [parts for parts in wanted if parts & OWN]
    epochs = _epochs(run, key, [parts for parts in wanted if not parts & OWN])
    used = 0
    for parts in wanted:
        used |= parts
    unused = [1 << k + 1 for k in range(len(run.held.get(key, ()))) if not used >> k + 1 & 1]
    # What is received and never used is copied where it does no harm: behind the own sum and before what follows.
    epochs = [[parts] for parts in unused] + sorted(epochs, key=lambda chain: _turn(chain, reads, final))
    if own and own[0] == OWN and not epochs and len(own) == 1:
        return [Stage((), tuple(reads.get(OWN, ())), False)]
    _check_last(run, key, own, epochs, final)
    found = [Stage((), tuple(reads.get(OWN, ())), False)]
    for chain in ([OWN, *(parts for parts in own if parts != OWN)] if own else [0], *epochs):
        before = chain[0] if chain[0] in (OWN, 0) else 0
        for place, parts in enumerate(chain):
            if parts in (OWN, 0):
                continue
            if before & ~parts:
                raise _unfit(run, key, "sends sums of which neither contains the other")
            fresh = tuple(run.held[key][k] for k in range(len(run.held[key])) if (parts & ~before) >> k + 1 & 1)
            found.append(Stage(fresh, tuple(reads.get(parts, ())), place == 0))
            before = parts
    return found


def _epochs(run: Run, key: Key, wanted: list[int]) -> list[list[int]]:
    """Return sums without the own contribution in chains, each of which shares no arrival with another."""
    chains: list[list[int]] = []
    for parts in wanted:
        met = [chain for chain in chains if chain[-1] & parts]
        if len(met) > 1:
            raise _unfit(run, key, "adds up sums that it sends one by one as well")
        if met:
            met[0].append(parts)
        else:
            chains.append([parts])
    return chains


def _turn(chain: list[int], reads: dict[int, list[int]], final: int | None) -> tuple[bool, int]:
    """Return the order of a chain among others: by its first send, the one with the result last."""
    return final in chain, min((number for parts in chain for number in reads.get(parts, ())), default=0)


def _check_last(run: Run, key: Key, own: list[int], epochs: list[list[int]], final: int | None) -> None:
    used = [own, *epochs] if own else epochs
    taken = 0
    for chain in used:
        everything = 0
        for parts in chain:
            everything |= parts
        if taken & everything:
            raise _unfit(run, key, "adds an arrival to its own sum and sends it on by itself as well")
        taken |= everything
    if final is not None and used and used[-1][-1] != final:
        raise _unfit(run, key, "needs another value of it after its result is there")


def _unfit(run: Run, key: Key, what: str) -> FileFormatError:
    gpu, chunk = key
    origin = run.memory.program.origin
    return FileFormatError(
        f"{origin}: GPU {gpu} {what}, of chunk {chunk}; a schedule holds one value of a chunk at a rank, so this program "
        "cannot be simulated as one."
    )
