"""A schedule as plain data that any reader can replay chunk by chunk: the JSON of `collsim schedule`.

A transfer of several chunks becomes one entry a chunk, all with the same "message"; dependencies name entries.
"""

from __future__ import annotations

from typing import Any

from collsim.collectives.schedule import OP_NAMES, Schedule
from collsim.topology.graph import Topology

__all__ = ["schedule_to_dict"]


def schedule_to_dict(schedule: Schedule, topology: Topology) -> dict[str, Any]:
    """Return the schedule as JSON-ready data: collective, ranks, chunks (weights), transfers, and how to read them.

    Each transfer has id, step, src, dst (ranks), chunk, op ("copy" or "reduce"), deps (ids of entries that must be
    delivered before), path (node ids, or null where routing chooses) and message (entries of one message travel together).
    Of every message that its own message waits for, an entry names one entry: the one with its chunk where there is one.
    """
    first = [0, *schedule.count.cumsum().tolist()]
    entries: list[dict[str, Any]] = []
    for transfer in range(schedule.transfers):
        path, waits = _nodes(schedule, topology, transfer), schedule.deps_of(transfer).tolist()
        for chunk in schedule.chunks_of(transfer):
            deps = [first[d] + offset if (offset := _offset(schedule, d, chunk)) >= 0 else first[d] for d in waits]
            entries.append(
                {
                    "id": len(entries),
                    "step": int(schedule.step[transfer]),
                    "src": int(schedule.src[transfer]),
                    "dst": int(schedule.dst[transfer]),
                    "chunk": chunk,
                    "op": OP_NAMES[int(schedule.op[transfer])],
                    "deps": deps,
                    "path": path,
                    "message": transfer,
                }
            )
    return {
        "collective": schedule.collective.name,
        "root": schedule.collective.root,
        "synchronised_channels": schedule.collective.synchronised if schedule.collective.channels else None,
        "channels": schedule.collective.channels or None,
        "ranks": schedule.ranks,
        "chunks": schedule.weights.tolist(),
        "unit": schedule.unit,
        "chunk_src": schedule.chunk_src.tolist(),
        "chunk_dst": schedule.chunk_dst.tolist(),
        "algorithm": schedule.algorithm,
        "topology": topology.name,
        "hosts": schedule.ranks_to_hosts.tolist(),
        "steps": schedule.steps,
        "segments": schedule.segments,
        "variant": schedule.variant,
        "transfers": entries,
    }


def _offset(schedule: Schedule, transfer: int, chunk: int) -> int:
    """Return the place of `chunk` in what `transfer` carries, or -1."""
    offset = (chunk - int(schedule.chunk[transfer])) % schedule.chunks
    return offset if offset < schedule.count[transfer] else -1


def _nodes(schedule: Schedule, topology: Topology, transfer: int) -> list[int] | None:
    links = schedule.path_of(transfer).tolist()
    if not links:
        return None
    return [int(topology.source[links[0]]), *(int(topology.target[link]) for link in links)]
