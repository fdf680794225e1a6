"""The critical path of an analytic run: from the last completion back through what released each message, in parts.

Sharing a link with others of the same step, and waiting until it is done with another step, both count as waiting for
the link. The parts sum to the time.
"""

from __future__ import annotations

import numpy as np

from collsim.engines.analytic_times import Times
from collsim.engines.analytic_traffic import Traffic
from collsim.network.config import NetworkConfig
from collsim.program import Call, Compute, Program
from collsim.result import CRITICAL_PARTS

__all__ = ["critical_path"]


def critical_path(
    program: Program, traffic: Traffic, times: Times, network: NetworkConfig
) -> tuple[dict[str, int], dict[int, int]]:
    """Return ({part: fs}, {link: fs}): the parts sum to the completion of the last operation."""
    parts, links = dict.fromkeys(CRITICAL_PARTS, 0), dict[int, int]()
    if not times.end.size:
        return parts, links
    index, host = (int(k) for k in np.unravel_index(int(times.end.argmax()), times.end.shape))
    message = -1
    while True:
        if message < 0:
            message, index = _last(program, traffic, times, index, host, parts)
            if index < 0:
                return parts, links
            if message < 0:
                continue
        _count(traffic, times, message, network, parts, links)
        released = int(times.ready[message]) - traffic.delay
        index, host = int(traffic.operation[message]), int(traffic.source[message])
        message = _dependency(program, traffic, times, message, released)
        if message < 0:
            index = _before(program, times, index, host, released)
            if index < 0:
                return parts, links


def _last(program: Program, traffic: Traffic, times: Times, index: int, host: int, parts: dict[str, int]) -> tuple[int, int]:
    """Return (message, operation) that operation `index` ended with on `host`: a message of it, or (-1, one before it).

    (-1, -1) at the start of the program. A computation is counted on the way.
    """
    operation = program.operations[index]
    end = int(times.end[index, host])
    if isinstance(operation, Compute):
        if operation.host == host:
            parts["compute"] += operation.duration
            end -= operation.duration
        return -1, _before(program, times, index, host, end)
    low, high = int(program.first_message[index]), int(program.first_message[index + 1])
    mine = (traffic.source[low:high] == host) | (traffic.target[low:high] == host)
    found = np.flatnonzero(mine & (times.finish[low:high] == end))
    if len(found):
        return low + int(found[0]), index
    return -1, _before(program, times, index, host, end)


def _before(program: Program, times: Times, index: int, host: int, time: int) -> int:
    """Return the operation before `index` that was complete on `host` at `time`; -1 when nothing was waited for."""
    if time == 0:
        return -1
    return next((dep for dep in program.operations[index].deps if int(times.end[dep, host]) == time), -1)


def _dependency(program: Program, traffic: Traffic, times: Times, message: int, released: int) -> int:
    """Return the transfer whose completion released `message`, -1 when its operation did."""
    index = int(traffic.operation[message])
    operation = program.operations[index]
    if not isinstance(operation, Call):
        return -1
    base = int(program.first_message[index])
    members = operation.schedule.deps_of(message - base) + base
    found = members[times.finish[members] == released]
    return int(found[0]) if len(found) else -1


def _count(
    traffic: Traffic, times: Times, message: int, network: NetworkConfig, parts: dict[str, int], links: dict[int, int]
) -> None:
    """Add the parts of one message, from its release to its completion."""
    duration = int(traffic.duration[message])
    waited = int(times.finish[message] - times.ready[message]) - duration
    stretch, bottleneck = int(traffic.stretch[message]), int(traffic.bottleneck[message])
    latency, router, reduction = (int(a[message]) for a in (traffic.latency, traffic.router, traffic.reduction))
    parts["overhead"] += network.nic.message_overhead
    parts["latency"] += network.nic.injection_latency + latency
    parts["router"] += router
    parts["reduction"] += reduction
    parts["link_wait"] += waited + stretch
    parts["serialisation"] += duration - stretch - latency - router - reduction
    low, high = int(traffic.offsets[message]), int(traffic.offsets[message + 1])
    if high > low:
        slowest = low + int(traffic.span[low:high].argmax())
        link = int(traffic.link[slowest])
        links[link] = links.get(link, 0) + bottleneck + stretch + waited
