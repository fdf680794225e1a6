"""Tables as a terminal shows them: wrapped to its width, but for what is copied or read as one word."""

import io

import pytest

from collsim.report.table import print_columns, print_rows


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    return Terminal()


def test_commands_are_not_broken_on_a_terminal(narrow):
    command = "collsim compare --topo torus4x4 --algos ring,2d-ring:parts=4,multitree:chunks=2 --sizes 64MiB --engine simpy"
    print_rows([("Advice", "long " * 30), ("Try next", command)], narrow)
    lines = narrow.getvalue().splitlines()
    assert lines[-1].split("  ", 1)[1].strip() == command
    assert len(lines) > 3


def test_names_and_numbers_are_not_broken_and_sentences_are(narrow):
    print_columns(["algorithm", "what"], [["multitree *", "a sentence " * 20]], narrow, left=2)
    text = narrow.getvalue()
    assert "multitree *" in text
    assert max(map(len, text.splitlines())) <= 80


def test_elsewhere_every_row_is_one_line():
    out = io.StringIO()
    print_rows([("A", "long " * 60), ("Try next", "command")], out)
    assert out.getvalue().count("\n") == 2


def test_a_table_too_wide_for_its_box_loses_the_box_and_no_letter(narrow):
    heads = ["layer", "input", "filters", "weights", "forward", "input gradient", "weight gradient"]
    row = ["conv4", "13x13x384", "384 of 3x3", "1,327,104", "248.9 us", "18.71 ms", "219.1 us"]
    print_columns(heads, [row], narrow)
    lines = narrow.getvalue().splitlines()
    assert lines[-1].split() == " ".join(row).split()
    assert max(map(len, lines)) <= 80
    assert "…" not in narrow.getvalue()


def test_names_too_long_for_the_terminal_are_folded_whole(narrow):
    name = "hierarchical:inner=direct,outer=direct"
    heads = ["size", "algorithm", "time", "algbw", "busbw", "speedup", "of bound"]
    print_columns(heads, [["64 MiB", name, "2.016 ms", "33.29 GB/s", "58.25 GB/s", "2.33x", "38.8 %"]], narrow, left=2)
    cells = [line[8:].split("  ")[0].strip() for line in narrow.getvalue().splitlines()[-3:]]
    assert name in "".join(cells)
    assert max(map(len, narrow.getvalue().splitlines())) <= 80
