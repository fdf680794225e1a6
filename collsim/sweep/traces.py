"""A trace run on a machine: GOAL or Chakra files in, times per rank, exposed communication and the busiest link out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.algorithm import parse_algorithm
from collsim.collectives.collective import Collective
from collsim.collectives.schedule import Schedule
from collsim.collectives.verify import verify
from collsim.engines.engine import ENGINES
from collsim.errors import FileFormatError
from collsim.interop.chakra_files import chakra_prefix
from collsim.interop.chakra_trace import read_chakra
from collsim.interop.goal import NANOSECOND, read_goal
from collsim.interop.trace import CALC, COLLECTIVE, SEND, Trace
from collsim.interop.trace_program import trace_program
from collsim.network.hint import hint_for
from collsim.program import Call, Compute, Program, Send
from collsim.result import Result
from collsim.simulate import Case, prepare
from collsim.units import FS_PER_SECOND

__all__ = ["SUFFIXES", "TraceOutcome", "read_trace", "replay", "run_trace"]

_COLUMNS = ("finish_s", "computing_s", "exposed_s")
SUFFIXES = (".goal", ".et", ".et.gz", ".json")


@dataclass(frozen=True, eq=False)
class TraceOutcome:
    """One run of a trace; `rank_finish`, `computing` int64[ranks] fs: when a rank's last operation ends, and how long its
    computations take together; `wall` s.
    """

    trace: Trace
    case: Case
    algorithm: str
    program: Program
    result: Result
    rank_finish: NDArray[np.int64]
    computing: NDArray[np.int64]
    wall: float

    @property
    def exposed(self) -> NDArray[np.int64]:
        """int64[ranks] fs: how long each rank had communication under way and computed nothing."""
        return np.asarray(self.result.host_exposed[list(self.case.hosts[: len(self.trace.ranks)])])

    @property
    def counts(self) -> dict[str, int]:
        """How many computations, sends and collective calls of ranks the trace has, and the bytes that are sent."""
        operations = [operation for rank in self.trace.ranks for operation in rank]
        found = {kind: sum(o.kind == kind for o in operations) for kind in (CALC, SEND, COLLECTIVE)}
        return found | {"bytes": sum(o.size for o in operations if o.kind == SEND)}

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a rank: rank, finish_s, computing_s, exposed_s."""
        times = (self.rank_finish, self.computing, self.exposed)
        seconds = zip(*([time / FS_PER_SECOND for time in one.tolist()] for one in times), strict=True)
        return [{"rank": rank, **dict(zip(_COLUMNS, row, strict=True))} for rank, row in enumerate(seconds)]

    def csv(self) -> str:
        """Return the rows as CSV."""
        return "".join(",".join(map(str, row)) + "\n" for row in (("rank", *_COLUMNS), *(r.values() for r in self.rows())))

    def to_dict(self) -> dict[str, Any]:
        """Return what `collsim workload trace --json` writes: times in seconds."""
        from collsim import __version__

        link, machine = int(np.argmax(self.result.link_busy)), self.case.topology
        return {
            "trace": self.trace.origin,
            "ranks": len(self.trace.ranks),
            "topology": machine.name,
            "algorithm": self.algorithm if self.counts[COLLECTIVE] else None,
            "engine": self.result.engine,
            "time_s": self.result.time / FS_PER_SECOND,
            "time_fs": self.result.time,
            **{f"{name}s" if name != "bytes" else "sent_bytes": count for name, count in self.counts.items()},
            "messages": self.program.messages,
            "bottleneck_link": {
                "name": machine.link_name(link),
                "use": float(self.result.link_busy[link] / max(self.result.time, 1)),
                "bytes": int(self.result.link_bytes[link]),
            },
            "rank_results": self.rows(),
            "notes": list(self.trace.notes),
            "changed_settings": self.case.network.changed(),
            "seed": self.case.seed,
            "wall_s": self.wall,
            "provenance": dict(self.result.provenance),
            "collsim_version": __version__,
        }


