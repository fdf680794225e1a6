"""docs/calibrate.md: its commands run, and the numbers of the page are what comes out."""

import re
import shlex
from pathlib import Path

import pytest

from collsim.cli.main import invoke
from collsim.interop.nccl_tests_read import read_nccl_tests
from collsim.simulate import prepare
from collsim.sweep.calibrate import calibrate
from collsim.topology import load
from collsim.units import format_time, parse_time

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


@pytest.mark.parametrize("name, links, family", [("hgx-h100", 16, "switch"), ("tpu-v3-8", 16, "ring")])
def test_the_machines_that_others_measured(name, links, family):
    machine = load(ROOT / "docs" / "examples" / "networks" / f"{name}.yml")
    _, _, rate, latency = (
        re.search(rf"^\| `docs/examples/networks/{name}.yml` \|(.*)$", PAGE, re.MULTILINE)[0].strip(" |").split(" | ")
    )
    assert (machine.hosts, machine.links, machine.family.split()[0]) == (8, links, family)
    assert set(machine.bandwidth.tolist()) == {int(rate.split()[0]) * 2**30}
    assert set(machine.latency.tolist()) == {parse_time(latency)}
    # Seven steps of a byte take next to nothing but the latency of the links between neighbours.
    run, way = prepare(machine, collective="all-gather").run("ring", 8), 2 if family == "switch" else 1
    assert run.result.time == pytest.approx(7 * way * parse_time(latency), rel=1e-4)
