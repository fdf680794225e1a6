"""A sweep from grid to results: points are prepared, those that have a row already left out, the others worked off.

Each answer is written as soon as it is there, so that whatever ends a sweep, another one with the same file goes on behind
the last row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from collsim.collectives.algorithm import ALGORITHMS
from collsim.errors import InvalidValue, UsageError
from collsim.jit.guard import interruptible
from collsim.sweep.answer import Answer, refusal
from collsim.sweep.executors import Executor, Here, Processes, cores
from collsim.sweep.grid import Grid, Point, make_grid, read_grid
from collsim.sweep.inputs import hash_of
from collsim.sweep.results import Results
from collsim.sweep.runner import RUNNERS, Kept, Work
from collsim.sweep.store import FAILED, Row, Store

__all__ = ["Job", "Plan", "Show", "execute", "executor_for", "gather", "make_plan", "sweep"]

Show = Callable[[int, int, str], None]
"""Hears how many points are done, of how many, and what happened last."""


@dataclass(frozen=True, slots=True)
class Job:
    """A point: its hash, its place in the grid, its parameters as tables call them, and what runs it or why nothing can."""

    key: str
    kind: str
    position: int
    shown: dict[str, Any]
    inputs: dict[str, Any]
    work: Work | None
    refused: UsageError | None = None

    def row(self, answer: Answer) -> Row:
        """Return the row of this point with what came of it."""
        from collsim import __version__

        return Row(
            self.key,
            self.kind,
            answer.status,
            self.shown,
            self.inputs,
            answer.error,
            answer.results,
            answer.wall_s,
            answer.started,
            answer.finished,
            answer.host,
            __version__,
            answer.attempts,
            self.position,
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """The points of a grid, each once; `twice`: how many more are the same as another one under other words."""

    jobs: tuple[Job, ...]
    twice: int = 0


def make_plan(grid: Grid) -> Plan:
    """Return the points of `grid` ready to run; what cannot be run is a point of the plan too."""
    runner, kept, jobs = RUNNERS.get(grid.kind), Kept(), dict[str, Job]()
    for position, point in enumerate(grid.points()):
        job = _job(runner.prepare, position, point, kept)
        jobs.setdefault(job.key, job)
    return Plan(tuple(jobs.values()), len(grid) - len(jobs))


def _job(prepare: Callable[[Mapping[str, Any], Kept], Any], position: int, point: Point, kept: Kept) -> Job:
    from collsim import __version__

    try:
        prepared = prepare(point.parameters, kept)
    except UsageError as error:
        # What it would depend on cannot be known, so it is known by what was asked for.
        inputs = {"kind": point.kind, **point.shown(), "collsim": __version__}
        return Job(hash_of(inputs), point.kind, position, point.shown(), inputs, None, error)
    inputs = {"kind": point.kind, **prepared.inputs}
    return Job(hash_of(inputs), point.kind, position, point.shown() | prepared.shown, inputs, prepared.work)


def execute(
    plan: Plan, store: Store, executor: Executor, *, retry_failed: bool = False, show: Show = lambda done, total, text: None
) -> int:
    """Work off what of `plan` has no row in `store` yet, and return how many points that were.

    `retry_failed`: those whose row says "failed" as well. Raises WriteFailed, and RunError when nobody can go on.
    """
    known = store.statuses()
    open_jobs = [
        job
        for job in plan.jobs
        if job.key not in known or (retry_failed and known[job.key] == FAILED and job.work is not None)
    ]
    done, total = len(plan.jobs) - len(open_jobs), len(plan.jobs)
    store.write(job.row(refusal(job.refused)) for job in open_jobs if job.refused is not None)
    jobs = [(job, job.work) for job in open_jobs if job.work is not None]
    done += len(open_jobs) - len(jobs)
    show(done, total, "points")
    for answers in executor.answers([work for _, work in jobs]) if jobs else ():
        # Ctrl-C waits for the rows to be written.
        with interruptible():
            store.write(jobs[number][0].row(answer) for number, answer in answers)
        done += len(answers)
        show(done, total, "points")
    return len(open_jobs)


def gather(plan: Plan, store: Store) -> Results:
    """Return the rows of `plan` that `store` has, in the order of the plan and in its words."""
    rows = {row.key: row for row in store.rows([job.key for job in plan.jobs])}
    found = [replace(rows[job.key], point=job.shown) for job in plan.jobs if job.key in rows]
    return Results(tuple(found), store.path, len(plan.jobs) - len(found))


@contextmanager
def executor_for(jobs: int | None, cluster: str | None) -> Iterator[tuple[Executor, str]]:
    """Yield who works points off, and that in words: a cluster, this process (0 jobs), or so many processes.

    None are as many as there are cores. Raises InvalidValue and what `Cluster` raises.
    """
    if cluster is not None:
        from collsim.sweep.cluster import Cluster

        if jobs is not None:
            raise InvalidValue("On a cluster the number of jobs is that of its workers; leave out one of jobs and cluster.")
        workers = Cluster(cluster)
        try:
            yield workers, f"{workers.count} threads of {cluster}"
        finally:
            workers.close()
        return
    count = cores() if jobs is None else jobs
    if count < 0:
        raise InvalidValue(f"A sweep cannot have {count} jobs; give 1 or more, or 0 to stay in this process.")
    # What a notebook or a script has registered is known to no other process.
    own = [name for name, entry in ALGORITHMS.items() if getattr(entry.function, "__module__", "") == "__main__"]
    if count == 0 or (own and jobs is None):
        yield Here(), "this process"
    else:
        yield Processes(count), f"{count} process{'es' if count > 1 else ''}"


def sweep(
    topologies: Any = None,
    algorithms: Any = None,
    sizes: Any = None,
    *,
    file: str | Path | None = None,
    out: str | Path | None = None,
    jobs: int | None = None,
    cluster: str | None = None,
    retry_failed: bool = False,
    show: Show = lambda done, total, text: None,
    **axes: Any,
) -> Results:
    """Run every combination of the values given and return the results, a row a point.

    `topologies`, `algorithms`, `sizes` and `axes`: a value or a list of values for each key of docs/sweeps.md, such as
    `engines`, `network={"header": [0, "64B"]}` or `workload="tp"`; or `file`: a YAML file of them. `out`: the SQLite file,
    where rows that are there are not run again; without it nothing is kept. `jobs`: worker processes (default: a core
    each), 0 to stay in this process. `cluster`: address of a dask scheduler instead. `retry_failed`: run failed points
    again. `show` hears (done, total, text). Failed and impossible points are rows too; see `Results`.

    Raises UsageError for a grid that makes no sense and WriteFailed when the disk is full; rows written by then stay.

    >>> import collsim
    >>> found = collsim.sweep(["torus3x3", "ring4"], ["ring", "multitree"], "64KiB", engines="analytic", jobs=0)
    >>> len(found.done)
    4
    """
    named = {"topologies": topologies, "algorithms": algorithms, "sizes": sizes}
    given = {key: value for key, value in named.items() if value is not None} | axes
    if file is not None and given:
        raise InvalidValue(f"The sweep is stated in '{file}'; leave out {', '.join(given)}, or the file.")
    plan = make_plan(make_grid(given) if file is None else read_grid(file))
    with Store(":memory:" if out is None else out) as store, executor_for(jobs, cluster) as (executor, _):
        execute(plan, store, executor, retry_failed=retry_failed, show=show)
        return gather(plan, store)
