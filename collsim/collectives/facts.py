"""The registered algorithms as a Markdown table, so that docs/algorithms.md can be held to the facts on board."""

from __future__ import annotations

from collsim.collectives.algorithm import ALGORITHMS, Algorithm

__all__ = ["markdown_row", "markdown_table"]

HEAD = ("algorithm", "collectives", "steps", "volume (of the size, busiest sender)", "needs", "options", "source")


def markdown_row(entry: Algorithm) -> str:
    """Return the table row of one algorithm: name and aliases, collectives, formulas, constraint, options, source."""
    names = ", alias ".join(f"`{name}`" for name in (entry.name, *entry.aliases))
    options = ", ".join(f"`{key}={option.default}`" for key, option in entry.options.items()) or "none"
    collectives = ", ".join(entry.collectives)
    cells = (names, collectives, entry.steps.text, entry.volume.text, entry.needs, options, entry.source)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def markdown_table() -> str:
    """Return the table of all registered algorithms, by name; it ends with a newline."""
    head = [f"| {' | '.join(HEAD)} |", f"|{' --- |' * len(HEAD)}"]
    return "\n".join([*head, *(markdown_row(entry) for _, entry in ALGORITHMS.items())]) + "\n"
