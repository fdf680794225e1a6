"""README's own commands: every `collsim` line runs and prints what README shows, and its Python block runs."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).resolve().parent.parent / "README.md").read_text()
CONSOLE = re.findall(r"```console\n\$ (.+?)\n(.*?)```", README, flags=re.DOTALL)
BASH = re.findall(r"```bash\n(.*?)```", README, flags=re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize("command, shown", CONSOLE, ids=[command.split()[1] for command, _ in CONSOLE])
def test_command_prints_what_readme_shows(command, shown):
    words = shlex.split(command)
    assert words[0] == "collsim"
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=True)
    assert squeeze(done.stdout) == squeeze(shown)


def test_the_first_two_commands_install_and_run_and_test():
    assert len(BASH) == 2
    assert BASH[0].startswith("python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/collsim run --topo torus4x4")
    assert BASH[1].rstrip().endswith(".venv/bin/python tests/check.py")


@pytest.mark.parametrize("source", PYTHON, ids=range(len(PYTHON)))
def test_python_runs(source):
    exec(compile(source, "README.md", "exec"), {})


def test_links_lead_somewhere():
    for target in re.findall(r"\]\((docs/[^)]+)\)", README):
        assert (Path(__file__).resolve().parent.parent / target).is_file(), target


def squeeze(text):
    return [" ".join(line.split()) for line in text.strip().splitlines()]
