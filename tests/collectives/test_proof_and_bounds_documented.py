"""docs/proof.md and docs/bounds.md: their examples print what they say."""

import doctest
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", ["proof.md", "bounds.md", "partial-sync.md"])
def test_examples_print_what_the_page_says(page):
    failed, tried = doctest.testfile(str(DOCS / page), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert tried >= 5
    assert failed == 0
