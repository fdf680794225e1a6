"""What a collective demands: who contributes to which chunk before, and who must hold which contributions after.

Sizes follow nccl-tests: `size` is the total buffer of a rank (all-gather: the gathered one; reduce-scatter: the whole
input; all-to-all: everything a rank sends, its own block included).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from collsim.collectives.channels import channel_range, parse_channels
from collsim.errors import InvalidValue, UnknownName

__all__ = ["COLLECTIVES", "PARTIAL", "Collective", "collective"]

PARTIAL = "partial-all-reduce"
COLLECTIVES = ("all-reduce", "reduce-scatter", "all-gather", "broadcast", "reduce", "all-to-all", PARTIAL)
ROOTED = ("broadcast", "reduce")


@dataclass(frozen=True, slots=True)
class Collective:
    """A collective operation; `root` is a rank for broadcast and reduce, else None.

    `synchronised` and `channels` (k and h, 0 <= k <= h) belong to the partial all-reduce and are 0 elsewhere: of a buffer of
    h channels the first k are summed, each on every rank, and the others stay as they are on each rank.

    Of chunk c with `chunk_src` s and `chunk_dst` d (see Schedule): all-reduce: every rank contributes, every rank ends
    with all contributions. Reduce-scatter: every rank contributes, d ends with all. All-gather: s contributes, every
    rank ends with it. Broadcast: the root contributes, every rank ends with it. Reduce: every rank contributes, the root
    ends with all. All-to-all: s contributes, d ends with it. Partial all-reduce: as all-reduce; what stays local is in no
    chunk.
    """

    name: str
    root: int | None = None
    synchronised: int = 0
    channels: int = 0

    def __post_init__(self) -> None:
        if self.name not in COLLECTIVES:
            raise UnknownName("collective", self.name, COLLECTIVES)
        if (self.root is not None) != (self.name in ROOTED):
            raise InvalidValue(f"{self.name} {'needs' if self.name in ROOTED else 'takes no'} root rank.")
        if (self.channels > 0) != (self.name == PARTIAL) or not 0 <= self.synchronised <= self.channels:
            raise InvalidValue(
                f"{self.name} sums {self.synchronised} of {self.channels} channels; {PARTIAL} sums 0 to all of 1 or more "
                "channels, and other collectives count none."
            )

    @property
    def whole(self) -> Collective:
        """The collective of the part that is communicated: the all-reduce of a partial one, else this one."""
        return Collective("all-reduce") if self.name == PARTIAL else self

    @property
    def share(self) -> Fraction:
        """Share of the buffer that is communicated, k / h; 1 for all but a partial all-reduce."""
        return Fraction(self.synchronised, self.channels) if self.channels else Fraction(1)

    def communicated(self, size: int) -> int:
        """Return how many of the `size` bytes of a buffer are communicated: floor(size k / h)."""
        return size * self.share.numerator // self.share.denominator

    @property
    def text(self) -> str:
        """What `--collective` takes to mean this one, its root aside: "partial-all-reduce:p=0.5,h=4096"."""
        return f"{self.name}:p={self._fraction},h={self.channels}" if self.channels else self.name

    @property
    def _fraction(self) -> str:
        short = f"{self.synchronised / self.channels:.6f}".rstrip("0").rstrip(".")
        return short if parse_channels(f"p={short},h={self.channels}")[0] == self.synchronised else str(self.share)

    @property
    def summed(self) -> str:
        """Which channels of a partial all-reduce are summed, in words."""
        return channel_range(0, self.synchronised - 1, self.channels)

    @property
    def local(self) -> str:
        """Which channels of a partial all-reduce stay local, in words: "channels 2048..4095 of 4096"."""
        return channel_range(self.synchronised, self.channels - 1, self.channels)

    def channel_facts(self, size: int) -> dict[str, int | str]:
        """Return what only a partial all-reduce has, for JSON: channels, those summed, their bytes of `size`, the others."""
        if not self.channels:
            return {}
        return {
            "channels": self.channels,
            "synchronised_channels": self.synchronised,
            "synchronised_bytes": self.communicated(size),
            "local": self.local,
        }

    @property
    def reduces(self) -> bool:
        """Whether contributions are summed."""
        return self.name in ("all-reduce", "reduce-scatter", "reduce", PARTIAL)

    def bus_factor(self, ranks: int) -> Fraction:
        """Return busbw / algbw for `ranks` ranks, as nccl-tests defines it (PERFORMANCE.md).

        A partial all-reduce counts what is summed: k / h times the factor of all-reduce. So busbw stays the rate of the
        links, while algbw, whole buffer over time, says how fast the layer goes on.
        """
        if self.name in ("all-reduce", PARTIAL):
            return self.share * Fraction(2 * (ranks - 1), ranks)
        return Fraction(1) if self.name in ROOTED else Fraction(ranks - 1, ranks)


def collective(text: str, root: int = 0) -> Collective:
    """Return the collective that `text` names: "all-reduce", or "partial-all-reduce:p=0.5,h=4096".

    `root` is used by broadcast and reduce only. Options of the partial all-reduce: fraction p (0.5), of h channels (4096).
    Raises UnknownName and InvalidValue for another name, another option, or p outside 0 to 1.
    """
    name, colon, tail = (part.strip() for part in text.partition(":"))
    if name == PARTIAL:
        return Collective(PARTIAL, None, *parse_channels(tail))
    if colon and name in COLLECTIVES:
        raise InvalidValue(f"{name} takes no options, so write it without ':{tail}'; {PARTIAL} takes p and h.")
    return Collective(name, root if name in ROOTED else None)
