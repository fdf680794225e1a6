"""What algorithms may know of a run before they build a schedule: its size, and alpha and beta of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from collsim.collectives.algorithm import Hint
from collsim.network.config import NetworkConfig
from collsim.topology.graph import Topology
from collsim.topology.paths import shortest_path
from collsim.units import FS_PER_SECOND

__all__ = ["hint_for"]


def hint_for(topology: Topology, hosts: Sequence[int], network: NetworkConfig, size: int) -> Hint:
    """Return `size`, alpha of a message to the next rank, beta of the median link; `hosts` by rank.

    alpha is message overhead, injection and ejection latency, and the latency and router delay of the path with
    fewest links, the median over the first 16 pairs of neighbouring ranks.
    """
    nic, router_delay = network.nic, network.router.router_delay
    ways = []
    for src, dst in list(pairwise(hosts))[:16]:
        links = shortest_path(topology, src, dst) or ()
        ways.append(int(topology.latency[list(links)].sum()) + (len(links) - 1) * router_delay)
    alpha = nic.message_overhead + nic.injection_latency + nic.ejection_latency + sorted(ways)[len(ways) // 2]
    return Hint(size, alpha, Fraction(FS_PER_SECOND, sorted(topology.bandwidth.tolist())[topology.links // 2]))
