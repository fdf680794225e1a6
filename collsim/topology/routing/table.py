"""What routing yields: arrays that say where a packet may go next and which routing class its hop has.

A packet carries a counter that starts at 0. Taking link l, the counter first returns to 0 if `stage[l]` differs from the
stage of the link before, then grows by `bump[l]`; the class of the hop is min(max(counter - bias, 0), classes - 1). So
dimension order with datelines is stage = dimension, bump = wrap link, bias 0; "class = hop index" is bump 1, bias 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["RouteTable"]


@dataclass(frozen=True, eq=False)
class RouteTable:
    """Candidate next links by (phase, node, destination host), in ascending link order, and the class rule.

    Row k = (phase * nodes + node) * hosts + destination holds `links[offsets[k]:offsets[k + 1]]` (link ids); empty where
    the destination cannot be reached from there. `phases`: 1, or 2 where a packet whose counter is above 0 may take fewer
    links (up*/down*: phase = min(counter, 1)). `stage`, `bump`: int64[L]. `classes` >= 1. `name`: the routing's name.
    """

    name: str
    nodes: int
    hosts: int
    offsets: NDArray[np.int64]
    links: NDArray[np.int64]
    stage: NDArray[np.int64]
    bump: NDArray[np.int64]
    bias: int
    classes: int
    phases: int = 1

    def candidates(self, node: int, destination: int, counter: int = 0) -> NDArray[np.int64]:
        """Return the link ids that a packet for host `destination` with `counter` may take at `node`."""
        row = (min(counter, self.phases - 1) * self.nodes + node) * self.hosts + destination
        return self.links[self.offsets[row] : self.offsets[row + 1]]

    def advance(self, counter: int, previous: int, link: int) -> tuple[int, int]:
        """Return (counter, class) of a packet that takes `link` after `previous` (-1 for none)."""
        if previous >= 0 and self.stage[previous] != self.stage[link]:
            counter = 0
        counter += int(self.bump[link])
        return counter, min(max(counter - self.bias, 0), self.classes - 1)
