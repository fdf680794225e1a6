"""From a routing's name to a Routing: which names fit which topology, what "auto" means there, and how many classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from collsim.errors import RoutingError, UnknownName
from collsim.topology.compose import CLOS
from collsim.topology.graph import Topology
from collsim.topology.paths import hops_to
from collsim.topology.routing.candidates import (
    Rows,
    by_destination,
    hop_index,
    hop_index_classes,
    next_links,
    tabulate,
)
from collsim.topology.routing.clos import rail_links
from collsim.topology.routing.dragonfly import direct_links, groups
from collsim.topology.routing.fattree import up_down
from collsim.topology.routing.grid import dimension_order, is_grid
from collsim.topology.routing.updown import up_star_down_star
from collsim.topology.routing.valiant import hop_index_turns, node_turns
from collsim.topology.routing.walk import Routing
from collsim.topology.routing.width import widest_links

__all__ = ["NAMES", "fitting", "route"]

ANYWHERE = ("ecmp", "widest", "spray", "least-queued", "feedback", "up-star-down-star")
FITS: dict[str, tuple[str, ...]] = {
    "ring": ("dimension-order", "valiant", *ANYWHERE),
    "mesh": ("dimension-order", "valiant", *ANYWHERE),
    "torus": ("dimension-order", "valiant", *ANYWHERE),
    "hypercube": ("e-cube", "valiant", *ANYWHERE),
    "fattree": ("up-down", *ANYWHERE),
    "leafspine": ("up-down", *ANYWHERE),
    "bigraph": ("minimal", "valiant", "ugal", *ANYWHERE),
    "switch": ("ecmp", "minimal", *ANYWHERE[1:]),
    "full": ("ecmp", "minimal", *ANYWHERE[1:]),
    "dragonfly": ("minimal", "valiant", "ugal", *ANYWHERE),
    "clos": ("ecmp", "up-down", *ANYWHERE[1:]),
}
ELSEWHERE = ("ecmp", "widest", "minimal", "spray", "least-queued", "feedback", "valiant", "ugal", "up-star-down-star")
NAMES = ("auto", *sorted({name for fits in FITS.values() for name in fits} | set(ELSEWHERE)))
Channels = int | Literal["auto"]


def fitting(topology: Topology) -> tuple[str, ...]:
    """Return the names of the routings that fit `topology`, the one that "auto" means first."""
    grid = "dimension-order" in FITS.get(topology.family, ()) or topology.family == "hypercube"
    return ELSEWHERE if grid and not is_grid(topology) else FITS.get(topology.family, ELSEWHERE)


def route(
    topology: Topology, name: str = "auto", virtual_channels: Channels = "auto", *, last_counts: bool = False
) -> Routing:
    """Return the routing called `name` on `topology`.

    `virtual_channels`: channels a link, "auto" for as many as there are classes. Only "auto" on a graph of no family reads
    it: with too few channels for its classes it falls back to up*/down*. `last_counts`: true under message-based flow
    control, where the last hop needs a class as well (rule 21).
    The routing asked for last is kept with the topology: the tables of 1,024 hosts take longer than the rest of what a run
    sets up, and a run that tries trains first asks three times.
    Raises UnknownName, and RoutingError for a routing that does not fit, with what fits.
    """
    asked = name, virtual_channels, last_counts
    known, routing = topology.worked_out.get("routing", (None, None))
    if known != asked:
        routing = _route(topology, name, virtual_channels, last_counts)
        topology.worked_out["routing"] = asked, routing
    assert isinstance(routing, Routing)
    return routing


def _route(topology: Topology, name: str, virtual_channels: Channels, last_counts: bool) -> Routing:
    if name not in NAMES:
        raise UnknownName("routing", name, NAMES)
    fits = fitting(topology)
    if name != "auto" and name not in fits:
        raise RoutingError(
            f"Routing '{name}' does not fit '{topology.name}' of family {topology.family}; "
            f"its routings are {', '.join(fits)}."
        )
    chosen = fits[0] if name == "auto" else name
    routing = _MAKERS[chosen](topology, chosen, last_counts)
    if name == "auto" and chosen == "ecmp" and virtual_channels != "auto" and virtual_channels < routing.classes:
        fallback = _up_star(topology, "up-star-down-star", last_counts)
        return fallback if _complete(fallback) else routing
    return routing


def _dimension_order(topology: Topology, name: str, last_counts: bool) -> Routing:
    table = dimension_order(topology, name)
    return Routing(name, topology, table, "single", last_counts=last_counts, enough=table.classes)


def _up_star(topology: Topology, name: str, last_counts: bool) -> Routing:
    return Routing(name, topology, up_star_down_star(topology), "ecmp", last_counts=last_counts)


def _up_down(topology: Topology, name: str, last_counts: bool) -> Routing:
    hops = hops_to(topology)
    if topology.family == CLOS:
        return _fewest(topology, name, "single", rail_links(topology, _rows(topology, hops)), hops, last_counts)
    return _fewest(topology, name, "single", up_down(topology, hops), hops, last_counts)


def _minimal(topology: Topology, name: str, last_counts: bool) -> Routing:
    """One shortest path a pair: of several next links the one numbered destination mod candidates."""
    rows, hops = _minimal_rows(topology)
    rows = by_destination(rows, topology.hosts, np.ones(topology.nodes, dtype=np.int64))
    return _fewest(topology, name, "single", rows, hops, last_counts)


def _minimal_rows(topology: Topology) -> tuple[Rows, NDArray[np.int16]]:
    """Return (rows, hops) of the minimal paths: in a dragonfly those with one link between groups, else the shortest."""
    group = groups(topology)
    usable = None if group is None else direct_links(topology, group, group[: topology.hosts])
    hops = hops_to(topology, usable=usable)
    return next_links(topology, hops, usable), hops


def _multipath(topology: Topology, name: str, last_counts: bool) -> Routing:
    hops = hops_to(topology)
    return _fewest(topology, name, name, _rows(topology, hops), hops, last_counts)


def _rows(topology: Topology, hops: NDArray[np.int16]) -> Rows:
    """Return the shortest paths; in a composed machine those of a rack's switch before equally long ones by a leaf."""
    rows = next_links(topology, hops)
    return widest_links(topology, rows, hops) if topology.family == CLOS else rows


