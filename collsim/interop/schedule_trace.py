"""A schedule as a trace: one send and one receive a transfer, and the time of a reduction where the network has one."""

from __future__ import annotations

from collsim.collectives.schedule import REDUCE, Schedule
from collsim.interop.trace import CALC, RECV, SEND, Trace, TraceOp
from collsim.network.config import NetworkConfig
from collsim.network.message_time import reduction_fs

__all__ = ["schedule_trace"]


def schedule_trace(schedule: Schedule, size: int, network: NetworkConfig) -> Trace:
    """Return what each rank of `schedule` does with buffers of `size` bytes, in the order of steps; tags number transfers.

    What is added takes the time that the network's `reduction_rate` gives it (none by default): beside all else, or in turns
    on so many computing units as the network has `reduction_units`.
    """
    units = network.nic.reduction_units
    sizes = schedule.message_bytes(size).tolist()
    src, dst, step = schedule.src.tolist(), schedule.dst.tolist(), schedule.step.tolist()
    order = sorted(range(schedule.transfers), key=lambda t: (step[t], t))
    count = [0] * schedule.ranks
    sent, came = [0] * schedule.transfers, [0] * schedule.transfers
    lasts = [0] * schedule.transfers
    for t in order:
        sent[t], count[src[t]] = count[src[t]], count[src[t]] + 1
        lasts[t] = reduction_fs(sizes[t], network) if schedule.op[t] == REDUCE else 0
        came[t], count[dst[t]] = count[dst[t]], count[dst[t]] + 1 + (lasts[t] > 0)
    ranks: list[list[TraceOp]] = [[] for _ in range(schedule.ranks)]
    for t in order:
        # A rank has what came in once it has been added.
        waits = (came[d] + (lasts[d] > 0) if dst[d] == src[t] else sent[d] for d in schedule.deps_of(t).tolist())
        ranks[src[t]].append(TraceOp(SEND, size=sizes[t], peer=dst[t], tag=t, ended=tuple(waits)))
        ranks[dst[t]].append(TraceOp(RECV, size=sizes[t], peer=src[t], tag=t))
        if lasts[t]:
            ranks[dst[t]].append(TraceOp(CALC, duration=lasts[t], ended=(came[t],), unit=t % units if units else -1))
    return Trace(tuple(map(tuple, ranks)), origin=schedule.algorithm)
