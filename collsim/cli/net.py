"""`collsim net`: which networks and transformers can be trained, and how long an accelerator takes for each part of one."""

from __future__ import annotations

import sys
from typing import Any

import click

from collsim.cli.suggest import SuggestingGroup

__all__ = ["net"]

MODES = ("train", "prefill", "decode")
"""Of collsim.workloads.transformer_compute, which help need not import."""


def _complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Return the networks and transformers that start with `incomplete`, for the shell."""
    from collsim.workloads.layers import NETWORKS
    from collsim.workloads.transformers.shape import TRANSFORMERS

    return [name for registry in (NETWORKS, TRANSFORMERS) for name in registry if name.startswith(incomplete)]


@click.group(cls=SuggestingGroup)
def net() -> None:
    """List and show networks and transformers to train, and the accelerators that compute them."""


@net.command("list")
def list_networks() -> None:
    """List the networks, the transformers and the accelerators."""
    from collsim.report.table import print_columns
    from collsim.units import format_bandwidth
    from collsim.workloads.accelerators.accelerator import ACCELERATORS
    from collsim.workloads.accelerators.roofline import Roofline
    from collsim.workloads.layers import NETWORKS
    from collsim.workloads.transformers.shape import TRANSFORMERS

    rows = [
        [name, entry.title, str(len(entry.layers)), f"{entry.parameters:,}", f"{entry.flops / 1e9:.3g}"]
        for name, entry in NETWORKS.items()
    ]
    print_columns(["network", "what", "layers", "weights", "GFLOP forward"], rows, sys.stdout, left=2)
    rows = [
        [name, shape.title, str(shape.layers), f"{shape.hidden:,}", f"{shape.sequence:,}", f"{shape.parameters:,}"]
        for name, shape in TRANSFORMERS.items()
    ]
    click.echo()
    heads = ["transformer", "what", "layers", "channels", "tokens", "parameters"]
    print_columns(heads, rows, sys.stdout, left=2)
    rows = []
    for name, machine in ACCELERATORS.items():
        cells = ["", "", "", ""]
        if isinstance(machine, Roofline):
            peak = f"{machine.peak() / 1e12:,.4g} {machine.precision}"
            fp8 = f"{machine.peak('fp8') / 1e12:,.4g}" if "fp8" in machine.peaks else ""
            cells = [peak, fp8, format_bandwidth(machine.memory_bandwidth), f"{machine.memory / 1e9:g} GB"]
        rows.append([name, machine.about.partition(":")[0], *cells])
    click.echo()
    print_columns(["accelerator", "what", "TFLOP/s", "fp8", "bandwidth", "memory"], rows, sys.stdout, left=2)


@net.command()
@click.argument("network", metavar="NAME", shell_complete=_complete)
@click.option("--accelerator", metavar="NAME", help="What a node computes on. [multitree-isca21; h100 for transformers]")
@click.option("--samples", type=click.IntRange(1), help="Samples a node. [16; for transformers the micro-batch, or 1]")
@click.option("--precision", metavar="NAME", help="What a roofline computes in, like bf16 or fp8. [its own]")
@click.option("--tp", type=click.IntRange(1), help="Ranks that share a transformer, tensor-parallel. [1]")
@click.option("--mode", type=click.Choice(MODES), help="What a transformer does. [train]")
@click.option("--tokens", type=click.IntRange(1), help="Tokens of a sequence, a prompt or a context. [as trained]")
@click.option("--json", "json_path", metavar="FILE", help="Write it as JSON; '-' prints it instead of the report.")
def show(network: str, json_path: str | None, **options: Any) -> None:
    """Show the layers of a network or the parts of a transformer, and the time of each on a node.

    NAME is a name of 'collsim net list', or a YAML file that states the shape of a transformer.

    \b
    Examples:
      collsim net show alexnet
      collsim net show resnet50 --accelerator h100 --samples 64
      collsim net show llama2-7b --accelerator gaudi3 --tp 8
      collsim net show llama2-70b --tp 8 --mode decode --tokens 4096 --samples 16
    """
    from pathlib import Path

    from collsim.errors import UnknownName
    from collsim.report.output import check_writable, to_json, write_text
    from collsim.workloads.layers import NETWORKS
    from collsim.workloads.transformers.shape import TRANSFORMERS

    if json_path not in (None, "-"):
        check_writable(json_path)
    if network in NETWORKS:
        value = _show_network(network, json_path == "-", **options)
    elif (
        network not in TRANSFORMERS and Path(network).suffix.lower() not in (".yaml", ".yml") and not Path(network).is_file()
    ):
        raise UnknownName("network or transformer", network, [*NETWORKS, *TRANSFORMERS])
    else:
        value = _show_transformer(network, json_path == "-", **options)
    if json_path == "-":
        click.echo(to_json(value), nl=False)
    elif json_path is not None:
        write_text(json_path, to_json(value))


def _show_network(
    network: str, silent: bool, *, accelerator: str | None, samples: int | None, precision: str | None, **options: object
) -> dict[str, object]:
    """Print the report unless `silent`, and return it as a JSON object."""
    from dataclasses import replace

    from collsim.errors import InvalidValue
    from collsim.report.table import print_columns, print_rows
    from collsim.units import format_time
    from collsim.workloads.accelerators.accelerator import ACCELERATORS, pass_times
    from collsim.workloads.accelerators.roofline import roofline
    from collsim.workloads.facts import network_value
    from collsim.workloads.layers import NETWORKS

    for name, given in options.items():
        if given is not None:
            raise InvalidValue(f"The network '{network}' takes no --{name}; that is for transformers.")
    entry, machine = NETWORKS.get(network), ACCELERATORS.get(accelerator or "multitree-isca21")
    if precision is not None:
        machine = replace(roofline(machine.name), precision=precision)
    chosen = samples or 16
    times = [pass_times(machine, layer, chosen) for layer in entry.layers]
    value = {"accelerator": machine.name, "samples": chosen, **network_value(entry, times)}
    if silent:
        return value
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
    about.append(("Node", f"{machine.about}; {chosen} samples"))
    about.append(("Weights", f"{entry.parameters:,}"))
    if entry.all_parameters > entry.parameters:
        about.append(("With rest", f"{entry.all_parameters:,}, {4 * entry.all_parameters / 1e6:.1f} MB of fp32 gradients"))
    about.append(("Computing", f"{format_time(sum(time.total for time in times))} an iteration"))
    print_rows(about, sys.stdout)
    click.echo()
    heads = ["layer", "input", "filters", "weights", "forward", "input gradient", "weight gradient"]
    print_columns(heads, rows, sys.stdout, left=3)
    return value


def _show_transformer(
    name: str,
    silent: bool,
    *,
    accelerator: str | None,
    samples: int | None,
    precision: str | None,
    tp: int | None,
    mode: str | None,
    tokens: int | None,
) -> dict[str, object]:
    """Print the report unless `silent`, and return it as a JSON object."""
    from collsim.report.table import print_columns, print_rows
    from collsim.workloads.accelerators.roofline import roofline
    from collsim.workloads.load_transformer import load_transformer
    from collsim.workloads.transformer_compute import transformer_times, work_of
    from collsim.workloads.transformer_report import PART_HEADS, part_table, shape_rows, times_rows, times_value

    shape, ranks = load_transformer(name), tp or 1
    machine, work = roofline(accelerator or "h100"), work_of(mode or "train", shape, samples, tokens)
    times = transformer_times(shape, machine, work, tp=ranks, precision=precision)
    value = times_value(shape, machine, times, ranks, precision)
    if silent:
        return value
    print_rows([*shape_rows(shape), *times_rows(shape, machine, times, ranks, precision)], sys.stdout)
    click.echo()
    print_columns(PART_HEADS, part_table(shape, machine, times, ranks, precision), sys.stdout)
    return value
