"""`collsim schedule --table` and `--table-out`."""

import json

import pytest
from conformance.cases import schedule

from collsim.cli.main import invoke
from collsim.collectives.nic_table import nic_tables
from collsim.collectives.nic_table_files import tables_from_dict

WORDS = ("schedule", "--topo", "mesh3x3", "--algo", "multitree", "--size", "9000")


def test_all_tables_or_some_steps_of_one(capsys):
    made = nic_tables(schedule("multitree", "mesh3x3", "all-reduce"), 9000)
    assert invoke([*WORDS, "--table", "all"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 9 + sum(map(len, made.tables))
    assert invoke([*WORDS, "--table", "8", "--steps", "0:2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 9 + sum(e.step <= 2 for e in made.of(8))
    assert any(line.split()[:6] == ["8", "NOP", "-", "-", "-", "0"] for line in lines)


def test_files_hold_all_tables(tmp_path, capsys):
    made = nic_tables(schedule("multitree", "mesh3x3", "all-reduce"), 9000)
    for name in ("tables.json", "tables.csv"):
        assert invoke([*WORDS, "--table-out", str(tmp_path / name)]) == 0
        assert "src" in capsys.readouterr().out
    assert tables_from_dict(json.loads((tmp_path / "tables.json").read_text())).tables == made.tables
    assert len((tmp_path / "tables.csv").read_text().splitlines()) == 1 + sum(map(len, made.tables))


@pytest.mark.parametrize(
    "words, message",
    [
        (("--table", "9"), "no table of rank 9; the ranks are 0 to 8"),
        (("--table", "nine"), "Cannot read rank 'nine'"),
        (("--table-out", "tables.txt"), "ends in .json or .csv"),
        (("--table-out", "nowhere/tables.csv"), "does not exist"),
    ],
)
def test_what_cannot_be_shown_is_said_before_anything_is_printed(words, message, capsys):
    assert invoke([*WORDS, *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
