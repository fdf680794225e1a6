"""`collsim net`: which networks can be trained, and how long an accelerator takes for each layer of one of them."""

from __future__ import annotations

import sys

import click

from collsim.cli.suggest import SuggestingGroup

__all__ = ["net"]


def _complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Return the networks that start with `incomplete`, for the shell."""
    from collsim.workloads.layers import NETWORKS

    return [name for name in NETWORKS if name.startswith(incomplete)]


@click.group(cls=SuggestingGroup)
def net() -> None:
    """List and show networks to train."""


@net.command("list")
def list_networks() -> None:
    """List the networks with their layers, weights and operations."""
    from collsim.report.table import print_columns
    from collsim.workloads.layers import NETWORKS

    rows = [
        [name, entry.title, str(len(entry.layers)), f"{entry.parameters:,}", f"{entry.flops / 1e9:.3g}"]
        for name, entry in NETWORKS.items()
    ]
    print_columns(["network", "what", "layers", "weights", "GFLOP forward"], rows, sys.stdout, left=2)


@net.command()
@click.argument("network", metavar="NETWORK", shell_complete=_complete)
@click.option(
    "--accelerator", default="multitree-isca21", show_default=True, metavar="NAME", help="What a node computes on."
)
@click.option("--samples", default=16, show_default=True, type=click.IntRange(1), help="Samples of a mini-batch a node.")
def show(network: str, accelerator: str, samples: int) -> None:
    """Show the layers of NETWORK: shapes, weights, and the time of each pass on a node.

    \b
    Example:
      collsim net show alexnet
    """
    from collsim.report.table import print_columns, print_rows
    from collsim.units import format_time
    from collsim.workloads.accelerators.accelerator import ACCELERATORS, pass_times
    from collsim.workloads.layers import NETWORKS

    entry, machine = NETWORKS.get(network), ACCELERATORS.get(accelerator)
    times = [pass_times(machine, layer, samples) for layer in entry.layers]
    rows = [
        [
            layer.name,
            f"{layer.height}x{layer.width}x{layer.channels}",
            f"{layer.filters} of {layer.filter_height}x{layer.filter_width}",
            f"{layer.parameters:,}",
            *map(format_time, (time.forward, time.input_gradient, time.weight_gradient)),
        ]
        for layer, time in zip(entry.layers, times, strict=True)
    ]
    about = [("Network", entry.title), ("Source", entry.source), ("Counted", entry.reading)]
    about.append(("Node", f"{machine.about}; {samples} samples"))
    about.append(("Weights", f"{entry.parameters:,}"))
    about.append(("Computing", f"{format_time(sum(time.total for time in times))} an iteration"))
    print_rows(about, sys.stdout)
    click.echo()
    heads = ["layer", "input", "filters", "weights", "forward", "input gradient", "weight gradient"]
    print_columns(heads, rows, sys.stdout, left=3)
