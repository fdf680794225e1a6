"""The paths of many messages at once: what `Routing.path` answers one by one, in arrays, a hop of all of them at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collsim.errors import RoutingError
from collsim.topology.routing.splitmix import fold_array
from collsim.topology.routing.valiant import Turns
from collsim.topology.routing.walk import Routing

__all__ = ["PathArrays", "paths_of"]

IntArray = NDArray[np.int64]
Numbers = IntArray | int


@dataclass(frozen=True, slots=True, eq=False)
class PathArrays:
    """Hops `links[offsets[m]:offsets[m + 1]]` of message m, int64, and the `classes` of the same hops."""

    offsets: IntArray
    links: IntArray
    classes: IntArray


def paths_of(
    routing: Routing, sources: IntArray, targets: IntArray, key: tuple[int, Numbers, Numbers], packets: Numbers = 0
) -> PathArrays:
    """Return the path of each of M messages (or packets), hop for hop that of `Routing.path`.

    `sources`, `targets`: int64[M] hosts; `key` = (seed, calls, transfers), the latter two and `packets` int64[M] or ints.
    An adaptive routing's paths are those of an idle network. Raises RoutingError where a message has no route.
    """
    table, rows = routing.table, _Rows(routing)
    picks, stops = _starts(routing, sources, targets, key, packets)
    own_classes = table.classes if rows.restarts else 0
    active = np.flatnonzero(sources != targets)
    node, pick, out = sources[active], picks[active], stops[active] >= 0
    counter = np.zeros(len(active), dtype=np.int64)
    previous = counter - 1
    found: list[tuple[IntArray, IntArray, IntArray]] = []
    while len(active):
        target = targets[active]
        was_out = out
        row, out = rows.of(node, target, stops[active], out, counter)
        if rows.restarts:
            turned = was_out & ~out
            counter, previous = np.where(turned, 0, counter), np.where(turned, -1, previous)
        count = rows.offsets[row + 1] - rows.offsets[row]
        if not bool(count.all()):
            _refuse(routing, int(node[count == 0][0]), int(target[count == 0][0]))
        digit = (pick % count.astype(np.uint64)).astype(np.int64)
        pick = pick // count.astype(np.uint64)
        link = rows.links[rows.offsets[row] + digit]
        kept = (previous < 0) | (table.stage[previous] == table.stage[link])
        counter = np.where(kept, counter, 0) + table.bump[link]
        classes = np.clip(counter - table.bias, 0, table.classes - 1) + np.where(out, 0, own_classes)
        found.append((active, link, classes))
        node = routing.topology.target[link]
        on = node != target
        active, node, counter, previous, pick, out = active[on], node[on], counter[on], link[on], pick[on], out[on]
    return _gather(found, len(sources))


class _Rows:
    """The rows of a routing's table followed by those of the table to its stops, as one."""

    def __init__(self, routing: Routing):
        self.table, turns = routing.table, routing.turns
        self.restarts = turns is not None and turns.restarts
        self.offsets, self.links, self.stops = self.table.offsets, self.table.links, 0
        self.base = len(self.offsets) - 1
        if turns is not None:
            self.stops = turns.table.hosts
            self.offsets = np.concatenate([self.offsets, turns.table.offsets[1:] + self.offsets[-1]])
            self.links = np.concatenate([self.links, turns.table.links])

    def of(
        self, node: IntArray, target: IntArray, stop: IntArray, out: NDArray[np.bool_], counter: IntArray
    ) -> tuple[IntArray, NDArray[np.bool_]]:
        """Return (row, whether it leads to the stop): to the stop while `out` and the stop is not reached."""
        home = (np.minimum(counter, self.table.phases - 1) * self.table.nodes + node) * self.table.hosts + target
        away = np.where(out, self.base + node * self.stops + stop, home)
        out = out & (self.offsets[away + 1] > self.offsets[away])
        return np.where(out, away, home), out


def _starts(
    routing: Routing, sources: IntArray, targets: IntArray, key: tuple[int, Numbers, Numbers], packets: Numbers
) -> tuple[NDArray[np.uint64], IntArray]:
    """Return (pick, stop) of each message as `Routing.start` does; in an idle network UGAL goes the minimal way."""
    seed, calls, transfers = key
    none = np.full(len(sources), -1, dtype=np.int64)
    if routing.turns is not None:
        picks = np.broadcast_to(fold_array(seed, calls, transfers, packets), sources.shape)
        stops, picks = _draw(routing.turns, picks, sources, targets)
        return picks, none if routing.multipath == "ugal" else stops
    if routing.multipath == "single":
        return np.zeros(len(sources), dtype=np.uint64), none
    picks = fold_array(seed, sources, targets, calls, transfers)
    if routing.multipath != "ecmp":
        picks = picks + np.asarray(packets).astype(np.uint64)
    return picks, none


def _draw(
    turns: Turns, numbers: NDArray[np.uint64], sources: IntArray, targets: IntArray
) -> tuple[IntArray, NDArray[np.uint64]]:
    """Return (stop, quotient), `Turns.draw` for each message."""
    ends = np.sort(np.stack([turns.home[sources], turns.home[targets]]), axis=0)
    same = ends[0] == ends[1]
    left = turns.table.hosts - (ends[0] >= 0) - ((ends[1] >= 0) & ~same)
    none = (left <= 0) | (same & (ends[0] >= 0))
    divisor = np.maximum(left, 1).astype(np.uint64)
    stop = (numbers % divisor).astype(np.int64)
    for end in ends:
        stop += (end >= 0) & (stop >= end)
    return np.where(none, -1, stop), np.where(none, numbers, numbers // divisor)


def _refuse(routing: Routing, node: int, target: int) -> None:
    names = routing.topology.names
    raise RoutingError(f"{routing.name} finds no way from {names[node]} to {names[target]} on '{routing.topology.name}'.")


def _gather(found: list[tuple[IntArray, IntArray, IntArray]], messages: int) -> PathArrays:
    lengths = np.zeros(messages, dtype=np.int64)
    for active, _, _ in found:
        lengths[active] += 1
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    links, classes = np.empty(offsets[-1], dtype=np.int64), np.empty(offsets[-1], dtype=np.int64)
    for hop, (active, link, cls) in enumerate(found):
        links[offsets[active] + hop] = link
        classes[offsets[active] + hop] = cls
    return PathArrays(offsets, links, classes)
