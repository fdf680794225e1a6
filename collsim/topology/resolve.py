"""From what a person writes to a topology: a family's name, a machine's name, or a path to a file.

One entry, `load`, so that every command and function takes the same words. A machine is a YAML file installed in the
package collsim.machines.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path

from collsim.errors import InvalidValue, UnknownName, nearest
from collsim.topology.family import DEFAULT_LINKS, FAMILIES, LinkSpec, from_family, split_name
from collsim.topology.files import is_topology_suffix, read_file
from collsim.topology.graph import Topology
from collsim.topology.native import read_yaml
from collsim.units import parse_bandwidth, parse_time

__all__ = ["load", "machines", "refuse_of_fixed", "unknown_family"]

_MACHINES = "collsim.machines"


def machines() -> tuple[str, ...]:
    """Return the names of the real machines that are installed, in order."""
    folder = files(_MACHINES)
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def load(
    topology: str | Topology | os.PathLike[str],
    *,
    bandwidth: str | int | None = None,
    latency: str | int | None = None,
) -> Topology:
    """Return the topology of a family's name ("torus4x4"), a machine's name ("dgx-a100") or a path; a Topology as it is.

    `bandwidth` (text or bytes/s) and `latency` (text or fs) replace a family's 16 GB/s and 150 ns; in files and machines
    they serve the links that state none, and are refused where every link states its own. Raises UnknownName with the
    nearest name, TopologyError for impossible sizes and graphs, FileFormatError for files, InvalidValue for quantities.
    """
    rate = None if bandwidth is None else parse_bandwidth(bandwidth)
    delay = None if latency is None else latency if isinstance(latency, int) else parse_time(latency)
    if delay is not None and delay < 0:
        raise InvalidValue(f"The latency {latency} fs is negative; it is 0 or more.")
    if isinstance(topology, Topology):
        if rate is not None or delay is not None:
            raise InvalidValue(
                f"'{topology.name}' is a finished topology: bandwidth and latency cannot be given again; build it with them."
            )
        return topology
    if not isinstance(topology, str | os.PathLike):
        raise InvalidValue(
            f"The topology {topology!r} is neither a name like 'torus4x4', a path nor a Topology; "
            "it is one machine, and collsim.sweep takes a list."
        )
    if not isinstance(topology, str):
        return read_file(Path(topology), rate, delay)
    text = topology.strip()
    if text in machines():
        with as_file(files(_MACHINES).joinpath(f"{text}.yaml")) as path:
            return replace(read_yaml(path, rate, delay), name=text)
    links = LinkSpec(DEFAULT_LINKS.bandwidth if rate is None else rate, DEFAULT_LINKS.latency if delay is None else delay)
    built = from_family(text, links)
    if built is not None:
        refuse_of_fixed(text, rate, delay)
        return built
    if _is_path(text):
        return read_file(Path(text).expanduser(), rate, delay)
    raise unknown_family(text)


def refuse_of_fixed(text: str, bandwidth: int | None, latency: int | None) -> None:
    """Raise InvalidValue where a rate or a latency is asked of the family in `text` and it states its own."""
    parts = split_name(text)
    if parts is None or not FAMILIES.get(parts[0]).fixed:
        return
    for what, asked in (("bandwidth", bandwidth), ("latency", latency)):
        if asked is not None:
            raise InvalidValue(
                f"{text} has the {what} of its hardware on every link, so another {what} cannot be asked for; "
                f"state it in a YAML file with 'compose:' (docs/topologies.md)."
            )


def _is_path(text: str) -> bool:
    return bool(text) and (
        "/" in text or os.sep in text or is_topology_suffix(Path(text).suffix.lower()) or Path(text).exists()
    )


def unknown_family(text: str) -> UnknownName:
    """Return the error for a name, with the nearest family (numbers kept) or machine as its suggestion."""
    head = text.lower().rstrip("0123456789x*, _.-")
    sizes = re.findall(r"\d+", text.lower()[len(head) :])
    head = head.replace("-", "").replace("_", "")
    family = head if head in FAMILIES else nearest(head, FAMILIES)
    guess = nearest(text, machines())
    if not head and len(sizes) > 1:
        family = "torus"  # sizes alone, like 4x4
    if family is not None and (sizes or head == family or guess is None):
        guess = family + "x".join(sizes) if sizes else FAMILIES.get(family).example
    syntaxes = (part for _, entry in FAMILIES.items() for part in entry.syntax.split(" | "))
    return UnknownName("topology", text, (*machines(), *syntaxes), guess)
