"""docs/algorithms.md holds the facts on board, and docs/add-an-algorithm.md shows code that works."""

import re
from pathlib import Path

import pytest
from oracles.replay import check

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.collective import collective
from collsim.collectives.facts import markdown_row, markdown_table
from collsim.topology import load

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("name", list(ALGORITHMS))
def test_every_algorithm_has_its_row(name):
    row = markdown_row(ALGORITHMS.get(name))
    assert row in (DOCS / "algorithms.md").read_text().splitlines(), f"add to docs/algorithms.md:\n{row}"


def test_the_table_names_nothing_else():
    listed = set(re.findall(r"^\| `([a-z0-9-]+)`", (DOCS / "algorithms.md").read_text(), re.MULTILINE))
    assert listed == set(ALGORITHMS)
    assert markdown_table().count("\n") == len(listed) + 2


def test_the_example_of_adding_an_algorithm_works():
    code = re.search(r"```python\n(.*?)```", (DOCS / "add-an-algorithm.md").read_text(), re.DOTALL)[1]
    code = re.sub(r'@algorithm\(\n    "star"', '@algorithm(\n    "star-of-the-docs"', code)
    space = {"__name__": "star_of_the_docs"}
    try:
        exec(compile(code, "add-an-algorithm.md", "exec"), space)
        star = ALGORITHMS.get("star-of-the-docs")
        for topo, middle in (("switch6", 0), ("mesh3x3", 4)):
            for operation in star.collectives:
                plan = star.schedule(load(topo), collective(operation))
                check(plan)
                assert plan.steps == star.steps.value(load(topo), plan.collective, plan.ranks)
                assert set(plan.dst[plan.step == 0].tolist()) == {middle}
    finally:
        ALGORITHMS._entries.pop("star-of-the-docs", None)
        ALGORITHMS._aliases.pop("star-of-the-docs", None)
