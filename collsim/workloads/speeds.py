"""Ranks that compute at different speeds: stragglers by name, or a file of factors, for any workload that computes.

A factor says how many times as long a rank's computations take: 1 is a rank as it should be, 2 one at half the speed. What a
rank sends is not slowed; a slow NIC is a slow link out of its host (`--degrade`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from collsim.errors import FileFormatError, InvalidValue, UnknownName

__all__ = ["Speeds", "parse_speeds"]

MOST_FACTOR = 10**6


@dataclass(frozen=True, slots=True)
class Speeds:
    """`factors`: of each rank, as exact fractions in 1/10^6 to 10^6. Raises InvalidValue for others."""

    factors: tuple[Fraction, ...]

    def __post_init__(self) -> None:
        for rank, factor in enumerate(self.factors):
            if not Fraction(1, MOST_FACTOR) <= factor <= MOST_FACTOR:
                raise InvalidValue(
                    f"Rank {rank} cannot be {factor} times as slow; give a factor from 1/10^6 to 10^6, like 1.5."
                )

    @classmethod
    def even(cls, ranks: int) -> Speeds:
        """Return the speeds of `ranks` ranks that are all as they should be."""
        return cls((Fraction(1),) * ranks)

    @property
    def equal(self) -> bool:
        """Whether every rank is as it should be."""
        return all(factor == 1 for factor in self.factors)

    def time(self, rank: int, duration: int) -> int:
        """Return the fs that a computation of `duration` fs takes on `rank`, rounded up."""
        factor = self.factors[rank]
        return -(-duration * factor.numerator // factor.denominator)

    def describe(self, names: Sequence[str]) -> str:
        """Return the ranks that are not as they should be: "h3 takes 2 times as long, h5 1.5 times"."""
        odd = [f"{names[k]} takes {float(f):g} times as long" for k, f in enumerate(self.factors) if f != 1]
        return ", ".join(odd[:6]) + (f" and {len(odd) - 6} more" if len(odd) > 6 else "")


def parse_speeds(names: Sequence[str], texts: Iterable[str] = (), path: str | None = None) -> Speeds:
    """Return the speeds of the ranks called `names`: those of a file, changed by texts "RANK=FACTOR".

    A rank is a name or a number. The file has a rank and a factor a line, "#" starts a comment. Raises InvalidValue,
    UnknownName and FileFormatError.
    """
    factors = [Fraction(1)] * len(names)
    for rank, factor in _read(names, path) if path is not None else ():
        factors[rank] = factor
    for text in texts:
        name, equals, value = text.rpartition("=")
        if not equals or not name.strip() or not value.strip():
            raise InvalidValue(f"Cannot read the speed '{text}'; write it as RANK=FACTOR, like 3=2 for half the speed.")
        factors[_rank(names, name.strip())] = _factor(value.strip())
    return Speeds(tuple(factors))


def _rank(names: Sequence[str], name: str) -> int:
    if name in names:
        return names.index(name)
    if name.isdigit() and int(name) < len(names):
        return int(name)
    raise UnknownName("rank", name, names)


def _factor(text: str) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise InvalidValue(f"The factor '{text}' is no number; write how many times as long it takes, like 1.5.") from None


def _read(names: Sequence[str], path: str) -> list[tuple[int, Fraction]]:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise FileFormatError(f"Cannot read the speeds '{path}': {reason}; name a file of ranks and factors.") from error
    found: dict[int, Fraction] = {}
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 2:
            raise FileFormatError(
                f"Line {number} of '{path}' has {len(words)} words; write a rank and a factor, like '3 1.5'."
            )
        rank = _rank(names, words[0])
        if rank in found:
            raise FileFormatError(f"Line {number} of '{path}' names rank {words[0]} a second time; keep one of the lines.")
        found[rank] = _factor(words[1])
    return list(found.items())
