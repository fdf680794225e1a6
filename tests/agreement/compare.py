"""Run a case on an engine, and say in what two runs of it differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from agreement.cases import Case

from collsim.engines.compiled_engine import packets
from collsim.engines.engine import ENGINES
from collsim.errors import CollsimError, StallError, UsageError
from collsim.network.link_changes import LinkChange
from collsim.result import Result

__all__ = ["FIELDS", "Run", "against", "differences", "report", "run", "unsupported"]

FIELDS = (
    "time",
    "operation_finish",
    "message_ready",
    "message_finish",
    "message_started",
    "link_busy",
    "link_bytes",
    "host_exposed",
    "packets",
    "packet_hops",
    "critical_path",
    "critical_links",
    "packets_lost",
    "packets_repeated",
    "packets_discarded",
    "reorder_peak",
)


@dataclass(frozen=True)
class Run:
    """What came of a case on an engine: a result, or an error; one that is no CollsimError is a crash."""

    result: Result | None = None
    error: Exception | None = None

    @property
    def crashed(self) -> bool:
        return self.error is not None and not isinstance(self.error, CollsimError)


def run(case: Case, engine: str, observers: Sequence[object] = ()) -> Run:
    """Run `case` on the engine of that name; "packets" is the compiled one without trains."""
    function = packets if engine == "packets" else ENGINES.get(engine)
    try:
        more = {"changes": [LinkChange(*change) for change in case.changes]} if case.changes else {}
        result = function(case.topology, case.program(), case.network, seed=case.seed, observers=observers, **more)
    except Exception as error:
        return Run(error=error)
    return Run(result=result)


def unsupported(run: Run) -> bool:
    """Whether an engine refused something by name as beyond it: such a refusal speaks of the compiled engine."""
    return isinstance(run.error, UsageError) and "compiled engine" in str(run.error)


def differences(one: Run, other: Run) -> list[str]:
    """The fields in which two runs of a case differ, each with the two values; [] if they agree."""
    if one.result is None or other.result is None:
        return _errors(one, other)
    found = []
    for name in FIELDS:
        a, b = plain(getattr(one.result, name)), plain(getattr(other.result, name))
        if a != b:
            found.append(f"{name}: {_shown(a, b)}")
    return found


def against(case: Case, one: Run, engine: str) -> tuple[Run, list[str]]:
    """Run `case` on another engine; return that run and in what it differs from `one`.

    What ran as trains runs packet by packet as well. A refusal by name is no difference.
    """
    other = run(case, engine)
    if unsupported(other):
        return other, []
    found = differences(one, other)
    if other.result is not None and other.result.train_fraction:
        found += [f"packet by packet, {text}" for text in differences(one, run(case, "packets"))]
    return other, found


def _errors(one: Run, other: Run) -> list[str]:
    a, b = one.error, other.error
    if one.crashed or other.crashed or type(a) is not type(b):
        return [f"outcome: {_outcome(one)} / {_outcome(other)}"]
    if isinstance(a, StallError) and isinstance(b, StallError) and _turned(a.cycle) != _turned(b.cycle):
        return [f"cycle: {a.cycle} / {b.cycle}"]
    if isinstance(a, UsageError | StallError) and str(a) != str(b):
        return [f"words: {_outcome(one)} / {_outcome(other)}"]
    return []


def _outcome(run: Run) -> str:
    return "a result" if run.error is None else f"{type(run.error).__name__}({str(run.error)[:200]})"


def _turned(cycle: tuple[str, ...]) -> tuple[str, ...]:
    """A cycle from its least member on, so that the place where naming it began does not matter."""
    start = cycle.index(min(cycle)) if cycle else 0
    return cycle[start:] + cycle[:start]


def plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return {k: v for k, v in value.items() if v} if isinstance(value, Mapping) else value


def _shown(a: object, b: object) -> str:
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        unlike = [(k, x, y) for k, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]
        return f"{len(unlike)} of {len(a)}, " + ", ".join(f"[{k}] {x} / {y}" for k, x, y in unlike[:4])
    if isinstance(a, dict) and isinstance(b, dict):
        return ", ".join(f"{k}: {a.get(k, 0)} / {b.get(k, 0)}" for k in sorted({*a, *b}) if a.get(k) != b.get(k))
    return f"{a} / {b}"


def report(case: Case, engines: tuple[str, str]) -> str:
    """The differences between two engines on `case`, a line each."""
    found = differences(run(case, engines[0]), run(case, engines[1]))
    return "\n".join([f"{engines[0]} / {engines[1]}", *found]) if found else f"{engines[0]} and {engines[1]} agree"
