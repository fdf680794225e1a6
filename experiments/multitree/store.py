"""Results of one part as a CSV file that grows row by row: what is in it is not run again, and an interrupt loses nothing.

A row is known by its key columns, which hold the full configuration. Delete a file, or rows of it, to run them again.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

Row = dict[str, str]


class Store:
    """Rows of `path`, one a key; `add` appends and flushes. Half a line, left by a crash, is dropped at opening."""

    def __init__(self, path: Path, key: Sequence[str], values: Sequence[str]):
        self.path, self.key, self.columns = path, tuple(key), (*key, *values)
        self.rows: dict[tuple[str, ...], Row] = {}
        whole = True
        if path.exists():
            with path.open(newline="") as file:
                reader = csv.DictReader(file)
                whole = tuple(reader.fieldnames or ()) == self.columns
                for row in reader:
                    if whole and None not in row.values() and None not in row:
                        self.rows[self.key_of(row)] = row
                    else:
                        whole = False
        if not path.exists() or not whole or not self._ends_with_a_line():
            self.rewrite()

    def key_of(self, row: Mapping[str, object]) -> tuple[str, ...]:
        """Return the values of the key columns as text."""
        return tuple(str(row[column]) for column in self.key)

    def __contains__(self, case: Mapping[str, object]) -> bool:
        return self.key_of(case) in self.rows

    def add(self, row: Mapping[str, object]) -> None:
        """Append one row, safe on disk when this returns."""
        text = {column: str(row.get(column, "")) for column in self.columns}
        self.rows[self.key_of(text)] = text
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, self.columns, lineterminator="\n").writerow(text)
            file.flush()
            os.fsync(file.fileno())

    def rewrite(self, order: Sequence[tuple[str, ...]] = ()) -> None:
        """Write all rows, those of `order` first, through a file beside it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        first = [key for key in order if key in self.rows]
        known = set(first)
        beside = self.path.with_suffix(".tmp")
        with beside.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows[key] for key in (*first, *(k for k in self.rows if k not in known)))
        beside.replace(self.path)

    def _ends_with_a_line(self) -> bool:
        return self.path.read_bytes().endswith(b"\n")
