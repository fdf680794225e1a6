"""Links that drop every packet to the end of a run, and the packets that they cut off: a run with one of those cannot end.

Nobody in the simulated network knows of such a link (rules 27 and 28). An engine asks here whether a packet that was lost
has any way left, because a NIC that kept sending it again would never stop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from collsim.errors import StallError
from collsim.network.link_changes import LinkChange
from collsim.topology.graph import Topology
from collsim.topology.routing import Routing
from collsim.topology.routing.feedback import path_counts
from collsim.topology.routing.splitmix import fold_array
from collsim.topology.routing.walk import HOME, OUT, UNDECIDED, State
from collsim.units import MAX_TIME, PER_BILLION, format_time

IntArray = NDArray[np.int64]

__all__ = ["NEVER", "DeadLinks", "cut_off", "dead_links"]

NEVER = MAX_TIME
"""The tick from which a packet with a way left is cut off."""


def dead_links(changes: Sequence[LinkChange]) -> dict[int, int]:
    """Return {link: tick from which it drops every packet to the end of the run}; `changes` as `settled` has them."""
    since: dict[int, int] = {}
    for change in changes:
        if change.loss == PER_BILLION:
            since.setdefault(change.link, change.time)
        else:
            since.pop(change.link, None)
    return since


class DeadLinks:
    """Which packets the links of `since` (as of `dead_links`) cut off under a routing and a seed."""

    def __init__(self, routing: Routing, seed: int, since: Mapping[int, int]):
        self.since = since
        self._routing, self._seed = routing, seed
        self._open = replace(routing, multipath="least-queued")
        self._ticks = sorted(set(since.values()))
        self._known: dict[tuple[int, int, int, int], int] = {}

    def of_links(self) -> IntArray:
        """Return int64[L], the tick from which each link drops everything to the end, NEVER for most."""
        found = np.full(self._routing.topology.links, NEVER, dtype=np.int64)
        found[list(self.since)] = list(self.since.values())
        return found

    def of_packets(self, ends: IntArray, keys: IntArray, packets: IntArray) -> IntArray:
        """Return int64[sum of `packets`], the tick from which each gets through no more if it is sent then, or NEVER.

        Message m has ends[m] = (source, target), keys[m] = (call, transfer) and packets[m] packets, which choose their own
        way. Not for routings that draw a stop a packet: there only a walk tells.
        """
        assert self._routing.turns is None
        table, links = self._routing.table, self._routing.topology.links
        row = ends[:, 0] * table.hosts + ends[:, 1]
        pick = fold_array(self._seed, ends[:, 0], ends[:, 1], keys[:, 0], keys[:, 1])
        owner = np.repeat(np.arange(len(packets)), packets)
        number = np.arange(len(owner)) - np.repeat(np.cumsum(packets) - packets, packets)
        width = (table.offsets[row + 1] - table.offsets[row])[owner].astype(np.uint64)
        turn = ((pick[owner] + number.astype(np.uint64)) % width).astype(np.int64)
        link = table.links[table.offsets[row[owner]] + turn]
        # Packets with the same ends and first link have the same ways.
        kinds, which = np.unique(row[owner] * links + link, return_inverse=True)
        pairs, first = np.divmod(kinds, links)
        counts = path_counts(self._routing, np.stack(np.divmod(pairs, table.hosts), axis=1))
        kinds_of = zip(first.tolist(), (pairs % table.hosts).tolist(), counts.tolist(), strict=True)
        return np.array([self._of_kind(*kind) for kind in kinds_of], dtype=np.int64)[which.reshape(-1)]

    def _of_kind(self, link: int, target: int, paths: int) -> int:
        """Return the tick from which a packet to `target` that begins with `link` gets through no more, or NEVER."""
        counter, _ = self._routing.table.advance(0, -1, link)
        node = int(self._routing.topology.target[link])
        known = node, target, counter, paths
        if known not in self._known:
            state = State(counter, link, 0, -1, HOME)
            ticks = (tick for tick in self._ticks if self._behind(node, target, state, tick, paths))
            self._known[known] = next(ticks, NEVER)
        return min(self.since.get(link, NEVER), self._known[known])

    def blocking(
        self, ends: tuple[int, int], key: tuple[int, int], packet: int, now: int, path: Sequence[int] = ()
    ) -> set[int]:
        """Return the dead links that cut the ways of a packet sent from tick `now` on; empty if a way is left."""
        if path:
            return set(self._dead(path, now)[:1])
        return self._blocking(ends, *self._first(ends, key, packet), now)

    def _first(self, ends: tuple[int, int], key: tuple[int, int], packet: int) -> tuple[int, State]:
        """Return the first link of a packet, which it keeps, and its state behind it."""
        state = self._routing.start(*ends, (self._seed, *key), packet)
        first = self._routing.choices(*ends, state)[0]
        return first.link, first.state

    def _dead(self, links: Iterable[int], now: int) -> list[int]:
        return [link for link in links if self.since.get(link, NEVER) <= now]

    def _blocking(self, ends: tuple[int, int], link: int, state: State, now: int) -> set[int]:
        """Return the dead link on each of the ways that a packet takes in turn, the first of each; empty if one is open."""
        if self._dead([link], now):
            return {link}
        feedback = self._routing.multipath == "feedback"
        paths = int(path_counts(self._routing, np.array([ends]))[0]) if feedback else 1
        return self._behind(int(self._routing.topology.target[link]), ends[1], state, now, paths)

    def _behind(self, node: int, target: int, state: State, now: int, paths: int) -> set[int]:
        """Return what `_blocking` does, of the ways from `node` on, where the first link of a packet ends."""
        if self._routing.multipath in ("spray", "least-queued"):
            return self._search(node, target, state, now)
        found = [self._dead(self._routing.rest(node, target, way), now)[:1] for way in self._ways(state, paths)]
        return {dead[0] for dead in found} if all(found) else set()

    def _ways(self, state: State, paths: int) -> list[State]:
        """Return the states behind the first link that the attempts of a packet have (rules 30 and 32)."""
        if self._routing.multipath == "feedback":
            return [state._replace(pick=k) for k in range(paths)]
        return [state._replace(leg=leg) for leg in (HOME, OUT)] if state.leg == UNDECIDED else [state]

    def _search(self, node: int, target: int, state: State, now: int) -> set[int]:
        """Follow all links that any attempt may take; return the dead ones that end this, empty if it comes to `target`."""
        begin = node, state._replace(pick=0)
        ahead, seen, found = [begin], {begin}, set()
        while ahead:
            node, state = ahead.pop()
            if node == target:
                return set()
            for choice in self._open.choices(node, target, state):
                if self._dead([choice.link], now):
                    found.add(choice.link)
                    continue
                following = int(self._routing.topology.target[choice.link]), choice.state._replace(pick=0)
                if following not in seen:
                    seen.add(following)
                    ahead.append(following)
        return found


def cut_off(topology: Topology, now: int, packet: str, links: Iterable[int], since: Mapping[int, int]) -> StallError:
    """Return the error of a run in which `packet` was lost and has no way left: `links` cut all that it takes (rule 28)."""
    links = sorted(links)
    name, more = topology.link_name(links[0]), len(links) - 1
    since_when = f"{name} from {format_time(since[links[0]])} on" + (f" and {more} more" if more else "")
    return StallError(
        f"The run cannot end, as is clear at {format_time(now)}: {packet} was lost, and all ways that it may take lead over "
        f"links that drop everything and are not restored: {since_when}. "
        f"Restore the link later (TIME:{name}=restore), run without it from the start (--fail '{name}'), or take a "
        "routing that finds another path if there is one (--set routing=feedback)."
    )
