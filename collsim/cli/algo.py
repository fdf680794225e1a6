"""`collsim algo`: which algorithms there are, and the facts of one of them."""

from __future__ import annotations

import sys

import click

from collsim.cli.options import complete_algorithm
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
    """Show the facts of ALGORITHM: paper, constraints, step and volume formulas, options.

    \b
    Example:
      collsim algo show multitree
    """
    from collsim.collectives.algorithm import ALGORITHMS
    from collsim.report.describe import algorithm_rows
    from collsim.report.table import print_rows

    print_rows(algorithm_rows(ALGORITHMS.get(algorithm)), sys.stdout)
