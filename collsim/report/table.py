"""Tables in the terminal: rows of a report, columns of a comparison. Rich where a person looks, plain text when piped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from collsim.report.describe import Rows

__all__ = ["print_columns", "print_rows"]


def print_rows(rows: Rows, out: TextIO) -> None:
    """Print (label, text) rows to `out`: aligned and wrapped on a terminal, one unbroken line a row elsewhere."""
    if not out.isatty():
        width = max((len(label) for label, _ in rows), default=0)
        out.writelines(f"{label:<{width}}  {text}".rstrip() + "\n" for label, text in rows)
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in rows:
        style = {"Time": "bold", "Advice": "yellow", "Note": "yellow", "Try next": "green"}.get(label, "")
        table.add_row(label, Text(text, style=style))
    Console(file=out).print(table)


def print_columns(heads: Sequence[str], rows: Sequence[Sequence[str]], out: TextIO, left: int = 1) -> None:
    """Print a table; the first `left` columns are aligned left, the others right. Plain and tab-free when piped."""
    if out.isatty():
        table = Table()
        for place, head in enumerate(heads):
            table.add_column(head, justify="left" if place < left else "right")
        for row in rows:
            table.add_row(*map(Text, row))
        Console(file=out).print(table)
        return
    widths = [max(len(str(row[k])) for row in [heads, *rows]) for k in range(len(heads))]
    for row in [heads, *rows]:
        cells = [f"{text:<{w}}" if k < left else f"{text:>{w}}" for k, (text, w) in enumerate(zip(row, widths, strict=True))]
        out.write("  ".join(cells).rstrip() + "\n")
