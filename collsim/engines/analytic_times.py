"""When every message of a program starts and ends if only dependencies hold it back, as arrays, a step at a time.

This lets messages of different steps cross a link together; `disjoint` says whether any did. Where none did the answer
stands; otherwise the program is replayed message by message (analytic_replay.py), which gives the same answer wherever
both apply.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.step_order import StepOrder
from collsim.engines.analytic_traffic import Traffic
from collsim.network.paths import one_group_at_a_time
from collsim.program import Call, Compute, Program
from collsim.units import check_time

__all__ = ["Times", "by_dependencies", "disjoint"]

IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Times:
    """fs. Per message `ready`, `start` (first grant), `finish`; `begin[k]`, `end[k]`: int64[hosts], when operation k may
    start and is complete on each host. A wait on a later link is finish - start - duration."""

    ready: IntArray
    start: IntArray
    finish: IntArray
    begin: IntArray
    end: IntArray


def by_dependencies(program: Program, traffic: Traffic, hosts: int) -> Times | None:
    """Return the times if links never made anyone wait; None where a dependency does not point to a smaller step."""
    count = len(traffic.size)
    ready, finish = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    begin = np.zeros((len(program.operations), hosts), dtype=np.int64)
    end = np.zeros_like(begin)
    longest = int(traffic.duration.max(initial=0)) + traffic.delay
    for index, operation in enumerate(program.operations):
        for dep in operation.deps:
            np.maximum(begin[index], end[dep], out=begin[index])
        end[index] = begin[index]
        if isinstance(operation, Compute):
            end[index, operation.host] = check_time(int(begin[index, operation.host]) + operation.duration)
            continue
        mine = slice(int(program.first_message[index]), int(program.first_message[index + 1]))
        gate = begin[index][traffic.source[mine]]
        if isinstance(operation, Call):
            order = StepOrder.of(operation.schedule)
            if order is None:
                return None
            done, duration = finish[mine], traffic.duration[mine]
            for now, released in order.sweep(done):
                free = np.maximum(gate[now], released)
                check_time(int(free.max()) + longest)
                done[now] = free + traffic.delay + duration[now]
            ready[mine] = done - duration
        else:
            ready[mine] = check_time(int(gate[0]) + traffic.delay)
            finish[mine] = check_time(int(ready[mine][0]) + int(traffic.duration[mine][0]))
        np.maximum.at(end[index], traffic.source[mine], finish[mine])
        np.maximum.at(end[index], traffic.target[mine], finish[mine])
    return Times(ready, ready, finish, begin, end)


def disjoint(traffic: Traffic, times: Times) -> bool:
    """Say whether every link is done with one step of one call before it begins another."""
    hops = np.diff(traffic.offsets)
    begin = np.repeat(times.start, hops) + traffic.first
    return one_group_at_a_time(traffic.link, np.repeat(traffic.group, hops), begin, begin + traffic.span)
