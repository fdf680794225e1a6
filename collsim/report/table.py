"""Tables in the terminal: rows of a report, columns of a comparison. Rich where a person looks, plain text when piped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from collsim.report.describe import Rows

__all__ = ["print_columns", "print_rows"]

COMMAND = "Try next"
WHOLE = 24
"""Columns up to this many characters wide are names and numbers, which are not broken over lines."""
SENTENCE = 60
"""Columns wider than this hold sentences, which wrap well inside a box."""


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

        console = Console(file=out)
        widest = [max((len(row[place]) for row in rows), default=0) for place in range(len(heads))]
        full = [max(len(head), cell) for head, cell in zip(heads, widest, strict=True)]
        # A box takes three characters a column. Where the table is too wide with it, the box goes, and heads are broken
        # over lines; what is then still too wide is folded, for a name cut short is no name.
        boxed = sum(full) + 3 * len(heads) + 1 <= console.width or max(full, default=0) > SENTENCE
        table = Table() if boxed else Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
        for place, head in enumerate(heads):
            title = head if boxed or widest[place] >= len(head) else head.replace(" ", "\n")
            whole = full[place] <= WHOLE
            table.add_column(title, justify="left" if place < left else "right", no_wrap=whole, overflow="fold")
        for row in rows:
            table.add_row(*map(Text, row))
        console.print(table)
        return
    widths = [max(len(str(row[k])) for row in [heads, *rows]) for k in range(len(heads))]
    for row in [heads, *rows]:
        cells = [f"{text:<{w}}" if k < left else f"{text:>{w}}" for k, (text, w) in enumerate(zip(row, widths, strict=True))]
        out.write("  ".join(cells).rstrip() + "\n")
