"""`collsim results`: what a file of results holds, as a table, CSV, Parquet or JSON."""

from __future__ import annotations

import sys
from typing import Any

import click

__all__ = ["results"]

MOST_ROWS = 40


@click.command()
@click.argument("file", metavar="FILE.sqlite", type=click.Path())
@click.option("--status", type=click.Choice(["done", "failed", "refused"]), help="Only rows of this status. [all]")
@click.option("--rows", "most", default=MOST_ROWS, show_default=True, metavar="N", help="Rows to print, 0 for all.")
@click.option("--hashes", is_flag=True, help="Show the hash of each row's inputs, its name for --repeat.")
@click.option("--repeat", "key", metavar="HASH", help="Run the row of this hash again and say what came out otherwise.")
@click.option("--csv", "csv_path", metavar="FILE", help="Write all columns as CSV; '-' prints them instead of the table.")
@click.option("--parquet", "parquet_path", metavar="FILE", help="Write all columns as Parquet (extra collsim[parquet]).")
@click.option("--json", "json_path", metavar="FILE", help="Write all columns as JSON; '-' prints them instead of the table.")
def results(file: str, status: str | None, most: int, hashes: bool, key: str | None, **options: Any) -> int:
    """Print the results of a sweep: the parameters that differ, time, bandwidth, percent of the bound, or the error.

    A row can be run again from what the file holds alone: parameters, and the files that they name as they were then.
    Exit code 1 if something else comes out.

    \b
    Examples:
      collsim results study.sqlite
      collsim results study.sqlite --status failed
      collsim results study.sqlite --hashes
      collsim results study.sqlite --csv study.csv --parquet study.parquet
    """
    from dataclasses import replace

    from collsim.cli.results_rows import table
    from collsim.errors import InvalidValue
    from collsim.report.output import check_writable, to_json, write_text
    from collsim.report.table import print_columns
    from collsim.sweep.results import check_parquet, read_results

    csv_path, parquet_path, json_path = (options[f"{kind}_path"] for kind in ("csv", "parquet", "json"))
    if key is not None:
        return _repeat(file, key)
    if json_path == csv_path == "-":
        raise InvalidValue("Only one of --json and --csv can be printed; name a file for the other.")
    if parquet_path is not None:
        check_parquet()
    for path in (csv_path, parquet_path, json_path):
        if path not in (None, "-"):
            check_writable(str(path))
    found = read_results(file)
    if status is not None:
        found = replace(found, rows=tuple(row for row in found.rows if row.status == status))
    if "-" not in (csv_path, json_path):
        shown = replace(found, rows=found.rows[:most] if most > 0 else found.rows)
        heads, rows, left = table(found, shown, hashes)
        if rows:
            print_columns(heads, rows, sys.stdout, left=left)
        more = len(found.rows) - len(shown.rows)
        click.echo(f"{found}" + (f"; {more:,} are not shown (--rows 0 shows all)" if more else "") + ".")
    if csv_path == "-":
        click.echo(found.frame().to_csv(index=False), nl=False)
    elif csv_path is not None:
        found.to_csv(csv_path)
    if parquet_path is not None:
        found.to_parquet(parquet_path)
    if json_path is not None:
        text = to_json(found.to_dict())
        if json_path == "-":
            click.echo(text, nl=False)
        else:
            write_text(json_path, text)
    return 0


def _repeat(file: str, key: str) -> int:
    from datetime import UTC, datetime

    from collsim.cli.results_rows import cell
    from collsim.report.table import print_rows
    from collsim.sweep.repeat import repeat
    from collsim.units import format_time

    found = repeat(file, key)
    row, again = found.row, found.again
    asked = {name: cell(name, value) for name, value in row.point.items() if value not in (None, [], {})}
    when = datetime.fromtimestamp(row.finished, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    rows = [
        ("Point", ", ".join(f"{name} {text}" for name, text in asked.items())),
        ("Recorded", f"{when} on {row.host or 'an unnamed host'} by collsim {row.version}"),
        ("Inputs", f"other now: {', '.join(found.other)}" if found.other else f"the same, hash {row.key}"),
    ]
    for label, one in (("Before", row), ("Again", again)):
        time = one.results.get("time_fs")
        rows.append(
            (label, f"{one.status}{f', {format_time(time)}' if time is not None else ''}{one.error and f': {one.error}'}")
        )
    if found.change is None:
        rows.append(("Verdict", f"repeated: all {len(row.results)} results are the same to the last bit"))
    else:
        rows.append(("Verdict", f"something else came out: {', '.join(found.change.what)}"))
    print_rows(rows, sys.stdout)
    return 0 if found.change is None else 1
