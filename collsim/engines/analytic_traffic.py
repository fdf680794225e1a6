"""The messages of a program as arrays with what each costs alone, for the analytic engine.

Messages are timed a class at a time (collsim.network.lone_messages), so that millions of them cost seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.schedule import REDUCE
from collsim.errors import ClockOverflow
from collsim.network.config import NetworkConfig
from collsim.network.lone_messages import lone_messages, number_rows
from collsim.network.message_time import reduction_fs
from collsim.network.paths import Paths
from collsim.program import Call, Program, Send
from collsim.topology.graph import Topology
from collsim.units import MAX_TIME

__all__ = ["Traffic", "traffic_of"]

IntArray = NDArray[np.int64]

TOO_LONG = "A single message takes longer than the clock of 2.56 hours; use a smaller size."


@dataclass(frozen=True, eq=False)
class Traffic:
    """M messages over E hops in all; times in fs.

    Per message: `source`, `target` hosts, `size` bytes, `operation`, `step`, `group` (one number for a call and step),
    `reduces`; `duration` from the grant of its first link to its completion, of which `stretch` is the (c - 1) part,
    `bottleneck` the serialisation, `latency` (ejection included), `router`, `reduction`, the rest heads; `delay`: overhead
    and injection before it. Per hop, in path order: `link`, `first` (grant after the start), `span` (how long the link is
    taken), `serial`. Hops of message m are `offsets[m]:offsets[m + 1]`; `wire_bytes` and `packets` per message.
    """

    source: IntArray
    target: IntArray
    size: IntArray
    operation: IntArray
    step: IntArray
    group: IntArray
    reduces: NDArray[np.bool_]
    duration: IntArray
    stretch: IntArray
    bottleneck: IntArray
    latency: IntArray
    router: IntArray
    reduction: IntArray
    delay: int
    offsets: IntArray
    link: IntArray
    first: IntArray
    span: IntArray
    serial: IntArray
    packets: IntArray
    wire_bytes: IntArray


def traffic_of(topology: Topology, program: Program, paths: Paths, network: NetworkConfig) -> Traffic:
    """Return the messages of `program`, numbered as there, on `paths`. Raises ClockOverflow."""
    source, target, size, operation, step, reduces = _columns(program)
    group = number_rows(operation, step)
    offsets, link = paths.offsets, paths.links
    alone, kind = lone_messages(topology, paths, size, network)
    hops = np.diff(offsets)
    starts = np.concatenate([[0], np.cumsum([len(a.first) for a in alone])]).astype(np.int64)
    place = np.repeat(starts[kind] - offsets[:-1], hops) + np.arange(len(link))
    first = _array([t for a in alone for t in a.first])[place]
    serial = _array([t for a in alone for t in a.serial])[place]
    span = _array([f - t for a in alone for f, t in zip(a.free, a.first, strict=True)])[place]

    shared = _sharers(group, size, offsets, link)
    if float(shared.max(initial=1)) * float(serial.max(initial=0)) > MAX_TIME:
        raise ClockOverflow("A link shared by this many messages exceeds the clock of 2.56 hours; use a smaller size.")
    bottleneck = _array([a.bottleneck for a in alone])[kind]
    stretch = _segment_max(shared * serial, offsets) - bottleneck
    sizes, which = np.unique(size, return_inverse=True)
    reduction = np.where(reduces, _array([reduction_fs(int(s), network) for s in sizes])[which], 0)
    sent = size > 0
    ejection = np.where(sent, network.nic.ejection_latency, 0)
    duration = _sum(_array([a.arrival for a in alone])[kind], stretch, ejection, reduction)
    return Traffic(
        source=source,
        target=target,
        size=size,
        operation=operation,
        step=step,
        group=group,
        reduces=reduces,
        duration=duration,
        stretch=stretch,
        bottleneck=bottleneck,
        latency=_array([a.latency for a in alone])[kind] + ejection,
        router=_array([a.router for a in alone])[kind],
        reduction=reduction,
        delay=network.nic.message_overhead + network.nic.injection_latency,
        offsets=offsets,
        link=link,
        first=first,
        span=np.maximum(span, shared * serial),
        serial=serial,
        packets=_array([a.packets for a in alone])[kind],
        wire_bytes=_array([a.wire_bytes for a in alone])[kind],
    )


def _columns(program: Program) -> tuple[IntArray, IntArray, IntArray, IntArray, IntArray, NDArray[np.bool_]]:
    """Return source, target (hosts), size, operation, step, reduces of every message."""
    rows: list[tuple[IntArray, ...]] = []
    for index, operation in enumerate(program.operations):
        if isinstance(operation, Call):
            plan = operation.schedule
            hosts = plan.ranks_to_hosts
            same = np.full(plan.transfers, index, dtype=np.int64)
            size = plan.message_bytes(operation.size)
            rows.append((hosts[plan.src], hosts[plan.dst], size, same, plan.step, plan.op == REDUCE))
        elif isinstance(operation, Send):
            values = (operation.source, operation.target, operation.size, index, operation.step, 0)
            rows.append(tuple(np.array([value], dtype=np.int64) for value in values))
    empty = np.zeros(0, dtype=np.int64)
    columns = [np.concatenate([empty, *(row[k] for row in rows)]).astype(np.int64) for k in range(6)]
    return columns[0], columns[1], columns[2], columns[3], columns[4], columns[5].astype(np.bool_)


def _sharers(group: IntArray, size: IntArray, offsets: IntArray, link: IntArray) -> IntArray:
    """Return int64[E]: how many messages with bytes of the same call and step cross the link of each hop, at least 1."""
    hops = np.diff(offsets)
    owner = np.repeat(group, hops)
    _, key = np.unique(owner * (link.max(initial=0) + 1) + link, return_inverse=True)
    filled = np.bincount(key, weights=np.repeat(size > 0, hops).astype(np.float64)).astype(np.int64)
    return np.maximum(filled[key], 1) if len(key) else np.zeros(0, dtype=np.int64)


def _segment_max(values: IntArray, offsets: IntArray) -> IntArray:
    """Return the maximum of values[offsets[m]:offsets[m + 1]] for each m, 0 where that is empty (values >= 0)."""
    result = np.zeros(len(offsets) - 1, dtype=np.int64)
    full = np.flatnonzero(np.diff(offsets) > 0)
    if len(full):
        result[full] = np.maximum.reduceat(values, offsets[full])
    return result


def _array(values: list[int]) -> IntArray:
    if values and max(values) > MAX_TIME:
        raise ClockOverflow(TOO_LONG)
    return np.array(values, dtype=np.int64)


def _sum(*columns: IntArray) -> IntArray:
    """Return the sum of columns of fs >= 0; ClockOverflow where it exceeds 63 bits."""
    if sum(int(column.max(initial=0)) for column in columns) > MAX_TIME:
        return _array([sum(row) for row in zip(*(column.tolist() for column in columns), strict=True)])
    total = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        total += column
    return total
