"""Running to the end, with a log of grants that stays small: what no longer fits is found again by running it again.

The critical path is walked backwards through what released each grant, so every grant must be known. The log holds the
latest `limit` of them. Each time it is full the state of the run is kept aside and the log begins anew; the walk, when it
needs an older grant, runs from the state before it once more and gets the very same grants, because a run is nothing but
its arrays. No more than `KEPT` states are kept: with more, every second one is dropped, and what is run again is itself a
recording. So memory is bounded, and a run of any length costs about one more run of itself per factor of `KEPT`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collsim.engines.compiled import codes
from collsim.engines.compiled.layout import Arrays, pointed

__all__ = ["Recording"]

Grant = tuple[int, int, int, int, int, int, int, int]
Records = NDArray[Any]

KEPT = 16
KEPT_BYTES = 2**30
EVENTS_A_PAUSE = 2_000_000
"""Events after which Python looks around: for Ctrl-C, and for observers of progress."""
MUTABLE = (
    *("root", "event", "link", "lane", "packet", "credit", "message", "flow", "task", "host", "job"),
    *("counter", "opening", "queue", "gate", "note", "parcel", "score"),
)
"""What a run changes, lists of a single tick aside."""


class Recording:
    """Runs from `arrays` to the end, or until grant `stop`; `grant(k)` then tells of any grant made on the way.

    `begin` makes the first state once more. `paused` is called now and then. `arrays` is the state reached, `status` why it
    ended there (codes).
    """

    def __init__(
        self,
        arrays: Arrays,
        begin: Callable[[], Arrays],
        limit: int,
        stop: int = 2**62,
        paused: Callable[[Arrays], None] | None = None,
    ):
        self.arrays, self._begin, self._limit, self._stop = arrays, begin, limit, stop
        self._paused = paused
        self._starts = [int(arrays.root["grants"][0])]
        self._states: list[dict[str, Records] | None] = [None]
        self._every, self._rolls = 1, 0
        self._within: Recording | None = None
        self.status = self._run()

    def grant(self, number: int) -> Grant:
        """Return the grant: the columns of GRANT in layout.py."""
        log, first = self.arrays.grant, int(self.arrays.root["log_from"][0])
        if number >= first:
            grant: Grant = log[number - first].item()
            return grant
        within = self._within
        if within is None or not within._starts[0] <= number < int(within.arrays.root["grants"][0]):
            within = self._within = self._again(number)
        return within.grant(number)

    def _again(self, number: int) -> Recording:
        """Return the recording of the stretch between two kept states that holds grant `number`."""
        which = bisect_right(self._starts, number) - 1
        stop = self._starts[which + 1] if which + 1 < len(self._starts) else int(self.arrays.root["log_from"][0])
        # Nothing here holds on to self, which will hold what is made: a circle of gigabytes would wait for the collector.
        state, arrays, first = self._states[which], self.arrays, self._begin

        def begin() -> Arrays:
            return first() if state is None else _restored(arrays, state)

        return Recording(begin(), begin, self._limit, stop)

    def _run(self) -> int:
        from collsim.engines.compiled.drive import run

        most = self._limit + len(self.arrays.link)
        self.arrays = pointed(self.arrays._replace(grant=self.arrays.grant[:most]))
        self._empty_log()
        while True:
            root = self.arrays.root
            root["until"], root["stop_at"] = EVENTS_A_PAUSE, self._stop
            status = int(run(root))
            if status == codes.MORE_PACKETS:
                self._grow_pool("packet")
            elif status == codes.MORE_CREDITS:
                self._grow_pool("credit")
            elif status == codes.MORE_NOTES:
                self._grow_notes()
            elif status == codes.MORE_LOG:
                self._make_room()
            elif status != codes.PAUSED or root["grants"][0] >= self._stop:
                return status
            elif self._paused is not None:
                self._paused(self.arrays)

    def _grow_pool(self, name: str) -> None:
        """Double a pool; the new records come before the old free ones."""
        old, root = getattr(self.arrays, name), self.arrays.root
        new = np.zeros(2 * len(old), dtype=old.dtype)
        new[: len(old)] = old
        new["next"][len(old) :] = np.arange(len(old) + 1, len(new) + 1)
        new["next"][-1] = root[f"free_{name}"][0]
        root[f"free_{name}"] = len(old)
        root[f"free_{name}s"] += len(old)
        self.arrays = pointed(self.arrays._replace(**{name: new}))

    def _grow_notes(self) -> None:
        """Double the pool of notes; each may be an event, and all may be heard in one tick."""
        more = len(self.arrays.note)
        self._grow_pool("note")
        event = np.empty(len(self.arrays.event) + more, dtype=self.arrays.event.dtype)
        event[: len(self.arrays.event)] = self.arrays.event
        self.arrays = pointed(self.arrays._replace(event=event, heard=np.empty(2 * more, dtype=np.int64)))

    def _make_room(self) -> None:
        log, links = self.arrays.grant, len(self.arrays.link)
        if len(log) < self._limit + links:
            new = np.zeros(min(4 * len(log), self._limit + links), dtype=log.dtype)
            new[: len(log)] = log
            self.arrays = pointed(self.arrays._replace(grant=new))
            return
        self._rolls += 1
        if self._rolls % self._every == 0:
            self._starts.append(int(self.arrays.root["grants"][0]))
            self._states.append(self._kept())
            if len(self._starts) > self._most():
                self._every *= 2
                del self._starts[1::2], self._states[1::2]
        self._empty_log()

    def _most(self) -> int:
        size = sum(array.nbytes for state in self._states[1:2] if state for array in state.values())
        return max(2, min(KEPT, KEPT_BYTES // max(size, 1)))

    def _empty_log(self) -> None:
        self.arrays.root["logged"] = 0
        self.arrays.root["log_from"] = self.arrays.root["grants"][0]

    def _kept(self) -> dict[str, Records]:
        kept = {name: getattr(self.arrays, name) for name in MUTABLE}
        kept["event"] = kept["event"][: int(self.arrays.root["events"][0])]
        return {name: array.copy() for name, array in kept.items()}


def _restored(arrays: Arrays, state: dict[str, Records]) -> Arrays:
    """Return a kept state as a run's arrays again; `arrays` lend what no run changes."""
    fresh = {name: array.copy() for name, array in state.items()}
    fresh["event"] = np.empty_like(arrays.event)
    fresh["event"][: len(state["event"])] = state["event"]
    return pointed(arrays._replace(**fresh, grant=np.zeros_like(arrays.grant)))
