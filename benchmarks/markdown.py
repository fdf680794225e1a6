"""Tables of results: numbers that were not measured are a dash, never a guess."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["Results", "count", "gib", "got", "ratio", "seconds", "table"]

Results = dict[str, dict[str, Any]]


def table(head: str, rows: Iterable[Sequence[str]], text: int = 1) -> list[str]:
    """Return a Markdown table; `head` is parted by "|", the first `text` columns are words, the others numbers."""
    names = head.split("|")
    rule = ["---" if k < text else "--:" for k in range(len(names))]
    return [f"| {' | '.join(names)} |", f"|{'|'.join(rule)}|", *(f"| {' | '.join(row)} |" for row in rows)]


def got(results: Results, case: str, name: str) -> Any:
    """Return a number of a case, None where it was not measured."""
    return results.get(case, {}).get(name)


def seconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if value < 0.01 else f"{value:.3f}" if value < 1 else f"{value:.2f}"


def count(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def gib(mib: float | None) -> str:
    return "-" if mib is None else f"{mib / 1024:.2f}"


def ratio(above: float | None, below: float | None, unit: float = 1.0, digits: int = 1) -> str:
    return "-" if above is None or not below else f"{above / below / unit:,.{digits}f}"
