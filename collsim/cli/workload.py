"""`collsim workload`: what training and serving ask of a machine, one generator of traffic a subcommand."""

from __future__ import annotations

import click

from collsim.cli.suggest import SuggestingGroup
from collsim.cli.workload_dp import dp
from collsim.cli.workload_jobs import jobs_command
from collsim.cli.workload_sites import sites
from collsim.cli.workload_tp import tp
from collsim.cli.workload_trace import trace
from collsim.cli.workload_transports import transports

__all__ = ["workload"]


@click.group(cls=SuggestingGroup)
def workload() -> None:
    """Simulate training steps and inference instead of a single collective, and report what an alternative would gain."""


COMMANDS: tuple[click.Command, ...] = (dp, jobs_command, sites, tp, trace, transports)

for command in COMMANDS:
    workload.add_command(command)
