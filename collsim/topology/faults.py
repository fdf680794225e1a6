"""Broken and slowed parts: what a topology is without some links, hosts or switches, or with some links at a lower rate.

Links are named as reports name them. "a->b" is one direction with all its parallel links, "a-b" the cable, both
directions; "#k" picks the k-th of parallel links, as in "gpu0-gpu3#1". The result is validated as any topology is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from collsim.errors import InvalidValue, TopologyError, UnknownName, nearest
from collsim.topology.graph import Level, Topology, build

__all__ = ["degrade_links", "fail_links", "fail_nodes", "find_links", "parse_factor"]

_INDEX = re.compile(r"(.+)#(\d+)")


def find_links(topology: Topology, name: str) -> tuple[int, ...]:
    """Return the link ids that `name` means, ascending; UnknownName with the nearest link where there is none."""
    index = _INDEX.fullmatch(name)
    ends, pick = (index[1], int(index[2])) if index else (name, None)
    pairs = _directions(topology, ends)
    parallel = [topology.links_between(a, b) for a, b in pairs]
    if pick is not None and any(parallel) and not any(pick < len(links) for links in parallel):
        most = max(map(len, parallel))
        raise InvalidValue(f"'{name}' names parallel link {pick}, but '{ends}' has {most}; they count from #0.")
    found = [link for links in parallel for link in (links if pick is None else links[pick : pick + 1])]
    if not found and ends.endswith("-"):
        # What a shell leaves of h0->h1, whose ">" sends the output to a file called h1.
        raise InvalidValue(f"The link '{name}' has one end; put names with '>' in quotes, like '{ends}>h1'.")
    if not found:
        raise _unknown(topology, name, ends)
    return tuple(sorted(found))


def _directions(topology: Topology, ends: str) -> list[tuple[int, int]]:
    """Return the (source, target) pairs that "a->b" or "a-b" means; a name may itself hold a hyphen."""
    ids = {name: node for node, name in enumerate(topology.names)}
    pairs = []
    for arrow in ("->", "-"):
        cut = ends.find(arrow)
        while cut >= 0:
            a, b = ids.get(ends[:cut].strip()), ids.get(ends[cut + len(arrow) :].strip())
            if a is not None and b is not None:
                pairs += [(a, b)] if arrow == "->" else [(a, b), (b, a)]
            cut = ends.find(arrow, cut + 1)
        if pairs:
            break
    return pairs


def _unknown(topology: Topology, name: str, ends: str) -> UnknownName:
    """Return the error for a link that is not there; its suggestions leave the node that was named, or the nearest one."""
    arrow = "->" if "->" in ends else "-"
    first, _, second = (part.strip() for part in ends.partition(arrow))
    start, end = (part if part in topology.names else nearest(part, topology.names) for part in (first, second))
    if start is None:
        return UnknownName("node", first, topology.names)
    node = topology.names.index(start)
    others = sorted({topology.names[int(topology.target[link])] for link in topology.out_links[node]})
    guess = f"{start}{arrow}{end}" if end in others else None
    return UnknownName("link", name, [f"{start}{arrow}{other}" for other in others], guess)


def fail_links(topology: Topology, names: Iterable[str]) -> Topology:
    """Return the topology without the links that `names` mean; its family becomes "graph".

    Raises UnknownName for an unknown link and TopologyError when hosts can no longer reach one another.
    """
    names = list(dict.fromkeys(names))
    failed = {link for name in names for link in find_links(topology, name)}
    if not failed:
        return topology
    keep = [link for link in range(topology.links) if link not in failed]
    try:
        return topology.with_links(keep, topology.bandwidth, f"{topology.name} without {', '.join(names)}")
    except TopologyError as error:
        raise TopologyError(f"Without {', '.join(names)} the machine falls apart. {error}") from None


def degrade_links(topology: Topology, factors: Mapping[str, float | str]) -> Topology:
    """Return the topology with each named link at `factor` of its bandwidth (above 0; above 1 is an upgrade).

    Rates are rounded to whole bytes/s. A link named twice is slowed twice. Raises UnknownName for an unknown link and
    InvalidValue for a factor that is no number above zero.
    """
    if not isinstance(factors, Mapping):
        raise InvalidValue(f"Links to degrade are shares by name, like {{'h0-h1': 0.5}}, not {factors!r}.")
    bandwidth = topology.bandwidth.copy()
    for name, factor in factors.items():
        scale = parse_factor(name, factor)
        for link in find_links(topology, name):
            rate = round(int(bandwidth[link]) * scale)
            if not 1 <= rate <= 10**18:
                raise InvalidValue(f"Link '{name}' at {factor} of its rate has {rate} bytes/s; it must be 1 to 10^18.")
            bandwidth[link] = rate
    if not factors:
        return topology
    degraded = topology.with_links(range(topology.links), bandwidth)
    return replace(degraded, name=f"{topology.name} with {', '.join(f'{n} at {f}' for n, f in factors.items())}")


def parse_factor(name: str, factor: float | str) -> float:
    """Return the share of its rate at which the link `name` is left; InvalidValue unless it is a number above zero."""
    try:
        scale = float(factor)
    except (TypeError, ValueError):
        scale = 0.0
    if not 0 < scale < float("inf"):
        raise InvalidValue(
            f"The factor '{factor}' for link '{name}' is not a number above zero, like 0.5; to cut it, fail it."
        )
    return scale


def fail_nodes(topology: Topology, names: Iterable[str]) -> Topology:
    """Return the topology without the named hosts and switches and their links; ranks close up, the family is "graph".

    Raises UnknownName for an unknown node and TopologyError when fewer than two hosts, or separated ones, are left.
    """
    names = list(names)
    ids = {name: node for node, name in enumerate(topology.names)}
    for name in names:
        if name not in ids:
            raise UnknownName("node", name, ids)
    failed = {ids[name] for name in names}
    if not failed:
        return topology
    kept = [node for node in range(topology.nodes) if node not in failed]
    new = np.full(topology.nodes, -1, dtype=np.int64)
    new[kept] = np.arange(len(kept))
    alive = (new[topology.source] >= 0) & (new[topology.target] >= 0)
    table = np.stack([new[topology.source], new[topology.target], topology.bandwidth, topology.latency], axis=1)
    hosts = sum(node < topology.hosts for node in kept)
    levels = [_without(level, failed, new.tolist()) for level in topology.levels]
    try:
        return build(
            f"{topology.name} without {', '.join(names)}",
            hosts,
            table[alive],
            switches=len(kept) - hosts,
            names=[topology.names[node] for node in kept],
            forwards=topology.forwards[kept].tolist(),
            coordinates=topology.coordinates[kept],
            levels=tuple(levels),
            about=topology.about,
            loss=topology.loss[alive],
        )
    except TopologyError as error:
        raise TopologyError(f"Without {', '.join(names)} the machine falls apart. {error}") from None


def _without(level: Level, failed: set[int], new: list[int]) -> Level:
    sets = (tuple(new[node] for node in nodes if node not in failed) for nodes in level.sets)
    return Level(level.name, tuple(nodes for nodes in sets if nodes))
