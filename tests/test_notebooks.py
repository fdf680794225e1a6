"""Every notebook asks a question, uses the public API alone, and gives its stored outputs when run again."""

import base64
import importlib.util
import json
import re
from pathlib import Path

import pytest

import collsim

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SHORT, LARGEST = 12, 60_000
"""Cells of a notebook at most, and bytes of a stored picture."""

every = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)


def cells_of(path, kind=None):
    cells = json.loads(path.read_text())["cells"]
    return [cell for cell in cells if kind in (None, cell["cell_type"])]


def texts_of(cells):
    """What each code cell says: streams, words of values, and which kinds of pictures and tables it shows."""
    shown = []
    for cell in cells:
        for output in cell["outputs"]:
            data = output.get("data", {})
            words = "".join(output.get("text") or data.get("text/plain", ""))
            shown.append((words, sorted(data)))
    return shown


# A kernel of its own takes seconds, so CI alone runs them.
@pytest.mark.slow
@every
def test_a_run_gives_the_outputs_that_are_stored(path):
    spec = importlib.util.spec_from_file_location("notebooks_run", ROOT / "notebooks" / "run.py")
    runner = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(runner)
    again = [cell for cell in runner.execute(path).cells if cell.cell_type == "code"]
    assert texts_of(again) == texts_of(cells_of(path, "code"))


@every
def test_a_notebook_is_short_and_asks_a_question(path):
    cells = cells_of(path)
    assert len(cells) <= SHORT
    assert "".join(cells[0]["source"]).splitlines()[0].endswith("?")


@every
def test_stored_outputs_hold_figures_and_no_traces_of_a_machine(path):
    images = [
        o["data"]["image/png"] for c in cells_of(path, "code") for o in c["outputs"] if "image/png" in o.get("data", {})
    ]
    assert images
    assert max(len(base64.b64decode("".join(image))) for image in images) < LARGEST
    assert not re.search(
        r"/(home|tmp|work|opt|Users)/|wall_s|0x[0-9a-f]{6}", "\n".join(str(t) for t in texts_of(cells_of(path, "code")))
    )
    assert all(cell["metadata"] == {} for cell in cells_of(path))
    assert not [o for c in cells_of(path, "code") for o in c["outputs"] if o["output_type"] == "error"]
    # What is found is computed: the last code cell prints it.
    assert cells_of(path, "code")[-1]["outputs"][-1]["output_type"] == "stream"


@every
def test_a_notebook_uses_the_public_api_alone(path):
    source = "\n".join("".join(cell["source"]) for cell in cells_of(path, "code"))
    pages = "\n".join(page.read_text() for page in (ROOT / "docs").glob("*.md"))
    names = re.findall(r"\bcollsim\.([A-Za-z_]\w*)", re.sub(r"(?m)^from .*$", "", source))
    names += [n.strip() for line in re.findall(r"(?m)^from collsim import (.+)$", source) for n in line.split(",")]
    assert names
    assert set(names) <= set(collsim.__all__)
    # Modules below the front door are for those that a page of the documentation imports from.
    for module in re.findall(r"(?m)^from (collsim\.[\w.]+) import", source):
        assert f"from {module} import" in pages


def test_notebooks_are_numbered_and_listed():
    listing = (NOTEBOOKS[0].parent / "README.md").read_text()
    assert len(NOTEBOOKS) == 7
    for number, path in enumerate(NOTEBOOKS, 1):
        question = "".join(cells_of(path)[0]["source"]).splitlines()[0].removeprefix("# ")
        assert path.name.startswith(f"{number:02d}_")
        assert f"| [{path.stem}]({path.name}) | {question} |" in listing


def test_a_notebook_shows_the_sentence_of_an_error_and_ones_own_lines():
    """A page of collsim's own lines stood before it."""

    def mine(name):
        return collsim.simulate("torus4x4", name)

    try:
        mine("mutitree")
    except collsim.CollsimError as error:
        *lines, last = error._render_traceback_()
    assert [line.partition(": ")[2] for line in lines] == ['mine("mutitree")', 'return collsim.simulate("torus4x4", name)']
    assert "in mine" in lines[1]
    assert last.startswith("UnknownName: Unknown algorithm 'mutitree'. Did you mean 'multitree'?")
