"""Regenerates docs/accuracy.md: `python experiments/accuracy/run.py`; exit code 1 when a row is out of tolerance."""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

from ledger import Row, rows
from rich.progress import track

TARGET = Path(__file__).resolve().parents[2] / "docs" / "accuracy.md"
HEAD = """# Accuracy

Numbers that others published or that follow from first principles, beside what collsim gives. The tolerances were fixed
before the runs. Regenerate this file with `python experiments/accuracy/run.py`.
"""


def main() -> int:
    measured = [(row, row.ours()) for row in track(list(rows()), "accuracy", disable=not sys.stderr.isatty())]
    TARGET.write_text(HEAD + "".join(section(name, list(group)) for name, group in groupby(measured, lambda m: m[0].group)))
    wrong = [row.what for row, ours in measured if not holds(row, ours)]
    print(f"{len(measured) - len(wrong)} of {len(measured)} rows within tolerance; {TARGET.name} written.")
    for what in wrong:
        print(f"out of tolerance: {what}")
    return 1 if wrong else 0


def holds(row: Row, ours: float) -> bool:
    """Whether `ours` is within the row's tolerance; exact rows compare after rounding to the printed digits of a float."""
    slack = max(row.tolerance, 1e-12) * abs(row.theirs)
    return ours <= row.theirs + slack if row.below else abs(ours - row.theirs) <= slack


def section(name: str, group: list[tuple[Row, float]]) -> str:
    """Return one table in Markdown."""
    lines = [
        f"\n## {name}\n",
        "| what | theirs | ours | difference | tolerance | how | holds |",
        "|---|--:|--:|--:|--:|---|---|",
    ]
    for row, ours in group:
        allowed = "exact" if row.tolerance == 0 else f"{row.tolerance:.3%}" + (" above" if row.below else "")
        lines.append(
            f"| {row.what} | {row.theirs:,.7g} | {ours:,.7g} | {(ours - row.theirs) / row.theirs:+.4%} "
            f"| {allowed} | {row.how} | {'yes' if holds(row, ours) else 'NO'} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
