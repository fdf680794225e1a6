"""`collsim preset`: networks of published studies, every setting with its source."""

from __future__ import annotations

import sys

import click

from collsim.cli.names import complete_preset
from collsim.cli.suggest import SuggestingGroup

__all__ = ["preset"]


@click.group(cls=SuggestingGroup)
def preset() -> None:
    """List and show network presets, which --preset takes."""


@preset.command("list")
def list_presets() -> None:
    """List the presets with what they are and which topologies they fit."""
    from collsim.network.preset import preset as read
    from collsim.network.preset import presets
    from collsim.report.table import print_columns

    found = [read(name) for name in presets()]
    print_columns(["preset", "what", "fits"], [[p.name, p.title, p.fits] for p in found], sys.stdout, left=3)


@preset.command()
@click.argument("name", metavar="NAME", shell_complete=complete_preset)
def show(name: str) -> None:
    """Show the settings of preset NAME, each with what its source says.

    \b
    Example:
      collsim preset show multitree-isca21
    """
    from collsim.network.preset import preset as read
    from collsim.report.table import print_columns, print_rows

    chosen = read(name)
    print_rows([("Preset", chosen.title), ("Source", chosen.source), ("Fits", chosen.fits)], sys.stdout)
    rows = [[setting.leaf, setting.value, setting.why] for setting in chosen.settings]
    print_columns(["setting", "value", "why"], rows, sys.stdout, left=3)
