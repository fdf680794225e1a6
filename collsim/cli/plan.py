"""`collsim plan`: how large a training machine a budget buys, what it trains, and what its sites have to exchange."""

from __future__ import annotations

import shlex
import sys

import click

__all__ = ["plan"]

VERSIONS = (
    "v1, v2: arXiv 2407.12819 (July 2024, HotNets 2024); overview: a public summary of v2; hardware: NVIDIA GB200 NVL72; "
    "assumed: here"
)


@click.command()
@click.option("--budget", metavar="$", help="What everything may cost, like 100B. [100B]")
@click.option("--compute-share", metavar="F", help="Share of the budget for racks. [0.7]")
@click.option("--rack-price", metavar="$", help="Price of a rack, like 3M. [70B / 23,300]")
@click.option("--rack-power", metavar="P", help="IT power of a rack, like 154.5kW. [3.6GW / 23,300]")
@click.option("--rack-gpus", metavar="N", help="GPUs in a rack. [72]")
@click.option("--rack-memory", metavar="SIZE", help="GPU memory of a rack. [13.4TB]")
@click.option("--gpus", metavar="N", help="GPUs, in place of those that the budget buys.")
@click.option(
    "--pue", metavar="LOW:HIGH", help="Total over IT power, one number or least and most. [4.16GW:4.71GW over 3.6GW]"
)
@click.option("--sites", metavar="N", help="Sites that share the machine equally. [2]")
@click.option("--site-power", metavar="P", help="Power that one site has at most, which gives the number of sites.")
@click.option("--precision", metavar="NAME", help="bf16 (2.5 PFLOP/s a GPU, 2 B a gradient) or fp8 (5 PFLOP/s, 1 B). [bf16]")
@click.option("--peak", metavar="RATE", help="Dense peak of a GPU, like 2.5PFLOP/s. [that of the precision]")
@click.option("--gradient-bytes", metavar="N", help="Bytes of a gradient between sites. [those of the precision]")
@click.option("--utilisation", metavar="F", help="Share of the peak that training uses. [0.4]")
@click.option("--tokens-per-parameter", metavar="R", help="Scaling law: training tokens a parameter. [20]")
@click.option("--parameters", metavar="N", help="Parameters of the model, like 100T; days follow. [50T]")
@click.option("--days", metavar="N", help="Days that training may take; the model's size follows.")
@click.option("--state-bytes", metavar="N", help="Memory a parameter: weight, gradient, optimiser. [16]")
@click.option("--step-time", metavar="TIME", help="From one optimiser step to the next, in which sites exchange. [60s]")
@click.option("--round-trip", metavar="TIME", help="Round trip between sites. [60ms]")
@click.option("--wan-rate", metavar="RATE", help="What a site has each way, like 10Tb/s: how long does its exchange take?")
@click.option("--json", "json_path", metavar="FILE", help="Write the plan as JSON; '-' prints it instead of the report.")
def plan(json_path: str | None, **options: str | None) -> None:
    """Plan a training machine: racks, GPUs, power, sites, model, days, WAN rate, each with its formula.

    Without options it is the $100 billion machine of Gherghescu et al. (arXiv 2407.12819). What is printed says where
    each input comes from. Nothing is simulated.

    \b
    Examples:
      collsim plan --parameters 100T --step-time 300s
      collsim plan --budget 10B --days 90 --precision fp8 --wan-rate 10Tb/s
      collsim plan --gpus 100k --site-power 150MW
    """
    from collsim.report.output import check_writable, to_json, write_text
    from collsim.report.table import print_rows
    from collsim.sweep.planning import plan as planned

    if json_path not in (None, "-"):
        check_writable(json_path)
    made = planned(**options)
    value = made.to_dict()
    if json_path == "-":
        click.echo(to_json(value), nl=False)
        return
    rows = [("Given", f"{g.text} ({g.source})") for g in made.given]
    rows += [("Sources", VERSIONS)]
    rows += [(f.label, f.line) for f in made.figures]
    rows += [("Note", note) for note in made.notes]
    rows += [("Try next", words) for words in _next(options, made.plan.days > 365)]
    print_rows(rows, sys.stdout)
    if json_path is not None:
        write_text(json_path, to_json(value))


def _next(options: dict[str, str | None], long: bool) -> list[str]:
    """Return the same plan with one question more: what a year trains, or whether the WAN keeps up."""
    words = [f"--{name.replace('_', '-')} {shlex.quote(value)}" for name, value in options.items() if value is not None]
    if long and options["parameters"] is None:
        more = "--days 365"
    elif options["wan_rate"] is None:
        more = "--wan-rate 10Tb/s"
    else:
        return []
    return [" ".join(["collsim plan", *words, more])]
