"""What a collective demands: who contributes to which chunk before, and who must hold which contributions after.

Sizes follow nccl-tests: `size` is the total buffer of a rank (all-gather: the gathered one; reduce-scatter: the whole
input; all-to-all: everything a rank sends, its own block included).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from collsim.errors import InvalidValue, UnknownName

__all__ = ["COLLECTIVES", "Collective", "collective"]

COLLECTIVES = ("all-reduce", "reduce-scatter", "all-gather", "broadcast", "reduce", "all-to-all")
ROOTED = ("broadcast", "reduce")


@dataclass(frozen=True, slots=True)
class Collective:
    """A collective operation; `root` is a rank for broadcast and reduce, else None.

    Of chunk c with `chunk_src` s and `chunk_dst` d (see Schedule): all-reduce: every rank contributes, every rank ends
    with all contributions. Reduce-scatter: every rank contributes, d ends with all. All-gather: s contributes, every
    rank ends with it. Broadcast: the root contributes, every rank ends with it. Reduce: every rank contributes, the root
    ends with all. All-to-all: s contributes, d ends with it.
    """

    name: str
    root: int | None = None

    def __post_init__(self) -> None:
        if self.name not in COLLECTIVES:
            raise UnknownName("collective", self.name, COLLECTIVES)
        if (self.root is not None) != (self.name in ROOTED):
            raise InvalidValue(f"{self.name} {'needs' if self.name in ROOTED else 'takes no'} root rank.")

    @property
    def reduces(self) -> bool:
        """Whether contributions are summed."""
        return self.name in ("all-reduce", "reduce-scatter", "reduce")

    def bus_factor(self, ranks: int) -> Fraction:
        """Return busbw / algbw for `ranks` ranks, as nccl-tests defines it (PERFORMANCE.md)."""
        if self.name == "all-reduce":
            return Fraction(2 * (ranks - 1), ranks)
        return Fraction(1) if self.name in ROOTED else Fraction(ranks - 1, ranks)


def collective(name: str, root: int = 0) -> Collective:
    """Return the collective called `name`; `root` is used by broadcast and reduce only."""
    return Collective(name, root if name in ROOTED else None)
