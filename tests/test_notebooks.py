"""Every notebook runs from top to bottom with the public API alone."""

import json
import re
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("*.ipynb"))


def code_of(path):
    cells = json.loads(path.read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_runs(path):
    names = {"__name__": path.stem}
    for source in code_of(path):
        exec(compile(source, str(path), "exec"), names)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_uses_the_public_api_alone(path):
    for source in code_of(path):
        assert not re.search(r"(from|import)\s+collsim\.", source)


def test_notebooks_are_numbered_and_listed():
    listing = (NOTEBOOKS[0].parent / "README.md").read_text()
    for number, path in enumerate(NOTEBOOKS, 1):
        assert path.name.startswith(f"{number:02d}_")
        assert path.name in listing
