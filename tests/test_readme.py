"""README's own commands: every `collsim` line runs and prints what README shows, and its Python block runs."""

import re
import shlex
import subprocess
import sys

import pytest
from pages import ROOT, compare, transcripts

README = (ROOT / "README.md").read_text()
CONSOLE = [pair for block in re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL) for pair in transcripts(block)]
BASH = re.findall(r"```bash\n(.*?)```", README, flags=re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize("command, shown", CONSOLE, ids=[" ".join(command.split()[1:3]) for command, _ in CONSOLE])
def test_command_prints_what_readme_shows(command, shown):
    words = shlex.split(command)
    assert words[0] == "collsim"
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=True)
    compare(done.stdout, shown, command)


def test_the_first_two_commands_install_and_run_and_test():
    assert len(BASH) == 2
    assert BASH[0].startswith("python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/collsim run --topo torus4x4")
    assert BASH[1].rstrip().endswith(".venv/bin/python tests/check.py")


@pytest.mark.parametrize("source", PYTHON, ids=range(len(PYTHON)))
def test_python_runs(source):
    exec(compile(source, "README.md", "exec"), {})
