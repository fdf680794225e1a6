"""Rows of a study in a CSV file, kept between runs and found by what identifies them; tables between a page's markers."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["Store", "fill"]


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


def fill(page: Path, tables: Mapping[str, str]) -> None:
    """Write each table between its markers in `page`, "<!-- name -->" and the next "<!-- end -->"."""
    text = page.read_text()
    for name, table in tables.items():
        text = re.sub(rf"(<!-- {name} -->\n).*?(<!-- end -->)", lambda m, t=table: m[1] + t + m[2], text, flags=re.DOTALL)
    page.write_text(text)
