"""docs/calibrate.md: its commands run, and the numbers of the page are what comes out."""

import re
import shlex
from pathlib import Path

import pytest

from collsim.cli.main import invoke
from collsim.interop.nccl_tests_read import read_nccl_tests
from collsim.simulate import prepare
from collsim.sweep.calibrate import calibrate
from collsim.units import format_time

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "calibrate.md").read_text()


@pytest.fixture
def _folder(tmp_path, monkeypatch):
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_folder")
def test_every_command_runs_and_so_does_what_it_says_to_try_next(capsys):
    commands = re.findall(r"^\$ collsim (.*)$", PAGE, re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        assert invoke(shlex.split(command)) == 0, command
    printed = capsys.readouterr().out
    tried = re.findall(r"^Try next +collsim (.*)$", printed, re.MULTILINE)
    for command in tried:
        assert invoke(shlex.split(command)) == 0, command
    assert len(tried) == 3


@pytest.mark.usefixtures("_folder")
def test_the_python_block_runs():
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
    exec(compile(code, "calibrate.md", "exec"), {})


@pytest.mark.parametrize(
    "name, topology, options, least",
    [
        ("h100-2x1-400g", "full2", {"bandwidth": "400Gb/s", "latency": "1us"}, 0),
        ("gb200-nvl72", "nvl72", {}, 0),
        ("h20-8", "switch8", {"bandwidth": "450GB/s", "latency": "350ns"}, 2**21),
    ],
)
def test_the_table_of_fits(name, topology, options, least):
    row = re.search(rf"^\| `docs/examples/nccl-tests/{name}.txt` \|.*\|$", PAGE, re.MULTILINE)[0]
    measured = read_nccl_tests(ROOT / f"docs/examples/nccl-tests/{name}.txt")
    found = calibrate(prepare(topology, **options), measured, "ring", least=least)
    overhead, share = format_time(found.setting.overhead), f"{100 * found.setting.efficiency:.4g} %"
    assert row.endswith(f"| {overhead} | {share} | {100 * found.rms:.2g} % |")
    source = re.search(r"Source: (https://github.com/\S+),", (ROOT / f"docs/examples/nccl-tests/{name}.txt").read_text())
    assert source is not None


def test_every_example_has_a_row():
    for file in (ROOT / "docs" / "examples" / "nccl-tests").iterdir():
        assert f"`docs/examples/nccl-tests/{file.name}`" in PAGE
