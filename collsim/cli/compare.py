"""`collsim compare`: algorithms against each other over sizes, as a table and a figure."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from collsim.cli.names import complete_algorithms
from collsim.cli.options import at_option, machine_options, run_options
from collsim.cli.progress import progress
from collsim.cli.settings import settings_of

if TYPE_CHECKING:
    from collsim.sweep.compare import Comparison

__all__ = ["compare"]

TEXTS = ("json", "csv", "table")


@click.command()
@machine_options
@click.option(
    "--algos",
    "--algo",
    "algos",
    required=True,
    metavar="A,B,...",
    shell_complete=complete_algorithms,
    help="Algorithms, the first being what speedups are over.",
)
@click.option(
    "--sizes",
    "--size",
    "sizes",
    metavar="SIZES",
    help="LOW:HIGH:xFACTOR, LOW:HIGH:+STEP or a list. [those measured, else 32KiB:64MiB:x4]",
)
@run_options
@at_option
@click.option(
    "--measured",
    "measured_path",
    metavar="FILE",
    help="Output of nccl-tests on the real machine (its table or its JSON report), to hold beside the runs.",
)
@click.option(
    "--nccl-tests",
    "table_path",
    metavar="FILE",
    help="Write the runs of the one algorithm in --algos as a table of nccl-tests; '-' prints it instead of the table.",
)
@click.option(
    "--metric", type=click.Choice(["time", "bandwidth", "speedup"]), default="time", show_default=True, help="What to draw."
)
@click.option("--plot", "plot_path", metavar="FILE", help="Draw the figure (.png, .svg or .pdf).")
@click.option("--csv", "csv_path", metavar="FILE", help="Write one row a run; '-' prints it instead of the table.")
@click.option("--json", "json_path", metavar="FILE", help="Write the runs as JSON; '-' prints it instead of the table.")
def compare(topo: str, algos: str, sizes: str | None, metric: str, **options: Any) -> int:
    """Compare algorithms over sizes: time, bandwidth, speedup over the first, percent of the bound.

    An algorithm that does not suit the machine is listed with the reason and the others go on; the exit code is 1 only
    when none could run. After Ctrl-C the runs made so far are printed and written (exit code 130).

    \b
    Examples:
      collsim compare --topo torus4x4 --algos ring,2d-ring,multitree
      collsim compare --topo fattree4 --algos ring,multitree --sizes 1MiB,16MiB --plot out.png --metric bandwidth
      collsim compare --topo hgx-h100 --algos ring,double-binary-tree --measured nccl-output.txt
      collsim compare --topo hgx-h100 --algos ring --nccl-tests simulated.txt
    """
    from collsim.errors import InvalidValue
    from collsim.report.output import check_drawable, check_writable
    from collsim.simulate import prepare
    from collsim.sweep.compare import DEFAULT_SIZES, beside, collect, parse_sizes, runs, split_algorithms

    paths = {kind: options.pop(f"{kind}_path") for kind in ("plot", "csv", "json", "table")}
    for kind, path in paths.items():
        if path is not None and (path != "-" or kind == "plot"):
            (check_drawable if kind == "plot" else check_writable)(path)
    if [paths[kind] for kind in TEXTS].count("-") > 1:
        raise InvalidValue("Only one of --json, --csv and --nccl-tests can be printed; name a file for the others.")
    names = split_algorithms(algos)
    if not names:
        raise InvalidValue("Name at least one algorithm, like --algos ring,multitree.")
    if paths["table"] is not None and len(names) > 1:
        raise InvalidValue(
            "A table of nccl-tests is of one algorithm; name one, like --algos ring, or leave --nccl-tests out."
        )
    amounts = parse_sizes(sizes) if sizes is not None else ()
    case = prepare(topo, **settings_of(options))
    measured = beside(case, options["measured_path"])
    amounts = amounts or (measured.sizes if measured else parse_sizes(DEFAULT_SIZES))
    done: list[Any] = []
    interrupted = False
    with progress("comparing") as show:
        try:
            for item in runs(case, names, amounts):
                done.append(item)
                show(len(done), len(names) * len(amounts), f"{item.algorithm} done")
        except KeyboardInterrupt:
            interrupted = True
    comparison = collect(names, amounts, done, measured)
    _write(comparison, paths, metric)
    if interrupted:
        click.echo("Error: Interrupted; the runs above are complete, the others are missing.", err=True)
        return 130
    return 0 if comparison.outcomes else 1


def _write(comparison: Comparison, paths: dict[str, str | None], metric: str) -> None:
    from collsim.report.output import to_json, write_text

    if "-" not in (paths[kind] for kind in TEXTS):
        _print(comparison)
    texts = {
        "json": lambda: to_json(comparison.to_dict()),
        "csv": lambda: str(comparison.frame().to_csv(index=False)),
        "table": lambda: comparison.nccl_tests(comparison.algorithms[0]),
    }
    for kind in TEXTS:
        path = paths[kind]
        if path is None or (kind == "table" and not comparison.outcomes):
            continue
        text = texts[kind]()
        if path == "-":
            click.echo(text, nl=False)
        else:
            write_text(path, text)
    if paths["plot"] and comparison.outcomes:
        comparison.plot(paths["plot"], metric)


def _print(comparison: Comparison) -> None:
    from collsim.report.table import print_columns
    from collsim.sweep.compare_table import comparison_table
    from collsim.units import format_size

    if comparison.outcomes:
        first = comparison.outcomes[0]
        click.echo(f"{first.schedule.collective.text} on {first.topology.name}, {first.result.engine} engine")
    heads, rows = comparison_table(comparison)
    if rows:
        print_columns(heads, rows, sys.stdout, left=2)
        click.echo("* fastest at this size; no algorithm can be faster than the bound.")
    if comparison.measured:
        click.echo(f"measured: {comparison.measured.origin}, out of place; 'over measured' is simulated over measured time.")
    for name in dict.fromkeys(r.algorithm for r in comparison.refusals):
        reasons = [r for r in comparison.refusals if r.algorithm == name]
        where = "" if len(reasons) == len(comparison.sizes) else f" at {', '.join(format_size(r.size) for r in reasons)}"
        click.echo(f"Left out{where}: {reasons[0].reason}", err=True)
