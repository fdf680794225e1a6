"""The ways of a run of trains: each distinct path once, with its lanes, and the kinds of links and of paths there are."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collsim.engines.compiled.paths import ways_of
from collsim.engines.compiled.plans import Columns
from collsim.engines.compiled.trains.intern import intern
from collsim.engines.compiled.trains.lay import lay_paths
from collsim.engines.compiled.trains.layout import HOP, LIMIT, PATH, Kinds, empty
from collsim.engines.compiled.trains.operations import Plans
from collsim.engines.reference.link import Link, buffer_bytes
from collsim.network.config import NetworkConfig
from collsim.program import Program, Send
from collsim.topology.graph import Topology
from collsim.topology.routing import route
from collsim.units import FS_PER_SECOND

__all__ = ["LONGEST", "kinds_of", "paths_of_rows", "ways_differ"]

IntArray = NDArray[np.int64]
Records = NDArray[Any]
LONGEST = LIMIT >> 6
"""Latencies and router delays from here on are left to packets, so that a sum over a path does not overflow."""


def ways_differ(topology: Topology, network: NetworkConfig) -> bool:
    """Tell whether messages between the same hosts may go different ways: then no two share a row."""
    routing = route(topology, network.router.routing, network.router.virtual_channels)
    return routing.multipath == "ecmp" and bool((np.diff(routing.table.offsets) > 1).any())


def paths_of_rows(
    topology: Topology, program: Program, network: NetworkConfig, seed: int, plans: Plans, rows: Records
) -> tuple[Records, Records, NDArray[np.int8], IntArray, int] | None:
    """Fill in the paths of rows; return (paths, hops, transit and kind of each link, lanes).

    The packet engine's tables are asked for one row of each way, without the choice of a channel by the message's number.
    None where packets go their own ways, or choose their channels.
    """
    keys = np.full(len(rows), -1, dtype=np.int64)
    ends = topology.source, topology.target, topology.hosts
    for number, schedule in enumerate(plans.plans):
        way = schedule.path_offsets, schedule.path_links
        if not lay_paths(rows, int(plans.row[number]), way, ends, plans.own, keys):
            return None
    at = int(plans.row[-1])
    zeros = np.zeros(len(rows) - at + 1, dtype=np.int64)
    lay_paths(rows, at, (zeros, zeros[:0]), ends, plans.own, keys)
    path = np.empty(len(rows), dtype=np.int32)
    columns = _columns(program, plans, rows, intern(keys, path))
    rows["path"] = path
    free = replace(network, router=replace(network.router, vc_allocation="most-room"))
    ways = ways_of(topology, free, seed, columns)
    if ways.routing.per_packet and not bool((columns.path_length > 0).all()):
        return None
    inner = np.ones(len(ways.lane), dtype=np.bool_)
    inner[ways.hop + ways.hops - 1] = False
    if network.router.vc_allocation == "most-room" and bool((ways.span[inner] > 1).any()):
        return None
    link = (ways.lane // ways.channels).astype(np.int32)
    transit = np.zeros(topology.links, dtype=np.int8)
    later = np.ones(len(link), dtype=np.bool_)
    later[ways.hop] = False
    transit[link[later]] = 1
    kind_of = _link_kinds(topology)
    paths, hops = empty(PATH, len(ways.hop), first=0), empty(HOP, len(link))
    paths["first"], paths["hops"] = ways.hop, ways.hops
    paths["kind"] = _path_kinds(kind_of[link], ways.hop, ways.hops)
    hops["link"], hops["lane"], hops["span"] = link, ways.lane, ways.span
    return paths, hops, transit, kind_of, topology.links * ways.channels


def _columns(program: Program, plans: Plans, rows: Records, shown: IntArray) -> Columns:
    """Return the columns of the rows `shown`, for the packet engine's routing: no bytes, the call where it matters."""
    source, target = rows["source"][shown].astype(np.int64), rows["target"][shown].astype(np.int64)
    number = np.searchsorted(plans.row, shown, side="right") - 1
    zero, one = np.zeros(len(shown), dtype=np.int64), np.ones(len(shown), dtype=np.int64)
    length, first = zero.copy(), zero.copy()
    call, transfer = zero.copy(), zero.copy()
    base, links = 0, []
    calls = {p: k for k, p in plans.of.items()}
    for p, schedule in enumerate(plans.plans):
        mine = number == p
        local = shown[mine] - plans.row[p]
        length[mine] = np.diff(schedule.path_offsets)[local]
        first[mine] = base + schedule.path_offsets[local]
        call[mine], transfer[mine] = calls[p], local
        base += len(schedule.path_links)
        links.append(schedule.path_links)
    lone = shown >= plans.row[-1]
    if plans.own and lone.any():
        sends = np.array([k for k, o in enumerate(program.operations) if isinstance(o, Send)])
        call[lone] = sends[shown[lone] - plans.row[-1]]
    joined = links[0] if len(links) == 1 else np.concatenate([zero[:0], *links]).astype(np.int64)
    return Columns(call, transfer, zero, source, target, one, zero, one, first, length, joined, zero)


