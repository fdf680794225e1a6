"""docs/topologies.md: a row for every registered family and machine, and every example in it works."""

import re
from pathlib import Path

import pytest

from collsim.topology import load, machines
from collsim.topology.family import FAMILIES
from collsim.topology.files import DIALECTS, READERS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "topologies.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
ROWS = {cells[0]: cells for cells in (line.strip("| \n").split(" | ") for line in PAGE.splitlines() if line.startswith("|"))}


@pytest.mark.parametrize("name", list(FAMILIES))
def test_every_family_has_a_row(name):
    assert f"`{FAMILIES.get(name).example}`" in ROWS[name][2]


@pytest.mark.parametrize("name", machines())
def test_every_machine_has_a_row_with_its_hosts(name):
    assert ROWS[name][1] == str(load(name).hosts)


@pytest.mark.parametrize("name", re.findall(r"`([a-z]+\d+(?:x\d+)*)`", PAGE))
def test_every_name_in_the_page_builds(name):
    if name not in ("h0", "h1"):
        assert load(name).name == name


@pytest.mark.parametrize("index", range(len(BLOCKS)))
def test_every_example_works(index, tmp_path):
    language, text = BLOCKS[index]
    if language == "python":
        names = {}
        exec(compile(text, "docs/topologies.md", "exec"), names)
        assert names["again"].digest == names["topology"].digest
        return
    assert f".{language}" in READERS
    file = tmp_path / f"example.{language}"
    file.write_text(text)
    assert load(file).hosts >= 2


def test_every_suffix_is_mentioned():
    assert all(f"`{suffix}`" in PAGE for suffix in READERS.aliases())


@pytest.mark.parametrize("name", list(DIALECTS))
def test_every_format_known_by_content_has_a_row_with_its_suffixes(name):
    table = PAGE.split("### Other tools")[1]
    words = {"astra-network": "ASTRA-sim network", "nccl-xml": "NCCL topology XML", "link-list": "link list of ns-3"}
    (row,) = [line for line in table.splitlines() if f"[{words.get(name, name)}" in line]
    assert all((f"`{suffix}`" if suffix else "no suffix") in row for suffix in DIALECTS.get(name).suffixes)
