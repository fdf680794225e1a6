"""How machines and plans show themselves in IPython, and that they are short in words everywhere."""

import subprocess
import sys

import pytest

import collsim
from collsim.report import notebook

PNG = b"\x89PNG"


@pytest.fixture
def shell():
    interactive = pytest.importorskip("IPython.core.interactiveshell")
    made = interactive.InteractiveShell()
    notebook.register(made)
    return made


def test_a_topology_draws_itself(shell):
    shown, about = shell.display_formatter.format(collsim.load("fattree4"))
    assert shown["image/png"].startswith(PNG)
    assert about["image/png"]["width"] > 100
    assert shown["text/plain"] == "Topology fattree4: 16 hosts, 20 switches, 96 directed links"


def test_a_topology_too_large_to_draw_is_told_in_words(shell, monkeypatch):
    monkeypatch.setattr(notebook, "MOST_NODES", 3)
    shown, _ = shell.display_formatter.format(collsim.load("ring4"))
    assert shown == {"text/plain": "Topology ring4: 4 hosts, 0 switches, 8 directed links"}


def test_a_schedule_shows_its_steps(shell):
    plan = collsim.simulate("ring4", "ring", size="4KiB", engine="analytic").schedule
    shown, _ = shell.display_formatter.format(plan)
    words = "Schedule ring: all-reduce among 4 ranks, 4 chunks, 6 steps, 24 transfers"
    assert shown["text/plain"] == words
    assert shown["text/html"].count("<tr><td") == 6
    assert words in shown["text/html"]
    # Step 0: each of four ranks sends a quarter to be added up.
    cells = ["0", "4", "4", "0", "4", "1 MiB"]
    assert "".join(f'<td style="text-align: right">{cell}</td>' for cell in cells) in shown["text/html"]


def test_long_schedules_are_cut(monkeypatch):
    monkeypatch.setattr(notebook, "MOST_STEPS", 2)
    plan = collsim.simulate("ring4", "ring", size="4KiB", engine="analytic").schedule
    assert notebook.steps_table(plan).endswith("24 transfers; 4 more steps</p>")


def test_importing_collsim_in_ipython_is_enough():
    pytest.importorskip("IPython")
    code = (
        "from IPython.core.interactiveshell import InteractiveShell; shell = InteractiveShell.instance(); "
        "import collsim, sys; assert 'matplotlib' not in sys.modules; "
        "print(sorted(shell.display_formatter.format(collsim.load('ring4'))[0]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['image/png', 'text/plain']"
