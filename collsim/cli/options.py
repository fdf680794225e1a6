"""Options that several commands share, each written once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from collsim.cli.names import (
    complete_topology,
    known_algorithms,
    known_collectives,
    known_engines,
    known_presets,
    known_settings,
    names,
    names_or_files,
)

__all__ = [
    "algo_option",
    "algorithm_option",
    "apply_options",
    "at_option",
    "collective_option",
    "engine_option",
    "free_machine_options",
    "machine_options",
    "network_options",
    "placement_option",
    "plan_options",
    "root_option",
    "run_options",
    "seed_option",
    "size_option",
    "sized_machine_options",
]

F = TypeVar("F", bound=Callable[..., Any])


def machine_options(command: F) -> F:
    """Add --topo, --bandwidth, --latency, --fail and --degrade."""
    return _machine(
        command,
        click.option(
            "--topo",
            required=True,
            metavar="T",
            shell_complete=complete_topology,
            help="Topology: a family such as torus4x4, a machine such as dgx1-v100 (see 'collsim topo list'), or a file "
            "(YAML, node-link JSON, GraphML, edge CSV, and those of other tools in docs/formats.md).",
        ),
    )


def free_machine_options(command: F) -> F:
    """Add what `machine_options` does, with a --topo that may be left out."""
    return _machine(
        command,
        click.option(
            "--topo",
            metavar="T",
            shell_complete=complete_topology,
            help="Topology as 'collsim run' takes it.",
        ),
    )


def sized_machine_options(command: F) -> F:
    """Add what `machine_options` does, with a --topo that may be left out or follow the number of ranks."""
    return _machine(
        command,
        click.option(
            "--topo",
            metavar="T",
            shell_complete=complete_topology,
            help="Topology as 'collsim run' takes it, of which the first ranks use the first hosts; or a family that is as "
            "large as there are ranks: switch, ring, full, torus, mesh, hypercube. [one switch]",
        ),
    )


def _machine(command: F, topo: Callable[[F], F]) -> F:
    return apply_options(
        command,
        topo,
        click.option("--bandwidth", metavar="RATE", help="Rate of links that state none, like 16GB/s or 200Gb/s. [16GB/s]"),
        click.option("--latency", metavar="TIME", help="Latency of links that state none, like 150ns. [150ns]"),
        click.option("--fail", multiple=True, metavar="LINK", help="Remove a link, like 'h0->h1'. Repeat for more."),
        click.option(
            "--degrade",
            multiple=True,
            metavar="LINK=F",
            help="Slow a link down to a share F of its rate, like 'h0->h1=0.5'. Repeat for more.",
        ),
    )


def run_options(command: F) -> F:
    """Add what runs have beside a machine: what schedules have, and --engine."""
    return plan_options(engine_option(command))


def plan_options(command: F) -> F:
    """Add what schedules have beside a machine: collective, network, placement, root and seed."""
    return apply_options(
        command,
        collective_option,
        network_options,
        placement_option,
        root_option,
        seed_option,
    )


def placement_option(command: F) -> F:
    """Add --placement."""
    option = click.option(
        "--placement",
        default="linear",
        show_default=True,
        metavar="P",
        shell_complete=names_or_files(lambda: ["linear", "random:"]),
        help="Which host each rank runs on: linear, random:SEED, or a file of host names, one a rank.",
    )
    return apply_options(command, option)


def network_options(command: F) -> F:
    """Add --preset, --network and --set."""
    return apply_options(
        command,
        click.option(
            "--preset",
            metavar="NAME",
            shell_complete=names(known_presets),
            help="Network of a published study, such as multitree-isca21 (see 'collsim preset list').",
        ),
        click.option(
            "--network",
            metavar="FILE",
            type=click.Path(),
            help="YAML file of network settings, one 'KEY: VALUE' a line, such as 'router_delay: 20ns', or a system JSON of "
            "ASTRA-sim; wins over --preset.",
        ),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="KEY=VALUE",
            shell_complete=names(known_settings),
            help="Change one network setting, like header=64B or nic_scheduler=fifo; wins over --network. Repeat for more.",
        ),
    )


def engine_option(command: F) -> F:
    """Add --engine."""
    option = click.option("--engine", metavar="E", shell_complete=names(known_engines), help=f"{_ENGINES_HELP} [compiled]")
    return apply_options(command, option)


def seed_option(command: F) -> F:
    """Add --seed."""
    option = click.option("--seed", default=0, show_default=True, metavar="N", help="Seed of every random choice.")
    return apply_options(command, option)


_ENGINES_HELP = (
    "compiled (packet by packet, every rule of the network model), simpy (the same in readable Python, for custom "
    "schedulers and observers, slow) or analytic (alpha-beta with shared links, no queues)."
)


def algorithm_option(default: str) -> Callable[[F], F]:
    """Return what adds --algo with `default`."""
    return click.option(
        "--algo",
        default=default,
        show_default=True,
        metavar="A",
        shell_complete=names_or_files(known_algorithms),
        help="Algorithm, with options after a colon: multitree or multitree:ports=1 (see 'collsim algo list'), or "
        "a file of your own: ./star.py, ./star.py:NAME or MSCCL's ./plan.xml.",
    )


def algo_option(command: F) -> F:
    """Add --algo."""
    return algorithm_option("multitree")(command)


def at_option(command: F) -> F:
    """Add --at."""
    return apply_options(
        command,
        click.option(
            "--at",
            multiple=True,
            metavar="TIME:LINK=WHAT",
            help="Change a link during the run: to a rate, a share of its rate, 'fail', 'loss:P' (it loses a share of its "
            "packets), 'drop' (all of them) or 'restore', like '5ms:h0->h1=0.5' or '1ms:h0-h1=drop'. Repeat for more.",
        ),
    )


def size_option(command: F) -> F:
    """Add --size."""
    text = "Bytes of a rank's buffer as nccl-tests counts them: 16MiB, 375KiB, 1e6."
    return apply_options(command, click.option("--size", default="16MiB", show_default=True, metavar="SIZE", help=text))


def collective_option(command: F) -> F:
    """Add --collective."""
    return apply_options(
        command,
        click.option(
            "--collective",
            default="all-reduce",
            show_default=True,
            metavar="C",
            shell_complete=names(known_collectives),
            help="all-reduce, reduce-scatter, all-gather, broadcast, reduce, all-to-all, or partial-all-reduce: the first "
            "int(p h) of h channels, as in partial-all-reduce:p=0.5,h=4096.",
        ),
    )


def root_option(command: F) -> F:
    """Add --root."""
    text = "Root rank of broadcast and reduce."
    return apply_options(command, click.option("--root", default=0, show_default=True, metavar="RANK", help=text))


def apply_options(command: F, *decorators: Callable[[F], F]) -> F:
    """Add options in the order in which they are to be listed."""
    for decorator in reversed(decorators):
        command = decorator(command)
    return command
