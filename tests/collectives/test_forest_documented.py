"""docs/forest.md: its example prints what it says, and its options are those of the code."""

import re
from contextlib import redirect_stdout
from io import StringIO
from math import isqrt
from pathlib import Path

from collsim.collectives import tree_plan
from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.algorithms import forest

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "forest.md").read_text()


def test_the_example_prints_what_the_page_says():
    code, printed = re.search(r"```python\n(.*?)```\n\n```\n(.*?)```", TEXT, re.DOTALL).groups()
    out = StringIO()
    with redirect_stdout(out):
        exec(compile(code, "forest.md", "exec"), {})
    assert out.getvalue() == printed


def test_every_option_is_on_the_page():
    assert set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)) == set(ALGORITHMS.get("forest").options)
    for way in forest.WAYS:
        assert f"`{way}`" in TEXT


def test_the_limits_on_the_page_are_those_of_the_code():
    assert f"up to {forest.MOST_RANKS:,} ranks, out-trees for up to {forest.MOST_SHARING} ranks" in TEXT
    assert f"{forest.MOST_SHARING} ranks and {forest.MOST_SWITCHES} switches" in TEXT
    assert f"{tree_plan.MOST_TRANSFERS:,} transfers" in TEXT
    assert f"{tree_plan.SMALLEST_PIECE} bytes" in TEXT
    assert f"up to {forest.ESTIMATED:,} transfers" in TEXT
    assert f"up to {isqrt(tree_plan.MOST_TRANSFERS // 2)} ranks, MULTITREE" in TEXT
