"""GOAL, the schedules of LogGOPSim, as text: read into a trace and written from one.

A file says `num_ranks N`, then `rank R { ... }` for each rank; in the braces one statement a line: `l1: send 8b to 1 tag 5
cpu 0 nic 0`, `l2: recv 8b from 0 tag 5`, `l3: calc 100 cpu 0`, `l3 requires l2`, `l3 irequires l2`. Comments: // and /* */.
Source: spcl/LogGOPSim, its grammar txt2bin.re.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from collsim.errors import FileFormatError, InvalidValue
from collsim.interop.trace import ANY, CALC, COLLECTIVE, MOST_RANKS, RECV, SEND, Trace, TraceOp
from collsim.topology.files import read_text

__all__ = ["NANOSECOND", "parse_goal", "read_goal", "to_goal"]

NANOSECOND = 10**6
"""fs of the time unit in which calc is counted unless another is asked for."""
_HEAD = re.compile(r"num_ranks\s+(\d{1,18})\Z")
_RANK = re.compile(r"rank\s+(\d{1,18})\s*\{\Z")
_OPERATION = re.compile(
    r"(?:([A-Za-z]\w*)\s*:\s*)?(?:(send)\s+(\d{1,18})\s*b\s+to\s+(\d{1,18})|(recv)\s+(\d{1,18})\s*b\s+from\s+(-1|\d{1,18})"
    r"|(calc)\s+(\d{1,18}))((?:\s+(?:tag|cpu|nic)\s+(?:-1|\d{1,9}))*)\Z"
)
_WAIT = re.compile(r"([A-Za-z]\w*)\s+(i?requires)\s+([A-Za-z]\w*)\Z")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
MOST_UNITS = 256


def read_goal(path: Path, unit: int = NANOSECOND) -> Trace:
    """Return the trace in the GOAL file at `path`; `unit`: fs of a unit of calc."""
    return parse_goal(read_text(path), str(path), unit)


def parse_goal(text: str, origin: str = "GOAL", unit: int = NANOSECOND) -> Trace:
    """Return the trace that `text` holds; FileFormatError with the line for what cannot be read."""
    number: int | None = None
    blocks: dict[int, _Block] = {}
    block: _Block | None = None
    line = 0
    for line, statement in _statements(text, origin):
        if block is not None:
            if statement == "}":
                block = None
            else:
                block.add(statement, line)
            continue
        if (found := _HEAD.match(statement)) and number is None:
            number = int(found[1])
            if not 1 <= number <= MOST_RANKS:
                raise _fail(origin, line, f"num_ranks is {number}; it is 1 to {MOST_RANKS:,}")
        elif (found := _RANK.match(statement)) and number is not None:
            rank = int(found[1])
            if rank >= number or rank in blocks:
                raise _fail(origin, line, f"rank {rank} is {'there twice' if rank in blocks else f'not below {number}'}")
            block = blocks[rank] = _Block(origin, rank, unit)
        else:
            wanted = "num_ranks N" if number is None else "rank R {"
            raise _fail(origin, line, f"'{statement[:60]}' where '{wanted}' is expected")
    if number is None or block is not None:
        what = "there is no num_ranks" if number is None else f"the block of rank {block.rank if block else 0} is not closed"
        raise _fail(origin, line, f"{what}; the file is cut off")
    empty: tuple[TraceOp, ...] = ()
    ranks = tuple(blocks[r].operations() if r in blocks else empty for r in range(number))
    anybody = sum(o.kind == RECV and ANY in (o.peer, o.tag) for operations in ranks for o in operations)
    note = f"{anybody:,} receives take any source or tag; which message each gets was fixed before the run, not by arrival."
    return Trace(ranks, origin=origin, notes=(note,) if anybody else ())


def _statements(text: str, origin: str) -> Iterator[tuple[int, str]]:
    """Yield (line, statement) without comments; braces close statements of their own."""
    bare = _COMMENT.sub(lambda found: "\n" * found[0].count("\n") or " ", text)
    for line, row in enumerate(bare.splitlines(), 1):
        if "/*" in row:
            raise _fail(origin, line, "the comment is not closed")
        for part in row.replace("{", "{\n").replace("}", "\n}\n").split("\n"):
            if statement := part.strip():
                yield line, statement


def _fail(origin: str, line: int, what: str) -> FileFormatError:
    return FileFormatError(f"{origin}, line {line}: {what}.")


class _Block:
    """The statements of one rank as they come; labels may be used before they stand somewhere."""

    def __init__(self, origin: str, rank: int, unit: int) -> None:
        self.origin, self.rank, self.unit = origin, rank, unit
        self.made: list[TraceOp] = []
        self.labels: dict[str, int] = {}
        self.waits: list[tuple[str, str, str, int]] = []

    def add(self, statement: str, line: int) -> None:
        if found := _WAIT.match(statement):
            self.waits.append((found[1], found[2], found[3], line))
            return
        found = _OPERATION.match(statement)
        if found is None:
            raise _fail(self.origin, line, f"'{statement[:60]}' is no send, recv, calc or requires")
        label, send, sent, to, recv, taken, source, calc, duration, options = found.groups()
        if label is not None:
            if label in self.labels:
                raise _fail(self.origin, line, f"the label {label} is there twice in rank {self.rank}")
            self.labels[label] = len(self.made)
        chosen = self._options(options.split(), line, calc is None)
        tag, cpu = chosen.get("tag", 0), chosen.get("cpu", 0)
        name = label or ""
        if send:
            operation = TraceOp(SEND, size=int(sent), peer=int(to), tag=tag, unit=cpu, label=name, line=line)
        elif recv:
            operation = TraceOp(RECV, size=int(taken), peer=int(source), tag=tag, unit=cpu, label=name, line=line)
        else:
            operation = TraceOp(CALC, duration=int(duration) * self.unit, unit=cpu, label=name, line=line)
        if operation.kind != RECV and tag == ANY:
            raise _fail(self.origin, line, "only a recv takes any tag; give this a tag from 0 on")
        self.made.append(operation)

    def _options(self, words: list[str], line: int, message: bool) -> dict[str, int]:
        chosen: dict[str, int] = {}
        for key, value in zip(words[::2], words[1::2], strict=True):
            if key in chosen or not (message or key == "cpu") or (int(value) < 0 and key != "tag"):
                raise _fail(self.origin, line, f"'{key} {value}' is there twice, or out of place, or negative")
            chosen[key] = int(value)
        return chosen

    def operations(self) -> tuple[TraceOp, ...]:
        """Return the operations with what they wait for."""
        ended: list[list[int]] = [[] for _ in self.made]
        started: list[list[int]] = [[] for _ in self.made]
        for who, how, other, line in self.waits:
            for label in (who, other):
                if label not in self.labels:
                    raise _fail(self.origin, line, f"rank {self.rank} has no label {label}")
            if who == other:
                raise _fail(self.origin, line, f"{who} waits for itself")
            (ended if how == "requires" else started)[self.labels[who]].append(self.labels[other])
        return tuple(
            TraceOp(
                **{name: getattr(o, name) for name in ("kind", "duration", "size", "peer", "tag", "unit", "label", "line")},
                ended=tuple(dict.fromkeys(ended[k])),
                started=tuple(dict.fromkeys(started[k])),
            )
            for k, o in enumerate(self.made)
        )


def to_goal(trace: Trace, unit: int = NANOSECOND) -> str:
    """Return `trace` as GOAL text; times are rounded up to whole `unit` (fs). InvalidValue for collectives.

    Operations are called l0, l1, ... by their number in the rank. What is beside all others (unit -1) is dealt out to cpus 1
    to 255, the format having no other way to say so.
    """
    lines = [f"num_ranks {len(trace.ranks)}"]
    for rank, operations in enumerate(trace.ranks):
        lines.append(f"rank {rank} {{")
        for index, operation in enumerate(operations):
            cpu = operation.unit if operation.unit >= 0 else 1 + index % (MOST_UNITS - 1)
            lines.append(f"l{index}: {_statement(operation, unit)} cpu {cpu}")
            lines += [f"l{index} requires l{d}" for d in operation.ended]
            lines += [f"l{index} irequires l{d}" for d in operation.started]
        lines.append("}")
    return "\n".join([*lines, ""])


def _statement(operation: TraceOp, unit: int) -> str:
    if operation.kind == COLLECTIVE:
        raise InvalidValue("GOAL has no collectives; write what an algorithm sends, with 'collsim schedule --export'.")
    if operation.kind == CALC:
        return f"calc {-(-operation.duration // unit)}"
    way = f"{operation.kind} {operation.size}b {'to' if operation.kind == SEND else 'from'} {operation.peer}"
    return f"{way} tag {operation.tag}"
