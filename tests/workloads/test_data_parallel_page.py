"""docs/data-parallel.md: rows of every scheme, payloads, and what its code prints."""

from pathlib import Path

import pytest

from collsim.cli.main import invoke
from collsim.sweep.data_parallel import Job, data_parallel
from collsim.workloads.data_parallel import SCHEMES
from collsim.workloads.layers import NETWORKS
from collsim.workloads.training_step import StepRequest

PAGE = (Path(__file__).parents[2] / "docs" / "data-parallel.md").read_text()
PAYLOADS = {"resnet50": 102.2, "resnet101": 178.2, "resnet152": 240.8, "vgg16": 553.4}


@pytest.mark.parametrize("name", list(SCHEMES))
def test_every_scheme_has_its_row(name):
    scheme = SCHEMES.get(name)
    row = f"| `{name}` | {scheme.about} | {scheme.law_text} | {scheme.source} |"
    assert row in PAGE.splitlines(), f"add to docs/data-parallel.md:\n{row}"


@pytest.mark.parametrize("name", PAYLOADS)
def test_payloads_are_those_published(name):
    study = data_parallel(2, "ssgd", job=Job(StepRequest(name), iterations=1, warmup=0), engine="analytic")
    size = study.runs[0].place.step.size
    assert round(size / 1e6, 1) == PAYLOADS[name]
    assert f"| `{name}` | {NETWORKS.get(name).all_parameters:,} | {PAYLOADS[name]} MB |" in PAGE.splitlines()
    assert size == 4 * NETWORKS.get(name).all_parameters


def test_the_python_block_prints_what_is_shown(capsys):
    exec(PAGE.split("```python\n")[1].split("```")[0], {})
    assert capsys.readouterr().out == PAGE.split("```text\n")[1].split("```")[0]


def test_the_algorithm_on_real_numbers_runs():
    exec(PAGE.split("```python\n")[2].split("```")[0], {})


def test_the_command_runs(capsys):
    command = PAGE.split("```console\n$ collsim ")[1].split("\n")[0]
    assert invoke(command.split()) == 0
    assert capsys.readouterr().out.count("equal to the tick") == 4
