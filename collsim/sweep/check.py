"""The conformance of one algorithm, wherever it comes from: proved on many machines, held to its own formulas, timed.

This is what the project's own suite asks of every registered algorithm, as a report for whoever is writing one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import isclose

import numpy as np

from collsim.collectives.algorithm import Algorithm, parse_algorithm
from collsim.collectives.schedule import Schedule
from collsim.errors import AlgorithmUnsuitable, CollsimError, InvalidValue
from collsim.simulate import Case, prepare
from collsim.topology import load

__all__ = ["MACHINES", "Check", "checks"]

MACHINES = (
    "ring2",
    "ring5",
    "mesh3x4",
    "torus4x4",
    "hypercube8",
    "full6",
    "switch7",
    "fattree4",
    "dragonfly2x4x2",
    "dgx1-v100",
)
"""One or more of each kind, with numbers of ranks that are powers of two and such that are not."""


@dataclass(frozen=True, slots=True)
class Check:
    """What came of one collective on one machine.

    `verdict`: "proved", "refused" (the algorithm says why it does not suit) or "wrong"; `detail` the reason of the last two.
    `steps`, `transfers` of the schedule; `percent_of_bound` at the size checked, None where nothing ran.
    """

    topology: str
    collective: str
    verdict: str
    detail: str = ""
    steps: int = 0
    transfers: int = 0
    percent_of_bound: float | None = None


def checks(algorithm: str, size: int, machines: Sequence[str] = ()) -> Iterator[Check]:
    """Yield a check of every collective that `algorithm` serves on each of `machines` (default: its own and MACHINES).

    By default also among half of the hosts of the first machine that suits, in reverse. A machine that the algorithm's facts
    name as suited must not be refused. Time is the analytic engine's at `size` bytes.
    Raises what `parse_algorithm` and `prepare` raise.
    """
    entry, options = parse_algorithm(algorithm)
    for topology in machines or dict.fromkeys((*entry.suits, *MACHINES)):
        for collective in entry.collectives:
            case = prepare(topology, collective=collective, engine="analytic")
            yield _judged(case, entry, algorithm, size, topology, topology in entry.suits and not options)
    for topology in () if machines else entry.suits[:1]:
        # Ranks need not fill a machine, nor sit in order; who counts on it has to refuse.
        some = range(load(topology).hosts // 2, -1, -1)
        for collective in entry.collectives if len(some) > 1 else ():
            case = prepare(topology, collective=collective, engine="analytic", hosts=some)
            yield _judged(case, entry, algorithm, size, f"{topology}, {len(some)} hosts", suits=False)


def _judged(case: Case, entry: Algorithm, algorithm: str, size: int, topology: str, suits: bool) -> Check:
    """Return the check of one case; a refusal is wrong where the facts name the machine as one that `suits`."""
    collective = case.collective.name
    try:
        return replace(_check(case, entry, algorithm, size), topology=topology)
    except (AlgorithmUnsuitable, InvalidValue) as reason:
        detail = f"named as suited, but: {reason}" if suits else str(reason)
        return Check(topology, collective, "wrong" if suits else "refused", detail)
    except CollsimError as reason:
        return Check(topology, collective, "wrong", str(reason))
    except Exception as fault:
        detail = " ".join(f"it failed with {type(fault).__name__}: {fault}".split())
        return Check(topology, collective, "wrong", detail)


def _check(case: Case, entry: Algorithm, algorithm: str, size: int) -> Check:
    plan, _ = case.plan(algorithm, size)
    # Formulas are of the defaults, without a hint of the size that may choose other segments or another variant.
    options = parse_algorithm(algorithm)[1]
    plain = plan if entry.size_free or options else entry.schedule(case.topology, case.collective, case.hosts)
    wrong = "" if options else _untrue(case, entry, plain)
    percent = case.run(algorithm, size).percent_of_bound
    verdict = "wrong" if wrong else "proved"
    return Check(case.topology.name, case.collective.name, verdict, wrong, plan.steps, plan.transfers, percent)


def _untrue(case: Case, entry: Algorithm, plan: Schedule) -> str:
    """Return which formula of the facts does not hold for the schedule, or nothing."""
    arguments = case.topology, case.collective, plan.ranks
    steps, volume = entry.steps.value(*arguments), entry.volume.value(*arguments)
    if steps is not None and steps != plan.steps:
        return f"{plan.steps} steps, while its formula '{entry.steps.text}' gives {steps}"
    # Exact: bytes of a buffer as large as its weight are the weights themselves.
    moved = np.zeros(plan.ranks, dtype=np.int64)
    np.add.at(moved, plan.src, plan.message_bytes(plan.unit))
    # A formula may be written in floats, which are right to fifteen digits and not exact.
    if volume is not None and not isclose(volume * plan.unit, int(moved.max(initial=0)), rel_tol=1e-12):
        sent = int(moved.max(initial=0)) / plan.unit
        law = f"its formula '{entry.volume.text}' gives {float(volume):.4g}"
        return f"the busiest rank sends {sent:.4g} of the size, while {law}"
    return ""
