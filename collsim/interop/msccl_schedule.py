"""An MSCCL program as a schedule: `--algo ./allpairs.xml`.

A message becomes a transfer of the chunks it carries, whatever buffers they came from and went to; its steps are numbered so
that each transfer carries the version that the program sends (msccl_parts, msccl_steps). What a thread block has received
before it sends is kept as a dependency unless the option `order=data` asks for what versions need and no more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from collsim.collectives.algorithm import Algorithm, Formula, Hint
from collsim.collectives.algorithm_files import ALGORITHM_READERS
from collsim.collectives.collective import Collective
from collsim.collectives.schedule import COPY, REDUCE, Schedule, ScheduleBuilder
from collsim.errors import AlgorithmUnsuitable, FileFormatError, InvalidValue, ScheduleError
from collsim.interop.msccl import MscclProgram
from collsim.interop.msccl_cut import Piece, cut
from collsim.interop.msccl_lint import WATCHED
from collsim.interop.msccl_lint import races as find_races
from collsim.interop.msccl_parts import Stage, stages
from collsim.interop.msccl_read import read_msccl
from collsim.interop.msccl_run import Run, run_msccl
from collsim.interop.msccl_steps import Edges, number_steps
from collsim.topology.graph import Topology

__all__ = ["ORDERS", "RACES", "msccl_algorithm", "schedule_of"]

ORDERS, RACES = ("blocks", "data"), ("refuse", "allow")
MOST_MEMBERS = 1 << 25
Key = tuple[int, int]


def msccl_algorithm(program: MscclProgram) -> Algorithm:
    """Return `program` as an algorithm of exactly as many ranks as it has GPUs; options are those of `schedule_of`."""

    def build(
        topology: Topology,
        collective: Collective,
        hosts: Sequence[int],
        hint: Hint | None,
        *,
        order: str = "blocks",
        races: str = "refuse",
    ) -> Schedule:
        if len(hosts) != program.ranks:
            raise AlgorithmUnsuitable(
                f"{program.origin} is written for {program.ranks} ranks and the group has {len(hosts)}; take a machine or a "
                f"placement with {program.ranks}."
            )
        return schedule_of(program, collective, hosts, order=order, races=races)

    unknown = Formula("as the file says", lambda topology, collective, ranks: None)
    return Algorithm(
        name=program.name,
        function=build,
        title=f"MSCCL program of {program.ranks} GPUs, {program.chunks} chunks, {program.proto}",
        source=program.origin,
        needs=f"{program.ranks} ranks",
        collectives=(program.collective,),
        steps=unknown,
        volume=unknown,
        size_free=True,
        suits=(f"switch{program.ranks}",),
    )


def schedule_of(
    program: MscclProgram, collective: Collective, hosts: Sequence[int], *, order: str = "blocks", races: str = "refuse"
) -> Schedule:
    """Return the schedule that does what `program` does, among `hosts`; see the module for `order`, one of ORDERS.

    `races`, one of RACES: whether a program may leave the order of two accesses open, so that its result is a matter of
    luck. Raises FileFormatError where the program cannot run or fits no schedule, ScheduleError where its outputs are wrong
    or have a race (looked for up to msccl_lint.WATCHED steps).
    """
    for name, value, known in (("order", order, ORDERS), ("races", races, RACES)):
        if value not in known:
            raise InvalidValue(f"The option {name} is {' or '.join(known)}, not '{value}'.")
    run = _run(program, collective, races)
    found = stages(run)
    chunks, pieces = cut(run, _ops(run, found))
    steps = _steps(run, found, pieces, chunks)
    turns = sorted(range(len(run.messages)), key=lambda m: _turn(run, m))
    place = {message: k for k, message in enumerate(turns)}
    ranked = sorted(range(len(pieces)), key=lambda p: (steps[p], place[pieces[p].message], p))
    owners = {name: [f(chunk) for chunk in chunks] for name, f in (("src", run.memory.source), ("dst", run.memory.target))}
    builder = ScheduleBuilder(
        collective,
        program.name,
        hosts,
        [1] * len(chunks),
        unit=program.chunks,
        chunk_src=owners["src"],
        chunk_dst=owners["dst"],
    )
    for p in ranked:
        piece, message = pieces[p], run.messages[pieces[p].message]
        builder.add(steps[p], message.src, message.dst, piece.chunk, piece.op, count=piece.count)
    schedule = builder.finish()
    return schedule if order == "data" else _with_blocks(schedule, run, [pieces[p].message for p in ranked])


def _run(program: MscclProgram, collective: Collective, races: str) -> Run:
    watch = races == "refuse" and sum(1 for _ in program.steps()) <= WATCHED
    run = run_msccl(program, collective, watch=watch)
    if run.wrong:
        raise ScheduleError(run.wrong)
    race = next(find_races(program, run), None)
    if race is not None:
        raise ScheduleError(f"{race.removesuffix('.')}, so the result is a matter of luck; races=allow lets it pass.")
    return run


def _turn(run: Run, message: int) -> tuple[int, int, int, int]:
    """Return the order of sends of one step. Thread blocks run side by side and tools sort them by peer, so their order in
    the file says nothing; beginning with the next rank keeps all from sending to the same one at once.
    """
    m = run.messages[message]
    return m.src, (m.dst - m.src) % run.memory.program.ranks, m.turn, m.channel


def _ops(run: Run, found: Mapping[Key, list[Stage]]) -> dict[Key, int]:
    """Return {(message, chunk): COPY or REDUCE}."""
    ops: dict[Key, int] = {}
    for (_, chunk), chain in found.items():
        for stage in chain:
            for place, message in enumerate(stage.arrives):
                if (message, chunk) in ops:
                    origin = run.memory.program.origin
                    raise FileFormatError(f"{origin}: a message carries chunk {chunk} twice; send it once.")
                ops[message, chunk] = COPY if stage.copies and place == 0 else REDUCE
    return ops


def _steps(run: Run, found: Mapping[Key, list[Stage]], pieces: Sequence[Piece], chunks: Sequence[int]) -> list[int]:
    """Return the step of every piece; FileFormatError where no order of steps gives the versions."""
    home = {
        (piece.message, chunks[(piece.chunk + k) % len(chunks)]): p
        for p, piece in enumerate(pieces)
        for k in range(piece.count)
    }
    edges = Edges(len(pieces))
    for (_, chunk), chain in found.items():
        _versions(edges, chain, {m: home[m, chunk] for stage in chain for m in (*stage.arrives, *stage.reads)})
    sent: dict[Key, list[int]] = defaultdict(list)
    for number, message in enumerate(run.messages):
        sent[message.src, message.block].append(number)
    parts: dict[int, list[int]] = defaultdict(list)
    for p, piece in enumerate(pieces):
        parts[piece.message].append(p)
    for numbers in sent.values():
        for one, other in pairwise(sorted(numbers, key=lambda m: run.messages[m].step)):
            edges.between(parts[one], parts[other], 1, hard=False)
    steps = number_steps(edges)
    if isinstance(steps, tuple):
        piece = pieces[min(steps)] if min(steps) < len(pieces) else pieces[0]
        message = run.messages[piece.message]
        raise FileFormatError(
            f"{run.memory.program.origin}: no order of steps lets GPU {message.src} send GPU {message.dst} the values of "
            f"chunk {chunks[piece.chunk]} that it sends; this program cannot be simulated as a schedule."
        )
    return steps[: len(pieces)]


def _versions(edges: Edges, chain: Sequence[Stage], home: Mapping[int, int]) -> None:
    """Add what the stages of a chunk at a rank demand: reads before the next arrivals land, arrivals before their reads."""
    landed: list[int] = []
    read = [home[m] for m in chain[0].reads]
    for stage in chain[1:]:
        arrives = [home[m] for m in stage.arrives]
        edges.between(read, arrives, 0)
        if stage.copies:
            # A copy is alone in its step: behind all that landed before, and before what is added to it.
            edges.between(landed, arrives[:1], 1)
            edges.between(arrives[:1], arrives[1:], 1)
        read = [home[m] for m in stage.reads]
        edges.between(arrives, read, 1)
        landed = arrives


def _with_blocks(schedule: Schedule, run: Run, messages: Sequence[int]) -> Schedule:
    """Return the schedule with what each thread block had received before it sent as further dependencies."""
    ids: dict[int, list[int]] = defaultdict(list)
    for transfer, message in enumerate(messages):
        ids[message].append(transfer)
    sets: dict[tuple[int, ...], int] = {(): 0}
    which = np.zeros(schedule.transfers, dtype=np.int64)
    total = 0
    for transfer, message in enumerate(messages):
        src, known = run.messages[message].src, run.messages[message].known
        heard = [run.arrivals[src][k] for k in range(known.bit_length()) if known >> k & 1]
        members = {*schedule.deps_of(transfer).tolist(), *(t for m in heard for t in ids[m])}
        key = tuple(sorted(members))
        if key not in sets:
            sets[key] = len(sets)
            total += len(key)
        if total > MOST_MEMBERS:
            raise InvalidValue(f"{run.memory.program.origin} waits for too much to keep; take order=data.")
        which[transfer] = sets[key]
    lengths = np.array([len(key) for key in sets], dtype=np.int64)
    members_all = np.array([t for key in sets for t in key], dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return replace(schedule, dep_set=which, set_offsets=offsets, set_members=members_all)


def read(path: Path) -> Mapping[str, Algorithm]:
    """Return the one algorithm of an MSCCL file."""
    program = read_msccl(path)
    return {program.name: msccl_algorithm(program)}


ALGORITHM_READERS.add(".xml", read)
