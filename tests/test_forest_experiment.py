"""experiments/forest: its page says what its rows hold, forest is never the slower one, and single numbers come again."""

import csv
import re
from pathlib import Path

import pytest

from collsim.simulate import prepare

FOLDER = Path(__file__).resolve().parent.parent / "experiments" / "forest"
PAGE = (FOLDER / "README.md").read_text()
with (FOLDER / "results.csv").open(newline="") as _file:
    ROWS = {(row["machine"], row["algorithm"], int(row["size"])): row for row in csv.DictReader(_file)}
MACHINES = list(dict.fromkeys(machine for machine, _, _ in ROWS))
GIB = 2**30


def milliseconds(row):
    time, bound = float(row["time_us"]), float(row["bound_us"])
    return f"{time / 1e3:#.4g} ms ({100 * bound / time:.1f} %)"


@pytest.mark.parametrize("machine", MACHINES)
def test_the_table_is_what_the_rows_hold(machine):
    algorithms = re.search(r"^\| machine \| (.*) \|$", PAGE, re.MULTILINE)[1].split(" | ")
    cells = re.search(rf"^\| {re.escape(machine)} \| (.*) \|$", PAGE, re.MULTILINE)[1].split(" | ")
    for algorithm, cell in zip(algorithms, cells, strict=True):
        row = ROWS.get((machine, algorithm, GIB))
        assert cell.split(", ")[0] == (milliseconds(row) if row else "refused")
        if algorithm == "forest":
            assert cell.split(", ")[1] == re.sub(r"(spanning), trees=(\d+)", r"\2 \1 trees", row["variant"])


@pytest.mark.parametrize("machine", MACHINES)
def test_forest_is_at_no_size_slower_than_multitree(machine):
    sizes = [size for at, algorithm, size in ROWS if (at, algorithm) == (machine, "forest")]
    assert len(sizes) == 12
    for size in sizes:
        forest, multitree = (float(ROWS[machine, algorithm, size]["time_us"]) for algorithm in ("forest", "multitree"))
        assert forest <= multitree


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["forest:trees=38,segments=64", "forest:way=shares,segments=8"])
def test_what_was_asked_for_by_hand(algorithm):
    run = prepare("torus8x8", engine="compiled").run(algorithm, GIB)
    said = re.search(rf"`{algorithm}`\s+(?:takes )?([\d.]+) ms \(([\d.]+) %\)", PAGE)
    assert said.groups() == (f"{run.result.time / 1e12:.2f}", f"{run.percent_of_bound:.1f}")
