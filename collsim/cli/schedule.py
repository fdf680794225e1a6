"""`collsim schedule`: what an algorithm sends, step by step, as text, drawing or JSON."""

from __future__ import annotations

import sys
from typing import Any

import click

from collsim.cli.options import algo_option, machine_options, plan_options, settings_of, size_option

__all__ = ["schedule"]


@click.command()
@machine_options
@algo_option
@size_option
@plan_options
@click.option("--steps", metavar="A:B", help="Only steps A to B, both included, counted from 0; A: and :B work too.")
@click.option("--json", "json_path", metavar="FILE", help="Write the schedule as JSON; '-' prints it instead of the steps.")
@click.option(
    "--plot",
    "plot_path",
    metavar="FILE",
    help="Draw the steps on the topology, hosts numbered by rank (.png, .svg or .pdf).",
)
def schedule(
    topo: str, algo: str, size: str, steps: str | None, json_path: str | None, plot_path: str | None, **options: Any
) -> None:
    """Show what an algorithm sends, step by step, after proving it right.

    A step is a version number, not a barrier: it says which value a transfer carries, not when it starts.

    \b
    Examples:
      collsim schedule --topo ring4 --algo ring
      collsim schedule --topo torus4x4 --algo multitree --steps 0:2 --plot trees.png
      collsim schedule --topo torus4x4 --algo multitree --json -
    """
    from collsim.collectives.export import schedule_to_dict
    from collsim.report.describe import schedule_rows, step_rows
    from collsim.report.output import check_drawable, check_writable, to_json, write_text
    from collsim.report.plot import plot_schedule
    from collsim.report.table import print_columns, print_rows
    from collsim.simulate import prepare
    from collsim.units import parse_size

    if json_path not in (None, "-"):
        check_writable(json_path)
    if plot_path is not None:
        check_drawable(plot_path)
    amount = parse_size(size)
    case = prepare(topo, **settings_of(options))
    plan, proof = case.plan(algo, amount)
    first, last = parse_steps(steps, plan.steps)
    if json_path == "-":
        click.echo(to_json(schedule_to_dict(plan, case.topology)), nl=False)
    else:
        print_rows(schedule_rows(plan, case.topology, algo, proof, amount), sys.stdout)
        heads = ["step", "src", "dst", "chunks", "op", "bytes", "path"]
        print_columns(heads, step_rows(plan, case.topology, amount, first, last), sys.stdout, left=7)
        if json_path is not None:
            write_text(json_path, to_json(schedule_to_dict(plan, case.topology)))
    if plot_path is not None:
        plot_schedule(plan, case.topology, plot_path, first, last)


def parse_steps(text: str | None, steps: int) -> tuple[int, int]:
    """Return (first, last) of "2:5", "2:", ":5", "3" or None for all of `steps`."""
    from collsim.errors import InvalidValue
    from collsim.units import parse_count

    low, colon, high = (text or ":").partition(":")
    first = parse_count(low, "first step") if low else 0
    last = parse_count(high, "last step") if high else steps - 1 if colon else first
    if first > last or first >= steps:
        raise InvalidValue(f"The steps '{text}' are none of this schedule, whose steps are 0 to {steps - 1}.")
    return first, min(last, steps - 1)
