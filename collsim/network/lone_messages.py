"""Many lone messages at once: messages of one size over links of equal rates and latencies are timed once.

A schedule of a million transfers has a few hundred such classes, so that exact integer arithmetic costs nothing and the
rest is array look-up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collsim.network.config import NetworkConfig
from collsim.network.message_time import LoneMessage, lone_message
from collsim.network.paths import Paths
from collsim.topology.graph import Topology

__all__ = ["lone_messages", "number_rows"]

IntArray = NDArray[np.int64]


def lone_messages(
    topology: Topology, paths: Paths, size: IntArray, network: NetworkConfig
) -> tuple[list[LoneMessage], IntArray]:
    """Return (lone messages of each class, int64[M] class of each message); `size` int64[M] bytes, on `paths`."""
    _, sample, kind = np.unique(_classes(topology, paths, size), return_index=True, return_inverse=True)
    return [_alone(topology, paths, int(size[m]), int(m), network) for m in sample], kind.astype(np.int64)


def number_rows(*columns: IntArray) -> IntArray:
    """Number the distinct rows of `columns` (equal lengths) from 0."""
    number = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        _, code = np.unique(column, return_inverse=True)
        _, number = np.unique(number * (code.max(initial=0) + 1) + code, return_inverse=True)
    return number.astype(np.int64)


def _classes(topology: Topology, paths: Paths, size: IntArray) -> IntArray:
    """Number messages so that equal numbers have equal sizes and cross equal links in the same order."""
    rate = number_rows(topology.bandwidth, topology.latency) + 1
    hops = np.diff(paths.offsets)
    number = number_rows(size)
    for hop in range(int(hops.max(initial=0))):
        here = np.zeros(len(size), dtype=np.int64)
        long = hops > hop
        here[long] = rate[paths.links[paths.offsets[:-1][long] + hop]]
        number = number_rows(number, here)
    return number


def _alone(topology: Topology, paths: Paths, size: int, message: int, network: NetworkConfig) -> LoneMessage:
    return lone_message(size, [(int(topology.bandwidth[k]), int(topology.latency[k])) for k in paths[message]], network)
