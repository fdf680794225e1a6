"""What an MSCCL program would meet in the runtime: its fixed limits, waits that nobody answers, and races.

Limits as in the runtime's headers (microsoft/msccl: 256 steps a thread block, 32 thread blocks a channel, 216 a GPU, 32
channels, fewer than 72 chunks a step). A race is two accesses of one cell, one of them a write, that nothing puts in order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from collsim.collectives.collective import collective
from collsim.errors import CollsimError
from collsim.interop.msccl import Gpu, MscclProgram
from collsim.interop.msccl_run import Run, run_msccl

__all__ = ["lint", "limits", "races"]

MOST_STEPS, MOST_BLOCKS, MOST_CHANNEL_BLOCKS, MOST_CHANNELS, MOST_COUNT = 256, 216, 32, 32, 71
WATCHED = 20_000
"""Steps up to which races are looked for: what is before what takes a bit for each pair of steps."""


def lint(program: MscclProgram, root: int = 0) -> list[str]:
    """Return one sentence for each thing wrong: limits, then a run that fails, else its races. Empty when all is well."""
    found = list(limits(program))
    total = sum(1 for _ in program.steps())
    try:
        run = run_msccl(program, collective(program.collective, root), watch=total <= WATCHED)
    except CollsimError as error:
        return [*found, str(error)]
    if total > WATCHED:
        found.append(f"{program.origin}: {total:,} steps are too many to look for races; {WATCHED:,} are not.")
    return [*found, *filter(None, [run.wrong]), *races(program, run)]


def limits(program: MscclProgram) -> Iterator[str]:
    """Yield a sentence for everything beyond the runtime's limits, and for steps that wait for an unannounced one."""
    if program.threads is not None and (program.threads % 32 or program.threads < 32):
        yield f"{program.origin}: nthreads is {program.threads}; it is a multiple of 32."
    # Tools write maxBytes 0 for "no limit".
    if program.least is not None and program.most and program.least > program.most:
        yield f"{program.origin}: minBytes {program.least} is more than maxBytes {program.most}, so it is never chosen."
    if program.channels > MOST_CHANNELS:
        yield f"{program.origin}: {program.channels} channels; the runtime has {MOST_CHANNELS}."
    for gpu in program.gpus:
        yield from _gpu_limits(program, gpu)


def _gpu_limits(program: MscclProgram, gpu: Gpu) -> Iterator[str]:
    if len(gpu.blocks) > MOST_BLOCKS:
        yield f"{program.where(gpu)}: {len(gpu.blocks)} thread blocks; a GPU runs {MOST_BLOCKS}."
    for channel, count in sorted(Counter(block.channel for block in gpu.blocks).items()):
        if count > MOST_CHANNEL_BLOCKS:
            yield f"{program.where(gpu)}: {count} thread blocks on channel {channel}; it takes {MOST_CHANNEL_BLOCKS}."
    waited = {step.after for block in gpu.blocks for step in block.steps if step.after is not None}
    for block in gpu.blocks:
        if block.channel >= program.channels:
            said = f"nchannels is {program.channels}"
            yield f"{program.where(gpu, block)}: channel {block.channel}, while {said}; channels count from 0."
        if len(block.steps) > MOST_STEPS:
            yield f"{program.where(gpu, block)}: {len(block.steps)} steps; a thread block holds {MOST_STEPS}."
        for index, step in enumerate(block.steps):
            if step.count > MOST_COUNT:
                yield f"{program.where(gpu, block, index)}: {step.count} chunks; a step moves up to {MOST_COUNT}."
            if (block.id, index) in waited and not step.waited:
                yield f"{program.where(gpu, block, index)}: a step waits for it and hasdep is 0, so the runtime would hang."


def races(program: MscclProgram, run: Run) -> Iterator[str]:
    """Yield a sentence for the first race of each cell of a watched run."""
    for (g, cell), accesses in sorted(run.accesses.items()):
        write, reads = -1, list[int]()
        for number, writes in accesses:
            against = [write, *reads] if writes else [write]
            clash = next((one for one in against if one >= 0 and one != number and not run.past[number] >> one & 1), None)
            if clash is not None:
                gpu = program.gpus[g]
                places = [run.places[k] for k in (clash, number)]
                first, second = (program.where(gpu, gpu.blocks[b], at) for _, b, at in places)
                other, where = second.rpartition(": ")[2], f"{cell[0]}[{cell[1]}]"
                yield f"{first} and {other} both use {where}, and neither waits for the other."
                break
            if writes:
                write, reads = number, []
            else:
                reads.append(number)
