"""Figures, tables and README of the study, made from what was run; nothing is simulated here."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import figures
import frames
from tables import TABLES, Table, markdown


def write(folder: Path, readme: Path | None) -> None:
    """Write figures and tables into `folder`, and the tables into `readme` between their marks."""
    data = frames.load(folder)
    made = {name: make(data) for name, (part, make) in TABLES.items() if part == "all" or part in data}
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    for name, table in made.items():
        _csv(folder / "tables" / f"{name}.csv", table)
    figures.draw(data, folder / "figures")
    if readme is not None:
        readme.write_text(filled(readme.read_text(), made))


def filled(text: str, made: dict[str, Table]) -> str:
    """Return `text` with every table between `<!-- table NAME -->` and `<!-- end -->` made anew."""

    def table(found: re.Match[str]) -> str:
        name = found[1]
        return f"<!-- table {name} -->\n{markdown(made[name])}<!-- end -->" if name in made else found[0]

    return re.sub(r"<!-- table (\w+) -->\n.*?<!-- end -->", table, text, flags=re.DOTALL)


def in_accord(folder: Path, readme: Path) -> bool:
    """Whether the tables of `readme` are those that the rows give."""
    data = frames.load(folder)
    made = {name: make(data) for name, (part, make) in TABLES.items() if part == "all" or part in data}
    return filled(readme.read_text(), made) == readme.read_text()


def _csv(path: Path, table: Table) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(table)
