"""`collsim report`: a run, a comparison or a sweep as one web page that needs no network."""

from __future__ import annotations

from typing import Any

import click

from collsim.cli.names import complete_algorithms
from collsim.cli.options import at_option, free_machine_options, run_options
from collsim.cli.progress import MessageBar, progress
from collsim.cli.settings import settings_of

__all__ = ["report"]


@click.command()
@click.argument("output", metavar="OUT.html", type=click.Path())
@click.option(
    "--from",
    "source",
    metavar="FILE",
    help="What to show: JSON of 'collsim run' or 'compare', or SQLite of 'collsim sweep'. Nothing is run then.",
)
@free_machine_options
@click.option(
    "--algo",
    "algos",
    default="multitree",
    show_default=True,
    metavar="A,B,...",
    shell_complete=complete_algorithms,
    help="Algorithm; several with commas are compared.",
)
@click.option(
    "--size", "sizes", default="16MiB", show_default=True, metavar="S", help="Size; a list or a range is compared over."
)
@click.option("--baseline", metavar="A", help="Algorithm to compare one run with, like ring.")
@run_options
@at_option
def report(output: str, source: str | None, topo: str | None, baseline: str | None, **options: Any) -> None:
    """Write a report to OUT.html: one page with tables and figures that opens anywhere and loads nothing.

    One algorithm at one size gives everything known of that run: its explanation, each link, each transfer by time. Several
    give figures over sizes, of which the reader chooses the measure, and a table that sorts.

    \b
    Examples:
      collsim report run.html --topo torus4x4 --algo multitree --size 1MiB --baseline ring
      collsim report compare.html --topo fattree4 --algo ring,multitree --size 64KiB:16MiB:x4
      collsim report study.html --from study.sqlite
    """
    from collsim.errors import InvalidValue
    from collsim.report.output import check_writable, write_text
    from collsim.sweep.pages import page_of, page_of_file

    check_writable(output)
    if (source is None) == (topo is None):
        raise InvalidValue("Say what to report: either --topo for something to run, or --from for a file to show.")
    if source is not None:
        write_text(output, page_of_file(source))
    else:
        write_text(output, page_of(_run(topo, baseline, options)))
    click.echo(f"Wrote {output}")


def _run(topo: Any, baseline: str | None, options: dict[str, Any]) -> Any:
    """Return the outcome or the comparison that the options ask for."""
    from dataclasses import replace

    from collsim.errors import InvalidValue
    from collsim.simulate import prepare
    from collsim.sweep.compare import collect, parse_sizes, runs, split_algorithms

    names, sizes = split_algorithms(options["algos"]), parse_sizes(options["sizes"])
    if not names:
        raise InvalidValue("Name at least one algorithm, like --algo multitree.")
    case = prepare(topo, **settings_of(options))
    if len(names) == len(sizes) == 1:
        with progress(f"{names[0]} on {case.topology.name}") as show:
            outcome = case.run(names[0], sizes[0], [MessageBar(show, f"{names[0]}, messages")], crossings=True)
            return outcome if baseline is None else replace(outcome, baseline=case.run(baseline, sizes[0]))
    names = names if baseline is None else [baseline, *(name for name in names if name != baseline)]
    done: list[Any] = []
    with progress("comparing") as show:
        for item in runs(case, names, sizes):
            done.append(item)
            show(len(done), len(names) * len(sizes), f"{item.algorithm} done")
    return collect(names, sizes, done)
