"""One point worked off: results, or the error in a sentence; whatever a point does, the sweep goes on."""

from __future__ import annotations

import platform
import traceback
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from time import perf_counter, time
from typing import Any

from collsim.errors import CollsimError, UsageError
from collsim.sweep.runner import Kept, Work
from collsim.sweep.store import DONE, FAILED, REFUSED

__all__ = ["Answer", "Bench", "answer", "refusal"]


LONGEST_ERROR = 2_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a point, see `Row`."""

    status: str
    error: str = ""
    results: dict[str, Any] = field(default_factory=dict)
    wall_s: float = 0.0
    started: float = field(default_factory=time)
    finished: float = field(default_factory=time)
    host: str = field(default_factory=platform.node)
    attempts: int = 1


class Bench:
    """What a worker keeps between points: that of the group it works on, and of no other, so that memory stays small."""

    def __init__(self) -> None:
        self._group, self._kept = "", Kept()

    def at(self, group: str) -> Kept:
        """Return what is kept for `group`, nothing when the last point was of another one."""
        if group != self._group:
            self._group, self._kept = group, Kept()
        return self._kept


def answer(work: Work, bench: Bench) -> Answer:
    """Run `work` and return what came of it. Raises nothing but KeyboardInterrupt and the like."""
    began, clock = time(), perf_counter()
    status, error, results = DONE, "", {}
    try:
        results = {name: _plain(value) for name, value in work.run(bench.at(work.group)).items()}
    except UsageError as reason:
        status, error = REFUSED, str(reason)
    except CollsimError as reason:
        status, error = FAILED, str(reason)
    except MemoryError:
        status, error = FAILED, "There was not enough memory; use fewer ranks, a larger packet_payload or engine analytic."
    except (Exception, SystemExit) as fault:
        status, error = FAILED, _fault(fault)
    return Answer(status, _written(error), results, perf_counter() - clock, began, time())


def refusal(reason: UsageError) -> Answer:
    """Return the answer for a point that cannot be prepared."""
    return Answer(REFUSED, _written(str(reason)))


def _plain(value: Any) -> Any:
    """Return a result as JSON has it: numbers of numpy's as Python's, None for what is no number, words for all else."""
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(value, float) and not isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float) else _written(str(value), len(str(value)))


def _written(text: str, most: int = LONGEST_ERROR) -> str:
    """Return text as a file takes it: halves of characters, which file names may hold, spelt out; cut after `most`."""
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= most else f"{text[:most]} ... ({len(text):,} characters)"


def _fault(fault: BaseException) -> str:
    """Return an unexpected error in a sentence: what it is, and where, for whoever wrote an algorithm of their own."""
    frames = traceback.extract_tb(fault.__traceback__)
    where = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return " ".join(f"It failed with {type(fault).__name__}{where}: {fault}".split())
