"""Tables of nccl-tests, read: with and without root, redop, in-place and timestamp columns, and the JSON report.

Logs carry more than the table: launchers put the rank before each line, NCCL mixes in its own. Lines that do not start with
a number are passed over, and one that does must be a whole row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from collsim.errors import FileFormatError, reason
from collsim.interop.nccl_tests import FS_PER_US, PROGRAMS, Measured, MeasuredRow, bus_factor
from collsim.topology.files import read_text
from collsim.units import MAX_BYTES, MAX_TIME

__all__ = ["parse_nccl_tests", "read_nccl_tests"]

_LAUNCHER = re.compile(r"^\s*(\[\d+(,\d+)?\](<std(out|err)>:?)?|\d+:\s)")
_RANK = re.compile(r"#?\s*Rank\s+(\d+)\s+(Group|Pid)\b")
_PROGRAM = re.compile(r"Collective test (?:starting|concluded):\s*(\S+)")
_CALLED = re.compile(r"(?:^|[\s/])([a-z_]+_perf(?:_mpi)?)(?=\s|$)")
"""A program on a command line, which older versions do not repeat in their output."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_SIZE = re.compile(r"[0-9]{1,20}")
_STRANGE = re.compile(r"[0-9][0-9.,'_]*([KMGTkmgt]i?)?B?")
"""A size as other programs print it, "1,024" or "1M": a row that must not be passed over as if it were none."""
_FEWEST_COLUMNS = 9
_BODY = ("time", "algbw", "busbw", "#wrong")
_BARE = {
    13: ("size", "count", "type", "redop", "root", *_BODY, *_BODY),
    12: ("size", "count", "type", "redop", *_BODY, *_BODY),
    11: ("size", "count", "type", *_BODY, *_BODY),
    9: ("size", "count", "type", "redop", "root", *_BODY),
}
"""Columns by their number, for tables that were cut out of a log without their header."""
_FAR = 3
"""algbw this many times off size over time says that columns or units are mixed up."""


def read_nccl_tests(path: str | Path) -> Measured:
    """Return the measured run in the file at `path`, a table or a JSON report.

    Raises FileFormatError with the line for rows that are cut off, contradict their header or themselves, or hold wrong
    results, and for a file with no row or with several tables.
    """
    return parse_nccl_tests(read_text(Path(path)), str(path))


def parse_nccl_tests(text: str, origin: str = "nccl-tests") -> Measured:
    """Return the measured run that `text` holds; `origin` names it in errors."""
    if text.lstrip().startswith("{"):
        return _from_json(text, origin)
    heads: tuple[str, ...] | None = None
    program, called, ranks, rows = None, set[str](), list[int](), list[MeasuredRow]()
    for number, whole in enumerate(text.splitlines(), 1):
        line = _LAUNCHER.sub("", whole).strip()
        if found := _PROGRAM.search(line):
            program = found[1]
        elif rank := _RANK.match(line):
            ranks.append(int(rank[1]))
        elif (words := line.lstrip("# ").split())[:2] == ["size", "count"]:
            heads = _columns(words, f"{origin}, line {number}")
        elif words and _SIZE.fullmatch(words[0]) and not line.startswith("#"):
            place = f"{origin}, line {number}"
            row = _row(_cells(words, heads, place), place)
            rows += [row] if row is not None else []
        elif len(words) >= _FEWEST_COLUMNS and _STRANGE.fullmatch(words[0]) and not line.startswith("#"):
            raise FileFormatError(
                f"{origin}, line {number}: '{words[0]}' is no whole number of bytes; nccl-tests prints sizes like 1048576."
            )
        elif called_here := _CALLED.findall(line):
            called |= {name for name in called_here if name.removesuffix("_mpi") in PROGRAMS}
    if program is None and len(called) == 1:
        program = called.pop()
    if len(ranks) > 1 and not any(ranks):
        raise FileFormatError(
            f"{origin}: rank 0 is named {len(ranks)} times and no other: every process ran by itself, as nccl-tests does "
            "when it is built without MPI=1, and no communication was measured."
        )
    # Logs that were cut keep some of the ranks only; the highest tells how many there are at least.
    return _measured(rows, origin, program, max(ranks) + 1 if any(ranks) else None)


def _columns(words: list[str], place: str) -> tuple[str, ...]:
    names = tuple({"error": "#wrong", "cputime": "time"}.get(word, word) for word in words)
    sides = max(1, names.count("time"))
    for name in ("type", *_BODY):
        if names.count(name) != (1 if name == "type" else sides) or sides > 2:
            raise FileFormatError(
                f"{place}: the header of the table has the column '{name}' {names.count(name)} times; nccl-tests has it "
                "once, or once for out-of-place and once for in-place."
            )
    return names


def _cells(words: list[str], heads: tuple[str, ...] | None, place: str) -> list[tuple[str, str]]:
    """Return (column, text) of a row; a timestamp is two words."""
    names = heads or _BARE.get(len(words))
    if names is None:
        raise FileFormatError(
            f"{place} has {len(words)} columns and no header above; a row of nccl-tests has 9 or 11 to 13."
        )
    if "timestamp" in names:
        names = (*names, "time of day")
    if len(words) != len(names):
        raise FileFormatError(f"{place} has {len(words)} columns where the header has {len(names)}; the row is cut off.")
    return list(zip(names, words, strict=True))


