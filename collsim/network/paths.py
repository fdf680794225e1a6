"""The path of every message of a program: the explicit one of its schedule, or the one that routing chooses.

Closed forms and the analytic engine take these paths as given; packet engines ask routing themselves, hop by hop where
it adapts. Where packets of one message may part (spraying, Valiant, adaptive routing) this is the path of packet 0 in an
idle network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.schedule import Schedule
from collsim.errors import InvalidValue, RoutingError
from collsim.network.config import NetworkConfig
from collsim.topology.graph import Topology
from collsim.topology.routing import Routing, route
from collsim.topology.routing.splitmix import fold_array

__all__ = ["PathFinder", "Paths", "one_group_at_a_time"]

IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Paths:
    """Link ids `links[offsets[m]:offsets[m + 1]]` of each message m, in order; empty from a host to itself."""

    offsets: IntArray
    links: IntArray

    @classmethod
    def of(cls, paths: Sequence[Sequence[int]]) -> Paths:
        """Return the arrays of a list of paths."""
        offsets = _offsets(np.fromiter(map(len, paths), dtype=np.int64, count=len(paths)))
        return cls(offsets, np.fromiter(chain.from_iterable(paths), dtype=np.int64, count=int(offsets[-1])))

    @classmethod
    def join(cls, parts: Sequence[Paths]) -> Paths:
        """Return the messages of all parts, one part after another."""
        empty = np.zeros(0, dtype=np.int64)
        lengths = np.concatenate([empty, *(np.diff(part.offsets) for part in parts)])
        return cls(_offsets(lengths), np.concatenate([empty, *(part.links for part in parts)]))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, message: int) -> IntArray:
        """Return the links of one message."""
        return self.links[self.offsets[message] : self.offsets[message + 1]]


class PathFinder:
    """Asks the routing that a network configuration names for paths.

    `seed` is that of the run: routings that draw do so by (seed, call, transfer). Raises RoutingError.
    """

    def __init__(self, topology: Topology, network: NetworkConfig, seed: int = 0):
        by_message = network.transport.flow_control == "message"
        router = network.router
        self.topology, self.network, self.seed = topology, network, seed
        self.routing: Routing = route(topology, router.routing, router.virtual_channels, last_counts=by_message)

    def path(self, source: int, target: int, call: int = 0, transfer: int = 0) -> list[int]:
        """Return the link ids from host `source` to host `target` for one transfer of one call."""
        return [link for link, _ in self.routing.path(source, target, (self.seed, call, transfer))]

    def schedule(self, plan: Schedule, call: int = 0) -> Paths:
        """Return the path of every transfer of `plan`: its own where it has one, none from a host to itself (rule 5).

        Raises InvalidValue for an explicit path that does not lead from source to destination over existing links.
        """
        own = Paths(plan.path_offsets, plan.path_links)
        _check(self.topology, plan, own)
        own = _without(own, plan.src == plan.dst)
        left = np.flatnonzero(np.diff(own.offsets) == 0)
        if not len(left):
            return own
        source, target = plan.ranks_to_hosts[plan.src[left]], plan.ranks_to_hosts[plan.dst[left]]
        if self.routing.multipath in ("single", "ecmp"):
            found = self._walk(source, target, call, left)
        else:
            ends = zip(source.tolist(), target.tolist(), left.tolist(), strict=True)
            found = Paths.of([self.path(a, b, call, t) for a, b, t in ends])
        return found if len(left) == plan.transfers else _merge(own, left, found)

    def _walk(self, source: IntArray, target: IntArray, call: int, transfer: IntArray) -> Paths:
        """Walk all messages through the routing table at once, a hop at a time, as `Routing.choices` does one."""
        table = self.routing.table
        node, counter, previous = source.copy(), np.zeros_like(source), np.full_like(source, -1)
        pick = np.zeros(len(source), dtype=np.uint64)
        if self.routing.multipath == "ecmp":
            pick = fold_array(self.seed, source, target, call, transfer)
        hops: list[IntArray] = []
        while (going := np.flatnonzero(node != target)).size:
            row = (np.minimum(counter[going], table.phases - 1) * table.nodes + node[going]) * table.hosts + target[going]
            count = table.offsets[row + 1] - table.offsets[row]
            if (count == 0).any():
                stuck = going[int(np.argmin(count))]
                names = self.topology.names
                raise RoutingError(f"{table.name} finds no way from {names[source[stuck]]} to {names[target[stuck]]}.")
            pick[going], first = np.divmod(pick[going], count.astype(np.uint64))
            link = table.links[table.offsets[row] + first.astype(np.int64)]
            turned = (previous[going] >= 0) & (table.stage[previous[going]] != table.stage[link])
            counter[going] = np.where(turned, 0, counter[going]) + table.bump[link]
            previous[going], node[going] = link, self.topology.target[link]
            hops.append(np.full(len(source), -1, dtype=np.int64))
            hops[-1][going] = link
        grid = np.stack(hops, axis=1) if hops else np.zeros((len(source), 0), dtype=np.int64)
        return Paths(_offsets((grid >= 0).sum(axis=1)), grid[grid >= 0])


def _check(topology: Topology, plan: Schedule, own: Paths) -> None:
    """Raise InvalidValue unless every explicit path is made of existing, joined links between its transfer's hosts."""
    given = np.flatnonzero(np.diff(own.offsets) > 0)
    known = (own.links >= 0) & (own.links < topology.links)
    links = np.where(known, own.links, 0)
    first, last = own.offsets[given], own.offsets[given + 1] - 1
    begins, ends = topology.source[links], topology.target[links]
    wrong = (begins[first] != plan.ranks_to_hosts[plan.src[given]]) | (ends[last] != plan.ranks_to_hosts[plan.dst[given]])
    broken = ~known
    inner = np.setdiff1d(np.arange(len(links)), first, assume_unique=True)
    broken[inner] |= begins[inner] != ends[inner - 1]
    owner = np.repeat(np.arange(len(own)), np.diff(own.offsets))
    bad = np.concatenate([given[wrong], owner[broken]])
    if len(bad):
        transfer = int(bad.min())
        raise InvalidValue(
            f"The path {own[transfer].tolist()} of transfer {transfer} is not a way along existing links from its source "
            "to its destination; give the ids of joined links, or no path."
        )


