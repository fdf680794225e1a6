"""Schemes of data-parallel training against each other, over numbers of ranks: programs run and laws put beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

from collsim.crossings import Recorder
from collsim.engines.engine import ENGINES
from collsim.errors import InvalidValue
from collsim.report.trace import Traced, check_traceable
from collsim.sweep.data_parallel_job import job_from_words
from collsim.sweep.data_parallel_place import Job, Place, place
from collsim.sweep.data_parallel_run import SchemeRun, Study
from collsim.units import parse_count
from collsim.workloads.data_parallel import SCHEMES, Exchange, Written
from collsim.workloads.timeline import timeline

__all__ = ["BASELINE", "Job", "Place", "SchemeRun", "Study", "collect", "data_parallel", "parse_schemes", "place", "runs"]

BASELINE = "ssgd"


def parse_schemes(text: str) -> tuple[str, ...]:
    """Return the schemes of "ssgd,dcs3gd" or "all", each once. Raises UnknownName and InvalidValue."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise InvalidValue(f"There is no scheme in '{text}'; name some, like ssgd,dcs3gd, or all.")
    chosen = [each for name in names for each in (SCHEMES if name == "all" else [SCHEMES.get(name).name])]
    return tuple(sorted(dict.fromkeys(chosen), key=lambda name: (name != BASELINE, chosen.index(name))))


def run_scheme(where: Place, name: str, observers: Sequence[object] = ()) -> SchemeRun:
    """Return the run of the scheme `name`; `observers` are handed to the engine, a Recorder for a trace."""
    scheme = SCHEMES.get(name)
    case, work = where.server_case if scheme.asynchronous else where.case, where.work
    started = perf_counter()
    times = where.times(scheme)
    written = scheme.write(work)
    engine = ENGINES.get(case.engine)
    recorder = next((one for one in observers if isinstance(one, Recorder)), None)
    if recorder is not None:
        check_traceable(written.program.messages)
    more = {"changes": case.changes} if case.changes else {}
    result = engine(case.topology, written.program, case.network, seed=case.seed, observers=observers, **more)
    line = timeline(work, _without_messages(written) if scheme.asynchronous else written, result)
    wall = perf_counter() - started
    predicted = scheme.predict(work, times)
    crossings = None if recorder is None else recorder.found
    traced = None if recorder is None else Traced(case.topology, written.program, result, crossings, case.hosts)
    law = scheme.law(work, times)
    return SchemeRun(scheme, where, line, tuple(times), law, predicted, result.packet_hops, wall, traced)


def _without_messages(written: Written) -> Written:
    """Return the same with exchanges that are over when their last message is, as those with servers are."""
    return replace(written, exchanges=tuple(Exchange(e.iteration, e.posted, (), e.after) for e in written.exchanges))


def runs(
    places: Sequence[Place], schemes: Sequence[str], observers: Callable[[str], Sequence[object]] = lambda scheme: ()
) -> Iterator[SchemeRun]:
    """Yield the run of every scheme at every place, the baseline first, also where it is not asked for.

    `observers(scheme)` are handed to the engine.
    """
    for where in places:
        known: dict[Any, SchemeRun] = {}
        for name in dict.fromkeys([BASELINE, *schemes]):
            scheme = SCHEMES.get(name)
            # Schemes that differ in what they make of a sum, and not in when, share a program.
            same = known.get(scheme.write)
            known[scheme.write] = run = (
                run_scheme(where, name, observers(name)) if same is None else replace(same, scheme=scheme)
            )
            yield run


def collect(done: Sequence[SchemeRun], schemes: Sequence[str]) -> Study:
    """Return the study of what `runs` has yielded so far."""
    baselines = {run.ranks: run for run in done if run.scheme.name == BASELINE}
    return Study(tuple(run for run in done if run.scheme.name in schemes), baselines)


def data_parallel(
    ranks: int | str | Sequence[int | str] = 64,
    schemes: str = "all",
    *,
    topology: str | None = None,
    algorithm: str = "ring",
    job: Job | Mapping[str, Any] | None = None,
    **settings: Any,
) -> Study:
    """Run `schemes` ("ssgd,dcs3gd" or "all") of `job` on `ranks` ranks and return the study. Raises UsageError, RunError.

    `topology`: a machine, a family such as "torus", sized by the ranks, or None for one switch. `job`: a `Job`, or words by
    the names of the options of `collsim workload dp`, such as {"model": "vgg16", "jitter": 0.1, "iterations": 12}.
    `settings`: those of `collsim.simulate.prepare`, such as network, engine, bandwidth and seed.

    >>> from collsim.sweep.data_parallel import data_parallel
    >>> study = data_parallel(4, "ssgd,dcs3gd")
    >>> study.runs[1].exact
    True
    """
    names = parse_schemes(schemes)
    counts = [parse_count(count, "number of ranks") for count in ([ranks] if isinstance(ranks, int | str) else ranks)]
    what = job if isinstance(job, Job) else job_from_words(job or {})
    places = [place(what, count, topology, algorithm, names, **settings) for count in counts]
    return collect(list(runs(places, names)), names)
