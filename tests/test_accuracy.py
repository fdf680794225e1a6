"""The ledger of published numbers: every row within the tolerance that was fixed before."""

import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "experiments" / "accuracy"
sys.path.insert(0, str(FOLDER))
from ledger import rows  # noqa: E402
from run import HEAD, TARGET, holds  # noqa: E402

ROWS = list(rows())


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.group}: {row.what}")
def test_row_holds(row):
    assert holds(row, row.ours())


def test_the_page_has_every_row():
    page = TARGET.read_text()
    assert page.startswith(HEAD)
    assert "| NO |" not in page
    for row in ROWS:
        assert f"| {row.what} | {row.theirs:,.7g} |" in page, "run: python experiments/accuracy/run.py"
