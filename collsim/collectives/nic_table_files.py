"""NIC tables as files: JSON that can be read back, and CSV with the fields of the paper, one row an entry."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from typing import Any

from collsim.collectives.collective import collective
from collsim.collectives.nic_table import Entry, NicTables
from collsim.collectives.nic_table_widths import table_widths
from collsim.errors import FileFormatError

__all__ = ["tables_from_dict", "tables_to_csv", "tables_to_dict"]

_LISTS = ("hosts", "weights", "chunk_src", "chunk_dst")
_PLAIN = ("algorithm", "size", "steps", "unit", "segments", "variant")


def tables_to_dict(tables: NicTables) -> dict[str, Any]:
    """Return the tables as JSON-ready data: what a schedule is beside, field widths in bits, and entries by rank."""
    head = {name: getattr(tables, name) for name in _PLAIN} | {name: list(getattr(tables, name)) for name in _LISTS}
    return {
        "collective": tables.collective.text,
        "root": tables.collective.root,
        **head,
        "bits": asdict(table_widths(tables)),
        "tables": [[_row(entry) for entry in table] for table in tables.tables],
    }


def _row(entry: Entry) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(entry).items()}


def tables_from_dict(data: dict[str, Any]) -> NicTables:
    """Return the tables that `tables_to_dict` wrote; FileFormatError names the field that is missing or foreign."""
    try:
        head = {name: data[name] for name in _PLAIN} | {name: tuple(data[name]) for name in _LISTS}
        tables = tuple(tuple(map(_entry, table)) for table in data["tables"])
        return NicTables(collective(data["collective"], data["root"]), tables=tables, **head)
    except KeyError as error:
        raise FileFormatError(
            f"These are no NIC tables: the field {error} is missing; write them with --table-out."
        ) from error
    except TypeError as error:
        raise FileFormatError(f"These are no NIC tables: {error}; write them with --table-out.") from error


def _entry(row: dict[str, Any]) -> Entry:
    lists = {key: tuple(row[key]) for key in ("parents", "children")}
    return Entry(**(row | lists | {"paths": tuple(tuple(path) for path in row["paths"])}))


def tables_to_csv(tables: NicTables) -> str:
    """Return one line an entry: rank, opcode, flow, parent, children, step, start, size; empty where there is none."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["rank", "opcode", "flow", "parent", "children", "step", "start", "size"])
    for rank, e in tables.entries():
        fields = (e.flow, _ranks(e.parents), _ranks(e.children), e.step, e.start, e.size)
        writer.writerow([rank, e.opcode, *(fields if e.opcode != "NOP" else ("", "", "", e.step, "", ""))])
    return out.getvalue()


def _ranks(ranks: tuple[int, ...]) -> str:
    return " ".join(map(str, ranks))