def _without(paths: Paths, gone: NDArray[np.bool_]) -> Paths:
    """Return `paths` with those of the messages `gone` made empty."""
    lengths = np.diff(paths.offsets)
    if not (gone & (lengths > 0)).any():
        return paths
    return Paths(_offsets(np.where(gone, 0, lengths)), paths.links[~np.repeat(gone, lengths)])


def _offsets(lengths: IntArray) -> IntArray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _merge(own: Paths, left: IntArray, found: Paths) -> Paths:
    """Return `own` with the empty paths `left` replaced by `found`."""
    lengths = np.diff(own.offsets)
    lengths[left] = np.diff(found.offsets)
    offsets = _offsets(lengths)
    links = np.empty(int(offsets[-1]), dtype=np.int64)
    routed = np.zeros(len(lengths), dtype=np.bool_)
    routed[left] = True
    links[np.repeat(routed, lengths)] = found.links
    links[np.repeat(~routed, lengths)] = own.links
    return Paths(offsets, links)


def one_group_at_a_time(link: IntArray, group: IntArray, begin: IntArray, end: IntArray) -> bool:
    """Say whether on every link the uses [begin, end) of one group are over before those of another begin.

    Arrays of one entry a use; uses of no length do not count, and those of one group may overlap.
    """
    order = np.lexsort((group, link))
    order = order[(end > begin)[order]]
    if not len(order):
        return True
    link, group, begin, end = link[order], group[order], begin[order], end[order]
    heads = np.flatnonzero(np.append(True, (link[1:] != link[:-1]) | (group[1:] != group[:-1])))
    link, begin, end = link[heads], np.minimum.reduceat(begin, heads), np.maximum.reduceat(end, heads)
    order = np.lexsort((begin, link))
    link, begin, end = link[order], begin[order], end[order]
    return bool(np.all((link[1:] != link[:-1]) | (begin[1:] >= end[:-1])))
