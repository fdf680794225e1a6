"""docs/models.md holds the facts on board, and shows code, a file and a command that work."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from collsim.cli.main import invoke
from collsim.workloads.accelerators.roofline import roofline
from collsim.workloads.load_transformer import load_transformer
from collsim.workloads.transformer_compute import decode, train, transformer_times
from collsim.workloads.transformer_report import transformer_row
from collsim.workloads.transformers.shape import TRANSFORMERS

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text()


def blocks(kind):
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("name", list(TRANSFORMERS))
def test_every_transformer_has_its_row(name):
    row = transformer_row(TRANSFORMERS.get(name))
    assert row in PAGE.splitlines(), f"add to docs/models.md:\n{row}"


def test_the_table_names_nothing_else():
    assert re.findall(r"^\| `([a-z0-9.-]+)`", PAGE, re.MULTILINE) == list(TRANSFORMERS)


@pytest.mark.parametrize(("source", "shown"), list(zip(blocks("python"), blocks("text"), strict=True)))
def test_the_code_prints_what_is_shown(source, shown, capsys):
    exec(source, {})
    assert capsys.readouterr().out == shown


def test_the_file_is_a_transformer(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(blocks("yaml")[0])
    shape = load_transformer(path)
    assert (shape.layers, shape.kv_heads, shape.tied, shape.gated, shape.norm) == (16, 8, True, True, "rmsnorm")
    assert shape.parameters == pytest.approx(1.24e9, rel=0.01)  # the shape of Llama 3.2 1B


def test_the_command_runs():
    for command in blocks("console"):
        assert invoke(command.split()[2:]) == 0


@pytest.mark.parametrize(("name", "machine", "sliced"), [("gpt3-175b", "a100", True), ("llama3-405b", "h100", False)])
def test_computing_alone_is_as_told_and_above_what_was_measured(name, machine, sliced):
    shape, accelerator = TRANSFORMERS.get(name), roofline(machine)
    times = transformer_times(shape, accelerator, train(shape, 1), tp=8, sequence_parallel=sliced)
    share = 100 * shape.step_flops(1) / 8 / (times.total / 1e15) / accelerator.peak()
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| {shape.title} on"))
    measured, computed = (float(cell.rstrip(" %")) for cell in row.strip("| ").split(" | ")[1:])
    assert computed == round(share, 1)
    assert measured < computed


def test_an_overhead_costs_what_is_told():
    shape = TRANSFORMERS.get("llama2-7b")
    machines = roofline("h100"), replace(roofline("h100"), overhead=2 * 10**9)
    tokens = [transformer_times(shape, machine, decode(4096), tp=8).forward / 1e12 for machine in machines]
    assert "from {:.2f} to {:.2f} ms a token".format(*tokens) in " ".join(PAGE.split())
