"""Presets: networks of published studies by name, every setting with its source, one YAML file each in `presets/`.

A preset is a list of settings and nothing more: what follows it on the command line or in Python changes it further. Where
a study has other values on another kind of network, that is a preset of its own that `extends` the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from collsim.errors import UnknownName
from collsim.network.config import NetworkConfig

__all__ = ["Preset", "Setting", "preset", "presets"]

_FOLDER = "collsim.network.presets"


@dataclass(frozen=True, slots=True)
class Setting:
    """The value of one leaf of NetworkConfig as text, and why: what the source says."""

    leaf: str
    value: str
    why: str


@dataclass(frozen=True, slots=True)
class Preset:
    """A named network: what it is, where it is from, which topologies it fits, and its settings."""

    name: str
    title: str
    source: str
    fits: str
    settings: tuple[Setting, ...]

    @property
    def values(self) -> dict[str, str]:
        """Return {leaf: value as text}."""
        return {setting.leaf: setting.value for setting in self.settings}

    def network(self) -> NetworkConfig:
        """Return the configuration: the defaults with the settings of this preset."""
        return NetworkConfig().with_settings(self.values)


def presets() -> tuple[str, ...]:
    """Return the names of all presets, in order."""
    found = (entry.name for entry in files(_FOLDER).iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in found if name.endswith(".yaml")))


@cache
def preset(name: str) -> Preset:
    """Return the preset called `name`; UnknownName names the nearest."""
    if name not in presets():
        raise UnknownName("network preset", name, presets())
    content: dict[str, Any] = yaml.safe_load(files(_FOLDER).joinpath(f"{name}.yaml").read_text(encoding="utf-8"))
    inherited = preset(content["extends"]).settings if "extends" in content else ()
    settings = {setting.leaf: setting for setting in inherited}
    settings |= {leaf: Setting(leaf, str(given["value"]), given["why"]) for leaf, given in content["settings"].items()}
    return Preset(name, content["title"], content["source"], content["fits"], tuple(settings.values()))
