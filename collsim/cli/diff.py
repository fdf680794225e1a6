"""`collsim diff`: what changed from one file of results to another."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collsim.sweep.diff import Diff

__all__ = ["diff"]

MOST_ROWS = 20


@click.command()
@click.argument("before", metavar="BEFORE.sqlite", type=click.Path())
@click.argument("after", metavar="AFTER.sqlite", type=click.Path())
@click.option(
    "--tolerance", default=0.0, show_default=True, metavar="F", help="Share by which numbers may differ and count as alike."
)
@click.option("--fail-on-change", is_flag=True, help="Exit with code 1 if anything differs.")
@click.option("--rows", "most", default=MOST_ROWS, show_default=True, metavar="N", help="Changes to print, 0 for all.")
@click.option("--csv", "csv_path", metavar="FILE", help="Write one row a change; '-' prints it instead of the report.")
@click.option("--json", "json_path", metavar="FILE", help="Write the differences as JSON; '-' prints it instead.")
def diff(before: str, after: str, tolerance: float, fail_on_change: bool, **options: Any) -> int:
    """Compare two files of results: points that only one has, times and other results that differ, verdicts that changed.

    The largest ratios of times come first. A point is the same in both files if it was asked for alike, whatever the
    versions of collsim, the machine's file and the algorithm's file; which of these differ is said.

    \b
    Examples:
      collsim diff before.sqlite after.sqlite
      collsim diff before.sqlite after.sqlite --tolerance 0.01 --fail-on-change
    """
    from collsim.errors import InvalidValue
    from collsim.report.output import check_writable, to_json, write_file, write_text
    from collsim.sweep.diff import compare_results
    from collsim.sweep.results import read_results

    json_path, csv_path = options["json_path"], options["csv_path"]
    if json_path == csv_path == "-":
        raise InvalidValue("Only one of --json and --csv can be printed; name a file for the other.")
    for path in (csv_path, json_path):
        if path not in (None, "-"):
            check_writable(str(path))
    found = compare_results(read_results(before), read_results(after), tolerance)
    if json_path == "-":
        click.echo(to_json(found.to_dict()), nl=False)
    elif csv_path == "-":
        click.echo(found.frame().to_csv(index=False), nl=False)
    else:
        _print(found, options["most"])
    if json_path not in (None, "-"):
        write_text(str(json_path), to_json(found.to_dict()))
    if csv_path not in (None, "-"):
        frame = found.frame()
        write_file(str(csv_path), lambda temporary: frame.to_csv(temporary, index=False))
    return 1 if found and fail_on_change else 0


def _print(found: Diff, most: int) -> None:
    from collsim.cli.results_rows import cell
    from collsim.report.table import print_columns, print_rows
    from collsim.units import format_time

    counts = [("Before", found.before), ("After", found.after), ("Alike", f"{found.same:,} points")]
    counts += [("Changed", f"{len(found.changes):,} points")]
    counts += [("Only before", f"{len(found.only_before):,} points"), ("Only after", f"{len(found.only_after):,} points")]
    print_rows(counts, sys.stdout)
    shown = found.changes[:most] if most > 0 else found.changes
    if not shown:
        return
    points = [change.after.point for change in found.changes]
    names = list(dict.fromkeys(name for point in points for name in point))
    varied = [name for name in names if len({repr(point.get(name)) for point in points}) > 1] or names[:1]
    rows = []
    for change in shown:
        sides = (change.before, change.after)
        words = [format_time(row.results["time_fs"]) if row.status == "done" else row.status for row in sides]
        ratio = "-" if change.ratio is None else f"{change.ratio:.4g}x"
        because = ", ".join(change.because) or "-"
        rows.append(
            [*(cell(name, change.after.point.get(name)) for name in varied), _few(change.what), because, *words, ratio]
        )
    click.echo()
    print_columns([*varied, "differs", "because", "before", "after", "ratio"], rows, sys.stdout, left=len(varied) + 2)
    if len(found.changes) > len(shown):
        click.echo(f"{len(found.changes) - len(shown):,} more changes are not shown (--rows 0 shows all).")


def _few(names: tuple[str, ...], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
