"""Rows of a study in a CSV file, kept between runs and found again by the columns that identify them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["Store"]


class Store:
    """Rows of the file at `path`; `keys` are the columns by which a row is known. Written after every row."""

    def __init__(self, path: Path, keys: Sequence[str]):
        self.path, self.keys = path, tuple(keys)
        self.rows: list[dict[str, str]] = []
        if path.exists():
            with path.open(newline="") as file:
                self.rows = list(csv.DictReader(file))

    def has(self, **key: object) -> bool:
        """Tell whether a row with these values of the key columns is there."""
        return any(all(row[k] == str(v) for k, v in key.items()) for row in self.rows)

    def add(self, row: dict[str, Any]) -> None:
        """Append a row and write the file."""
        self.rows.append({name: str(value) for name, value in row.items()})
        self.path.parent.mkdir(exist_ok=True)
        temporary = self.path.with_suffix(".tmp")
        with temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(self.rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
        temporary.replace(self.path)
