"""The tables of measurements are those that were measured: results.json, results.md and docs/performance.md agree."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"


def run(*arguments):
    return subprocess.run(
        [sys.executable, BENCHMARKS / "run.py", *arguments], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout


def targets(text):
    """Return the rows of the table of targets."""
    return re.findall(r"^\| .* \| [<>]= .*\|$", text, flags=re.MULTILINE)


def test_the_guide_quotes_the_table_of_results():
    measured, quoted = ((ROOT / name).read_text() for name in ("benchmarks/results.md", "docs/performance.md"))
    assert targets(quoted) == targets(measured)
    assert len(targets(quoted)) > 10


def test_tables_are_made_of_what_was_measured():
    assert run("--tables", "check") == ""


def test_every_measured_case_still_exists():
    measured = json.loads((BENCHMARKS / "results.json").read_text())["measured"]
    assert set(measured) <= set(run("--list").split())
    assert not [name for name, m in measured.items() if "failed" in m]


@pytest.mark.parametrize("name", ["halving16/compiled", "loop/heapq", "ring@torus4x4"])
def test_a_case_is_measured_in_a_process_of_its_own(name):
    found = json.loads(run("--alone", name))
    assert found["peak"] > 10
    assert min(value for key, value in found.items() if key != "trains") > 0


def test_every_file_is_listed():
    page = (BENCHMARKS / "README.md").read_text()
    assert not [path.name for path in BENCHMARKS.glob("*.py") if path.name not in page]
