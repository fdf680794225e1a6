"""The path of every message of a program: the explicit one of its schedule, or the one that routing chooses.

Closed forms and the analytic engine take these paths as given; packet engines ask routing themselves, hop by hop where
it adapts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.schedule import Schedule
from collsim.network.config import NetworkConfig
from collsim.topology.graph import Topology

__all__ = ["PathFinder", "Paths"]

Path = Sequence[int]


@dataclass(frozen=True, eq=False)
class Paths:
    """Link ids `links[offsets[m]:offsets[m + 1]]` of each message m, in order; empty from a host to itself."""

    offsets: NDArray[np.int64]
    links: NDArray[np.int64]

    @classmethod
    def of(cls, paths: Sequence[Path]) -> Paths:
        """Return the arrays of a list of paths."""
        lengths = np.fromiter(map(len, paths), dtype=np.int64, count=len(paths))
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return cls(offsets, np.fromiter(chain.from_iterable(paths), dtype=np.int64, count=int(offsets[-1])))

    def __getitem__(self, message: int) -> NDArray[np.int64]:
        """Return the links of one message."""
        return self.links[self.offsets[message] : self.offsets[message + 1]]


class PathFinder:
    """Asks the routing that a network configuration names for paths; the same question is answered once.

    `seed` is that of the run: routings that draw do so by (seed, call, transfer).
    """

    def __init__(self, topology: Topology, network: NetworkConfig, seed: int = 0):
        from collsim.topology.routing import route

        self.routing = route(topology, network.router.routing, network.router.virtual_channels)
        self.seed = seed
        self._known: dict[tuple[int, int], Path] = {}

    def path(self, source: int, target: int, call: int = 0, transfer: int = 0) -> Path:
        """Return the link ids from host `source` to host `target` for one transfer of one call."""
        if source == target:
            return ()
        return [link for link, _ in self.routing.path(source, target, (self.seed, call, transfer))]

    def schedule(self, plan: Schedule, call: int = 0) -> list[Path]:
        """Return the path of every transfer of `plan`: its own where it has one."""
        own = plan.path_offsets.tolist()
        links = plan.path_links.tolist()
        hosts = plan.ranks_to_hosts
        ends = zip(hosts[plan.src].tolist(), hosts[plan.dst].tolist(), strict=True)
        return [
            links[own[t] : own[t + 1]] if own[t + 1] > own[t] else self.path(source, target, call, t)
            for t, (source, target) in enumerate(ends)
        ]
