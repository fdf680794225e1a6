"""A routing as engines use it: where a packet may go next, hop by hop, and the whole path where that is settled.

Choices among equal links read a 64-bit number, the packet's pick, as digits of mixed radix: with n candidates, in
ascending link order, the packet takes number pick mod n and goes on with pick div n. So packets with consecutive picks
take all minimal paths in turn, and a choice costs one division. docs/routing.md has the whole of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from collsim.errors import RoutingError
from collsim.topology.graph import Topology
from collsim.topology.routing.channels import cycle_among
from collsim.topology.routing.dependencies import Exploration, injected
from collsim.topology.routing.splitmix import MASK, fold
from collsim.topology.routing.table import RouteTable
from collsim.topology.routing.valiant import Turns

__all__ = ["Choice", "Key", "Routing", "State"]

Key = tuple[int, int, int]
UNDECIDED, OUT, HOME, TURN = -1, 0, 1, 2
QUEUES = 64
"""Attempts of a packet that go by queues under "least-queued": what waits for ever must not decide for ever."""


class State(NamedTuple):
    """What a packet carries: counter and link before (-1: none) for its class, its pick, its stop (-1: none), its leg.

    `leg`: OUT to the stop, HOME to the destination, TURN there and whatever queues, UNDECIDED where UGAL is yet to choose.
    """

    counter: int
    previous: int
    pick: int
    stop: int
    leg: int


class Choice(NamedTuple):
    """A link a packet may take, the class of that hop, the state it has then, and the weight of what queues there."""

    link: int
    cls: int
    state: State
    weight: int = 1


@dataclass(frozen=True, eq=False)
class Routing:
    """One routing on one topology; made by `route`.

    `name` is what was resolved ("auto" never), `multipath` how a packet picks among candidates: "single", "ecmp", "spray",
    "least-queued", "feedback", "valiant", "ugal". `turns` are the stops of valiant and ugal. `last_counts`: the last hop
    needs a class as well (rule 21). `enough`: classes at which the class rule clamps no routed packet; fewer are in use
    where one class was shown to be free of cycles.
    """

    name: str
    topology: Topology
    table: RouteTable
    multipath: str
    turns: Turns | None = None
    last_counts: bool = False
    enough: int = 1

    @property
    def classes(self) -> int:
        """Number of routing classes; channels of every link are divided among them (`channels_of`)."""
        return self.table.classes * (2 if self._restarts else 1)

    @property
    def adaptive(self) -> bool:
        """Whether packets choose by the state of the network (rule 19); then `path` is the one of an idle network."""
        return self.multipath in ("least-queued", "feedback", "ugal")

    @property
    def per_packet(self) -> bool:
        """Whether packets of one message may take different paths, which message-based flow control refuses (rule 21)."""
        return self.multipath not in ("single", "ecmp")

    @property
    def _restarts(self) -> bool:
        return self.turns is not None and self.turns.restarts

    def start(self, source: int, target: int, key: Key, packet: int = 0) -> State:
        """Return the state of a packet at host `source` before its first hop; `key` = (seed, call, transfer)."""
        seed, call, transfer = key
        if self.turns is not None:
            stop, pick = self.turns.draw(fold(seed, call, transfer, packet), source, target)
            leg = HOME if stop < 0 else UNDECIDED if self.multipath == "ugal" else OUT
            return State(0, -1, pick, stop, leg)
        if self.multipath == "single":
            return State(0, -1, 0, -1, HOME)
        pick = fold(seed, source, target, call, transfer)
        return State(0, -1, pick if self.multipath == "ecmp" else (pick + packet) & MASK, -1, HOME)

    def choices(self, node: int, target: int, state: State) -> tuple[Choice, ...]:
        """Return what a packet for host `target` may take at `node`, in order of preference; () at the target.

        An adaptive engine takes the least (queued bytes x weight), ties to the first; any other takes the first, the only
        one. Raises RoutingError where no route leads on.
        """
        if node == target:
            return ()
        if state.leg == UNDECIDED and state.previous >= 0:
            return self._decide(node, target, state)
        if state.leg == OUT:
            assert self.turns is not None
            found = self._pick(self.turns.table, node, state.stop, state, 0)
            if found:
                return found[:1]
            state = state._replace(leg=HOME)
            if self.turns.restarts:
                state = state._replace(counter=0, previous=-1)
        found = self._pick(self.table, node, target, state, self.table.classes if self._restarts else 0)
        if not found:
            names = self.topology.names
            raise RoutingError(f"{self.name} finds no way from {names[node]} to {names[target]} on '{self.topology.name}'.")
        by_queues = self.multipath == "least-queued" and state.previous >= 0 and state.leg != TURN
        return found if by_queues else found[:1]

    def path(self, source: int, target: int, key: Key, packet: int = 0, attempt: int = 0) -> list[tuple[int, int]]:
        """Return the (link, class) of each hop of a packet from host to host, [] from a host to itself.

        `attempt`: how often it was sent before.
        """
        state = self.start(source, target, key, packet)
        if not attempt or source == target:
            return self._walk(source, target, state)
        first = self.choices(source, target, state)[0]
        node = int(self.topology.target[first.link])
        return [(first.link, first.cls), *self._walk(node, target, self.again(first.state, attempt))]

    def again(self, state: State, attempt: int) -> State:
        """Return the state behind its first link of a packet that was sent `attempt` times before (rule 30).

        The turn of `spray` and `least-queued` goes on by one each time, and a packet sent QUEUES times looks at no queue any
        more; `ugal` takes its detour and its minimal way in turn.
        """
        if self.multipath in ("spray", "least-queued"):
            leg = TURN if attempt >= QUEUES and self.multipath == "least-queued" else state.leg
            return state._replace(pick=(state.pick + attempt) & MASK, leg=leg)
        if self.multipath == "ugal" and attempt and state.leg == UNDECIDED:
            return state._replace(leg=OUT if attempt % 2 else HOME)
        return state

    def rest(self, node: int, target: int, state: State) -> list[int]:
        """Return the links that a packet with `state` would take from `node` to host `target` in an idle network."""
        return [link for link, _ in self._walk(node, target, state)]

    def classes_of(self, path: Sequence[int]) -> list[int]:
        """Return the class of each hop of an explicit path of link ids; call `covering` first for paths of schedules."""
        classes, counter, previous = [], 0, -1
        for link in path:
            counter, cls = self.table.advance(counter, previous, link)
            classes.append(cls)
            previous = link
        return classes

    def covering(self, paths: Iterable[Sequence[int]]) -> Routing:
        """Return a routing with as many classes as the hops of explicit `paths` need, so that none is clamped.

        Where fewer classes than the rule's are in use and the paths close no cycle together with those of the table, the
        routing stays as it is.
        """
        known = {tuple(map(int, path)) for path in paths if len(path) > 1}
        needed = max((self._needed(path) for path in known), default=1)
        if needed <= self.table.classes or (self.table.classes < self.enough and self.cycle(known) is None):
            return self
        classes = max(needed, self.enough)
        turns = self.turns and replace(self.turns, table=replace(self.turns.table, classes=classes))
        return replace(self, table=replace(self.table, classes=classes), turns=turns, enough=classes)

    def cycle(
        self, explicit: Iterable[Sequence[int]] = (), pairs: NDArray[np.int64] | None = None
    ) -> list[tuple[int, int]] | None:
        """Return a cycle of (link, class) among the paths the routing allows to `pairs` and `explicit` ones, or None.

        `pairs` as in `dependencies`. Valiant routes are followed leg by leg, each stop with every destination.
        """
        found = [self.dependencies(pairs)]
        for path in explicit:
            hops = list(zip(path, self.classes_of(path), strict=True))
            inner = hops if self.last_counts else hops[:-1]
            found.append(np.array([a + b for a, b in pairwise(inner)], dtype=np.int64).reshape(-1, 4))
        edges = np.concatenate(found)
        vertices = np.stack([edges[:, 0] * self.classes + edges[:, 1], edges[:, 2] * self.classes + edges[:, 3]], axis=1)
        cycle = cycle_among(vertices, self.topology.links * self.classes)
        return None if cycle is None else [divmod(vertex, self.classes) for vertex in cycle]

    def dependencies(self, pairs: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Return int64[E, 4], each (link, class held, link, class asked for) that packets of `pairs` may cause.

        `pairs`: int64[P, 2] of hosts (source, target), default all. An adaptive routing's are all it might choose.
        """
        hosts = self.topology.hosts
        if pairs is None:
            pairs = np.stack(np.divmod(np.arange(hosts * hosts), hosts), axis=1)
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        below = self.table.classes if self._restarts else 0
        home = Exploration(self.topology, self.table, classes_below=below, last_counts=self.last_counts)
        home.run(*injected(self.table, pairs[:, 0], pairs[:, 1]))
        if self.turns is None:
            return home.edges
        return np.unique(np.concatenate([self._leave(pairs, home), home.edges]), axis=0)

    def _leave(self, pairs: NDArray[np.int64], home: Exploration) -> NDArray[np.int64]:
        """Explore the legs to all stops from the pairs' sources, then those from every stop to the pairs' targets."""
        assert self.turns is not None
        stops, targets = self.turns.table.hosts, np.unique(pairs[:, 1])
        sources = np.unique(pairs[:, 0])
        out = Exploration(self.topology, self.turns.table, to_hosts=False)
        out.run(*injected(out.table, np.repeat(sources, stops), np.tile(np.arange(stops), len(sources))))
        link, counter = (np.repeat(column, len(targets)) for column in out.arrived.T)
        target = np.tile(targets, len(out.arrived))
        away = self.topology.target[link] != target
        link, counter, target = link[away], counter[away], target[away]
        if not self.turns.restarts:
            home.run(link, counter, target)
            return out.edges
        picked, following, after = home.turn(link, target)
        home.run(following, after, target[picked])
        held = np.stack([link[picked], out.classes_of(counter[picked])], axis=1)
        crossing = np.concatenate([held, np.stack([following, home.classes_of(after)], axis=1)], axis=1)
        inner = (self.topology.target[following] != target[picked]) | self.last_counts
        return np.concatenate([out.edges, np.unique(crossing[inner], axis=0)])

    def _pick(self, table: RouteTable, node: int, column: int, state: State, below: int) -> tuple[Choice, ...]:
        links = table.candidates(node, column, state.counter).tolist()
        if not links:
            return ()
        pick, first = divmod(state.pick, len(links))
        found = []
        for link in links[first:] + links[:first]:
            counter, cls = table.advance(state.counter, state.previous, link)
            found.append(Choice(link, below + cls, State(counter, link, pick, state.stop, state.leg)))
        return tuple(found)

    def _decide(self, node: int, target: int, state: State) -> tuple[Choice, ...]:
        """Weigh the minimal and the Valiant path of UGAL-L at the first router, by hops between routers."""
        ways = []
        for leg in (HOME, OUT):
            begun = state._replace(leg=leg)
            hops = len(self._walk(node, target, begun)) - (not self.topology.forwards[target])
            ways.append(self.choices(node, target, begun)[0]._replace(weight=hops))
        return (ways[0],) if ways[0].weight == 0 else tuple(ways)

    def _walk(self, node: int, target: int, state: State) -> list[tuple[int, int]]:
        path = []
        while node != target:
            link, cls, state, _ = self.choices(node, target, state)[0]
            path.append((link, cls))
            node = int(self.topology.target[link])
        return path

    def _needed(self, path: Sequence[int]) -> int:
        """Return how many classes the hops of an explicit path reach, the last one aside unless it counts."""
        table = replace(self.table, classes=len(path) + 1)
        counter, previous, most = 0, -1, 0
        for link in path if self.last_counts else path[:-1]:
            counter, cls = table.advance(counter, previous, link)
            most, previous = max(most, cls), link
        return most + 1
