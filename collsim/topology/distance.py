"""How far hosts are from one another: links and latency of a path with the fewest links, for hints and estimates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collsim.topology.graph import Topology

__all__ = ["distances"]


def distances(topology: Topology, host: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (links, latency in fs), int64[nodes] each, of the path with fewest links from `host`; -1 where none is.

    Only nodes that forward are passed through; of paths with equally many links the one found by least link ids counts.
    """
    hops = np.full(topology.nodes, -1, dtype=np.int64)
    latency = np.full(topology.nodes, -1, dtype=np.int64)
    hops[host] = latency[host] = 0
    front = [host]
    while front:
        reached = []
        for node in front:
            if node != host and not topology.forwards[node]:
                continue
            for link in topology.out_links[node]:
                neighbour = int(topology.target[link])
                if hops[neighbour] < 0:
                    hops[neighbour] = hops[node] + 1
                    latency[neighbour] = latency[node] + topology.latency[link]
                    reached.append(neighbour)
        front = reached
    return hops, latency
