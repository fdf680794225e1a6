"""Tables in the terminal: rows of a report, columns of a comparison. Rich where a person looks, plain text when piped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from collsim.report.describe import Rows

__all__ = ["print_columns", "print_rows"]

COMMAND = "Try next"
WHOLE = 24
"""Columns up to this many characters wide are names and numbers, which are not broken over lines."""


def print_rows(rows: Rows, out: TextIO) -> None:
    """Print (label, text) rows to `out`: aligned and wrapped on a terminal, one unbroken line a row elsewhere.

    Commands to try are not wrapped on a terminal either, so that they can be copied whole.
    """
    if not out.isatty():
        width = max((len(label) for label, _ in rows), default=0)
        out.writelines(f"{label:<{width}}  {text}".rstrip() + "\n" for label, text in rows)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in rows:
        style = {"Time": "bold", "Advice": "yellow", "Note": "yellow"}.get(label, "")
        if label != COMMAND:
            table.add_row(label, Text(text, style=style))
    console = Console(file=out)
    console.print(table)
    width = max((len(label) for label, _ in rows), default=0)
    for label, text in rows:
        if label == COMMAND:
            console.print(Text.assemble((f"{label:<{width}}  ", "bold"), (text, "green")), soft_wrap=True)


def print_columns(heads: Sequence[str], rows: Sequence[Sequence[str]], out: TextIO, left: int = 1) -> None:
    """Print a table; the first `left` columns are aligned left, the others right. Plain and tab-free when piped."""
    if out.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table()
        for place, head in enumerate(heads):
            whole = max(len(row[place]) for row in [heads, *rows]) <= WHOLE
            table.add_column(head, justify="left" if place < left else "right", no_wrap=whole)
        for row in rows:
            table.add_row(*map(Text, row))
        Console(file=out).print(table)
        return
    widths = [max(len(str(row[k])) for row in [heads, *rows]) for k in range(len(heads))]
    for row in [heads, *rows]:
        cells = [f"{text:<{w}}" if k < left else f"{text:>{w}}" for k, (text, w) in enumerate(zip(row, widths, strict=True))]
        out.write("  ".join(cells).rstrip() + "\n")
