"""A packing of trees with its timetable, how many segments it wants, and about how long it takes.

Between the packings, which know links and rates, and the schedule, which knows neither sizes nor time.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from collsim.collectives.algorithm import Hint
from collsim.collectives.packed_trees import Packing
from collsim.collectives.periodic import Timetable, timetable
from collsim.collectives.pipelining import DEFAULT_SEGMENTS
from collsim.topology.graph import Topology
from collsim.units import FS_PER_SECOND

__all__ = ["MOST_TRANSFERS", "NEAR", "SMALLEST_PIECE", "Plan", "timetable_of"]

MOST_SLOTS = 4096
SMALLEST_PIECE = 512
"""Bytes: what a piece is not cut below. Half a kilobyte passes a link of 16 GB/s in 32 ns, less than any link's latency."""
MOST_TRANSFERS = 400_000
NEAR = Fraction(1, 100)
"""Fewer segments are taken where they cost no more than so much."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A packing with its timetable; `words` name it in a schedule's variant; `use`: share of a link's rate it can reach."""

    packing: Packing
    table: Timetable
    words: str
    use: float = 1.0

    @property
    def hops(self) -> int:
        """Transfers a piece of every tree takes."""
        return sum(len(row) for row in self.table.start)

    def seconds(self, hint: Hint, segments: int) -> float:
        """Return about how long `segments` pieces a tree take."""
        lasts = hint.size / float(segments * self.packing.parts * self.packing.unit) / self.use
        slots = (segments - 1) * self.table.period + self.table.span
        return lasts * slots / self.table.period + self.table.depth * hint.alpha / FS_PER_SECOND

    def segments(self, hint: Hint | None) -> int:
        """Return the fewest segments that are about as fast as any number that is allowed."""
        if hint is None:
            return DEFAULT_SEGMENTS
        most = max(1, min(hint.size // (self.packing.parts * SMALLEST_PIECE), MOST_TRANSFERS // self.hops))
        choices = [1 << k for k in range(most.bit_length())]
        least = min(self.seconds(hint, m) for m in choices)
        return next(m for m in choices if self.seconds(hint, m) <= (1 + NEAR) * least)


def timetable_of(packing: Packing, topology: Topology) -> Timetable:
    """Return the timetable of one piece: a link of capacity c holds a hop of weight 1 for a c / unit-th of the period."""
    used = sorted({link for tree in packing.trees for hop in (*tree.up, *tree.down) for link in hop.path})
    rooms = {link: Fraction(int(topology.bandwidth[link])) / packing.unit for link in used}
    whole = {link: max(1, int(room)) for link, room in rooms.items()}
    period = lcm(*whole.values())
    period = min(period, MOST_SLOTS)
    slots = [0] * topology.links
    for link, room in whole.items():
        slots[link] = max(1, period // room)
    return timetable(packing.trees, slots, period)
