"""What the options of a command say, as keyword arguments: machine, placement, faults and network settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from collsim.errors import InvalidValue

__all__ = ["network_settings", "parse_degrade", "parse_settings", "settings_of"]


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