def _row(cells: list[tuple[str, str]], place: str) -> MeasuredRow | None:
    """Return the row; None for one of size 0, in which nothing was sent."""
    values: dict[str, list[str]] = {}
    for name, word in cells:
        values.setdefault(name, []).append(word)
    size = int(values["size"][0])
    if size == 0:
        return None
    wrong = [_wrong(word, place) for word in values["#wrong"]]
    return _checked(size, [values["time"], values["algbw"], values["busbw"]], wrong, place)


def _checked(size: int, columns: list[list[str]], wrong: list[int | None], place: str) -> MeasuredRow:
    """Return the row of `columns` time, algbw, busbw, each out-of-place and perhaps in-place; FileFormatError if absurd."""
    if size >= MAX_BYTES:
        raise FileFormatError(f"{place}: the size {size} overflows; sizes stay under 2^62 bytes.")
    times, rates, buses = ([_number(word, place) for word in column] for column in columns)
    for time, rate in zip(times, rates, strict=True):
        if time <= 0 or time * FS_PER_US > MAX_TIME:
            raise FileFormatError(f"{place}: the time {float(time):g} us is not above zero and within 2.56 hours.")
        expected = Fraction(size, 1000) / time
        if expected > Fraction(1, 10) and not expected / _FAR <= rate <= expected * _FAR:
            raise FileFormatError(
                f"{place}: algbw is {float(rate):g} GB/s, but {size} bytes in {float(time):g} us are {float(expected):.4g}."
            )
    found = [count for count in wrong if count]
    if found:
        raise FileFormatError(f"{place}: {found[0]} elements are wrong; a run with wrong results measures nothing.")
    fs = [max(1, round(time * FS_PER_US)) for time in times]
    factor = bus_factor(float(rates[0]), float(buses[0]))
    return MeasuredRow(size, fs[0], fs[1] if len(fs) > 1 else None, wrong[0], factor, place)


def _number(word: str, place: str) -> Fraction:
    if _NUMBER.fullmatch(word) is None:
        raise FileFormatError(f"{place}: '{word}' is not a number.")
    return Fraction(word)


def _wrong(word: str, place: str) -> int | None:
    """Return the number of wrong elements; older tables have the largest error there, which is no count below 1."""
    return None if word == "N/A" else int(_number(word, place))


def _measured(rows: list[MeasuredRow], origin: str, program: str | None, ranks: int | None) -> Measured:
    if not rows:
        raise FileFormatError(f"{origin} holds no row of nccl-tests; such a row starts with a size in bytes.")
    rows.sort(key=lambda row: row.size)
    for one, other in pairwise(rows):
        if one.size == other.size:
            raise FileFormatError(
                f"{other.place}: the size {one.size} is there twice, first at {one.place}; keep one table, of one type, "
                "operation and root."
            )
    name = Path(program or "").name.removesuffix("_mpi")
    if program is not None and name not in PROGRAMS:
        raise FileFormatError(f"{origin} is of {program}, which is none of {', '.join(PROGRAMS)}.")
    return Measured(origin, tuple(rows), PROGRAMS.get(name), ranks)


def _from_json(text: str, origin: str) -> Measured:
    """Return the run in the report that nccl-tests writes with -J."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise FileFormatError(f"{origin}, line {error.lineno}, column {error.colno}: not JSON: {error.msg}.") from None
    except (RecursionError, ValueError) as error:
        raise FileFormatError(f"{origin}: cannot be read as JSON: {reason(error)}.") from None
    results = document.get("results")
    if not isinstance(results, list):
        raise FileFormatError(f"{origin}: a report of nccl-tests holds a list 'results'.")
    rows = [_json_row(entry, f"{origin}: results[{index}]") for index, entry in enumerate(results)]
    arguments, config = document.get("args"), document.get("config")
    first = arguments[0] if isinstance(arguments, list) and arguments else None
    devices = config.get("devices") if isinstance(config, Mapping) else None
    name = Path(str(first)).name if first else None
    if name is not None and name.removesuffix("_mpi") not in PROGRAMS:
        name = None  # a link or a wrapper with a name of its own
    known = None
    if isinstance(config, Mapping) and isinstance(devices, list):
        # The report names the first GPU of each process only.
        each = [config.get(key) for key in ("nthreads", "ngpus")]
        counts = [count for count in each if isinstance(count, int) and 0 < count < 2**16]
        known = len(devices) * counts[0] * counts[1] if len(counts) == 2 else None
    return _measured([row for row in rows if row is not None], origin, name, known)


def _json_row(entry: object, place: str) -> MeasuredRow | None:
    size = entry.get("size") if isinstance(entry, Mapping) else None
    if not isinstance(entry, Mapping) or isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise FileFormatError(f"{place} is no result with a 'size' in bytes.")
    if size == 0:
        return None
    halves = [half for key in ("out_of_place", "in_place") if isinstance(half := entry.get(key), Mapping)]
    if not halves:
        raise FileFormatError(f"{place} has neither 'out_of_place' nor 'in_place'.")
    columns = [[str(_either(half, keys, place)) for half in halves] for keys in _JSON_COLUMNS]
    wrong = [None if half.get("nwrong") is None else int(_number(str(half["nwrong"]), place)) for half in halves]
    return _checked(size, columns, wrong, place)


_JSON_COLUMNS = (("time", "cpu_time"), ("alg_bw",), ("bus_bw",))


def _either(half: Mapping[str, object], keys: tuple[str, ...], place: str) -> object:
    found = [half[key] for key in keys if key in half]
    if not found:
        raise FileFormatError(f"{place} has no '{keys[0]}'.")
    return found[0]
