"""Machines put together: copies of a rack joined by a Clos fabric into a site, copies of a site joined over a wide area.

Pure functions of topologies. A fabric has k planes ("rails"): the scale-out port of GPU i of every rack goes to plane
i mod k, so GPUs of equal place in their racks meet in one plane. A plane is one switch, or a leaf a rack below `spines`
spines. One core switch joins the planes of a site and is where the wide area begins; it and the way to it never limit.
Rail-optimised fabrics as in NVIDIA's DGX SuperPOD reference architecture (RA-11333-001), section "Compute Fabric".
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from collsim.errors import TopologyError
from collsim.topology.family import MAX_LINKS, cables
from collsim.topology.graph import Level, Topology, build

__all__ = ["CLOS", "Fabric", "Wan", "join_racks", "join_sites"]

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

CLOS = "clos"
"""Family of racks around one switch each, joined here: routing keeps the traffic of a rack on its own switch."""


@dataclass(frozen=True, slots=True)
class Fabric:
    """A Clos of `planes` planes: `port` bytes/s of each GPU's scale-out port, `latency` fs a link.

    `spines` a plane, 0 for a plane of one switch. A leaf has one uplink to each spine of `uplink` bytes/s; None divides
    the rate of its ports by `oversubscription` and the spines (rounded up).
    """

    planes: int
    port: int
    latency: int
    spines: int = 0
    uplink: int | None = None
    oversubscription: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        if self.planes < 1 or self.spines < 0:
            raise TopologyError(f"A fabric has 1 plane or more and 0 spines or more, not {self.planes} and {self.spines}.")
        if self.oversubscription < 1:
            raise TopologyError(f"The oversubscription {self.oversubscription} is below 1; 1 means as much up as down.")
        if not self.spines and (self.oversubscription != 1 or self.uplink is not None):
            raise TopologyError("Planes without spines are one switch each and have no uplinks; state spines, 1 or more.")
        if self.uplink is not None and self.oversubscription != 1:
            raise TopologyError("State the rate of an uplink or the oversubscription, not both.")

    def uplink_rate(self, ports: int) -> int:
        """Return bytes/s of an uplink of a leaf with `ports` ports."""
        if self.uplink is not None:
            return self.uplink
        return -int(-ports * self.port // (self.spines * self.oversubscription))


@dataclass(frozen=True, slots=True)
class Wan:
    """What joins each pair of sites: `links` parallel cables of `rate` bytes/s, `latency` fs one way (half the round trip).

    `loss`: packets that each link loses of a billion.
    """

    rate: int
    latency: int
    links: int = 1
    loss: int = 0

    def __post_init__(self) -> None:
        if self.links < 1:
            raise TopologyError(f"Sites are joined by 1 link or more, not {self.links}.")


def join_racks(rack: Topology, racks: int, fabric: Fabric, name: str = "") -> Topology:
    """Return `racks` copies of `rack` in one fabric; nodes are named rack3/gpu12, rack3/leaf0, plane0/spine1, core.

    Hosts are numbered rack by rack. Links: those of each rack in turn, ports in order of hosts, uplinks in order of
    (rack, plane, spine), then one link from each top of a plane to the core, as fast as all that reaches it from below.
    Levels: those of the racks, then "rack" (with its leaves). Raises TopologyError for fewer than 2 racks and for planes
    that do not divide the hosts of a rack.
    """
    k, each = fabric.planes, rack.hosts
    if racks < 2:
        raise TopologyError(f"A fabric joins 2 racks or more, not {racks}; one rack alone is '{rack.name}'.")
    if each % k:
        raise TopologyError(f"{k} planes do not divide the {each} hosts of '{rack.name}'; take a divisor of {each}.")
    _refuse_above(racks * (rack.links + 2 * each + 2 * k * fabric.spines), name or rack.name)
    parts = _copies(rack, [f"rack{r}" for r in range(racks)])
    leaves = racks * k if fabric.spines else 0
    leaf, top = parts.nodes, parts.nodes + leaves
    tops = k * max(fabric.spines, 1)
    core = top + tops
    host = np.arange(racks * each, dtype=np.int64)
    plane = host % each % k
    below = leaf + host // each * k + plane if leaves else top + plane
    tables = [parts.table, _links(np.stack([host, below], axis=1), fabric.port, fabric.latency)]
    rising = racks * each // k * fabric.port
    names = [f"plane{p}" for p in range(k)]
    if leaves:
        r, p, s = (
            axis.ravel() for axis in np.meshgrid(np.arange(racks), np.arange(k), np.arange(fabric.spines), indexing="ij")
        )
        up = fabric.uplink_rate(each // k)
        ends = np.stack([leaf + r * k + p, top + p * fabric.spines + s], axis=1)
        tables.append(_links(ends, up, fabric.latency))
        rising = racks * up
        names = [f"rack{r}/leaf{p}" for r in range(racks) for p in range(k)]
        names += [f"plane{p}/spine{s}" for p in range(k) for s in range(fabric.spines)]
    tables.append(_links(np.stack([np.arange(top, core), np.full(tops, core)], axis=1), rising, fabric.latency))
    members = _sets(parts)
    if leaves:
        members = tuple((*nodes, *range(leaf + r * k, leaf + (r + 1) * k)) for r, nodes in enumerate(members))
    simple = rack.switches == 1 and not rack.forwards[: rack.hosts].any()
    return build(
        name or f"{rack.name} x {racks}",
        racks * each,
        np.concatenate(tables),
        family=CLOS if simple else "graph",
        switches=core + 1 - racks * each,
        names=[*parts.names, *names, "core"],
        forwards=[*parts.forwards, *[True] * (core + 1 - parts.nodes)],
        coordinates=_site_places(rack, racks, k, leaves, tops),
        parameters={"rack": each, "racks": racks, "planes": k, "spines": fabric.spines, "sites": 1},
        levels=(*parts.levels, Level("rack", members)),
        loss=np.concatenate([parts.loss, np.zeros(sum(map(len, tables[1:])), dtype=np.int64)]),
        about=f"{racks} racks {rack.name} in a fabric of {k} plane{'s' if k > 1 else ''}",
    )


def join_sites(site: Topology, sites: int, wan: Wan, name: str = "", border: str = "core") -> Topology:
    """Return `sites` copies of `site`, each pair joined by `wan` between their switches called `border`.

    Nodes are named site0/rack3/gpu12; hosts are numbered site by site. Links: those of each site in turn, then those of
    each pair of sites. Levels: those of the sites, then "site". Raises TopologyError for fewer than 2 sites, and where
    `site` has no such switch.
    """
    if sites < 2:
        raise TopologyError(f"A wide area joins 2 sites or more, not {sites}; one site alone is '{site.name}'.")
    if border not in site.names[site.hosts :]:
        raise TopologyError(f"'{site.name}' has no switch '{border}' to lead out; name one of its switches.")
    _refuse_above(sites * site.links + sites * (sites - 1) * wan.links, name or site.name)
    parts = _copies(site, [f"site{s}" for s in range(sites)])
    edge = site.names.index(border) - site.hosts + sites * site.hosts
    pairs = [(edge + a * site.switches, edge + b * site.switches) for a in range(sites) for b in range(a + 1, sites)]
    wide = _links(np.repeat(np.array(pairs, dtype=np.int64), wan.links, axis=0), wan.rate, wan.latency)
    return build(
        name or f"{site.name} x {sites}",
        sites * site.hosts,
        np.concatenate([parts.table, wide]),
        family=site.family if site.family == CLOS else "graph",
        switches=sites * site.switches,
        names=parts.names,
        forwards=parts.forwards,
        coordinates=_in_rows(site, sites),
        parameters={**site.parameters, "sites": sites},
        levels=(*parts.levels, Level("site", _sets(parts))),
        loss=np.concatenate([parts.loss, np.full(len(wide), wan.loss, dtype=np.int64)]),
        about=f"{sites} sites, each {site.about or site.name}",
    )


@dataclass(frozen=True, slots=True)
class _Parts:
    """Copies of one topology side by side: hosts of all copies first, then their switches, copy by copy."""

    table: IntArray
    loss: IntArray
    ids: IntArray
    names: list[str]
    forwards: list[bool]
    levels: tuple[Level, ...]

    @property
    def nodes(self) -> int:
        return len(self.names)


def _copies(part: Topology, labels: list[str]) -> _Parts:
    """Return the copies; `ids` int64[copies, nodes] are the nodes that those of the part become."""
    copies = len(labels)
    node, copy = np.arange(part.nodes)[None], np.arange(copies)[:, None]
    beyond = copies * part.hosts + copy * part.switches + node - part.hosts
    ids = np.where(node < part.hosts, copy * part.hosts + node, beyond)
    rows = [np.stack([own[part.source], own[part.target], part.bandwidth, part.latency], axis=1) for own in ids]
    names, forwards = [""] * ids.size, [False] * ids.size
    for label, own in zip(labels, ids.tolist(), strict=True):
        for old, new in enumerate(own):
            names[new], forwards[new] = f"{label}/{part.names[old]}", bool(part.forwards[old])
    levels = tuple(
        Level(level.name, tuple(tuple(own[list(nodes)].tolist()) for own in ids for nodes in level.sets))
        for level in part.levels
    )
    return _Parts(np.concatenate(rows), np.tile(part.loss, copies), ids, names, forwards, levels)


def _sets(parts: _Parts) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(sorted(own)) for own in parts.ids.tolist())


def _links(ends: IntArray, rate: int, latency: int) -> IntArray:
    """Return int64[2 C, 4]: both links of each cable of `ends` int64[C, 2]."""
    both = cables(ends)
    return np.concatenate([both, np.broadcast_to(np.array([rate, latency], dtype=np.int64), both.shape)], axis=1)


def _refuse_above(links: int, name: str) -> None:
    if links > MAX_LINKS:
        raise TopologyError(f"'{name}' would have {links:,} links and the most is {MAX_LINKS:,}; compose a smaller machine.")


# Where nodes are drawn: a rack is a box of rows with its switch below it, its leaves above it, planes and core on top.


def _site_places(rack: Topology, racks: int, planes: int, leaves: int, tops: int) -> FloatArray:
    columns = planes if planes > 1 else max(1, isqrt(rack.hosts // 2))
    rows = -(-rack.hosts // columns)
    pitch, middle = columns + 2.0, (columns - 1) / 2
    width = racks * pitch - 2
    host = np.arange(rack.hosts)
    box = np.stack([host % columns, rows - 1 - host // columns], axis=1).astype(np.float64)
    own = np.stack([middle + (np.arange(rack.switches) - (rack.switches - 1) / 2), np.full(rack.switches, -2.0)], axis=1)
    shift = np.stack([np.arange(racks) * pitch, np.zeros(racks)], axis=1)[:, None]
    high = rows + max(3.0, rows / 4)
    spread = (np.arange(tops) + 0.5) * width / tops - 0.5
    places = [(box + shift).reshape(-1, 2), (own + shift).reshape(-1, 2)]
    if leaves:
        leaf = np.stack([np.arange(planes) - (planes - 1) / 2 + middle, np.full(planes, rows + 1.5)], axis=1)
        places.append((leaf + shift).reshape(-1, 2))
        high += max(3.0, width / 12)
    places.append(np.stack([spread, np.full(tops, high)], axis=1))
    places.append(np.array([[width / 2, high + max(3.0, width / 12)]]))
    return np.concatenate(places)


def _in_rows(site: Topology, sites: int) -> FloatArray:
    """Return the sites side by side, hosts of all first."""
    low, far = site.coordinates.min(axis=0), site.coordinates.max(axis=0)
    shift = np.stack([np.arange(sites) * (far[0] - low[0]) * 1.15, np.zeros(sites)], axis=1)[:, None]
    moved = site.coordinates[None] + shift
    return np.concatenate([moved[:, : site.hosts].reshape(-1, 2), moved[:, site.hosts :].reshape(-1, 2)])
