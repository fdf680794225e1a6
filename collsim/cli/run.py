"""`collsim run`: one collective on one machine, proved, timed, bounded and explained."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from collsim.cli.options import algo_option, at_option, machine_options, run_options, size_option
from collsim.cli.progress import MessageBar, progress
from collsim.cli.run_output import check_size, file_options, take_paths, wants_crossings, write_files
from collsim.cli.settings import settings_of

if TYPE_CHECKING:
    from collsim.simulate import Case

__all__ = ["run_command"]

PATIENCE_S = 30
HOPS_PER_SECOND = {"simpy": 100_000, "compiled": 2_500_000}
"""What engines do packet by packet where messages meet, about (benchmarks/results.md)."""


@click.command("run")
@machine_options
@algo_option
@size_option
@run_options
@at_option
@click.option("--baseline", metavar="A", help="Algorithm to compare with, like ring.")
@file_options
def run_command(topo: str, algo: str, size: str, baseline: str | None, **options: Any) -> None:
    """Time one collective and explain the time.

    Prints the machine, the algorithm and why it may run there, the proof, time, bandwidths, the lower bound and the
    percentage of it reached, the closed form, where the time goes, the busiest link, and what to try next.

    \b
    Examples:
      collsim run --topo torus4x4 --algo multitree --baseline ring
      collsim run --topo torus4x4 --algo ring --at '100us:h0->h1=0.5' --at '300us:h0->h1=restore'
      collsim run --topo dgx1-v100 --algo ring --size 64MiB --collective all-gather
      collsim run --topo gaudi3 --algo direct --collective partial-all-reduce:p=0.5,h=4096
      collsim run --topo fattree4 --set header=64B --set buffer=32KiB --json -
      collsim run --topo torus4x4 --algo multitree --size 1MiB --trace trace.json
      collsim run --topo fattree4 --algo ring --plot-links links.png --plot-time time.png
    """
    from dataclasses import replace

    from collsim.report.describe import run_rows
    from collsim.report.output import to_json
    from collsim.report.table import print_rows
    from collsim.simulate import prepare
    from collsim.units import parse_size

    paths = take_paths(options)
    amount = parse_size(size)
    case = prepare(topo, **settings_of(options))
    with progress(f"{algo} on {case.topology.name}") as show:
        check_size(case, algo, amount, paths)
        _warn_if_large(case, algo, amount)
        outcome = case.run(algo, amount, [MessageBar(show, f"{algo}, messages")], crossings=wants_crossings(paths))
        if baseline is not None:
            _warn_if_large(case, baseline, amount)
            outcome = replace(outcome, baseline=case.run(baseline, amount, [MessageBar(show, f"{baseline}, messages")]))
    if paths.get("json") == "-":
        click.echo(to_json(outcome.to_dict()), nl=False)
    else:
        print_rows(run_rows(outcome), sys.stdout)
    write_files(outcome, paths)


def _warn_if_large(case: Case, algorithm: str, size: int) -> None:
    rate = HOPS_PER_SECOND.get(case.engine)
    if rate is None or size < 1:
        return
    hops = case.packet_hops(algorithm, size)
    if (seconds := hops / rate) > PATIENCE_S:
        units = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}
        unit = next(name for name, length in units.items() if seconds >= 2 * length or length == 1)
        wait = f"some {seconds / units[unit]:,.0f} {unit} with the simpy engine"
        if case.engine == "compiled":
            wait = wait.replace("some", "up to").replace("simpy", "compiled") + " where messages meet, far less where not"
        click.echo(
            f"Note: {algorithm} makes about {hops / 1e6:,.0f} million packet-hops, {wait}; "
            "--engine analytic or a larger packet_payload (--set packet_payload=64KiB) is quicker.",
            err=True,
        )
