"""`collsim schedule`: what an algorithm sends, step by step, as text, drawing, JSON or tables of network interfaces."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from collsim.cli.options import algo_option, machine_options, plan_options, size_option
from collsim.cli.schedule_export import check_export, export
from collsim.cli.settings import settings_of

if TYPE_CHECKING:
    from collsim.collectives.nic_table import NicTables
    from collsim.collectives.schedule import Schedule

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
@click.option(
    "--plot-time",
    "time_path",
    metavar="FILE",
    help="Draw links or ranks by step, transfers coloured by chunk (.png, .svg or .pdf).",
)
@click.option("--table", metavar="RANK", help="Show the NIC's schedule table of a rank, or of all, instead of the steps.")
@click.option(
    "--table-out",
    "table_path",
    metavar="FILE",
    help="Write the NIC tables of all ranks, as .json (whole) or .csv (one row an entry).",
)
@click.option(
    "--export",
    "export_path",
    metavar="FILE",
    help="Write the schedule for another tool: .xml (MSCCL), or at --size .goal (LogGOPSim) or .et (Chakra, a file a rank).",
)
def schedule(topo: str, algo: str, size: str, steps: str | None, table: str | None, **options: Any) -> None:
    """Show what an algorithm sends, step by step, after proving it right.

    A step is a version number, not a barrier: it says which value a transfer carries, not when it starts.

    \b
    Examples:
      collsim schedule --topo ring4 --algo ring
      collsim schedule --topo torus4x4 --algo multitree --steps 0:2 --plot trees.png
      collsim schedule --topo torus4x4 --algo multitree --json -
      collsim schedule --topo mesh2x2 --algo multitree --table 0
      collsim schedule --topo dgx1-v100 --algo multitree --export multitree.xml
    """
    from collsim.collectives.export import schedule_to_dict
    from collsim.report.describe import schedule_rows, step_rows
    from collsim.report.nic_tables import HEADS, entry_rows, table_rows
    from collsim.report.output import check_drawable, check_writable, to_json, write_text
    from collsim.report.plot import plot_schedule
    from collsim.report.table import print_columns, print_rows
    from collsim.simulate import prepare
    from collsim.units import parse_size

    json_path, plot_path, table_path, time_path = (options[f"{name}_path"] for name in ("json", "plot", "table", "time"))
    if json_path not in (None, "-"):
        check_writable(json_path)
    for path in (plot_path, time_path):
        if path is not None:
            check_drawable(path)
    if table_path is not None:
        check_table(table_path)
    if options["export_path"] is not None:
        check_export(options["export_path"])
    amount = parse_size(size)
    case = prepare(topo, **settings_of(options))
    plan, proof = case.plan(algo, amount)
    first, last = parse_steps(steps, plan.steps)
    tables = None if table is None and table_path is None else tables_of(plan, amount, table)
    if json_path == "-":
        click.echo(to_json(schedule_to_dict(plan, case.topology)), nl=False)
    else:
        print_rows(schedule_rows(plan, case.topology, algo, proof, amount), sys.stdout)
        if tables is not None and table is not None:
            print_rows(table_rows(tables), sys.stdout)
            print_columns(HEADS, entry_rows(tables, ranks_of(table, tables.ranks), first, last), sys.stdout, left=5)
        else:
            heads = ["step", "src", "dst", "chunks", "op", "bytes", "path"]
            print_columns(heads, step_rows(plan, case.topology, amount, first, last), sys.stdout, left=7)
        if json_path is not None:
            write_text(json_path, to_json(schedule_to_dict(plan, case.topology)))
    if plot_path is not None:
        plot_schedule(plan, case.topology, plot_path, first, last)
    if time_path is not None:
        from collsim.report.plot_runs import plot_steps

        plot_steps(plan, case.topology, time_path)
    if tables is not None and table_path is not None:
        write_tables(tables, table_path)
    if options["export_path"] is not None:
        export(plan, options["export_path"], amount, case.network)


def check_table(path: str) -> None:
    """Raise InvalidValue unless `path` ends in .json or .csv, and what `check_writable` raises."""
    from collsim.errors import InvalidValue
    from collsim.report.output import check_writable

    if not path.lower().endswith((".json", ".csv")):
        raise InvalidValue(f"Cannot write NIC tables to '{path}'; name a file that ends in .json or .csv.")
    check_writable(path)


def tables_of(plan: Schedule, size: int, rank: str | None) -> NicTables:
    """Return the tables of `plan`, once it is known that `rank` is "all", None or a rank."""
    from collsim.collectives.nic_table import nic_tables

    tables = nic_tables(plan, size)
    for number in ranks_of(rank or "all", tables.ranks):
        tables.of(number)
    return tables


def ranks_of(text: str, ranks: int) -> list[int]:
    """Return the one rank that `text` names, or all."""
    from collsim.units import parse_count

    return list(range(ranks)) if text == "all" else [parse_count(text, "rank")]


def write_tables(tables: NicTables, path: str) -> None:
    """Write all tables as CSV or JSON, by the end of the file's name."""
    from collsim.collectives.nic_table_files import tables_to_csv, tables_to_dict
    from collsim.report.output import to_json, write_text

    write_text(path, tables_to_csv(tables) if path.lower().endswith(".csv") else to_json(tables_to_dict(tables)))


def parse_steps(text: str | None, steps: int) -> tuple[int, int]:
    """Return (first, last) of "2:5", "2:", ":5", "3" or None for all of `steps`."""
    from collsim.errors import InvalidValue
    from collsim.units import parse_count

    low, colon, high = (text or ":").partition(":")
    first = parse_count(low, "first step") if low else 0
    last = parse_count(high, "last step") if high else steps - 1 if colon else first
    if text and not steps:
        raise InvalidValue(f"The steps '{text}' are none of this schedule, which sends nothing.")
    if text and (first > last or first >= steps):
        raise InvalidValue(f"The steps '{text}' are none of this schedule, whose steps are 0 to {steps - 1}.")
    return first, min(last, steps - 1)
