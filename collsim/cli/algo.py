"""`collsim algo`: which algorithms there are, and the facts of one of them."""

from __future__ import annotations

import sys

import click

from collsim.cli.names import complete_algorithm
from collsim.cli.options import size_option
from collsim.cli.progress import progress
from collsim.cli.suggest import SuggestingGroup

__all__ = ["algo"]


@click.group(cls=SuggestingGroup)
def algo() -> None:
    """List and show algorithms."""


@algo.command("list")
def list_algorithms() -> None:
    """List the algorithms with their collectives and what they need of a topology."""
    from collsim.collectives.algorithm import ALGORITHMS
    from collsim.report.table import print_columns

    rows = [[name, ", ".join(entry.collectives), entry.needs, entry.title] for name, entry in ALGORITHMS.items()]
    print_columns(["algorithm", "collectives", "needs", "what"], rows, sys.stdout, left=4)


@algo.command()
@click.argument("algorithm", metavar="ALGORITHM", shell_complete=complete_algorithm)
def show(algorithm: str) -> None:
    """Show the facts of ALGORITHM (a name, or a file of one's own): paper, constraints, formulas, options.

    \b
    Examples:
      collsim algo show multitree
      collsim algo show ./star.py
    """
    from collsim.collectives.algorithm import parse_algorithm
    from collsim.report.describe import algorithm_rows
    from collsim.report.table import print_rows

    print_rows(algorithm_rows(parse_algorithm(algorithm)[0]), sys.stdout)


@algo.command()
@click.argument("algorithm", metavar="ALGORITHM", shell_complete=complete_algorithm)
@click.option("--topo", "machines", multiple=True, metavar="T", help="Check on this topology instead. Repeat for more.")
@size_option
def check(algorithm: str, machines: tuple[str, ...], size: str) -> int:
    """Prove ALGORITHM on many machines, hold it to its own formulas and to the bound.

    Every collective it serves is built on a dozen topologies: each schedule is proved, its steps and volume are compared
    with the formulas on board, and its time with the bound. Exit code 1 if anything is wrong; refusals with a reason
    are not.

    \b
    Examples:
      collsim algo check ./star.py
      collsim algo check multitree --topo torus8x8 --topo fattree4
    """
    from collsim.report.table import print_columns
    from collsim.sweep.check import checks
    from collsim.units import parse_size

    amount, done = parse_size(size), []
    with progress(f"checking {algorithm}") as show:
        for item in checks(algorithm, amount, machines):
            done.append(item)
            show(len(done), None, f"{item.collective} on {item.topology}")
    rows = [
        [c.topology, c.collective, c.verdict, f"{c.steps:,}", f"{c.transfers:,}", f"{c.percent_of_bound:.1f} %"]
        if c.percent_of_bound is not None
        else [c.topology, c.collective, c.verdict, "", "", ""]
        for c in done
    ]
    print_columns(["topology", "collective", "verdict", "steps", "transfers", "of bound"], rows, sys.stdout, left=3)
    for c in done:
        if c.verdict == "wrong":
            click.echo(f"Wrong: {c.collective} on {c.topology}: {c.detail}")
    # An algorithm refuses a machine for the same reason whatever the collective.
    for topology, reason in {c.topology: c.detail for c in done if c.verdict == "refused"}.items():
        click.echo(f"Refused on {topology}: {reason.partition(' It needs ')[0]}")
    if any(c.verdict == "wrong" and " failed with " in c.detail for c in done):
        name = next(c.detail for c in done if " failed with " in c.detail).partition(" failed with ")[0]
        click.echo(f"Where a machine does not suit, begin with: raise {name}.refuse(topology, 'why.')")
    counts = {word: sum(c.verdict == word for c in done) for word in ("proved", "refused", "wrong")}
    click.echo(", ".join(f"{count} {word}" for word, count in counts.items()) + ".")
    return 1 if counts["wrong"] else 0


@algo.command()
@click.argument("path", metavar="FILE")
@click.option("--root", default=0, show_default=True, metavar="RANK", help="Root rank of broadcast and reduce.")
def lint(path: str, root: int) -> int:
    """Hold the MSCCL program in FILE (.xml) to the limits of its runtime, and look for hangs, races and wrong results.

    Exit code 1 if anything is found. Whether it can be simulated is another question: 'collsim algo check FILE'.

    \b
    Examples:
      collsim algo lint ./allpairs.xml
    """
    from pathlib import Path

    from collsim.errors import InvalidValue
    from collsim.interop.msccl_lint import lint
    from collsim.interop.msccl_read import read_msccl

    if Path(path.partition(":")[0]).suffix == ".py":
        raise InvalidValue(
            f"{path} is Python, and lint is for MSCCL's XML; 'collsim algo check {path}' proves an algorithm."
        )
    program = read_msccl(Path(path).expanduser())
    found = lint(program, root)
    for sentence in found:
        click.echo(sentence)
    blocks, steps = sum(len(gpu.blocks) for gpu in program.gpus), sum(1 for _ in program.steps())
    what = f"{program.collective} of {program.ranks} GPUs, {blocks:,} thread blocks, {steps:,} steps"
    click.echo(f"{program.name}: {what}: {f'{len(found)} found' if found else 'nothing found'}.")
    return 1 if found else 0
