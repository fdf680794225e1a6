"""A sweep from grid to results: points are prepared, those that have a row already left out, the others worked off.

Each answer is written as soon as it is there, so that whatever ends a sweep, another one with the same file goes on behind
the last row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.algorithm_files import ALGORITHM_READERS
from collsim.errors import InvalidValue, RunError, UsageError
from collsim.jit.guard import interruptible
from collsim.sweep.answer import Answer, Bench, refusal
from collsim.sweep.executors import Executor, Here, cores
from collsim.sweep.grid import Grid, Point, make_grid, read_grid
from collsim.sweep.inputs import hash_of
from collsim.sweep.processes import Processes
from collsim.sweep.results import Results
from collsim.sweep.runner import RUNNERS, Kept, Runner, Work
from collsim.sweep.shipping import MOST_KEPT, File, Shipped, as_asked, files_of
from collsim.sweep.store import FAILED, Row, Store
from collsim.units import FS_PER_SECOND, parse_time

__all__ = ["Job", "Plan", "Show", "execute", "executor_for", "gather", "make_job", "make_plan", "refusals", "sweep"]

Show = Callable[[int, int, str], None]
"""Hears how many points are done, of how many, and what happened last."""

SHOWN_EACH = 1_000


@dataclass(frozen=True, slots=True)
class Job:
    """A point: its hash, its place in the grid, what its results depend on, and what runs it or why nothing can.

    `point`: as it was asked for; `named`: parameters that tables call otherwise; `files`: those that it names. There may be
    a million jobs, so that what a row alone needs is made with the row.
    """

    key: str
    position: int
    point: Point
    inputs: dict[str, Any]
    files: tuple[File, ...]
    named: dict[str, Any]
    work: Work | None
    refused: UsageError | None = None

    @property
    def shown(self) -> dict[str, Any]:
        """The parameters as tables call them."""
        return self.point.shown() | self.named

    def row(self, answer: Answer) -> Row:
        """Return the row of this point with what came of it."""
        from collsim import __version__

        return Row(
            self.key,
            self.point.kind,
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
            as_asked(self.point.parameters, self.files),
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """The points of a grid, each once, and the files that they name, by digest.

    `twice`: how many more are the same as another one under other words.
    """

    jobs: tuple[Job, ...]
    twice: int = 0
    files: Mapping[str, File] = field(default_factory=dict)


def make_plan(grid: Grid, show: Show = lambda done, total, text: None) -> Plan:
    """Return the points of `grid` ready to run; what cannot be run is a point of the plan too.

    `show` hears (done, total, text) now and then.
    """
    runner, kept, jobs, files = RUNNERS.get(grid.kind), Kept(), dict[str, Job](), dict[str, File]()
    for position, point in enumerate(grid.points()):
        if position % SHOWN_EACH == 0:
            show(position, len(grid), "points looked at")
        named = files_of(runner.fields, point.parameters, kept)
        job = make_job(runner, position, point, named, kept)
        if jobs.setdefault(job.key, job) is job:
            files.update((file.digest, file) for file in named)
    return Plan(tuple(jobs.values()), len(grid) - len(jobs), files)


def make_job(runner: Runner, position: int, point: Point, files: tuple[File, ...], kept: Kept) -> Job:
    """Return `point`, which names `files`, ready to run, or why it cannot be run."""
    from collsim import __version__

    try:
        prepared = runner.prepare(point.parameters, kept)
    except UsageError as error:
        # What it would depend on cannot be known, so it is known by what was asked for.
        inputs = {"kind": point.kind, **point.shown(), "collsim": __version__}
        return Job(hash_of(inputs), position, point, inputs, files, {}, None, error)
    inputs = {"kind": point.kind, **prepared.inputs}
    algorithms = tuple(file for file in files if Path(file.path).suffix.lower() in ALGORITHM_READERS)
    work = Shipped(prepared.work, algorithms) if algorithms else prepared.work
    return Job(hash_of(inputs), position, point, inputs, files, prepared.shown, work)


def refusals(plan: Plan) -> dict[str, UsageError]:
    """Return {key: reason} of the points of `plan` that cannot be run, as far as that is known before running them."""
    found: dict[str, UsageError] = {}
    bench = Bench()
    for job in plan.jobs:
        check = getattr(job.work, "check", None)
        if job.refused is not None:
            found[job.key] = job.refused
        elif job.work is not None and check is not None:
            try:
                check(bench.at(job.work.group))
            except UsageError as reason:
                found[job.key] = reason
            except (RunError, MemoryError):
                pass  # such a point fails when it is run, and nothing is run here
    return found


def execute(
    plan: Plan, store: Store, executor: Executor, *, retry_failed: bool = False, show: Show = lambda done, total, text: None
) -> int:
    """Work off what of `plan` has no row in `store` yet, and return how many points that were.

    `retry_failed`: those whose row says "failed" as well. Raises WriteFailed, and RunError when nobody can go on.
    """
    known = store.statuses()
    store.keep((file.path, file.digest, file.content) for file in plan.files.values() if len(file.content) <= MOST_KEPT)
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
def executor_for(jobs: int | None, cluster: str | None, timeout: str | int | None = None) -> Iterator[tuple[Executor, str]]:
    """Yield who works points off, and that in words: a cluster, this process (0 jobs), or so many processes.

    None are as many as there are cores. `timeout`: the longest that a point may take, in fs or like "60s". Raises
    InvalidValue and what `Cluster` raises.
    """
    limit = None if timeout is None else _seconds(timeout)
    if cluster is not None:
        from collsim.sweep.cluster import Cluster

        if jobs is not None:
            raise InvalidValue("On a cluster the number of jobs is that of its workers; leave out one of jobs and cluster.")
        workers = Cluster(cluster, limit)
        try:
            yield workers, f"{workers.count} threads of {cluster}"
        finally:
            workers.close()
        return
    count = cores() if jobs is None else jobs
    if count < 0:
        raise InvalidValue(f"A sweep cannot have {count} jobs; give 1 or more, or 0 to stay in this process.")
    if count == 0 or (jobs is None and _known_here_alone()):
        if limit is not None:
            raise InvalidValue("A timeout ends a process, and this sweep stays in this one; give jobs of 1 or more.")
        yield Here(), "this process"
    else:
        yield Processes(count, limit), f"{count} process{'es' if count > 1 else ''}"


def _seconds(timeout: str | int) -> float:
    time = timeout if isinstance(timeout, int) else parse_time(timeout)
    if time <= 0:
        raise InvalidValue(f"The timeout '{timeout}' gives a point no time; write it like 60s, or leave it out.")
    return time / FS_PER_SECOND


def _known_here_alone() -> list[str]:
    """Return the algorithms that a notebook, a script or a module of the user's registered, which no other process knows."""
    installed = {point.value.partition(":")[0].partition(".")[0] for point in entry_points(group="collsim.algorithms")}
    modules = {name: (getattr(entry.function, "__module__", "") or "") for name, entry in ALGORITHMS.items()}
    return [name for name, module in modules.items() if module.partition(".")[0] not in {"collsim", *installed}]


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
    timeout: str | int | None = None,
    show: Show = lambda done, total, text: None,
    **axes: Any,
) -> Results:
    """Run every combination of the values given and return the results, a row a point.

    `topologies`, `algorithms`, `sizes` and `axes`: a value or a list of values for each key of docs/sweeps.md, such as
    `engines`, `network={"header": [0, "64B"]}` or `workload="tp"`; or `file`: a YAML file of them. `out`: the SQLite file,
    where rows that are there are not run again; without it nothing is kept. `jobs`: worker processes (default: a core
    each), 0 to stay in this process. `cluster`: address of a dask scheduler instead. `retry_failed`: run failed points
    again. `timeout`: fail points that take longer on the clock, like "600s". `show` hears (done, total, text). Failed and
    impossible points are rows too; see `Results`.

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
    with Store(":memory:" if out is None else out) as store, executor_for(jobs, cluster, timeout) as (executor, _):
        execute(plan, store, executor, retry_failed=retry_failed, show=show)
        return gather(plan, store)
