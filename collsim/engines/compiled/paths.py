"""Which lanes packets take: settled paths as arrays of hops, the routing's tables for packets that go their own ways.

Rules 3, 5, 21 to 24. A hop is (first lane, how many lanes it may take there); lane = link * channels + channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from collsim.engines.compiled.plans import Columns
from collsim.engines.reference.checks import check_paths
from collsim.engines.reference.message import Message
from collsim.errors import InvalidValue, RoutingError
from collsim.network.config import NetworkConfig
from collsim.topology.graph import Topology
from collsim.topology.routing import Routing, channel_cycle, channels_of, name_cycle, paths_of, route
from collsim.topology.routing.splitmix import MASK

__all__ = ["Ways", "ways_of"]

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """`routing`, channels a link, and hops: message m has `hops[m]` of them from `hop[m]` on, -1 where packets go their own.

    `lane`, `span` of each hop; `class_first`, `class_span`: the channels of each routing class.
    """

    routing: Routing
    channels: int
    hop: IntArray
    hops: IntArray
    lane: IntArray
    span: IntArray
    class_first: IntArray
    class_span: IntArray


def ways_of(topology: Topology, network: NetworkConfig, seed: int, messages: Columns) -> Ways:
    """Return the ways of a run; raises as `Router` of the reference engine does (rule 3, explicit paths, routing)."""
    by_message = network.transport.flow_control == "message"
    name, channels = network.router.routing, network.router.virtual_channels
    explicit = np.flatnonzero(messages.path_length)
    _check_explicit(topology, messages, explicit)
    plain = route(topology, name, channels, last_counts=by_message)
    routing = plain.covering(_long_paths(messages, explicit))
    if by_message and routing.per_packet:
        raise InvalidValue(
            f"flow_control=message keeps a message on one path, but the routing '{routing.name}' sends each packet its "
            "own way; use flow_control=credit or another routing."
        )
    count = routing.classes if channels == "auto" else channels
    found = _hops(routing, seed, messages, explicit)
    first = np.array([channels_of(c, routing.classes, count)[0] for c in range(routing.classes)], dtype=np.int64)
    span = np.array([channels_of(c, routing.classes, count)[1] for c in range(routing.classes)], dtype=np.int64) - first
    lane, wide = _lanes(found, count, first, span, network.router.vc_allocation == "most-room")
    ways = Ways(routing, count, found.hop, found.hops, lane, wide, first, span)
    if network.transport.flow_control != "none" and not network.router.allow_deadlock:
        _refuse_cycles(topology, ways, messages, found, by_message)
    return ways


def _check_explicit(topology: Topology, messages: Columns, explicit: IntArray) -> None:
    """Find the first wrong path in arrays, and let the reference engine's check say what is wrong with it."""
    if not len(explicit):
        return
    first, length = messages.path_first[explicit], messages.path_length[explicit]
    owner, links = _gather(messages.paths, first, length)
    known = (links >= 0) & (links < topology.links)
    safe = np.where(known, links, 0)
    at = np.cumsum(length) - length
    node = np.empty(len(links), dtype=np.int64)
    node[1:] = topology.target[safe[:-1]]
    node[at] = messages.source[explicit]
    wrong = ~known | (topology.source[safe] != node)
    wrong[at + length - 1] |= topology.target[safe[at + length - 1]] != messages.target[explicit]
    bad = np.zeros(len(explicit), dtype=np.bool_)
    bad[owner[wrong]] = True
    code = np.sort(owner * topology.links + safe)
    bad[code[1:][code[1:] == code[:-1]] // topology.links] = True
    for k in explicit[bad][:1].tolist():
        check_paths([_message(messages, k)], topology)


def _message(messages: Columns, k: int) -> Message:
    path = messages.paths[messages.path_first[k] : messages.path_first[k] + messages.path_length[k]]
    names = ("call", "transfer", "step", "source", "target", "size")
    call, transfer, step, source, target, size = (int(getattr(messages, name)[k]) for name in names)
    reduces, packets = bool(messages.reduces[k]), int(messages.packets[k])
    return Message(k, call, transfer, step, source, target, size, reduces, packets, tuple(path.tolist()))


def _gather(items: IntArray, first: IntArray, length: IntArray) -> tuple[IntArray, IntArray]:
    """Return (owner, item) of the ranges [first, first + length) one after another."""
    owner = np.repeat(np.arange(len(first)), length)
    rank = np.arange(len(owner)) - np.repeat(np.cumsum(length) - length, length)
    return owner, items[first[owner] + rank]


def _long_paths(messages: Columns, explicit: IntArray) -> set[tuple[int, ...]]:
    """Return the explicit paths of two links or more, each once."""
    found: set[tuple[int, ...]] = set()
    ranges = np.unique(np.stack([messages.path_first[explicit], messages.path_length[explicit]], axis=1), axis=0)
    for length in np.unique(ranges[:, 1]).tolist():
        if length > 1:
            first = ranges[ranges[:, 1] == length, 0]
            rows = np.unique(messages.paths[first[:, None] + np.arange(length)], axis=0)
            found.update(map(tuple, rows.tolist()))
    return found


class _Hops(NamedTuple):
    """Hops laid end to end: message m has `hops[m]` from `hop[m]` on (-1: none), with their `links` and `classes`."""

    hop: IntArray
    hops: IntArray
    links: IntArray
    classes: IntArray


def _hops(routing: Routing, seed: int, messages: Columns, explicit: IntArray) -> _Hops:
    """Return the hops of explicit paths, then those of routed ones."""
    travels = messages.travels
    hop, hops = np.full(len(travels), -1, dtype=np.int64), np.zeros(len(travels), dtype=np.int64)
    given = explicit[travels[explicit]]
    length = messages.path_length[given]
    _, links = _gather(messages.paths, messages.path_first[given], length)
    hops[given], hop[given] = length, np.cumsum(length) - length
    classes = _explicit_classes(routing, links, length)
    rest = np.flatnonzero(travels & (messages.path_length == 0))
    if not routing.per_packet and len(rest):
        key = (seed & MASK, messages.call[rest], messages.transfer[rest])
        found = paths_of(routing, messages.source[rest], messages.target[rest], key)
        hops[rest], hop[rest] = np.diff(found.offsets), len(links) + found.offsets[:-1]
        links, classes = np.concatenate([links, found.links]), np.concatenate([classes, found.classes])
    return _Hops(hop, hops, links, classes)


def _explicit_classes(routing: Routing, links: IntArray, length: IntArray) -> IntArray:
    """Return the class of each hop of explicit paths laid end to end, as `Routing.classes_of` gives them."""
    table, classes = routing.table, np.zeros(len(links), dtype=np.int64)
    begin = np.cumsum(length) - length
    counter = np.zeros(len(length), dtype=np.int64)
    for position in range(int(length.max(initial=0))):
        on = np.flatnonzero(length > position)
        at = begin[on] + position
        if position:
            counter[on] = np.where(table.stage[links[at - 1]] == table.stage[links[at]], counter[on], 0)
        counter[on] += table.bump[links[at]]
        classes[at] = np.clip(counter[on] - table.bias, 0, table.classes - 1)
    return classes


def _lanes(found: _Hops, channels: int, first: IntArray, span: IntArray, most_room: bool) -> tuple[IntArray, IntArray]:
    """Return (first lane, how many a packet may take) of each hop; static allocation fixes one by the message's id."""
    hop, hops, links, classes = found
    lane = links * channels + first[classes]
    if most_room:
        return lane, span[classes]
    if (span > 1).any():
        having = np.flatnonzero(hop >= 0)
        order = having[np.argsort(hop[having], kind="stable")]
        lane = lane + np.repeat(order, hops[order]) % span[classes]
    return lane, np.ones_like(lane)


def _refuse_cycles(topology: Topology, ways: Ways, messages: Columns, found: _Hops, by_message: bool) -> None:
    """Raise RoutingError for a cycle among the channels that messages of this run may hold."""
    routing, channels = ways.routing, ways.channels
    width = routing.classes
    code, last = found.links * width + found.classes, np.zeros(len(found.links), dtype=np.bool_)
    having = found.hop >= 0
    last[(found.hop + found.hops)[having] - 1] = True
    joined = np.flatnonzero(~last[:-1] & (by_message | ~last[1:]))
    pairs = np.unique(code[joined] * (topology.links * width) + code[joined + 1])
    held, asked = np.divmod(pairs, topology.links * width)
    edges = np.stack([held // width, held % width, asked // width, asked % width], axis=1)
    free = messages.travels & (messages.path_length == 0)
    if routing.per_packet and free.any():
        ends = np.unique(np.stack([messages.source[free], messages.target[free]], axis=1), axis=0)
        edges = np.concatenate([edges, routing.dependencies(ends)])
    chains = [((a, _channels(b, ways)), (c, _channels(d, ways))) for a, b, c, d in edges.tolist()]
    cycle = channel_cycle(topology, chains, last_counts=True)
    if cycle is not None:
        raise RoutingError(
            f"Packets of routing '{routing.name}' on '{topology.name}' can wait for each other in a circle "
            f"with {channels} virtual channel(s): {name_cycle(topology, cycle)}. Use virtual_channels=auto, "
            "another routing, flow_control=none, or allow_deadlock=true to try it."
        )


def _channels(cls: int, ways: Ways) -> Any:
    first = int(ways.class_first[cls])
    return range(first, first + int(ways.class_span[cls]))
