"""Training on next-generation datacenters: what joins racks into sites and sites over a continent, and what it costs.

`python experiments/nextgen_dc/run.py sites` runs what config.yaml names and writes results, figures and the tables of
README.md; finished rows are kept. Each study is a command of its own, in a file of its name beside this one.
"""

from __future__ import annotations

import click
from sites import sites
from transports import transports


@click.group()
def main() -> None:
    """Run a study of experiments/nextgen_dc."""


COMMANDS: tuple[click.Command, ...] = (sites, transports)

for command in COMMANDS:
    main.add_command(command)

if __name__ == "__main__":
    main()
