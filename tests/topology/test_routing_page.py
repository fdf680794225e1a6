import doctest
from pathlib import Path

from collsim.topology.routing import NAMES

PAGE = Path(__file__).parents[2] / "docs" / "routing.md"


def test_examples_print_what_the_page_says():
    results = doctest.testfile(str(PAGE), module_relative=False)
    assert results.attempted > 10
    assert results.failed == 0


def test_every_routing_has_a_row():
    rows = [line.split("|")[1].strip() for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert {f"`{name}`" for name in NAMES} <= set(rows)
