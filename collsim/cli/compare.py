"""`collsim compare`: algorithms against each other over sizes, as a table and a figure."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from collsim.cli.options import at_option, complete_algorithms, machine_options, run_options, settings_of
from collsim.cli.progress import progress

if TYPE_CHECKING:
    from collsim.sweep.compare import Comparison

__all__ = ["compare"]


@click.command()
@machine_options
@click.option(
    "--algos",
    required=True,
    metavar="A,B,...",
    shell_complete=complete_algorithms,
    help="Algorithms, the first being what speedups are over.",
)
@click.option(
    "--sizes",
    default="32KiB:64MiB:x4",
    show_default=True,
    metavar="SIZES",
    help="LOW:HIGH:xFACTOR, LOW:HIGH:+STEP or a list.",
)
@run_options
@at_option
@click.option("--metric", type=click.Choice(["time", "bandwidth"]), default="time", show_default=True, help="What to draw.")
@click.option("--plot", "plot_path", metavar="FILE", help="Draw the figure (.png, .svg or .pdf).")
@click.option("--csv", "csv_path", metavar="FILE", help="Write one row a run; '-' prints it instead of the table.")
@click.option("--json", "json_path", metavar="FILE", help="Write the runs as JSON; '-' prints it instead of the table.")
def compare(topo: str, algos: str, sizes: str, metric: str, **options: Any) -> int:
    """Compare algorithms over sizes: time, bandwidth, speedup over the first, percent of the bound.

    An algorithm that does not suit the machine is listed with the reason and the others go on; the exit code is 1 only
    when none could run. After Ctrl-C the runs made so far are printed and written (exit code 130).

    \b
    Examples:
      collsim compare --topo torus4x4 --algos ring,2d-ring,multitree
      collsim compare --topo fattree4 --algos ring,multitree --sizes 1MiB,16MiB --plot out.png --metric bandwidth
    """
    from collsim.errors import InvalidValue
    from collsim.report.output import check_drawable, check_writable
    from collsim.simulate import prepare
    from collsim.sweep.compare import collect, parse_sizes, runs

    paths = {kind: options.pop(f"{kind}_path") for kind in ("plot", "csv", "json")}
    for kind, path in paths.items():
        if path is not None and (path != "-" or kind == "plot"):
            (check_drawable if kind == "plot" else check_writable)(path)
    if paths["json"] == paths["csv"] == "-":
        raise InvalidValue("Only one of --json and --csv can be printed; name a file for the other.")
    names = split_algorithms(algos)
    if not names:
        raise InvalidValue("Name at least one algorithm, like --algos ring,multitree.")
    amounts = parse_sizes(sizes)
    case = prepare(topo, **settings_of(options))
    done: list[Any] = []
    interrupted = False
    with progress("comparing") as show:
        try:
            for item in runs(case, names, amounts):
                done.append(item)
                show(len(done), len(names) * len(amounts), f"{item.algorithm} done")
        except KeyboardInterrupt:
            interrupted = True
    comparison = collect(names, amounts, done)
    _write(comparison, paths, metric)
    if interrupted:
        click.echo("Error: Interrupted; the runs above are complete, the others are missing.", err=True)
        return 130
    return 0 if comparison.outcomes else 1


def split_algorithms(text: str) -> list[str]:
    """Return ["ring", "multitree:ports=1,order=id"] of "ring,multitree:ports=1,order=id": key=value stays with its name."""
    names: list[str] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        if names and "=" in part and ":" not in part and ":" in names[-1]:
            names[-1] += f",{part}"
        else:
            names.append(part)
    return list(dict.fromkeys(names))


def _write(comparison: Comparison, paths: dict[str, str | None], metric: str) -> None:
    from collsim.report.output import to_json, write_text

    if "-" not in (paths["json"], paths["csv"]):
        _print(comparison)
    for kind in ("json", "csv"):
        path = paths[kind]
        if path is None:
            continue
        text = to_json(comparison.to_dict()) if kind == "json" else str(comparison.frame().to_csv(index=False))
        if path == "-":
            click.echo(text, nl=False)
        else:
            write_text(path, text)
    if paths["plot"] and comparison.outcomes:
        comparison.plot(paths["plot"], metric)


def _print(comparison: Comparison) -> None:
    from collsim.report.table import print_columns
    from collsim.units import format_bandwidth, format_size, format_time

    if comparison.outcomes:
        first = comparison.outcomes[0]
        click.echo(f"{first.schedule.collective.text} on {first.topology.name}, {first.result.engine} engine")
    rows = []
    for o in comparison.outcomes:
        best = comparison.best(o.size) if comparison.complete(o.size) else None
        rows.append(
            [
                format_size(o.size),
                o.algorithm + (" *" if o is best else ""),
                format_time(o.result.time),
                format_bandwidth(o.algbw),
                format_bandwidth(o.busbw),
                f"{comparison.speedup(o):.2f}x",
                f"{o.percent_of_bound:.1f} %",
            ]
        )
    if rows:
        heads = ["size", "algorithm", "time", "algbw", "busbw", "speedup", "of bound"]
        print_columns(heads, rows, sys.stdout, left=2)
        click.echo("* fastest at this size; no algorithm can be faster than the bound.")
    for name in dict.fromkeys(r.algorithm for r in comparison.refusals):
        reasons = [r for r in comparison.refusals if r.algorithm == name]
        where = "" if len(reasons) == len(comparison.sizes) else f" at {', '.join(format_size(r.size) for r in reasons)}"
        click.echo(f"Left out{where}: {reasons[0].reason}", err=True)
