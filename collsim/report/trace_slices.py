"""What a trace shows as slices: computing, sending and receiving on hosts, and messages on links, each with its numbers.

A message is sent from its first grant on any link of its source to the last tail leaving it, and received from the first
grant of a last link to its completion. Without crossings both last from its first grant, or where that is unknown from
ready, until it is complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.schedule import OP_NAMES
from collsim.crossings import Crossings
from collsim.program import Arrivals, Call, Compute, Program, Send
from collsim.result import Result
from collsim.topology.graph import Topology

__all__ = ["LINKS", "RANKS", "Slice", "described", "link_slices", "rank_slices"]

RANKS, LINKS = 1, 2
KINDS = ("compute", "send", "receive")
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """Something from `start` to `end` (fs) on the track called `track`, the `place`-th of its `process` (1 ranks, 2 links).

    `flow`: of a send, what the arrow to its receive is called; None for no arrow.
    """

    process: int
    place: int
    track: str
    kind: str
    name: str
    start: int
    end: int
    args: dict[str, Any]
    flow: int | None = None


def described(program: Program) -> list[tuple[str, int, int, dict[str, Any]]]:
    """Return (name, source host, target host, arguments) of every message of a program."""
    found: list[tuple[str, int, int, dict[str, Any]]] = []
    for operation in program.operations:
        if isinstance(operation, Call):
            found += _transfers(operation)
        elif isinstance(operation, Send):
            found.append((operation.label or "send", operation.source, operation.target, {"bytes": operation.size}))
        elif isinstance(operation, Arrivals):
            ends = zip(operation.source.tolist(), operation.target.tolist(), operation.size.tolist(), strict=True)
            found += [(operation.label or "message", a, b, {"bytes": size}) for a, b, size in ends]
    return found


def _transfers(call: Call) -> list[tuple[str, int, int, dict[str, Any]]]:
    plan, before = call.schedule, f"{call.label}: " if call.label else ""
    hosts, size = plan.ranks_to_hosts, plan.message_bytes(call.size).tolist()
    columns = (plan.step, plan.src, plan.dst, plan.chunk, plan.count, plan.op)
    found = []
    for k, (step, src, dst, chunk, count, op) in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
        chunks = f"chunk {chunk}" if count == 1 else f"{count} chunks from {chunk}"
        args = {"bytes": size[k], "step": step, "src": src, "dst": dst, "chunk": chunk, "count": count, "transfer": k}
        found.append((f"{before}{OP_NAMES[op]} {chunks}", int(hosts[src]), int(hosts[dst]), args))
    return found


def rank_slices(
    topology: Topology, program: Program, result: Result, crossings: Crossings | None, ranks: Mapping[int, int]
) -> list[Slice]:
    """Return the slices of hosts; `ranks` {host: rank}: what their tracks are called, and the order of them."""
    order = sorted(range(topology.hosts), key=lambda host: (ranks.get(host, topology.hosts), host))
    place = {host: len(KINDS) * k for k, host in enumerate(order)}

    def name(host: int) -> str:
        return f"rank {ranks[host]} ({topology.names[host]})" if host in ranks else topology.names[host]

    def piece(
        host: int, kind: str, what: str, span: tuple[int, int], args: dict[str, Any], flow: int | None = None
    ) -> Slice:
        at = place[host] + KINDS.index(kind)
        return Slice(RANKS, at, f"{name(host)} {kind}s", kind, what, *span, args, flow)

    slices = []
    for operation, finish in zip(program.operations, result.operation_finish.tolist(), strict=True):
        if isinstance(operation, Compute):
            span = (finish - operation.duration, finish)
            args = {"started_fs": span[0], "finish_fs": finish}
            slices.append(piece(operation.host, "compute", operation.label or "compute", span, args))
    ready, finish = result.message_ready.tolist(), result.message_finish.tolist()
    sent, received = _spans(topology, program, result, crossings)
    started = result.message_started.tolist() if result.message_started is not None else None
    for message, (what, source, target, more) in enumerate(described(program)):
        times = {"ready_fs": ready[message], "finish_fs": finish[message]}
        if started is not None and started[message] >= 0:
            times["started_fs"] = started[message]
        args, flow = {"message": message, **more, **times}, message if source != target and more["bytes"] else None
        slices.append(piece(source, "send", what, sent[message], args | {"left_fs": sent[message][1]}, flow))
        slices.append(piece(target, "receive", what, received[message], {**args, "came_fs": received[message][0]}, flow))
    return slices


def _spans(
    topology: Topology, program: Program, result: Result, crossings: Crossings | None
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return when each message was sent and when received, as the module says, fs."""
    ready, finish = result.message_ready, result.message_finish
    started = (
        ready if result.message_started is None else np.where(result.message_started < 0, ready, result.message_started)
    )
    left, came = finish.copy(), started.copy()
    if crossings is not None and len(crossings):
        ends = np.array([(a, b) for _, a, b, _ in described(program)], dtype=np.int64).reshape(-1, 2)
        source, target = ends[crossings.message].T
        first = topology.source[crossings.link] == source
        last = topology.target[crossings.link] == target
        left[crossings.message[first]] = 0
        np.maximum.at(left, crossings.message[first], crossings.end[first])
        came[crossings.message[last]] = finish[crossings.message[last]]
        np.minimum.at(came, crossings.message[last], crossings.first[last])
    return (
        list(zip(started.tolist(), left.tolist(), strict=True)),
        list(zip(came.tolist(), finish.tolist(), strict=True)),
    )


def link_slices(topology: Topology, program: Program, crossings: Crossings) -> list[Slice]:
    """Return the slices of links, one a crossing."""
    messages = described(program)
    tracks = {link: f"link {link}: {topology.link_name(link)}" for link in np.unique(crossings.link).tolist()}
    columns = (crossings.message, crossings.link, crossings.first, crossings.end, crossings.busy, crossings.packets)
    slices = []
    for message, link, first, end, busy, packets in zip(*(column.tolist() for column in columns), strict=True):
        args = {"message": message, **messages[message][3], "first_fs": first, "end_fs": end}
        args |= {"busy_fs": busy, "packets": packets}
        slices.append(Slice(LINKS, link, tracks[link], "link", messages[message][0], first, end, args))
    return slices
