"""A row of docs/accuracy.md: a published or first-principles number, ours, and the tolerance fixed beforehand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """`theirs` and `ours()` in `unit`; `tolerance` is relative, 0 means exact; `below` allows any smaller `ours`."""

    group: str
    what: str
    theirs: float
    ours: Callable[[], float]
    unit: str
    tolerance: float
    how: str
    below: bool = False
