"""docs/jobs.md: what it shows is what the program does."""

import re
import shlex
from pathlib import Path

import pytest

from collsim.cli.main import invoke

PAGE = (Path(__file__).parents[2] / "docs" / "jobs.md").read_text()
COMMANDS = re.search(r"```\n(collsim workload jobs.*?)```", PAGE, re.DOTALL)[1].splitlines()


def block(kind):
    return PAGE.split(f"```{kind}\n")[1].split("```")[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run(command, capsys):
    assert invoke(shlex.split(command)[1:]) == 0
    assert "slowdown" in capsys.readouterr().out


def test_the_python_block_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(block("python"), {})
    assert len(capsys.readouterr().out.splitlines()) == 4
    assert (tmp_path / "slowdowns.png").exists()
