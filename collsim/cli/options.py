"""Options that several commands share, each written once, with completion of the names they take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from collsim.errors import InvalidValue

__all__ = [
    "algo_option",
    "algorithm_option",
    "apply_options",
    "at_option",
    "collective_option",
    "complete_algorithm",
    "complete_algorithms",
    "complete_preset",
    "complete_topology",
    "engine_option",
    "free_machine_options",
    "machine_options",
    "network_options",
    "placement_option",
    "network_settings",
    "parse_degrade",
    "parse_settings",
    "plan_options",
    "root_option",
    "run_options",
    "seed_option",
    "settings_of",
    "size_option",
    "sized_machine_options",
]

F = TypeVar("F", bound=Callable[..., Any])
Complete = Callable[[click.Context, click.Parameter, str], list[str]]
CompleteFile = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


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
        shell_complete=_names_or_files(lambda: ["linear", "random:"]),
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
            shell_complete=_names(_presets),
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
            shell_complete=_names(_settings),
            help="Change one network setting, like header=64B or nic_scheduler=fifo; wins over --network. Repeat for more.",
        ),
    )


def engine_option(command: F) -> F:
    """Add --engine."""
    option = click.option("--engine", metavar="E", shell_complete=_names(_engines), help=f"{_ENGINES_HELP} [compiled]")
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
        shell_complete=_names_or_files(_algorithms),
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
            shell_complete=_names(_collectives),
            help="all-reduce, reduce-scatter, all-gather, broadcast, reduce, all-to-all, or partial-all-reduce: the first "
            "int(p h) of h channels, as in partial-all-reduce:p=0.5,h=4096.",
        ),
    )


def root_option(command: F) -> F:
    """Add --root."""
    text = "Root rank of broadcast and reduce."
    return apply_options(command, click.option("--root", default=0, show_default=True, metavar="RANK", help=text))


def settings_of(options: dict[str, Any]) -> dict[str, Any]:
    """Return keyword arguments of `collsim.simulate.prepare` from the parsed options of a command."""
    from collsim.simulate import DEFAULT_ENGINE

    names = ("collective", "bandwidth", "latency", "placement", "seed", "root")
    chosen = {name: options[name] for name in names if name in options}
    chosen |= {"fail": options["fail"], "degrade": parse_degrade(options["degrade"])}
    if "settings" in options:
        chosen |= {"network": network_settings(options["network"], options["settings"], options["preset"])}
    if options.get("at"):
        chosen |= {"at": options["at"]}
    if "engine" in options:
        chosen |= {"engine": options["engine"] or DEFAULT_ENGINE}
    return chosen


def network_settings(path: str | None, changes: Sequence[str], preset: str | None = None) -> Any:
    """Return the NetworkConfig of a preset (or the defaults), changed by a file and then by KEY=VALUE in order."""
    from collsim.network.config import NetworkConfig

    base = NetworkConfig() if preset is None else NetworkConfig.preset(preset)
    return base.with_settings({} if path is None else _file_settings(path)).with_settings(parse_settings(changes))


def _file_settings(path: str) -> Mapping[str, object]:
    """Return the settings in a file: ours in YAML, or what a system JSON of ASTRA-sim comes to, with notes on stderr."""
    if not path.lower().endswith(".json"):
        from collsim.network.files import read_settings

        return read_settings(path)
    from collsim.interop.astra_system import read_astra_system

    system = read_astra_system(path)
    for note in system.notes:
        click.echo(f"Note: {note}", err=True)
    return system.settings


def parse_settings(changes: Sequence[str]) -> dict[str, str]:
    """Return {key: value} of texts like "header=64B", later ones winning; names and values are not yet checked."""
    chosen = {}
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise InvalidValue(f"Cannot read the setting '{change}'; write it as KEY=VALUE, like header=64B.")
        chosen[key.strip()] = value.strip()
    return chosen


def parse_degrade(texts: Sequence[str]) -> dict[str, str]:
    """Return {link: share} of texts like "h0->h1=0.5"; the shares are checked where links are degraded."""
    shares = {}
    for text in texts:
        link, equals, share = text.rpartition("=")
        if not equals or not link or not share:
            raise InvalidValue(f"Cannot read --degrade '{text}'; write it as LINK=SHARE, like 'h0->h1=0.5'.")
        shares[link] = share
    return shares


def apply_options(command: F, *decorators: Callable[[F], F]) -> F:
    """Add options in the order in which they are to be listed."""
    for decorator in reversed(decorators):
        command = decorator(command)
    return command


def _names(source: Callable[[], list[str]]) -> Complete:
    def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
        return [name for name in source() if name.startswith(incomplete)]

    return complete


def _names_or_files(source: Callable[[], list[str]]) -> CompleteFile:
    def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
        found = [CompletionItem(name) for name in source() if name.startswith(incomplete)]
        return found or [CompletionItem(incomplete, type="file")]

    return complete


def complete_topology(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the topology names that start with `incomplete`, for the shell; where there is none, its files."""
    return _names_or_files(_topologies)(ctx, parameter, incomplete)


def complete_algorithm(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the algorithm names that start with `incomplete`, for the shell."""
    return _names(_algorithms)(ctx, parameter, incomplete)


def complete_algorithms(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Return lists "a,b,c" whose last algorithm starts with what stands behind the last comma, for the shell."""
    before, comma, last = incomplete.rpartition(",")
    return [before + comma + name for name in _algorithms() if name.startswith(last)]


def _topologies() -> list[str]:
    from collsim.topology import machines
    from collsim.topology.family import FAMILIES

    return sorted([*machines(), *(family.example for _, family in FAMILIES.items())])


def _algorithms() -> list[str]:
    from collsim.collectives.algorithm import ALGORITHMS

    return sorted(ALGORITHMS.aliases())


def _collectives() -> list[str]:
    from collsim.collectives.collective import COLLECTIVES

    return list(COLLECTIVES)


def _engines() -> list[str]:
    from collsim.engines.engine import ENGINES

    return list(ENGINES)


def _presets() -> list[str]:
    from collsim.network.preset import presets

    return list(presets())


def complete_preset(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of presets that start with `incomplete`, for the shell."""
    return [name for name in _presets() if name.startswith(incomplete)]


def _settings() -> list[str]:
    from collsim.network.config import LEAVES

    return [f"{leaf}=" for leaf in LEAVES]
