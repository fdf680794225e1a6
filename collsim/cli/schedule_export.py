"""Writing a schedule for another tool, chosen by the end of the file's name: `collsim schedule --export FILE`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    from collsim.collectives.schedule import Schedule
    from collsim.interop.trace import Trace
    from collsim.network.config import NetworkConfig

__all__ = ["check_export", "export", "write_trace"]

SHOWN = 5
"""Warnings shown of an export; `collsim algo lint` shows all."""


def check_export(path: str) -> None:
    """Raise InvalidValue unless `path` ends in a format that is written, and what `check_writable` raises."""
    from collsim.errors import InvalidValue
    from collsim.report.output import check_writable

    if not path.lower().endswith((".xml", ".goal", ".et", ".et.gz")):
        raise InvalidValue(
            f"Cannot export to '{path}'; name a file that ends in .xml (MSCCL), .goal (LogGOPSim), .et or .et.gz (Chakra)."
        )
    check_writable(path)


def export(plan: Schedule, path: str, size: int, network: NetworkConfig) -> None:
    """Write `plan` to `path`, traces at `size` bytes; what gets lost and what a runtime would object to go to stderr."""
    if len(plan.path_links):
        click.echo(
            f"Note: {plan.algorithm} chose paths here, which {path} cannot say; whoever runs it routes anew.", err=True
        )
    if path.lower().endswith(".xml"):
        _msccl(plan, path)
        return
    from collsim.interop.schedule_trace import schedule_trace

    write_trace(schedule_trace(plan, size, network), path)


def write_trace(trace: Trace, path: str) -> None:
    """Write `trace` to `path`, or to a file a rank beside it, by its ending."""
    from collsim.interop.trace_files import trace_files
    from collsim.report.output import write_file

    for place, content in trace_files(trace, path):
        write_file(place, partial(_put, content))


def _put(content: bytes, temporary: Path) -> None:
    temporary.write_bytes(content)


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
