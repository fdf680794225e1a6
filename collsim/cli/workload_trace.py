"""`collsim workload trace`: a trace of another tool, replayed on a machine."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from collsim.cli.options import algo_option, engine_option, machine_options, network_options, seed_option
from collsim.cli.progress import MessageBar, progress
from collsim.cli.settings import settings_of

if TYPE_CHECKING:
    from collsim.report.describe import Rows
    from collsim.sweep.traces import TraceOutcome

__all__ = ["trace"]

SHOWN = 8
"""Ranks that get a line of their own; of more, those that end first and last do."""


@click.command()
@click.argument("path", metavar="FILE")
@machine_options
@algo_option
@click.option(
    "--placement", default="linear", show_default=True, metavar="P", help="Host of each rank: linear, random:SEED or a file."
)
@click.option("--calc-unit", default="1ns", show_default=True, metavar="TIME", help="Unit in which GOAL counts calc.")
@click.option("--groups", metavar="FILE", help="Chakra's process groups, JSON. [FILE's prefix.groups.json, if there]")
@click.option("--flops", metavar="RATE", help="Speed of Chakra nodes that state operations and no duration, like 100T.")
@click.option("--export", "export_path", metavar="FILE", help="Write the trace anew: .goal, .et or .et.gz (a file a rank).")
@engine_option
@network_options
@seed_option
@click.option("--csv", "csv_path", metavar="FILE", help="Write one row a rank; '-' prints it instead of the report.")
@click.option("--json", "json_path", metavar="FILE", help="Write the result as JSON; '-' prints it instead of the report.")
def trace(path: str, topo: str, algo: str, **options: Any) -> None:
    """Replay a trace on a machine: time, end of every rank, exposed communication, busiest link.

    FILE ends in .goal (LogGOPSim), or is any rank's file of a Chakra trace, or prefix.et for prefix.0.et and all others
    (.et, .et.gz, .json). How they are read, and what is left out, is in docs/formats.md.

    \b
    Examples:
      collsim workload trace ring.goal --topo torus4x4
      collsim workload trace step.et --topo hgx-h100 --algo ring --flops 500T
      collsim workload trace app.goal --topo fattree4 --set message_overhead=1.5us --json -
    """
    from collsim.cli.schedule_export import write_trace
    from collsim.errors import InvalidValue
    from collsim.report.output import check_writable, to_json, write_text
    from collsim.report.table import print_rows
    from collsim.simulate import prepare
    from collsim.sweep.traces import read_trace, run_trace
    from collsim.units import parse_number, parse_time

    paths = {kind: options.pop(f"{kind}_path") for kind in ("json", "csv")}
    if paths["json"] == paths["csv"] == "-":
        raise InvalidValue("Only one of --json and --csv can be printed; name a file for the other.")
    for place in paths.values():
        if place not in (None, "-"):
            check_writable(place)
    flops = None if options["flops"] is None else int(parse_number(options["flops"], "speed", example="100T"))
    if flops is not None and flops < 1:
        raise InvalidValue(f"The speed {options['flops']} is not above zero; give operations a second, like 100T.")
    found = read_trace(path, unit=parse_time(options.pop("calc_unit")), groups=options["groups"], flops=flops)
    if options["export_path"] is not None:
        write_trace(found, options["export_path"])
    case = prepare(topo, **settings_of(options))
    with progress(f"{path} on {case.topology.name}") as show:
        outcome = run_trace(found, case, algo, [MessageBar(show, "messages")])
    texts = {"json": to_json(outcome.to_dict()), "csv": outcome.csv()}
    printed = [kind for kind, place in paths.items() if place == "-"]
    if printed:
        click.echo(texts[printed[0]], nl=False)
    else:
        print_rows([*_rows(outcome), ("Try next", _next(outcome, path, topo))], sys.stdout)
    for kind, place in paths.items():
        if place not in (None, "-"):
            write_text(place, texts[kind])


def _next(outcome: TraceOutcome, path: str, topo: str) -> str:
    """Return a command that tells more: another algorithm where there are collectives, else other hosts for the ranks."""
    words = ["collsim", "workload", "trace", path, "--topo", topo]
    if outcome.counts["collective"]:
        return shlex.join([*words, "--algo", "ring" if outcome.algorithm != "ring" else "multitree"])
    return shlex.join([*words, "--placement", "random:1"])


def _rows(outcome: TraceOutcome) -> Rows:
    from collsim.report.describe import machine_text
    from collsim.units import format_size, format_time

    trace, result, counts, machine = outcome.trace, outcome.result, outcome.counts, outcome.case.topology
    link = int(result.link_busy.argmax())
    use, size = result.link_busy[link] / max(result.time, 1), format_size(int(result.link_bytes[link]))
    sent = f"{counts['send']:,} messages of {format_size(counts['bytes'])} in all"
    what = f"{len(trace.ranks):,} ranks, {counts['calc']:,} computations, {sent}"
    calls = f", {counts['collective']:,} calls of collectives by {outcome.algorithm}" if counts["collective"] else ""
    exposed, finish = outcome.exposed, outcome.rank_finish
    rows = [
        ("Machine", machine_text(machine)),
        ("Trace", f"{trace.origin}: {what}{calls}"),
        ("Time", f"{format_time(result.time)} ({result.engine} engine)"),
        ("Computing", f"{_spread(outcome.computing)} a rank"),
        ("Exposed", f"{_spread(exposed)} a rank with communication under way and nothing to compute"),
        ("Bottleneck", f"{machine.link_name(link)}, busy {use:.1%} of the time ({size})"),
    ]
    order = sorted(range(len(finish)), key=lambda rank: (int(finish[rank]), rank))
    shown = order if len(order) <= SHOWN else [order[0], order[-1]]
    rows += [
        (f"Rank {rank}", f"ends at {format_time(int(finish[rank]))}, {format_time(int(exposed[rank]))} exposed")
        for rank in sorted(shown)
    ]
    rows += [("Settings", ", ".join(outcome.case.network.describe_changes()) or "all at their defaults")]
    return [*rows, *(("Note", note) for note in trace.notes)]


def _spread(times: Any) -> str:
    from collsim.units import format_time

    least, most = int(times.min()), int(times.max())
    return format_time(most) if least == most else f"{format_time(least)} to {format_time(most)}"
