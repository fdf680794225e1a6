"""docs/sweeps.md: what it shows is what the program does, and every key and every kind of point has its row."""

import re
from pathlib import Path

import pytest

from collsim.cli.main import invoke
from collsim.sweep.fields import MACHINE
from collsim.sweep.runner import RUNNERS
from collsim.sweep.store import MEASURES, STATUSES

PAGE = (Path(__file__).parents[2] / "docs" / "sweeps.md").read_text(encoding="utf-8")
YAML = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
TEXT = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)


def rows(head):
    """First cells of the table whose head begins with `head`."""
    table = PAGE.split(f"| {head} |")[1].split("\n\n")[0]
    return re.findall(r"^\| (.+?) \|", table, re.MULTILINE)[1:]


def test_the_study_runs_and_prints_what_the_page_shows(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.yaml").write_text(YAML[0])
    for part in TEXT[0].split("$ collsim ")[1:]:
        command, *shown = part.splitlines()
        assert invoke(command.split()) == 0
        printed = capsys.readouterr().out.splitlines()
        for line, wanted in zip(printed, shown, strict=True):
            if not line.startswith("Now"):
                assert line == wanted


def test_a_row_is_repeated_and_files_are_held_against_each_other(tmp_path, monkeypatch, capsys):
    import shutil

    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.yaml").write_text(YAML[0])
    assert invoke(("sweep", "study.yaml")) == 0
    shutil.copy("study.sqlite", "before.sqlite")
    shutil.copy("study.sqlite", "after.sqlite")
    commands = [line[2:] for text in TEXT[1:] for line in text.splitlines() if line.startswith("$ ")]
    hashes, *others = commands
    assert len(others) == 2
    capsys.readouterr()
    assert invoke(hashes.split()[1:]) == 0
    known = re.search(r"\b[0-9a-f]{8,}\b", capsys.readouterr().out)[0]
    for command in others:
        assert invoke(command.replace("HASH", known).split()[1:]) == 0
        assert capsys.readouterr().out


def test_every_key_has_a_row():
    named = {name for cell in rows("key") for name in re.findall(r"`(\w+)`", cell)}
    fields = {field.plural for field in RUNNERS.get("run").fields}
    assert named == fields | {"network", "workload"}


def test_every_key_of_a_workload_is_named_in_its_row():
    everywhere = {field.plural for field in MACHINE} | {"topologies"}
    named = dict(
        re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE.split("| `workload` | keys |")[1].split("\n\n")[0], re.MULTILINE)
    )
    for kind in set(RUNNERS) - {"run"}:
        fields = {field.plural for field in RUNNERS.get(kind).fields} - everywhere
        words = set(re.findall(r"`(\w+)`", named[kind]))
        assert fields <= words, kind


def test_the_sweep_of_a_workload_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tp.yaml").write_text(YAML[1])
    assert invoke(("sweep", "tp.yaml", "--jobs", "0")) == 0
    assert "4: 4 done" in capsys.readouterr().out
    assert invoke(("results", "tp.sqlite")) == 0
    assert capsys.readouterr().out.splitlines()[0].split()[:3] == ["mode", "p", "time"]


def test_every_kind_of_point_and_every_status_has_a_row():
    assert {cell.strip("`") for cell in rows("`workload` | a point is")} == set(RUNNERS)
    assert [cell.strip("`") for cell in rows("status")] == list(STATUSES)
    assert all(f"`{name}`" in PAGE for name in MEASURES)


@pytest.mark.parametrize("source", re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
def test_python_runs(source, capsys):
    exec(compile(source, "docs/sweeps.md", "exec"), {})
    assert "multitree" in capsys.readouterr().out


def test_the_query_runs(tmp_path, monkeypatch):
    import sqlite3

    import collsim

    collsim.sweep("ring4", ["ring", "direct"], "1KiB", engines="analytic", out=tmp_path / "out.sqlite", jobs=0)
    (query,) = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    found = sqlite3.connect(tmp_path / "out.sqlite").execute(query).fetchall()
    assert [row[:3] for row in found] == [("ring4", 1024, "direct")]
