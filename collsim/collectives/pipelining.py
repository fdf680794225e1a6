"""How many segments a pipelined algorithm cuts its data into: enough to fill the pipe, few enough to be worth a message.

Kept apart because every pipelined algorithm asks the same question of the hint and takes the same option.
"""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

from collsim.collectives.algorithm import Hint
from collsim.errors import InvalidValue

__all__ = ["DEFAULT_SEGMENTS", "choose_segments", "refuse_segments"]

DEFAULT_SEGMENTS = 4
"""Segments where neither the size nor an option says better: few, so that a printed schedule stays short."""
MOST_SEGMENTS = 1024
SMALLEST_SEGMENT = 4096
"""Bytes; a segment under one packet would only add messages."""


def choose_segments(hint: Hint | None, asked: int, *, fill: int, period: int = 1, parts: int = 1) -> int:
    """Return the number m >= 1 of segments each of `parts` equal parts of the buffer is cut into.

    A pipeline of fill + period m steps, each of alpha + size beta / (parts m), is shortest at
    m = sqrt(fill size beta / (period parts alpha)). `asked` > 0 is the user's word; without a hint it is 4.
    Raises InvalidValue for a negative `asked`.
    """
    if asked < 0:
        raise InvalidValue(f"The option segments is at least 1, not {asked}.")
    if asked or hint is None:
        return asked or DEFAULT_SEGMENTS
    limit = max(1, min(MOST_SEGMENTS, hint.size // (parts * SMALLEST_SEGMENT)))
    if hint.alpha == 0:
        return limit
    square = Fraction(max(fill, 0) * hint.size) * hint.beta / (period * parts * hint.alpha)
    return max(1, min(limit, isqrt(round(square))))


def refuse_segments(asked: int, name: str, kind: str) -> None:
    """Raise InvalidValue where segments are asked of a collective that the algorithm does not pipeline."""
    if asked:
        raise InvalidValue(f"{name} cuts only broadcast and reduce into segments; leave segments={asked} out for {kind}.")
