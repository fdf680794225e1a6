"""`collsim net`: networks as a user sees them."""

import pytest

from collsim.cli.main import invoke
from collsim.workloads.layers import NETWORKS


def test_the_list_names_every_network(capsys):
    assert invoke(["net", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(NETWORKS)


def test_show_prints_every_layer_with_its_times(capsys):
    assert invoke(["net", "show", "alexnet"]) == 0
    about, table = capsys.readouterr().out.split("\n\n")
    assert "Weights    3,745,824" in about
    assert "Computing  21.92 ms an iteration" in about
    words = " ".join(table.splitlines()[1].split())
    assert words == "conv1 227x227x3 96 of 11x11 34,848 103.5 us 18.71 ms 108.9 us"
    assert len(table.splitlines()) == 6


def test_seventeen_samples_take_sixteen_arrays_two_turns(capsys):
    assert invoke(["net", "show", "alexnet", "--samples", "17"]) == 0
    assert "Computing  43.84 ms an iteration" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        (("show", "alexnt"), "'alexnet'"),
        (("show", "alexnet", "--accelerator", "multitree"), "'multitree-isca21'"),
        (("show", "alexnet", "--samples", "0"), "x>=1"),
        (("lst",), "list"),
    ],
)
def test_a_wrong_request_names_the_cure(words, cure, capsys):
    assert invoke(["net", *words]) == 2
    assert cure in capsys.readouterr().err
