"""The topology every part of collsim sees: a frozen directed multigraph of hosts and switches.

Nodes are numbered hosts first: node r < hosts is the host of rank r (before any placement), the rest are switches. All
link data are arrays, so that engines and algorithms read them without objects; networkx is reached by `to_networkx`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collsim.display import html_of
from collsim.errors import TopologyError
from collsim.topology.connectivity import first_cut_off
from collsim.topology.layout import circle
from collsim.units import FS_PER_SECOND, MAX_TIME, PER_BILLION

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["Level", "Link", "Topology", "build"]

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Link:
    """One directed link as a builder states it: node ids, bytes/s (> 0), femtoseconds (>= 0), packets lost of a billion."""

    source: int
    target: int
    bandwidth: int
    latency: int
    loss: int = 0


@dataclass(frozen=True, slots=True)
class Level:
    """A named partition of nodes into disjoint sets ("box", "leaf", "pod", "group", "row"), used by bounds and groups."""

    name: str
    sets: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class Topology:
    """A machine's network; made by `build`, which validates, and never changed.

    Attributes (L links, N nodes): `hosts` count, nodes 0..hosts-1; `source`, `target`: int64[L]; `bandwidth`: int64[L]
    bytes/s; `latency`: int64[L] fs; `forwards`: bool[N], whether a node passes on traffic of others; `coordinates`:
    float64[N, 2] for drawing; `names`: N node names; `family` and `parameters` say how routing may treat it (family
    "graph" promises nothing); `dims` are grid sizes of torus, mesh, ring and hypercube, else ();
    `levels` are natural partitions, finest first; `loss`: int64[L], packets that a link loses of a billion.
    """

    name: str
    family: str
    hosts: int
    source: IntArray
    target: IntArray
    bandwidth: IntArray
    latency: IntArray
    forwards: NDArray[np.bool_]
    coordinates: NDArray[np.float64]
    names: tuple[str, ...]
    dims: tuple[int, ...] = ()
    parameters: Mapping[str, int] = field(default_factory=dict)
    levels: tuple[Level, ...] = ()
    about: str = ""
    loss: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __repr__(self) -> str:
        """Return the name and the extent; the arrays of a large machine would fill screens."""
        return f"Topology {self.name}: {self.hosts:,} hosts, {self.switches:,} switches, {self.links:,} directed links"

    @property
    def nodes(self) -> int:
        """Number of nodes, hosts and switches."""
        return len(self.names)

    @property
    def links(self) -> int:
        """Number of directed links."""
        return len(self.source)

    @property
    def switches(self) -> int:
        """Number of switches."""
        return self.nodes - self.hosts

    def _repr_html_(self) -> str:
        return html_of("topology", self)

    @cached_property
    def worked_out(self) -> dict[str, Any]:
        """What others worked out from this topology and keep as long as it lives, by a name of theirs; never pickled."""
        return {}

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "worked_out"}

    @cached_property
    def out_links(self) -> tuple[tuple[int, ...], ...]:
        """Link ids that leave each node, ascending."""
        return _incidence(self.source, self.nodes)

    @cached_property
    def in_links(self) -> tuple[tuple[int, ...], ...]:
        """Link ids that enter each node, ascending."""
        return _incidence(self.target, self.nodes)

    @cached_property
    def _between(self) -> dict[tuple[int, int], tuple[int, ...]]:
        pairs: dict[tuple[int, int], list[int]] = {}
        for link, ends in enumerate(zip(self.source.tolist(), self.target.tolist(), strict=True)):
            pairs.setdefault(ends, []).append(link)
        return {ends: tuple(links) for ends, links in pairs.items()}

    def links_between(self, source: int, target: int) -> tuple[int, ...]:
        """Ids of the parallel links from `source` to `target`, ascending; () when there is none."""
        return self._between.get((source, target), ())

    def link_name(self, link: int) -> str:
        """Name a link as reports and `--fail` do: "h0->s1", with "#k" for the k-th of parallel links."""
        ends = int(self.source[link]), int(self.target[link])
        parallel = self.links_between(*ends)
        tail = f"#{parallel.index(link)}" if len(parallel) > 1 else ""
        return f"{self.names[ends[0]]}->{self.names[ends[1]]}{tail}"

    @cached_property
    def digest(self) -> str:
        """Hex SHA-256 over everything that can change a result; the key of caches and of provenance."""
        state = hashlib.sha256(
            f"{self.family} {self.hosts} {self.dims} {sorted(self.parameters.items())} {self.levels}".encode()
        )
        for array in (self.source, self.target, self.bandwidth, self.latency, self.forwards):
            state.update(np.ascontiguousarray(array).tobytes())
        if self.loss.any():
            state.update(b"loss" + np.ascontiguousarray(self.loss).tobytes())
        return state.hexdigest()

    def to_networkx(self) -> nx.MultiDiGraph[int]:
        """Return a MultiDiGraph; nodes carry name, kind, forwards, x, y; edges bandwidth, latency_fs and any loss.

        Edges are keyed by link id.
        """
        import networkx as nx

        graph: nx.MultiDiGraph[int] = nx.MultiDiGraph(name=self.name, family=self.family)
        for node, name in enumerate(self.names):
            x, y = map(float, self.coordinates[node])
            kind = "host" if node < self.hosts else "switch"
            graph.add_node(node, name=name, kind=kind, forwards=bool(self.forwards[node]), x=x, y=y)
        for link in range(self.links):
            ends = int(self.source[link]), int(self.target[link])
            graph.add_edge(*ends, key=link, bandwidth=int(self.bandwidth[link]), latency_fs=int(self.latency[link]))
            if self.loss[link]:
                graph.edges[*ends, link]["loss"] = int(self.loss[link]) / PER_BILLION
        return graph

    def with_links(self, keep: Sequence[int], bandwidth: IntArray, name: str | None = None) -> Topology:
        """Return a copy with only the links in `keep` (ids) at `bandwidth` (int64[L] of the old links), validated.

        The family becomes "graph" when a link is missing, because a family's routing counts on every link.
        """
        kept = np.asarray(sorted(keep), dtype=np.int64)
        whole = len(kept) == self.links
        changed = replace(
            self,
            name=name or self.name,
            family=self.family if whole else "graph",
            dims=self.dims if whole else (),
            source=self.source[kept],
            target=self.target[kept],
            bandwidth=np.asarray(bandwidth, dtype=np.int64)[kept],
            latency=self.latency[kept],
            loss=self.loss[kept],
        )
        _validate(changed)
        return changed


def build(
    name: str,
    hosts: int,
    links: Iterable[Link] | IntArray,
    *,
    family: str = "graph",
    switches: int = 0,
    names: Sequence[str] | None = None,
    forwards: Sequence[bool] | None = None,
    coordinates: object = None,
    dims: tuple[int, ...] = (),
    parameters: Mapping[str, int] | None = None,
    levels: tuple[Level, ...] = (),
    about: str = "",
    loss: IntArray | None = None,
) -> Topology:
    """Return a validated Topology of `hosts` hosts and `switches` switches joined by `links` (directed, in id order).

    `links` are Link objects, or int64[L, 4] of source, target, bytes/s and fs where there are many; then `loss` int64[L] is
    what each loses of a billion packets, default none. `names` default to
    h0.. and s0..; `forwards` to True for switches only; `coordinates` ([N, 2]) to a circle.
    Raises TopologyError for fewer than two hosts, unknown ends, self links, zero bandwidth, negative latency, a host that
    cannot reach another one through nodes that forward, or repeated names.
    """
    nodes = hosts + switches
    if isinstance(links, np.ndarray):
        table = np.asarray(links, dtype=np.int64).reshape(-1, 4)
    else:
        stated = list(links)
        rows = [(k.source, k.target, k.bandwidth, k.latency) for k in stated]
        loss = np.array([k.loss for k in stated], dtype=np.int64)
        if any(not 0 <= value <= MAX_TIME for row in rows for value in row[2:]):
            raise TopologyError(f"Topology '{name}' has a bandwidth or latency that is negative or overflows 63 bits.")
        table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    if coordinates is None:
        coordinates = circle(nodes)
    topology = Topology(
        name=name,
        family=family,
        hosts=hosts,
        source=table[:, 0].copy(),
        target=table[:, 1].copy(),
        bandwidth=table[:, 2].copy(),
        latency=table[:, 3].copy(),
        forwards=np.array([node >= hosts for node in range(nodes)] if forwards is None else forwards, dtype=np.bool_),
        coordinates=np.array(coordinates, dtype=np.float64).reshape(nodes, 2),
        names=tuple(names) if names else tuple(f"h{r}" for r in range(hosts)) + tuple(f"s{s}" for s in range(switches)),
        dims=dims,
        parameters=dict(parameters or {}),
        levels=levels,
        about=about,
        loss=np.zeros(len(table), dtype=np.int64) if loss is None else np.array(loss, dtype=np.int64),
    )
    _validate(topology)
    return topology


def _incidence(ends: IntArray, nodes: int) -> tuple[tuple[int, ...], ...]:
    lists: list[list[int]] = [[] for _ in range(nodes)]
    for link, node in enumerate(ends.tolist()):
        lists[node].append(link)
    return tuple(map(tuple, lists))


def _validate(t: Topology) -> None:
    if t.hosts < 2:
        raise TopologyError(f"Topology '{t.name}' has {t.hosts} host(s); a collective needs at least 2.")
    if len(set(t.names)) != t.nodes or len(t.forwards) != t.nodes:
        raise TopologyError(f"Topology '{t.name}' repeats a node name or lacks one; give every node its own.")
    _validate_links(t)
    for level in t.levels:
        members = [node for nodes in level.sets for node in nodes]
        if len(members) != len(set(members)) or any(not 0 <= m < t.nodes for m in members):
            raise TopologyError(f"Level '{level.name}' of '{t.name}' repeats a node or names one that does not exist.")
    cut_off = first_cut_off(t)
    if cut_off is not None:
        # In a box of hosts alone the usual slip is not a missing link but hosts that were never said to pass traffic on.
        cure = "add the missing link"
        if not t.forwards[: t.hosts].all() and _joined_by_hosts(t):
            cure += ", or let the hosts between them pass traffic on (forwards: true)"
        raise TopologyError(
            f"Topology '{t.name}' is disconnected: {t.names[cut_off[0]]} cannot send to {t.names[cut_off[1]]} "
            f"through nodes that forward; {cure}."
        )


def _joined_by_hosts(t: Topology) -> bool:
    """Tell whether all hosts would reach each other if every host passed on traffic of others."""
    return first_cut_off(replace(t, forwards=np.ones(t.nodes, dtype=bool))) is None


def _validate_links(t: Topology) -> None:
    """Raise TopologyError for the first link, by id, with unknown or equal ends or with an impossible rate or latency."""
    ends = np.stack([t.source, t.target])
    stray = np.flatnonzero(((ends < 0) | (ends >= t.nodes)).any(axis=0))
    if len(stray):
        link = int(stray[0])
        raise TopologyError(
            f"Link {link} of '{t.name}' joins node {t.source[link]} to {t.target[link]}, but nodes are 0..{t.nodes - 1}."
        )
    loops = np.flatnonzero(t.source == t.target)
    if len(loops):
        link = int(loops[0])
        raise TopologyError(f"Link {link} of '{t.name}' joins {t.names[t.source[link]]} to itself; remove it.")
    dead = np.flatnonzero(t.bandwidth <= 0)
    if len(dead):
        name = t.link_name(int(dead[0]))
        raise TopologyError(f"Link {name} of '{t.name}' has no bandwidth; give it some or remove it.")
    extreme = np.flatnonzero((t.bandwidth > 10**18) | (t.latency > FS_PER_SECOND * 3600) | (t.latency < 0))
    if len(extreme):
        name = t.link_name(int(extreme[0]))
        raise TopologyError(f"Link {name} of '{t.name}' exceeds 10^18 bytes/s or has a latency outside 0 to an hour.")
    if t.loss.shape != t.source.shape:
        raise TopologyError(f"'{t.name}' states the loss of {len(t.loss)} links and has {t.links}; state it for each link.")
    lossy = np.flatnonzero((t.loss < 0) | (t.loss >= PER_BILLION))
    if len(lossy):
        link = int(lossy[0])
        share = int(t.loss[link]) / PER_BILLION
        raise TopologyError(
            f"Link {t.link_name(link)} of '{t.name}' loses {share:g} of its packets; a loss rate is 0 or more and below 1."
        )
