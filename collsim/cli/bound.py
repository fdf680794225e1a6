"""`collsim bound`: the time that no algorithm can beat on a machine, before any algorithm is chosen."""

from __future__ import annotations

import sys
from typing import Any

import click

from collsim.cli.options import collective_option, machine_options, root_option, size_option
from collsim.cli.settings import settings_of

__all__ = ["bound"]


@click.command()
@machine_options
@collective_option
@size_option
@root_option
@click.option("--json", "json_path", metavar="FILE", help="Write the bound as JSON; '-' prints it instead of the report.")
def bound(topo: str, size: str, json_path: str | None, **options: Any) -> None:
    """Bound a collective from below: the least time on this machine, whatever the algorithm.

    Hosts reduce; switches neither reduce nor multicast.

    \b
    Example:
      collsim bound --topo torus4x4 --collective all-gather --size 64MiB
      collsim bound --topo gaudi3 --collective partial-all-reduce:p=0.25
    """
    from collsim.errors import InvalidValue
    from collsim.report.describe import bound_rows
    from collsim.report.output import check_writable, to_json, write_text
    from collsim.report.table import print_rows
    from collsim.simulate import prepare
    from collsim.units import FS_PER_SECOND, parse_size

    if json_path not in (None, "-"):
        check_writable(json_path)
    amount = parse_size(size)
    if amount < 1:
        raise InvalidValue(f"A bound needs at least 1 byte; the size is {size}.")
    case = prepare(topo, **settings_of(options))
    least = case.bound(amount)
    value = {
        "topology": case.topology.name,
        "collective": case.collective.name,
        "size_bytes": amount,
        **case.collective.channel_facts(amount),
        "bound_s": least.time / FS_PER_SECOND,
        "bound_kind": least.kind,
        "bound_exact": least.exact,
        "detail": least.detail,
        "algbw_bytes_per_s": amount * FS_PER_SECOND / least.time if least.time else None,
        "parts": [{"kind": p.kind, "bound_s": float(p.seconds), "exact": p.exact, "detail": p.detail} for p in least.parts],
    }
    if json_path == "-":
        click.echo(to_json(value), nl=False)
        return
    print_rows(bound_rows(case.topology, case.collective, len(case.hosts), amount, least), sys.stdout)
    if json_path is not None:
        write_text(json_path, to_json(value))
