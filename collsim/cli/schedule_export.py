"""Writing a schedule for another tool, chosen by the end of the file's name: `collsim schedule --export FILE`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collsim.collectives.schedule import Schedule
    from collsim.network.config import NetworkConfig

__all__ = ["check_export", "export"]

SHOWN = 5
"""Warnings shown of an export; `collsim algo lint` shows all."""


def check_export(path: str) -> None:
    """Raise InvalidValue unless `path` ends in a format that is written, and what `check_writable` raises."""
    from collsim.errors import InvalidValue
    from collsim.report.output import check_writable

    if not path.lower().endswith((".xml", ".goal")):
        raise InvalidValue(f"Cannot export to '{path}'; name a file that ends in .xml (MSCCL) or .goal (LogGOPSim).")
    check_writable(path)


def export(plan: Schedule, path: str, size: int, network: NetworkConfig) -> None:
    """Write `plan` to `path`; what its runtime would object to goes to stderr."""
    if path.lower().endswith(".xml"):
        _msccl(plan, path)
    else:
        _goal(plan, path, size, network)


def _goal(plan: Schedule, path: str, size: int, network: NetworkConfig) -> None:
    from collsim.interop.goal import to_goal
    from collsim.interop.schedule_trace import schedule_trace
    from collsim.report.output import write_text

    write_text(path, to_goal(schedule_trace(plan, size, network)))


def _msccl(plan: Schedule, path: str) -> None:
    from collsim.interop.msccl_export import msccl_program
    from collsim.interop.msccl_lint import limits
    from collsim.interop.msccl_write import to_msccl_xml
    from collsim.report.output import write_text

    program = msccl_program(plan)
    write_text(path, to_msccl_xml(program))
    found = list(limits(program))
    for sentence in found[:SHOWN]:
        click.echo(f"Note: {sentence.removeprefix('program: ')}", err=True)
    if found[SHOWN:]:
        click.echo(f"Note: {len(found) - SHOWN:,} more; 'collsim algo lint {path}' shows all.", err=True)
