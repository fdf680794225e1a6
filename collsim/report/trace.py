"""A run as a Chrome trace, the JSON that https://ui.perfetto.dev opens: hosts and links as tracks, transfers as slices.

Format: "Trace Event Format" (Google, 2016), its complete events, flow events and metadata. Times there are microseconds;
they are written as decimals with nine places, which are femtoseconds and exact, and as integers among the arguments of each
slice. Readers that keep doubles tell femtoseconds apart up to 9 s. Perfetto rounds starts and durations to nanoseconds, each
by itself (src/trace_processor/importers/json), drops slices that then overlap in part, and arrows that come before they
leave; durations and the order of the file see to it that nothing is dropped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from collsim.crossings import Crossings
from collsim.errors import InvalidValue
from collsim.program import Program, single_call
from collsim.report.output import write_file
from collsim.report.trace_slices import RANKS, link_slices, rank_slices
from collsim.report.trace_tracks import Track, tracks_of
from collsim.result import Outcome, Result
from collsim.topology.graph import Topology

__all__ = ["MOST_MESSAGES", "MOST_SLICES", "check_traceable", "Traced", "trace_program", "write_trace"]

NS = 10**6
MOST_MESSAGES = 250_000
MOST_SLICES = 1_000_000
"""Slices of links beyond these are left out; a trace of a million is some 400 MB, about what a browser can still open."""


@dataclass(frozen=True, slots=True, eq=False)
class Traced:
    """A run of a program kept for its trace: everything that `trace_program` takes; `hosts`: host of each rank."""

    topology: Topology
    program: Program
    result: Result
    crossings: Crossings | None
    hosts: tuple[int, ...]

    def write(self, path: str | Path, **about: Any) -> tuple[str, ...]:
        """Write the trace; `about` the run goes beside the events."""
        ranks = {host: rank for rank, host in enumerate(self.hosts)}
        return trace_program(path, self.topology, self.program, self.result, self.crossings, ranks=ranks, about=about)


def check_traceable(messages: int) -> None:
    """Raise InvalidValue for a run of more messages than a trace takes; asked before the run."""
    if messages > MOST_MESSAGES:
        raise InvalidValue(
            f"A trace of {messages:,} messages is more than a browser opens; take up to {MOST_MESSAGES:,}, with fewer ranks "
            "or fewer calls."
        )


def write_trace(outcome: Outcome, path: str | Path) -> tuple[str, ...]:
    """Write the trace of a run to `path` and return what it leaves out, in sentences.

    Links have tracks where the run recorded its crossings: `simulate(..., crossings=True)`, on a packet engine.
    Raises InvalidValue for more than 250,000 transfers, OutputError where the file cannot be written.
    """
    plan = outcome.schedule
    ranks = {host: rank for rank, host in enumerate(plan.ranks_to_hosts.tolist())}
    title = {"run": outcome.summary()["run"], "collsim": outcome.to_dict()["collsim_version"]}
    program = single_call(plan, outcome.size)
    return trace_program(path, outcome.topology, program, outcome.result, outcome.crossings, ranks=ranks, about=title)


def trace_program(
    path: str | Path,
    topology: Topology,
    program: Program,
    result: Result,
    crossings: Crossings | None,
    *,
    ranks: dict[int, int] | None = None,
    about: dict[str, Any] | None = None,
) -> tuple[str, ...]:
    """Write the trace of any program as `write_trace` does.

    `ranks` {host: rank} names the tracks of hosts and puts them in order; `about` is kept beside the events.
    """
    check_traceable(program.messages)
    left_out: tuple[str, ...] = ()
    if crossings is None:
        left_out = (f"The trace has no tracks of links: the {result.engine} engine did not tell when they were held.",)
    elif len(crossings) > MOST_SLICES:
        left_out = (f"The trace has no tracks of links: {len(crossings):,} slices are more than {MOST_SLICES:,}.",)
    shown = crossings if not left_out else None
    hosts = rank_slices(topology, program, result, shown, ranks or {})
    links = [] if shown is None else link_slices(topology, program, shown)
    about = {**(about or {}), "time_fs": result.time, **result.provenance, "left_out": list(left_out)}

    def write(temporary: Path) -> None:
        with temporary.open("w", encoding="utf-8") as file:
            _write(file, [*tracks_of(hosts), *tracks_of(links)], about)

    write_file(path, write)
    return left_out


def _write(file: TextIO, tracks: list[Track], about: dict[str, Any]) -> None:
    file.write('{"displayTimeUnit":"ns","otherData":' + json.dumps(about) + ',"traceEvents":[\n')
    separator = ""
    for event in (*_names(tracks), *_events(tracks)):
        file.write(separator + event)
        separator = ",\n"
    file.write("\n]}\n")


def _names(tracks: list[Track]) -> Iterator[str]:
    """Yield the names and places of all tracks."""
    for number, track in enumerate(tracks, 1):
        name = "ranks" if track.process == RANKS else "links"
        for kind, args in (
            ("process_name", {"name": name}),
            ("process_sort_index", {"sort_index": track.process}),
            ("thread_name", {"name": track.name}),
            ("thread_sort_index", {"sort_index": number}),
        ):
            yield json.dumps({"ph": "M", "name": kind, **_where(number, track), "args": args})


def _events(tracks: list[Track]) -> Iterator[str]:
    """Yield the slices and the ends of arrows, each right behind its slice, in the order of time.

    A reader that rounds to nanoseconds keeps the order of the file within one. There, arrows have to leave before they come.
    """
    every = [(one, number) for number, track in enumerate(tracks, 1) for one in track.slices]
    every.sort(key=lambda item: (_nearest(item[0].start), item[0].kind == "receive", item[0].start, item[1]))
    for one, number in every:
        where = _where(number, tracks[number - 1])
        event = {"ph": "X", "name": one.name, "cat": one.kind, **where, "args": one.args}
        yield _timed(event, one.start, _duration(one.start, one.end))
        if one.flow is not None:
            ends = {"ph": "s"} if one.kind == "send" else {"ph": "f", "bp": "e"}
            yield _timed({**ends, "id": one.flow, "name": "transfer", "cat": "transfer", **where}, one.start)


def _where(number: int, track: Track) -> dict[str, int]:
    return {"pid": track.process, "tid": number}


def _nearest(time: int) -> int:
    """Return fs as the nearest ns, the way Perfetto rounds both starts and durations."""
    return (time + NS // 2) // NS


def _duration(start: int, end: int) -> int:
    """Return the duration to write: the exact one, but where start and duration would round to a later end than `end` does.

    Then less than 1 ns is left out, or Perfetto would see the slice reach into the one behind it and drop that.
    """
    whole, exact = _nearest(end) - _nearest(start), end - start
    return exact if _nearest(exact) <= whole else whole * NS + NS // 2 - 1000


def _timed(event: dict[str, Any], at: int, duration: int | None = None) -> str:
    times = f',"ts":{_micro(at)}' + (f',"dur":{_micro(duration)}' if duration is not None else "")
    return json.dumps(event)[:-1] + times + "}"


def _micro(time: int) -> str:
    """Return fs as microseconds, exactly."""
    return f"{time // 10**9}.{time % 10**9:09d}"
