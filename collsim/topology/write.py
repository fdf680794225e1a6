"""Topologies as native YAML text that reads back as the same topology, link by link.

A family's topology is written as its family with the links that differ; any other node by node. The text is made from
plain data, so that what it holds is what the reader knows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import yaml

from collsim.topology.family import LinkSpec, from_family
from collsim.topology.graph import Topology
from collsim.units import format_loss

__all__ = ["to_yaml"]

_RATES = (("TB/s", 10**12), ("GB/s", 10**9), ("MB/s", 10**6), ("kB/s", 10**3), ("B/s", 1))
_TIMES = (("s", 10**15), ("ms", 10**12), ("us", 10**9), ("ns", 10**6), ("ps", 10**3), ("fs", 1))


def to_yaml(topology: Topology) -> str:
    """Return native YAML of `topology`; reading it gives equal arrays, names, levels and, for families, the family.

    What a file cannot state is lost: how a family that was cut or hand-made should be routed.
    """
    rate, delay = _common(topology.bandwidth.tolist()), _common(topology.latency.tolist())
    document: dict[str, object] = {"name": topology.name}
    if topology.about:
        document["about"] = topology.about
    document |= {"bandwidth": _text(rate, _RATES), "latency": _text(delay, _TIMES)}
    family = _family_of(topology, rate, delay)
    if family is None:
        document |= _explicit(topology, rate, delay)
    else:
        document["family"] = family
        differing = (topology.bandwidth != rate) | (topology.latency != delay) | (topology.loss != 0)
        rules = [_entry(topology, link, rate, delay) for link in np.flatnonzero(differing).tolist()]
        if rules:
            document["links"] = rules
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)


def _family_of(topology: Topology, rate: int, delay: int) -> str | None:
    """Return the family's name that builds the same nodes and links, None where there is none."""
    numbers = topology.dims if topology.family in ("ring", "torus", "mesh") else ()
    if topology.family in ("switch", "full", "hypercube"):
        numbers = (topology.hosts,)
    given = topology.parameters
    if topology.family == "fattree":
        numbers = (given.get("m", 0), 2) if given.get("levels") == 2 else (given.get("k", 0),)
    elif topology.family in ("leafspine", "dragonfly", "bigraph"):
        keys = {"dragonfly": 3, "leafspine": 3, "bigraph": 2}
        numbers = tuple(given.values())[: keys[topology.family]]
    if not numbers or 0 in numbers:
        return None
    text = f"{topology.family}{'x'.join(map(str, numbers))}"
    built = from_family(text, LinkSpec(rate, delay))
    if built is None or not _same_shape(built, topology):
        return None
    return text


def _same_shape(a: Topology, b: Topology) -> bool:
    arrays = ((a.source, b.source), (a.target, b.target), (a.forwards, b.forwards), (a.coordinates, b.coordinates))
    return a.names == b.names and a.levels == b.levels and all(np.array_equal(x, y) for x, y in arrays)


def _explicit(topology: Topology, rate: int, delay: int) -> Mapping[str, object]:
    names = topology.names
    document: dict[str, object] = {"hosts": list(names[: topology.hosts])}
    if topology.switches:
        document["switches"] = list(names[topology.hosts :])
    forwarding = [
        name for name, forwards in zip(names, topology.forwards[: topology.hosts].tolist(), strict=False) if forwards
    ]
    if forwarding:
        document["forwards"] = True if len(forwarding) == topology.hosts else forwarding
    document["links"] = [_entry(topology, link, rate, delay) for link in range(topology.links)]
    if topology.levels:
        document["levels"] = {v.name: [[names[node] for node in each] for each in v.sets] for v in topology.levels}
    document["coordinates"] = {name: [float(v) for v in at] for name, at in zip(names, topology.coordinates, strict=True)}
    return document


def _entry(topology: Topology, link: int, rate: int, delay: int) -> Mapping[str, object]:
    ends = int(topology.source[link]), int(topology.target[link])
    entry: dict[str, object] = {"from": topology.names[ends[0]], "to": topology.names[ends[1]]}
    if topology.bandwidth[link] != rate:
        entry["bandwidth"] = _text(int(topology.bandwidth[link]), _RATES)
    if topology.latency[link] != delay:
        entry["latency"] = _text(int(topology.latency[link]), _TIMES)
    if topology.loss[link]:
        entry["loss"] = format_loss(int(topology.loss[link]))
    return entry


def _common(values: list[int]) -> int:
    return Counter(values).most_common(1)[0][0]


def _text(value: int, units: tuple[tuple[str, int], ...]) -> str:
    """Return `value` exactly, in the largest unit that divides it."""
    unit, factor = next(((u, f) for u, f in units if value and value % f == 0), units[-1])
    return f"{value // factor}{unit}"
