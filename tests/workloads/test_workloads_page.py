"""docs/workloads.md holds the facts on board, and shows code that works."""

import re
from pathlib import Path

import pytest
from workloads.published import CYCLES, WEIGHTS

from collsim.workloads.accelerators.accelerator import ACCELERATORS, pass_times
from collsim.workloads.facts import accelerator_row, network_row
from collsim.workloads.layers import NETWORKS

PAGE = (Path(__file__).parents[2] / "docs" / "workloads.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def cycles_of(network):
    machine = ACCELERATORS.get("multitree-isca21")
    return sum(pass_times(machine, layer, 16).total for layer in network.layers) // 10**6


def cycles_row(name):
    """Weights and cycles of an iteration beside the published ones."""
    network, weights, cycles = NETWORKS.get(name), WEIGHTS.get(name), CYCLES.get(name)
    bare = cycles_of(network.unpadded())
    cells = (
        f"`{name}`",
        f"{network.parameters:,}",
        f"{weights:,}" if weights else "",
        f"{cycles_of(network):,}",
        f"{bare:,}",
        f"{cycles:,}" if cycles else "",
        f"{100 * (bare / cycles - 1):+.1f} %" if cycles else "",
    )
    return f"| {' | '.join(cells)} |"


@pytest.mark.parametrize("name", list(NETWORKS))
def test_every_network_has_its_rows(name):
    for row in (network_row(NETWORKS.get(name)), cycles_row(name)):
        assert row in PAGE.splitlines(), f"add to docs/workloads.md:\n{row}"


@pytest.mark.parametrize("name", list(ACCELERATORS))
def test_every_accelerator_has_its_row(name):
    row = accelerator_row(ACCELERATORS.get(name))
    assert row in PAGE.splitlines(), f"add to docs/workloads.md:\n{row}"


def test_the_tables_name_nothing_else():
    assert set(re.findall(r"^\| `([a-z0-9-]+)`", PAGE, re.MULTILINE)) == {*NETWORKS, *ACCELERATORS}


def test_the_iteration_prints_what_is_shown(capsys):
    exec(BLOCKS[0], {})
    shown = PAGE.split("```text\n")[1].split("```")[0]
    assert capsys.readouterr().out == shown


def test_the_example_of_adding_a_network_works():
    try:
        exec(BLOCKS[1], {"__name__": "lenet5"})
        network = NETWORKS.get("lenet5")
        assert [layer.out_height for layer in network.layers[:2]] == [28, 10]
        assert network.parameters == 61_470
    finally:
        NETWORKS._entries.pop("lenet5", None)
        NETWORKS._aliases.pop("lenet5", None)
