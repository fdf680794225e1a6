"""`collsim topo`: which machines there are, what one of them is, how it looks, and files of it for other tools."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from collsim.cli.names import complete_topology
from collsim.cli.suggest import SuggestingGroup

if TYPE_CHECKING:
    from collsim.topology.graph import Topology

__all__ = ["topo"]

FORMATS = ("yaml", "json", "link-list", "anynet")


@click.group(cls=SuggestingGroup)
def topo() -> None:
    """List, show, draw and export topologies."""


@topo.command("list")
def list_topologies() -> None:
    """List topology families with their syntax and the machines that are installed."""
    from collsim.report.table import print_columns
    from collsim.topology import load, machines
    from collsim.topology.family import FAMILIES

    rows = [[entry.syntax, entry.example, entry.about] for _, entry in FAMILIES.items()]
    print_columns(["family", "example", "about"], rows, sys.stdout, left=3)
    click.echo()
    found = [(name, load(name)) for name in machines()]
    print_columns(["machine", "hosts", "about"], [[n, str(t.hosts), t.about] for n, t in found], sys.stdout, left=3)
    click.echo("\nA path works wherever a name does: YAML, node-link JSON, GraphML, edge CSV, and those of docs/formats.md.")


def _machine(command: Any) -> Any:
    """Add the argument TOPOLOGY and the options that alter it."""
    for decorator in (
        click.option("--degrade", multiple=True, metavar="LINK=F", help="Slow a link down to a share F of its rate."),
        click.option("--fail", multiple=True, metavar="LINK", help="Remove a link, like 'h0->h1'. Repeat for more."),
        click.option("--latency", metavar="TIME", help="Latency of links that state none. [150ns]"),
        click.option("--bandwidth", metavar="RATE", help="Rate of links that state none. [16GB/s]"),
        click.argument("topology", metavar="TOPOLOGY", shell_complete=complete_topology),
    ):
        command = decorator(command)
    return command


@topo.command()
@_machine
def show(topology: str, **options: Any) -> None:
    """Show nodes, links, degree, diameter and bisection of TOPOLOGY (a name or a file).

    \b
    Examples:
      collsim topo show torus4x4
      collsim topo show my-machine.yaml --fail 'h0->h1'
    """
    from collsim.report.describe import topology_rows
    from collsim.report.table import print_rows
    from collsim.topology.measures import measure

    machine = _load(topology, options)
    print_rows(topology_rows(machine, measure(machine)), sys.stdout)


@topo.command()
@_machine
@click.option("-o", "--output", required=True, metavar="FILE", help="Image to write (.png, .svg or .pdf).")
def plot(topology: str, output: str, **options: Any) -> None:
    """Draw TOPOLOGY: hosts round, switches square, links as wide as they are fast.

    \b
    Example:
      collsim topo plot dgx1-v100 -o dgx1.png
    """
    from collsim.report.output import check_drawable
    from collsim.report.plot import plot_topology

    check_drawable(output)
    plot_topology(_load(topology, options), output)


@topo.command()
@_machine
@click.option("-o", "--output", required=True, metavar="FILE", help="File to write; '-' prints it.")
@click.option(
    "--format",
    "wanted",
    type=click.Choice(FORMATS),
    help="What to write. [by suffix: .yaml, .json, .anynet, .txt a link list]",
)
def export(topology: str, output: str, wanted: str | None, **options: Any) -> None:
    """Write TOPOLOGY for another tool, or as a native YAML file with every link in it.

    yaml is collsim's own and loses nothing. json is node-link JSON of networkx. link-list is the physical topology of
    the ns-3 back ends of ASTRA-sim and SimAI. anynet is BookSim's.

    \b
    Examples:
      collsim topo export leafspine4x4x2 -o network.txt
      collsim topo export server.xml --fail 'gpu0->nvswitch' -o server.yaml
    """
    from pathlib import Path

    from collsim.errors import InvalidValue
    from collsim.interop.anynet import to_anynet
    from collsim.interop.link_list import to_link_list
    from collsim.interop.node_link import to_node_link
    from collsim.report.output import check_writable, to_json, write_text
    from collsim.topology.write import to_yaml

    suffixes = {".yaml": "yaml", ".yml": "yaml", ".json": "json", ".anynet": "anynet", ".txt": "link-list"}
    kind = wanted or suffixes.get(Path(output).suffix.lower())
    if kind is None:
        raise InvalidValue(f"The suffix of '{output}' says no format; add --format, one of {', '.join(FORMATS)}.")
    if output != "-":
        check_writable(output)
    writers: dict[str, Callable[[Topology], str]] = {
        "yaml": to_yaml,
        "json": lambda machine: to_json(to_node_link(machine)),
        "link-list": to_link_list,
        "anynet": to_anynet,
    }
    text = writers[kind](_load(topology, options))
    if output == "-":
        click.echo(text, nl=False)
    else:
        write_text(output, text)


def _load(topology: str, options: dict[str, Any]) -> Topology:
    from collsim.cli.settings import parse_degrade
    from collsim.simulate import machine_of

    degrade = parse_degrade(options["degrade"])
    return machine_of(topology, options["bandwidth"], options["latency"], options["fail"], degrade)[0]
