"""docs/tensor-parallel.md shows commands and code that run and print what they are said to."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

from collsim.cli.main import invoke

PAGE = (Path(__file__).parents[2] / "docs" / "tensor-parallel.md").read_text()
COMMANDS = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)[0].splitlines()
SOURCE, SHOWN = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command)
    assert words[0] == "collsim"
    assert invoke(words[1:]) == 0
    assert (tmp_path / "prompt.png").exists() == ("--plot" in words)


def test_code_prints_what_is_shown():
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(SOURCE, {})
    assert out.getvalue() == SHOWN


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (Path(__file__).parents[2] / "docs" / target).resolve().is_file(), target
