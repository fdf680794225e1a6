"""What an MSCCL program would meet in the runtime: its fixed limits, waits that nobody answers, and races.

Limits as in the runtime's headers and parsers (microsoft/msccl src/include/msccl.h and src/graph/topo.cc, ROCm/rccl
src/misc/msccl/msccl_parser.cc): 256 steps a thread block, 32 thread blocks a channel, 216 a GPU without a gap in their
numbers, 32 channels, fewer than 72 chunks a step, 8 bits for the block that is waited for and 16 for offsets. A race is two
accesses of one cell, one of them a write, that nothing puts in order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from collsim.collectives.collective import collective
from collsim.errors import CollsimError
from collsim.interop.msccl import Block, Gpu, MscclProgram
from collsim.interop.msccl_run import Run, run_msccl

__all__ = ["lint", "limits", "races"]

MOST_STEPS, MOST_BLOCKS, MOST_CHANNEL_BLOCKS, MOST_CHANNELS, MOST_COUNT = 256, 216, 32, 32, 71
MOST_WAITED_BLOCK, MOST_OFFSET, MOST_ELEMENTS = 127, 32_767, 4_096
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
    where = program.where(gpu)
    if len(gpu.blocks) > MOST_BLOCKS:
        yield f"{where}: {len(gpu.blocks)} thread blocks; a GPU runs {MOST_BLOCKS}."
    for channel, count in sorted(Counter(block.channel for block in gpu.blocks).items()):
        if count > MOST_CHANNEL_BLOCKS:
            yield f"{where}: {count} thread blocks on channel {channel}; it takes {MOST_CHANNEL_BLOCKS}."
    lacking = next((k for k, one in enumerate(sorted(block.id for block in gpu.blocks)) if k != one), None)
    if lacking is not None:
        yield f"{where}: thread block {lacking} is missing; the runtime wants them numbered from 0 on, without a gap."
    elements = 1 + program.ranks + len(gpu.blocks) + sum(len(block.steps) for block in gpu.blocks)
    if elements > MOST_ELEMENTS:
        yield f"{where}: {elements:,} XML elements; RCCL's parser holds {MOST_ELEMENTS:,} for a GPU."
    waited = {step.after for block in gpu.blocks for step in block.steps if step.after is not None}
    for block in gpu.blocks:
        if block.channel >= program.channels:
            said = f"nchannels is {program.channels}"
            yield f"{program.where(gpu, block)}: channel {block.channel}, while {said}; channels count from 0."
        if len(block.steps) > MOST_STEPS:
            yield f"{program.where(gpu, block)}: {len(block.steps)} steps; a thread block holds {MOST_STEPS}."
        for index in range(len(block.steps)):
            for what in _step_limits(block, index, (block.id, index) in waited):
                yield f"{program.where(gpu, block, index)}: {what}."


def _step_limits(block: Block, index: int, waited: bool) -> Iterator[str]:
    step = block.steps[index]
    if step.count > MOST_COUNT:
        yield f"{step.count} chunks; a step moves up to {MOST_COUNT}"
    if max(step.source[1], step.target[1]) > MOST_OFFSET:
        yield f"an offset beyond {MOST_OFFSET:,}; the runtime keeps 16 bits of it"
    if step.after is not None and step.after[0] > MOST_WAITED_BLOCK:
        yield f"it waits for block {step.after[0]}; the runtime keeps 8 bits of that number, up to {MOST_WAITED_BLOCK}"
    if index and block.steps[index - 1].kind == "nop" and step.kind != "nop" and step.after is None:
        yield "it follows a nop and waits for nothing itself, so newer runtimes refuse the file; let it take the last wait"
    if waited and not step.waited:
        yield "a step waits for it and hasdep is 0, so the runtime would hang"


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