def _link_kinds(topology: Topology) -> IntArray:
    """Return the kind of each link: equal for equal bandwidth and latency, in order of first use."""
    known: dict[tuple[int, int], int] = {}
    pairs = zip(topology.bandwidth.tolist(), topology.latency.tolist(), strict=True)
    return np.array([known.setdefault(pair, len(known)) for pair in pairs], dtype=np.int64)


def _path_kinds(kinds: IntArray, first: IntArray, hops: IntArray) -> IntArray:
    """Return a number for each path, equal for equal kinds of links in the same order."""
    found, base = np.zeros(len(first), dtype=np.int64), 0
    for length in np.unique(hops).tolist():
        mine = np.flatnonzero(hops == length)
        table = kinds[first[mine][:, None] + np.arange(length)]
        width = int(table.max(initial=0)) + 1
        if width**length < LIMIT:
            code = table @ np.array([width**k for k in range(length)], dtype=np.int64)
            values, number = np.unique(code, return_inverse=True)
        else:
            values, number = np.unique(table, axis=0, return_inverse=True)
        found[mine] = base + number.reshape(-1)
        base += len(values)
    return found


def kinds_of(
    topology: Topology, network: NetworkConfig, paths: Records, hops: Records, kind_of: IntArray, largest: int
) -> Kinds | None:
    """Return the kinds of links and paths; None where a packet of `largest` bytes takes too long for the arithmetic."""
    longest, delay = int(paths["hops"].max(initial=1)), network.router.router_delay
    _, shown = np.unique(kind_of, return_index=True)
    rows: list[tuple[int, int, int, int, int]] = []
    for link in shown.tolist():
        one = Link(0, 0, 0, int(topology.bandwidth[link]), int(topology.latency[link]))
        rate = Fraction(FS_PER_SECOND, one.bandwidth)
        whole, part = divmod(rate.numerator, rate.denominator)
        hop = one.ser(largest) + one.latency + delay
        if part * largest + rate.denominator >= LIMIT or longest * hop >= LIMIT:
            return None
        rows.append((whole, part, rate.denominator, one.latency, min(buffer_bytes(one, network), LIMIT)))
    table: list[IntArray] = list(np.array(rows, dtype=np.int64).reshape(-1, 5).T.copy())
    _, shown = np.unique(paths["kind"], return_index=True)
    chosen = [np.arange(paths["first"][k], paths["first"][k] + paths["hops"][k]) for k in shown.tolist()]
    return Kinds(
        whole=table[0],
        part=table[1],
        divisor=table[2],
        latency=table[3],
        capacity=table[4],
        rate=np.array([d / (w * d + p) * (1 + 2**-48) for w, p, d, _, _ in rows]),
        first=np.concatenate([[0], np.cumsum(np.array([len(h) for h in chosen], dtype=np.int64))]).astype(np.int64),
        link=kind_of[hops["link"][np.concatenate([np.zeros(0, dtype=np.int64), *chosen])]].astype(np.int32),
    )
