"""NIC tables as rows of text: how large they are, field by field, and their entries."""

from __future__ import annotations

from collections.abc import Sequence

from collsim.collectives.nic_table import Entry, NicTables
from collsim.collectives.nic_table_widths import Widths, table_widths
from collsim.report.describe import Rows

__all__ = ["HEADS", "entry_rows", "table_rows"]

HEADS = ("rank", "opcode", "flow", "parent", "children", "step", "start", "size")


def table_rows(tables: NicTables) -> Rows:
    """Return how many entries the tables have, the bits of an entry and the bytes of a table."""
    lengths = [len(table) for table in tables.tables]
    idle = [sum(entry.opcode == "NOP" for entry in table) for table in tables.tables]
    used = [length - nops for length, nops in zip(lengths, idle, strict=True)]
    most = max(lengths, default=0)
    least, words = table_widths(tables), table_widths(tables, words=True)
    return [
        ("Entries", f"{_range(used)} a rank, and {_range(idle)} NOPs; 2 N is {2 * tables.ranks:,}"),
        ("Bits", f"{least.total} an entry: {_fields(least)}"),
        ("In words", f"{words.total} an entry: {_fields(words)}"),
        ("Table", f"{least.table_bytes(most):,} B for {most:,} entries, {words.table_bytes(most):,} B in words"),
    ]


def entry_rows(tables: NicTables, ranks: Sequence[int], first: int, last: int) -> list[list[str]]:
    """Return one row an entry of steps `first` to `last` of `ranks`, columns as in HEADS; "-" where there is none."""
    return [_row(rank, e) for rank in ranks for e in tables.of(rank) if first <= e.step <= last]


def _row(rank: int, e: Entry) -> list[str]:
    if e.opcode == "NOP":
        return [str(rank), "NOP", "-", "-", "-", str(e.step), "-", "-"]
    places = (" ".join(map(str, ranks)) or "-" for ranks in (e.parents, e.children))
    return [str(rank), e.opcode, str(e.flow), *places, str(e.step), f"{e.start:,}", f"{e.size:,}"]


def _range(counts: Sequence[int]) -> str:
    low, high = min(counts, default=0), max(counts, default=0)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _fields(w: Widths) -> str:
    names = ("opcode", "flow", "parents", "children", "step", "start", "size")
    return ", ".join(f"{name} {getattr(w, name)}" for name in names)
