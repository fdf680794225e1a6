"""Runs notebooks and keeps their outputs: `python notebooks/run.py [NAME ...]`, by default all of them.

What is kept does not change from run to run: no times, no counts of the session, pictures of few colours so that they stay
small. Needs the extra `collsim[notebooks]`.
"""

from __future__ import annotations

import base64
import io
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

HERE = Path(__file__).resolve().parent
COLOURS = 64
"""Colours of a stored picture; figures have few, and shades beside letters are not missed."""


def execute(path: Path) -> nbformat.NotebookNode:
    """Return the notebook at `path` with the outputs of a run from top to bottom, in its own folder."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600, record_timing=False, resources={"metadata": {"path": HERE}}).execute()
    return tidy(notebook)


def tidy(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return `notebook` without what differs from machine to machine; pictures are made small."""
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    for place, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{place}", {}
        if cell.cell_type != "code":
            continue
        # A first run says that it compiles; a later one does not.
        cell.outputs = [o for o in cell.outputs if not (o.output_type == "stream" and o.name == "stderr")]
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = smaller(output.data["image/png"])
    return notebook


def smaller(text: str) -> str:
    """Return a PNG in base64 with few colours and nothing but its pixels."""
    image = Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB")
    out = io.BytesIO()
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(out, "png", optimize=True)
    return base64.b64encode(out.getvalue()).decode() + "\n"


def main(names: list[str]) -> None:
    """Run the named notebooks, or all, and write them back."""
    for path in [HERE / name for name in names] or sorted(HERE.glob("*.ipynb")):
        print(path.name, flush=True)
        path.write_text(nbformat.writes(execute(path)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
