"""`collsim sweep`: all combinations of lists of machines, algorithms, sizes and settings, into one file of results."""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from collsim.cli.progress import progress

if TYPE_CHECKING:
    from collsim.sweep.grid import Grid
    from collsim.sweep.results import Results
    from collsim.sweep.sweeping import Plan

__all__ = ["sweep"]

MOST_REASONS = 5
"""Reasons of failed and of impossible points that a summary names."""


@click.command()
@click.argument("file", metavar="FILE.yaml", type=click.Path())
@click.option("--out", metavar="FILE", help="SQLite file of the results, gone on with if it is there. [FILE.sqlite]")
@click.option("--jobs", type=int, metavar="N", help="Processes to run points in. [one a core]")
@click.option(
    "--cluster", metavar="ADDRESS", help="Dask scheduler whose workers run the points instead, like tcp://10.0.0.1:8786."
)
@click.option("--retry-failed", is_flag=True, help="Run points again that failed before.")
@click.option("--timeout", metavar="TIME", help="Fail points that take longer on the clock, like 600s. [no limit]")
@click.option("--dry-run", is_flag=True, help="Count and list the points and say which cannot be run; run none.")
@click.option("--csv", "csv_path", metavar="FILE", help="Write the results as CSV too; '-' prints them, not the summary.")
@click.option("--parquet", "parquet_path", metavar="FILE", help="Write the results as Parquet too (extra collsim[parquet]).")
def sweep(file: str, out: str | None, jobs: int | None, cluster: str | None, **options: Any) -> int:
    """Run every combination of the values that a YAML file lists, and keep the results in one SQLite file.

    Points that have a row there are not run again: after Ctrl-C, a crash or a full disk the same command goes on where it
    stopped. A point that fails is recorded with its error, and the others go on. Exit code 1 if any failed, 130 after
    Ctrl-C. docs/sweeps.md has the keys of the file; 'collsim results' prints what came out, 'collsim diff' compares two.

    \b
    Examples:
      collsim sweep study.yaml
      collsim sweep study.yaml --dry-run
      collsim sweep study.yaml --out results.sqlite --jobs 4 --csv results.csv
      collsim sweep study.yaml --cluster tcp://10.0.0.1:8786
    """
    from collsim.report.output import check_writable
    from collsim.sweep.grid import read_grid
    from collsim.sweep.results import check_parquet
    from collsim.sweep.store import Store
    from collsim.sweep.sweeping import execute, executor_for, gather, make_plan

    csv_path, parquet_path = options["csv_path"], options["parquet_path"]
    if parquet_path is not None:
        check_parquet()
    for path in (csv_path, parquet_path):
        if path not in (None, "-"):
            check_writable(str(path))
    grid = read_grid(file)
    with progress(f"looking at {len(grid):,} points") as show:
        plan = make_plan(grid, show)
    place = str(Path(file).with_suffix(".sqlite")) if out is None else out
    if options["dry_run"]:
        _list(grid, plan, place)
        return 0
    started, interrupted, ran, who = perf_counter(), False, 0, ""
    with Store(place) as store:
        known = store.statuses()
        before = sum(job.key in known for job in plan.jobs)
        with progress(f"{len(plan.jobs):,} points", left=True) as show:
            try:
                with executor_for(jobs, cluster, options["timeout"]) as (executor, who):
                    ran = execute(plan, store, executor, retry_failed=options["retry_failed"], show=show)
            except KeyboardInterrupt:
                interrupted = True
        results = gather(plan, store)
    if csv_path != "-":
        took = f"{len(results.rows) - before if interrupted else ran:,} points in {perf_counter() - started:.1f} s by {who}"
        _summary(results, plan, before, took)
    # Behind the summary, so that a disk too full for a copy of the results does not hide that they are there.
    _export(results, csv_path, parquet_path)
    if interrupted:
        click.echo(f"Error: Interrupted; {results.missing:,} points are missing, and the same command goes on.", err=True)
        return 130
    return 1 if results.failed else 0


def _list(grid: Grid, plan: Plan, place: str) -> None:
    """Print every point that would be run or is refused, and how many have a row already."""
    from collsim.cli.results_rows import cell
    from collsim.report.table import print_columns
    from collsim.sweep.store import Store
    from collsim.sweep.sweeping import refusals

    known = {}
    if place == ":memory:" or Path(place).exists():
        with Store(place, create=False) as store:
            known = store.statuses()
    names, refused = grid.varied or ("topology",), refusals(plan)
    rows = []
    for job in plan.jobs:
        state = known.get(job.key, "refused" if job.key in refused else "to run")
        rows.append([*(cell(name, job.shown.get(name)) for name in names), state])
    print_columns([*names, "state"], rows, sys.stdout, left=len(names) + 1)
    reasons = list(dict.fromkeys(str(reason) for reason in refused.values()))
    for reason in reasons[:MOST_REASONS]:
        click.echo(f"Refused: {reason}")
    if len(reasons) > MOST_REASONS:
        click.echo(f"Refused: for {len(reasons) - MOST_REASONS:,} more reasons.")
    there = sum(job.key in known for job in plan.jobs)
    same = f", {plan.twice:,} more are the same as others" if plan.twice else ""
    click.echo(f"{len(plan.jobs):,} points{same}; {there:,} have a row in {place}.")


def _export(results: Results, csv_path: str | None, parquet_path: str | None) -> None:
    if csv_path == "-":
        click.echo(results.frame().to_csv(index=False), nl=False)
    elif csv_path is not None:
        results.to_csv(csv_path)
    if parquet_path is not None:
        results.to_parquet(parquet_path)


def _summary(results: Results, plan: Plan, before: int, took: str) -> None:
    from collsim.report.table import print_rows

    counts = results.counts()
    state = ", ".join(f"{count:,} {status}" for status, count in counts.items() if count or status == "done")
    rows = [("Points", f"{len(plan.jobs):,}: {state}" + (f", {results.missing:,} missing" if results.missing else ""))]
    if plan.twice:
        rows.append(("Same", f"{plan.twice:,} combinations are the same as another one"))
    rows += [("Before", f"{before:,} had a row already"), ("Now", took), ("Results", results.source)]
    for label, some in (("Failed", results.failed), ("Refused", results.refused)):
        reasons = list(dict.fromkeys(row.error for row in some))
        rows += [(label, reason) for reason in reasons[:MOST_REASONS]]
        if len(reasons) > MOST_REASONS:
            rows.append((label, f"and for {len(reasons) - MOST_REASONS:,} more reasons; see 'collsim results --status'"))
    print_rows([*rows, ("Try next", f"collsim results {results.source}")], sys.stdout)
