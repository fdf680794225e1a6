"""The links that a schedule could load, over which a load is called even or not: what no message can use does not count.

A link counts where a message that has bytes and no path of its own finds it on a shortest path, or on one that the
routing of the run permits, and where a path of a schedule names it. Shortest paths count under every routing, so that two
routings of one program are measured over the same links wherever both keep to shortest ones: a routing that sends all
messages one way has not made the other ways useless.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.schedule import Schedule
from collsim.network.config import NetworkConfig
from collsim.topology.graph import Topology
from collsim.topology.routing import route
from collsim.topology.routing.reach import routed_links, shortest_links

__all__ = ["load_imbalance", "shared_links", "usable_links"]

IntArray = NDArray[np.int64]
_ALL_SHORTEST = ("ecmp", "spray", "least-queued", "feedback")
"""Routings whose tables hold every shortest path."""


def shared_links(topology: Topology) -> IntArray:
    """Return the ids of the links between switches, on which routing has a choice; of all links where there are none."""
    inner = np.flatnonzero((topology.source >= topology.hosts) & (topology.target >= topology.hosts))
    return inner if len(inner) else np.arange(topology.links)


def usable_links(topology: Topology, plan: Schedule, size: int, network: NetworkConfig) -> IntArray:
    """Return the ids, ascending, of those `shared_links` that `plan` on buffers of `size` bytes could load.

    Raises RoutingError where the routing of `network` does not fit.
    """
    used = np.zeros(topology.links, dtype=np.bool_)
    used[plan.path_links] = True
    hosts = plan.ranks_to_hosts
    routed = (plan.path_offsets[1:] == plan.path_offsets[:-1]) & (plan.message_bytes(size) > 0)
    source, target = hosts[plan.src[routed]], hosts[plan.dst[routed]]
    code = np.unique((source * topology.hosts + target)[source != target])
    if len(code):
        pairs = np.stack(np.divmod(code, topology.hosts), axis=1)
        router = network.router
        last_counts = network.transport.flow_control == "message"
        routing = route(topology, router.routing, router.virtual_channels, last_counts=last_counts)
        used |= routed_links(routing, pairs)
        if routing.name not in _ALL_SHORTEST:
            used |= shortest_links(topology, pairs)
    shared = shared_links(topology)
    return shared[used[shared]]


def load_imbalance(busy: IntArray, usable: IntArray) -> float:
    """Return the largest over the mean of `busy` (fs, int64[L]) over the links `usable`; 1 where nothing is busy."""
    load = busy[usable]
    return float(load.max() / load.mean()) if load.any() else 1.0
