"""docs/multi-site.md: its code runs, its commands work, and it names every way."""

import re
import shlex
from pathlib import Path

import pytest

from collsim.cli.main import invoke
from collsim.sweep.multi_site import WAYS

PAGE = (Path(__file__).parents[2] / "docs" / "multi-site.md").read_text()


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
def test_the_code_runs(block):
    exec(compile(block, "docs/multi-site.md", "exec"), {})


@pytest.mark.parametrize("command", re.findall(r"```sh\n(.*?)\n```", PAGE, re.DOTALL))
def test_the_commands_work(command, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert invoke(tuple(shlex.split(command)[1:])) == 0
    assert "Machine" in capsys.readouterr().out


def test_every_way_has_a_row():
    assert all(f"| `{way}` |" in PAGE for way in WAYS)