def _widest(topology: Topology, name: str, last_counts: bool) -> Routing:
    hops = hops_to(topology)
    rows = widest_links(topology, next_links(topology, hops), hops)
    return _fewest(topology, name, "ecmp", rows, hops, last_counts)


def _fewest(
    topology: Topology, name: str, multipath: str, rows: Rows, hops: NDArray[np.int16], last_counts: bool
) -> Routing:
    """Give shortest paths one class where that closes no cycle (trees, fat-trees), else class = hop index."""
    rule = hop_index(topology)
    enough = hop_index_classes(topology, hops, last_counts)
    table = tabulate(name, topology, rows, rule, enough)
    full = Routing(name, topology, table, multipath, last_counts=last_counts, enough=enough)
    one = replace(full, table=replace(table, classes=1))
    if enough == 1 or topology.family in ("fattree", "leafspine", CLOS):
        return one
    return full if topology.family in FITS or _has_cycle(one) else one


def _has_cycle(routing: Routing) -> bool:
    """Tell whether the routing's dependencies have a cycle; those towards a few hosts are tried first, and often have."""
    hosts = routing.topology.hosts
    few = np.unique(np.linspace(0, hosts - 1, 8).astype(np.int64))
    pairs = np.stack([np.tile(np.arange(hosts), len(few)), np.repeat(few, hosts)], axis=1)
    return routing.cycle(pairs=pairs) is not None or routing.cycle() is not None


def _valiant(topology: Topology, name: str, last_counts: bool) -> Routing:
    if name == "ugal" and (forked := _forked(topology)) is not None:
        raise RoutingError(
            f"Routing 'ugal' decides at the first router, but host {topology.names[forked]} of '{topology.name}' has "
            "several links or passes on packets itself; use valiant or least-queued."
        )
    if is_grid(topology) and fitting(topology)[0] in ("dimension-order", "e-cube"):
        if topology.hosts < 3:
            raise RoutingError(f"'{topology.name}' has no third host to turn at; use {fitting(topology)[0]}.")
        table = dimension_order(topology, fitting(topology)[0])
        return Routing(name, topology, table, name, node_turns(table), last_counts, table.classes)
    rule, (rows, hops) = hop_index(topology), _minimal_rows(topology)
    turns, classes = hop_index_turns(topology, rule, hops, last_counts)
    table = tabulate(name, topology, rows, rule, classes)
    return Routing(name, topology, table, name, turns, last_counts, classes)


def _forked(topology: Topology) -> int | None:
    hosts = range(topology.hosts)
    return next((h for h in hosts if topology.forwards[h] or len(topology.out_links[h]) != 1), None)


def _complete(routing: Routing) -> bool:
    """Tell whether every host reaches every other one."""
    table = routing.table
    counts = np.diff(table.offsets)[: table.hosts * table.hosts].reshape(table.hosts, table.hosts)
    return bool((counts > 0)[~np.eye(table.hosts, dtype=np.bool_)].all())


_MAKERS: dict[str, Callable[[Topology, str, bool], Routing]] = {
    "dimension-order": _dimension_order,
    "e-cube": _dimension_order,
    "up-down": _up_down,
    "minimal": _minimal,
    "ecmp": _multipath,
    "widest": _widest,
    "spray": _multipath,
    "least-queued": _multipath,
    "feedback": _multipath,
    "valiant": _valiant,
    "ugal": _valiant,
    "up-star-down-star": _up_star,
}
