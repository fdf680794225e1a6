"""Completion of names in the shell: topologies, algorithms, collectives, engines, presets, settings."""

from __future__ import annotations

from collections.abc import Callable

import click
from click.shell_completion import CompletionItem

__all__ = [
    "complete_algorithm",
    "complete_algorithms",
    "complete_preset",
    "complete_topology",
    "known_algorithms",
    "known_collectives",
    "known_engines",
    "known_presets",
    "known_settings",
    "known_topologies",
    "names",
    "names_or_files",
]

Complete = Callable[[click.Context, click.Parameter, str], list[str]]
CompleteFile = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def names(source: Callable[[], list[str]]) -> Complete:
    """Return the completion of an option that takes one of the names of `source`."""

    def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
        return [name for name in source() if name.startswith(incomplete)]

    return complete


def names_or_files(source: Callable[[], list[str]]) -> CompleteFile:
    """Return the completion of an option that takes one of the names of `source` or a file."""

    def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
        found = [CompletionItem(name) for name in source() if name.startswith(incomplete)]
        return found or [CompletionItem(incomplete, type="file")]

    return complete


def complete_topology(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the topology names that start with `incomplete`, for the shell; where there is none, its files."""
    return names_or_files(known_topologies)(ctx, parameter, incomplete)


def complete_algorithm(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the algorithm names that start with `incomplete`, for the shell."""
    return names(known_algorithms)(ctx, parameter, incomplete)


def complete_algorithms(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Return lists "a,b,c" whose last algorithm starts with what stands behind the last comma, for the shell."""
    before, comma, last = incomplete.rpartition(",")
    return [before + comma + name for name in known_algorithms() if name.startswith(last)]


def known_topologies() -> list[str]:
    """Return the machines, and an example of each family."""
    from collsim.topology import machines
    from collsim.topology.family import FAMILIES

    return sorted([*machines(), *(family.example for _, family in FAMILIES.items())])


def known_algorithms() -> list[str]:
    """Return the names and other names of all algorithms."""
    from collsim.collectives.algorithm import ALGORITHMS

    return sorted(ALGORITHMS.aliases())


def known_collectives() -> list[str]:
    """Return the names of all collectives."""
    from collsim.collectives.collective import COLLECTIVES

    return list(COLLECTIVES)


def known_engines() -> list[str]:
    """Return the names of all engines."""
    from collsim.engines.engine import ENGINES

    return list(ENGINES)


def known_presets() -> list[str]:
    """Return the names of all presets."""
    from collsim.network.preset import presets

    return list(presets())


def complete_preset(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of presets that start with `incomplete`, for the shell."""
    return [name for name in known_presets() if name.startswith(incomplete)]


def known_settings() -> list[str]:
    """Return the keys of all network settings, each with its equals sign."""
    from collsim.network.config import LEAVES

    return [f"{leaf}=" for leaf in LEAVES]
