"""The files that `collsim run` leaves behind beside its report: JSON, a trace and pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from collsim.cli.options import apply_options

if TYPE_CHECKING:
    from collsim.result import Outcome
    from collsim.simulate import Case

__all__ = ["check_size", "file_options", "take_paths", "wants_crossings", "write_files"]

F = TypeVar("F", bound=Callable[..., Any])
KINDS = ("json", "trace", "plot_links", "plot_time")
PICTURES = ("plot_links", "plot_time")


def file_options(command: F) -> F:
    """Add --json, --trace, --plot-links and --plot-time."""
    return apply_options(
        command,
        click.option(
            "--json", "json_path", metavar="FILE", help="Write the result as JSON; '-' prints it instead of the report."
        ),
        click.option(
            "--trace", "trace_path", metavar="FILE", help="Write a trace to open at https://ui.perfetto.dev (.json)."
        ),
        click.option(
            "--plot-links",
            "plot_links_path",
            metavar="FILE",
            help="Draw the machine, each link coloured by how busy it was (.png, .svg or .pdf).",
        ),
        click.option(
            "--plot-time",
            "plot_time_path",
            metavar="FILE",
            help="Draw links or ranks by time, transfers coloured by chunk (.png, .svg or .pdf).",
        ),
    )


def take_paths(options: dict[str, Any]) -> dict[str, str]:
    """Take the files asked for from the options, {kind: path}, each of them writable. Raises OutputError, InvalidValue."""
    from collsim.report.output import check_drawable, check_writable

    paths = {kind: options.pop(f"{kind}_path") for kind in KINDS}
    found = {kind: path for kind, path in paths.items() if path is not None}
    for kind, path in found.items():
        if (kind, path) != ("json", "-"):
            (check_drawable if kind in PICTURES else check_writable)(path)
    return found


def wants_crossings(paths: dict[str, str]) -> bool:
    """Say whether a file needs to know when each message held each link."""
    return bool({"trace", "plot_time"} & paths.keys())


def check_size(case: Case, algorithm: str, size: int, paths: dict[str, str]) -> None:
    """Raise InvalidValue before a run that is too large for a file that is asked for."""
    from collsim.report.trace import check_traceable

    if "trace" in paths:
        check_traceable(case.plan(algorithm, size)[0].transfers)


def write_files(outcome: Outcome, paths: dict[str, str]) -> None:
    """Write all files of `paths` but JSON to be printed, and say on stderr what one of them had to leave out."""
    from collsim.report.output import to_json, write_text

    if paths.get("json", "-") != "-":
        write_text(paths["json"], to_json(outcome.to_dict()))
    if "trace" in paths:
        from collsim.report.trace import write_trace

        for sentence in write_trace(outcome, paths["trace"]):
            click.echo(f"Note: {sentence}", err=True)
    if paths.keys() & set(PICTURES):
        from collsim.report.plot_runs import plot_links, plot_time

        for kind, draw in (("plot_links", plot_links), ("plot_time", plot_time)):
            if kind in paths:
                draw(outcome, paths[kind])
