"""docs/formats.md: its commands run one after another in one folder, and every example in it is read."""

import re
import shlex
from pathlib import Path

import pytest

from collsim.cli.main import invoke
from collsim.interop.goal import parse_goal

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "formats.md").read_text()
SECTIONS = {part.splitlines()[0]: part for part in PAGE.split("\n## ")[1:]}


@pytest.mark.parametrize("name", SECTIONS)
def test_commands_of_a_section_run(name, tmp_path, monkeypatch, capsys):
    # Commands write where they run and read examples of the documentation.
    (tmp_path / "docs").symlink_to(DOCS)
    monkeypatch.chdir(tmp_path)
    for block in re.findall(r"```console\n(.*?)```", SECTIONS[name], re.DOTALL):
        for line in re.findall(r"^\$ (collsim .*)$", block, re.MULTILINE):
            assert invoke(shlex.split(line)[1:]) == 0, line
            assert not capsys.readouterr().err.startswith("Error"), line


def test_python_blocks_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for source in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(source, "formats.md", "exec"), {})
    assert {"step.0.et", "step.1.et"} <= {path.name for path in tmp_path.iterdir()}


def test_the_goal_example_is_read():
    trace = parse_goal(re.search(r"```text\n(num_ranks.*?)```", PAGE, re.DOTALL)[1])
    assert [[operation.kind for operation in rank] for rank in trace.ranks] == [["calc", "send"], ["recv", "calc"]]


def test_every_format_of_the_table_has_a_section():
    anchors = {re.sub(r"[^a-z0-9 -]", "", name.lower()).replace(" ", "-") for name in SECTIONS}
    rows = re.findall(r"^\| \[.+?\]\(#(.+?)\)", PAGE, re.MULTILINE)
    assert set(rows) == anchors
