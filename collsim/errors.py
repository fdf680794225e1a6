"""The errors collsim raises, by meaning, each with the value that is wrong and the cure.

The library raises; only the command line turns an error into one sentence and an exit code:
2 for a request that cannot be understood or carried out as asked (`UsageError`), 1 for a run that failed (`RunError`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "AlgorithmUnsuitable",
    "ClockOverflow",
    "CollsimError",
    "FileFormatError",
    "InvalidValue",
    "OutputError",
    "RoutingError",
    "RunError",
    "ScheduleError",
    "StallError",
    "TopologyError",
    "UnknownName",
    "UsageError",
    "WriteFailed",
    "nearest",
    "reason",
]


_LONGEST_WORD = 300


class CollsimError(Exception):
    """Base of every error that collsim raises on purpose; `exit_code` is what the command line returns.

    A word of a message that is longer than any path, such as a wrong value of a hostile file, is cut short.
    """

    exit_code = 1

    def __init__(self, *arguments: object) -> None:
        super().__init__(*(_readable(one) if isinstance(one, str) else one for one in arguments))

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows in place of a traceback: the caller's own lines and the sentence, none of collsim's."""
        from pathlib import Path
        from traceback import extract_tb

        skipped = (str(Path(__file__).parent), "site-packages")
        frames = [f for f in extract_tb(self.__traceback__) if not any(part in f.filename for part in skipped)]
        places = [f"line {f.lineno}{'' if f.name == '<module>' else f' in {f.name}'}: {f.line}" for f in frames if f.line]
        return [*places, f"{type(self).__name__}: {self}"]


def _readable(text: str) -> str:
    if len(text) <= _LONGEST_WORD:
        return text
    return re.sub(rf"\S{{{_LONGEST_WORD + 1},}}", lambda found: f"{found[0][:60]}... ({len(found[0]):,} characters)", text)


class UsageError(CollsimError):
    """The request itself is wrong: a name, a value, a file, or a combination of them."""

    exit_code = 2


class InvalidValue(UsageError):
    """A value is outside what its parameter allows (a negative size, a zero bandwidth, a malformed quantity)."""


class UnknownName(UsageError):
    """A name that no registry, preset or file field knows.

    Parameters: `kind` ("algorithm", "topology", ...), the `name` given, and the valid names, of which the nearest is
    suggested, unless the caller knows a better `guess`.
    """

    def __init__(self, kind: str, name: str, valid: Iterable[str], guess: str | None = None):
        self.kind, self.name, self.valid = kind, name, tuple(sorted(valid))
        guess = guess or nearest(name, self.valid)
        hint = f" Did you mean '{guess}'?" if guess else ""
        few = len(self.valid) <= 40
        listing = f" Known: {', '.join(self.valid) or 'none'}." if few else "" if guess else f" {_some(self.valid)}"
        super().__init__(f"Unknown {kind} '{name}'.{hint}{listing}")


class TopologyError(UsageError):
    """A graph that cannot be simulated: disconnected, one host, a link without bandwidth."""


class FileFormatError(UsageError):
    """A file is malformed, truncated or of an unknown format; the message names the file and the place."""


class AlgorithmUnsuitable(UsageError):
    """An algorithm cannot serve this topology, rank count or collective; the message says why and what would suit."""


class RoutingError(UsageError):
    """No route exists, or the channel dependency graph has a cycle while buffers are finite (the cycle is named)."""


class OutputError(UsageError):
    """A result cannot be written where it was asked for; nothing half-written is left behind."""


class WriteFailed(OutputError):
    """A place that could be written when it was checked failed on the way: the disk is full, the device is gone."""

    exit_code = 1


class RunError(CollsimError):
    """A run was started and failed."""


class ScheduleError(RunError):
    """A schedule does not do what its collective demands; the message names the rank, chunk and transfer."""


class StallError(RunError):
    """No event is left and messages are incomplete: a deadlock. `cycle` names links, channels and messages in order."""

    def __init__(self, message: str, cycle: tuple[str, ...] = ()):
        self.cycle = cycle
        super().__init__(message)


class ClockOverflow(RunError):
    """A time exceeds 63 bits of femtoseconds, about 2.56 hours of simulated time."""


def _some(names: tuple[str, ...]) -> str:
    return f"There are {len(names):,}, such as {', '.join(names[:3])}."


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """Return the valid name that resembles `name` most, or None when none comes near."""
    by_folded = {v.lower(): v for v in valid}
    close = get_close_matches(name.lower(), by_folded, n=1, cutoff=0.55)
    return by_folded[close[0]] if close else None


def reason(error: Exception) -> str:
    """Return why a library could not read a file, in words for whoever wrote the file; not a whole sentence."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply; no file of this kind is"
    text = str(error)
    return "a number has thousands of digits" if "integer string conversion" in text else text
