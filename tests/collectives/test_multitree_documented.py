"""docs/multitree.md: its example prints what it says, its table of steps and its options are those of the code."""

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.tree_growth import grow
from collsim.collectives.trees import least_steps
from collsim.topology import load

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "multitree.md").read_text()
ROWS = re.findall(r"^\| ([a-z0-9-]+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", TEXT, re.MULTILINE)


def test_the_example_prints_what_the_page_says():
    code, printed = re.search(r"```python\n(.*?)```\n\n```\n(.*?)```", TEXT, re.DOTALL).groups()
    out = StringIO()
    with redirect_stdout(out):
        exec(compile(code, "multitree.md", "exec"), {})
    assert out.getvalue() == printed


@pytest.mark.parametrize("name, ranks, any_tree, authors, least", ROWS)
def test_the_table_of_steps(name, ranks, any_tree, authors, least):
    topology = load(name)
    hosts = range(topology.hosts)
    found = (
        len(hosts),
        grow(topology, hosts).steps,
        grow(topology, hosts, termination="authors").steps,
        least_steps(topology),
    )
    assert found == tuple(map(int, (ranks, any_tree, authors, least)))


def test_the_table_has_the_machines_of_the_paper():
    assert {"torus4x4", "torus8x8", "mesh4x4", "mesh8x8", "fattree4x2", "fattree8x2", "bigraph4x8"} <= {r[0] for r in ROWS}


def test_every_option_is_on_the_page():
    assert set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)) == set(ALGORITHMS.get("multitree").options)


PIECES = re.findall(r"^\| ([a-z0-9]+) ((?:\| \d+ / \d+ / \d+ ){5})\|$", TEXT, re.MULTILINE)


@pytest.mark.parametrize("name, cells", PIECES)
def test_the_table_of_pieces(name, cells):
    topology = load(name)
    for chunks, cell in zip((1, 2, 4, 8), cells.strip("| ").split(" | "), strict=False):
        steps = [grow(topology, range(topology.hosts), chunks=chunks, turns=turns).steps for turns in ("roots", "smallest")]
        assert [*steps, least_steps(topology, chunks=chunks)] == [int(number) for number in cell.split(" / ")]


def test_the_table_of_pieces_is_read():
    assert len(PIECES) == 4
