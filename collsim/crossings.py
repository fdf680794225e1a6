"""When each message held each link: what traces and space-time diagrams draw, asked of an engine by an observer.

A crossing is all that one message did on one link, from its first packet to the end of its last. A packet engine is asked
for them by an observer that has `on_crossings`; it is told once, when the run has ended, and nobody else pays for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["Crossings", "Recorder", "crossings_of"]

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Crossings:
    """One row a message and link that it crossed, int64[K] each, in the order of messages, then of `first`, then of links.

    `first`: when the link was first granted to a packet of the message; `end`: when the tail of its last packet there had
    left the sender; `busy`: fs in between during which packets of it held the link; `packets` that did, repeats included.
    """

    message: IntArray
    link: IntArray
    first: IntArray
    end: IntArray
    busy: IntArray
    packets: IntArray

    def __len__(self) -> int:
        return len(self.message)


@dataclass(slots=True, eq=False)
class Recorder:
    """An observer that keeps the crossings of a run: `found` stays None where the engine cannot tell them."""

    found: Crossings | None = field(default=None)

    def on_crossings(self, crossings: Crossings) -> None:
        """Keep what the engine tells."""
        self.found = crossings


def crossings_of(message: IntArray, link: IntArray, time: IntArray, end: IntArray) -> Crossings:
    """Return the crossings of grants: a packet of `message` held `link` from `time` to `end`; int64[grants] each."""
    order = np.lexsort((link, message))
    message, link, time, end = message[order], link[order], time[order], end[order]
    begins = np.flatnonzero(np.diff(message, prepend=-1) | np.diff(link, prepend=-1))
    if not len(begins):
        nothing = np.zeros(0, dtype=np.int64)
        return Crossings(*[nothing] * 6)
    packets = np.diff(begins, append=len(message))
    first, last = np.minimum.reduceat(time, begins), np.maximum.reduceat(end, begins)
    rows = (message[begins], link[begins], first, last, np.add.reduceat(end - time, begins), packets)
    return in_order(*rows)


def in_order(
    message: IntArray, link: IntArray, first: IntArray, end: IntArray, busy: IntArray, packets: IntArray
) -> Crossings:
    """Return the crossings of these rows, sorted as the class says."""
    order = np.lexsort((link, first, message))
    return Crossings(message[order], link[order], first[order], end[order], busy[order], packets[order])
