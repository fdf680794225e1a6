"""What a schedule cannot take less than on a network: its busiest link's bytes, and its longest chain of messages.

Both are read off the schedule without simulating it, so that reports can say which other algorithms could be faster at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collsim.collectives.schedule import REDUCE, Schedule
from collsim.collectives.step_order import StepOrder
from collsim.network.config import NetworkConfig
from collsim.network.lone_messages import lone_messages
from collsim.network.message_time import reduction_fs
from collsim.network.paths import PathFinder
from collsim.topology.graph import Topology

__all__ = ["LeastTime", "least_time"]


@dataclass(frozen=True, slots=True)
class LeastTime:
    """fs: `load`, for which the busiest link has to send; `chain`, the longest chain of messages, each as if alone."""

    load: int
    chain: int

    @property
    def time(self) -> int:
        """The larger of the two: no run of the schedule takes less."""
        return max(self.load, self.chain)


def least_time(topology: Topology, plan: Schedule, size: int, network: NetworkConfig, *, seed: int = 0) -> LeastTime:
    """Return what `plan` takes at least on buffers of `size` bytes.

    Zero where packets of a message choose their ways one by one, and no chain where steps do not tell the order of
    dependencies. Raises RoutingError.
    """
    finder = PathFinder(topology, network, seed)
    if finder.routing.per_packet and (np.diff(plan.path_offsets) == 0).any():
        return LeastTime(0, 0)
    paths, sizes = finder.schedule(plan), plan.message_bytes(size)
    alone, kind = lone_messages(topology, paths, sizes, network)
    hops = np.diff(paths.offsets)
    starts = np.concatenate([[0], np.cumsum([len(one.serial) for one in alone])]).astype(np.int64)
    serial = np.array([t for one in alone for t in one.serial], dtype=np.int64)
    place = np.repeat(starts[kind] - paths.offsets[:-1], hops) + np.arange(len(paths.links))
    load = np.zeros(topology.links, dtype=np.int64)
    np.add.at(load, paths.links, serial[place])
    order = StepOrder.of(plan)
    if order is None:
        return LeastTime(int(load.max()), 0)
    amounts, which = np.unique(sizes, return_inverse=True)
    reduced = np.array([reduction_fs(n, network) for n in amounts.tolist()], dtype=np.int64)[which]
    duration = np.array([one.arrival for one in alone], dtype=np.int64)[kind] + np.where(plan.op == REDUCE, reduced, 0)
    duration += np.where(sizes > 0, network.nic.ejection_latency, 0)
    duration += network.nic.message_overhead + network.nic.injection_latency
    finish = np.zeros(plan.transfers, dtype=np.int64)
    for now, released in order.sweep(finish):
        finish[now] = released + duration[now]
    return LeastTime(int(load.max()), int(finish.max(initial=0)))