def read_trace(
    path: str | Path, *, unit: int = NANOSECOND, groups: str | Path | None = None, flops: int | None = None
) -> Trace:
    """Return the trace at `path`, by suffix: .goal, or .et, .et.gz or .json for the files of all ranks beside it (Chakra).

    `unit`: fs of the unit in which GOAL counts calc; `groups`: file of Chakra's process groups, by default
    `prefix.groups.json` where there is one; `flops`: operations a second of Chakra nodes that state no duration.
    FileFormatError for other suffixes.
    """
    place = Path(path).expanduser()
    name = place.name.lower()
    if name.endswith(".goal"):
        return read_goal(place, unit)
    if name.endswith((".et", ".et.gz", ".json")):
        beside = place.with_name(f"{chakra_prefix(place)}.groups.json")
        known = Path(groups).expanduser() if groups is not None else beside if beside.is_file() else None
        return read_chakra(place, known, flops)
    raise FileFormatError(f"{path} is no trace; traces end in {', '.join(SUFFIXES)}.")


def replay(trace: Trace | str | Path, topology: str, algorithm: str = "multitree", **settings: Any) -> TraceOutcome:
    """Return the outcome of `trace` (or its file) on `topology`; `settings` as of `collsim.simulate`, without sizes.

    >>> from collsim.interop.goal import parse_goal
    >>> text = "num_ranks 2" + chr(10) + "rank 0 {" + chr(10) + "send 1600b to 1" + chr(10) + "}" + chr(10)
    >>> pair = parse_goal(text + "rank 1 {" + chr(10) + "recv 1600b from 0" + chr(10) + "}" + chr(10))
    >>> replay(pair, "switch2", engine="simpy").result.time
    400000000
    """
    return run_trace(trace if isinstance(trace, Trace) else read_trace(trace), prepare(topology, **settings), algorithm)


def run_trace(trace: Trace, case: Case, algorithm: str, observers: Sequence[object] = ()) -> TraceOutcome:
    """Return the outcome of `trace` on the machine of `case`, its collectives by `algorithm`."""
    engine, known = ENGINES.get(case.engine), dict[object, Schedule]()

    def plan(collective: Collective, hosts: tuple[int, ...], size: int) -> Schedule:
        entry, options = parse_algorithm(algorithm)
        key = collective, hosts, None if entry.size_free else size
        if key not in known:
            hint = hint_for(case.topology, hosts, case.network, size)
            known[key] = entry.schedule(case.topology, collective, hosts, hint, **options)
            verify(known[key], case.topology)
        return known[key]

    program = trace_program(trace, case.hosts, plan)
    started = perf_counter()
    result = engine(case.topology, program, case.network, seed=case.seed, observers=observers)
    wall = perf_counter() - started
    finish, computing = _by_host(program, result, case.topology.hosts)
    hosts = list(case.hosts[: len(trace.ranks)])
    return TraceOutcome(trace, case, algorithm, program, result, finish[hosts], computing[hosts], wall)


def _by_host(program: Program, result: Result, hosts: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return int64[hosts] twice: the end of what each host does, and the sum of its computations."""
    finish, computing = np.zeros(hosts, dtype=np.int64), np.zeros(hosts, dtype=np.int64)
    first = program.first_message
    for number, operation in enumerate(program.operations):
        end = int(result.operation_finish[number])
        if isinstance(operation, Compute):
            finish[operation.host] = max(finish[operation.host], end)
            computing[operation.host] += operation.duration
        elif isinstance(operation, Send):
            for host in (operation.source, operation.target):
                finish[host] = max(finish[host], end)
        elif isinstance(operation, Call):
            ends = result.message_finish[first[number] : first[number + 1]]
            for ranks in (operation.schedule.src, operation.schedule.dst):
                np.maximum.at(finish, operation.schedule.ranks_to_hosts[ranks], ends)
    return finish, computing
