"""Node names as a native file writes them: counts and ranges where nodes are made, patterns where they are meant.

A range counts (`gpu8..15`), a glob matches characters (`gpu[0-7]`, `gpu*`), and a list holds any of them.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from fnmatch import fnmatchcase

from collsim.errors import FileFormatError

__all__ = ["listed", "matching"]

_RANGE = re.compile(r"(.*?)(\d+)\.\.(\d+)(.*)")
_NUMBERS = re.compile(r"\[(\d+)-(\d+)\]")
_MAX_NODES = 1_000_000


def listed(value: object, letter: str, place: str) -> tuple[str, ...]:
    """Return the names that a number (of nodes called `letter` 0, 1, ...) or a list of names and ranges makes."""
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value <= _MAX_NODES:
            raise FileFormatError(f"{place}: {value} is not a number of nodes from 0 to {_MAX_NODES:,}.")
        return tuple(f"{letter}{i}" for i in range(value))
    if not isinstance(value, str | list):
        raise FileFormatError(f"{place}: '{value}' is not a list.")
    return tuple(name for item in ([value] if isinstance(value, str) else value) for name in _counted(str(item), place))


def matching(names: Collection[str], value: object, place: str) -> tuple[str, ...]:
    """Return the names that `value` means, each once: a name, a range, a glob, or a list of these.

    What a glob matches comes in the order of `names`. What means none of `names` comes back as it is, for whoever checks
    names to refuse. A numeric range in brackets, which globs read character by character, is refused.
    """
    found: dict[str, None] = {}
    for item in value if isinstance(value, list) else [value]:
        text = str(item)
        if text in names:
            found[text] = None
            continue
        _refuse_numbers_in_brackets(text, place)
        globbed = [name for name in names if fnmatchcase(name, text)]
        found |= dict.fromkeys(globbed or _counted(text, place))
    return tuple(found)


def _counted(text: str, place: str) -> list[str]:
    """Return the names of a range, or the one name that `text` is."""
    span = _RANGE.fullmatch(text)
    if span is None:
        return [text]
    first, last = int(span[2]), int(span[3])
    if not 0 <= last - first < _MAX_NODES:
        raise FileFormatError(f"{place}: the range '{text}' is empty or too long.")
    return [f"{span[1]}{i}{span[4]}" for i in range(first, last + 1)]


def _refuse_numbers_in_brackets(text: str, place: str) -> None:
    for first, last in _NUMBERS.findall(text):
        if len(first) > 1 or len(last) > 1:
            meant = text.replace(f"[{first}-{last}]", f"{first}..{last}")
            raise FileFormatError(f"{place}: brackets in '{text}' hold single characters; write {meant} for these numbers.")
