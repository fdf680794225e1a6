"""`collsim workload sites`: training across sites, gradients or activations over the wide area, hidden or not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from collsim.cli.options import at_option, engine_option, machine_options, network_options, seed_option
from collsim.cli.progress import progress, stopped_after
from collsim.cli.settings import settings_of
from collsim.cli.workload_sites_rows import head_rows, table, tail_rows

if TYPE_CHECKING:
    from collsim.sweep.multi_site import Setting, Way

__all__ = ["sites"]


@click.command()
@machine_options
@click.option("--wan-rate", metavar="RATE", help="Rate of each link between sites, in place of the machine's.")
@click.option("--round-trip", metavar="TIME", help="Round trip between sites, in place of the machine's.")
@click.option("--loss", metavar="SHARE", help="Share of packets that each link between sites loses, like 1e-6.")
@click.option("--model", metavar="M", help="A transformer: a name, or a YAML file with its shape.")
@click.option("--parameters", metavar="N", help="Or its parameters alone, like 50T; layers and channels follow (h = 360 L).")
@click.option("--tokens", default="60M", show_default=True, metavar="K", help="Tokens of a step, over all replicas.")
@click.option("--tp", "tensor", type=int, metavar="T", help="GPUs of a tensor-parallel group. [a rack]")
@click.option("--pp", "pipeline", type=int, metavar="P", help="Stages of a pipeline in a site. [half of the site]")
@click.option(
    "--micro-batches", type=int, default=16, show_default=True, metavar="M", help="Micro-batches of a pipeline in a site."
)
@click.option(
    "--gradient-bytes", type=int, default=2, show_default=True, metavar="G", help="Bytes of a gradient on the wire."
)
@click.option("--peak", default="2.5P", show_default=True, metavar="F", help="Operations a second of a GPU, dense.")
@click.option("--utilisation", default="0.4", show_default=True, metavar="F", help="Share of the peak in use.")
@click.option("--compute", metavar="TIME", help="A GPU's own work in a step, in place of what its operations take.")
@click.option("--ways", metavar="W,...", help="flat, hierarchical, swap, late (staleness one), pipeline. [all that suit]")
@click.option(
    "--rendezvous/--no-rendezvous",
    default=True,
    show_default=True,
    help="late: an exchange begins on all GPUs at once, or on each when its last one is over there.",
)
@at_option
@engine_option
@network_options
@seed_option
@click.option("--plot", "plot_path", metavar="FILE", help="Draw a bar a way: computing, inside sites, the wide area.")
@click.option("--csv", "csv_path", metavar="FILE", help="Write one row a way; '-' prints it instead of the report.")
@click.option("--json", "json_path", metavar="FILE", help="Write the result as JSON; '-' prints it instead of the report.")
def sites(**options: Any) -> int:
    """Time a training step across sites: gradients summed flat or by hierarchy, late by a step, or a pipeline cut there.

    Tensor parallelism stays in the rack and a pipeline in the site; replicas of all sites sum their gradients. Bytes over
    the wide area, the step and what of it is not computing stand beside their formulas; a machine of trillions of
    parameters is simulated by the bytes of one GPU's share, in 64 packets a message unless packet_payload is set. TIME of
    --at counts from the start of a step. After Ctrl-C the ways done so far are printed and written (exit code 130).

    \b
    Examples:
      collsim workload sites --topo nvl8x4x2 --parameters 100B --tokens 4M --compute 1s
      collsim workload sites --topo nvl8x4x2 --model gpt3-175b --tokens 4M --round-trip 20ms --wan-rate 400Gb/s
      collsim workload sites --topo nvl72x14x2 --parameters 50T --compute 60s --ways hierarchical,late
      collsim workload sites --topo nvl8x4x2 --parameters 1T --set routing=up-down --csv ways.csv --plot ways.png
      collsim workload sites --topo nvl8x4x2 --parameters 100B --compute 1s --at '1.1s:site0/core->site1/core#0=0.5'
    """
    from collsim.errors import InvalidValue, RunError
    from collsim.network.link_changes import parse_changes
    from collsim.report.output import check_drawable, check_writable
    from collsim.simulate import machine_of
    from collsim.sweep.multi_site import fitting_ways, runs, setting
    from collsim.sweep.multi_site_job import job_of, with_wide_area_of
    from collsim.units import parse_time

    paths = {kind: options.pop(f"{kind}_path") for kind in ("csv", "json", "plot")}
    if paths["json"] == paths["csv"] == "-":
        raise InvalidValue("Only one of --json and --csv can be printed; name a file for the other.")
    for kind, path in paths.items():
        if path is not None and (path != "-" or kind == "plot"):
            (check_drawable if kind == "plot" else check_writable)(path)
    chosen = settings_of(options)
    machine, faults = machine_of(options["topo"], chosen["bandwidth"], chosen["latency"], chosen["fail"], chosen["degrade"])
    machine = with_wide_area_of(machine, options)
    compute = None if options["compute"] is None else parse_time(options["compute"])
    at = setting(
        machine,
        job_of(options, machine),
        network=chosen["network"],
        engine=chosen["engine"],
        seed=chosen["seed"],
        compute=compute,
        rendezvous=options["rendezvous"],
        faults=faults,
        changes=parse_changes(machine, options["at"]),
    )
    names = fitting_ways(at.plant) if options["ways"] is None else tuple(w.strip() for w in options["ways"].split(","))
    if not options["rendezvous"] and "late" not in names:
        raise InvalidValue(f"--no-rendezvous is for late, which is not among {', '.join(names)}; add it or leave it out.")
    done: list[Way] = []
    stopped: BaseException | None = None
    with progress(f"training on {machine.name}") as show:
        try:
            for way in runs(at, names):
                done.append(way)
                show(len(done), len(names), f"{way.name} done")
        except (KeyboardInterrupt, RunError) as why:
            stopped = why
    if stopped is not None and not done:
        raise stopped
    _write(at, done, paths)
    return stopped_after(stopped, "ways")


def _write(at: Setting, done: list[Way], paths: dict[str, str | None]) -> None:
    from collsim.report.output import to_json, write_file, write_text
    from collsim.report.table import print_columns, print_rows
    from collsim.sweep.multi_site import frame, plot, to_dict

    text = to_json(to_dict(at, done))
    if paths["json"] == "-":
        click.echo(text, nl=False)
    elif paths["csv"] == "-":
        click.echo(frame(at, done).to_csv(index=False), nl=False)
    else:
        print_rows(head_rows(at), sys.stdout)
        click.echo()
        print_columns(*table(at, done), sys.stdout, left=1)
        click.echo()
        print_rows(tail_rows(at, done), sys.stdout)
    if paths["json"] not in (None, "-"):
        write_text(paths["json"], text)
    if paths["csv"] not in (None, "-"):
        rows = frame(at, done)
        write_file(paths["csv"], lambda temporary: rows.to_csv(temporary, index=False))
    if paths["plot"] is not None:
        plot(at, done, paths["plot"])
