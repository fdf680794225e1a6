"""Bars of ways to train across sites: every part and name is drawn, in units that fit."""

import re

import pytest

from collsim.errors import InvalidValue
from collsim.report.palette import BLUE, ORANGE, VERMILION
from collsim.report.site_bars import plot_ways


def row(way, *parts, law=None, algorithm="ring"):
    names = dict(zip(("compute_s", "inside_s", "across_s"), parts, strict=True))
    return {"way": way, "algorithm": algorithm, "step_s": sum(parts), "step_law_s": law or sum(parts), **names}


def drawn(tmp_path, rows, title="A training step"):
    path = tmp_path / "ways.svg"
    plot_ways(rows, path, title)
    return path.read_text()


def test_parts_have_colours_and_names_and_bars_their_times(tmp_path):
    text = drawn(tmp_path, [row("flat", 1.0, 0.25, 0.5), row("late", 1.0, 0.25, 0.0)])
    for words in ("flat", "late", "1.75 s", "1.25 s", "time of a step (s)", "computing", "wide area, not hidden", "law"):
        assert f"<!-- {words} -->" in text
    assert all(colour.lower() in text for colour in (BLUE, ORANGE, VERMILION))


@pytest.mark.parametrize("scale, unit", [(1, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"), (1e-12, "ns")])
def test_the_unit_follows_the_longest(tmp_path, scale, unit):
    assert f"<!-- time of a step ({unit}) -->" in drawn(tmp_path, [row("flat", 2 * scale, scale, scale)])


def test_long_names_are_broken_into_lines_and_stay_whole(tmp_path):
    algorithm = "hierarchical:group=site,outer=swap,inner=halving-doubling"
    title = "A training step on a machine whose name is as long as that of a small town in Wales " * 3
    text = drawn(tmp_path, [row("flat", 1, 1, 1, algorithm=algorithm)], title)
    lines = [line.strip() for found in re.findall(r"<!-- (.*?) -->", text, re.DOTALL) for line in found.splitlines()]
    start = next(k for k, line in enumerate(lines) if line.startswith("hierarchical"))
    assert "".join(lines).count(algorithm) == 1
    assert len(lines[start]) <= 26
    assert max(map(len, lines)) <= 78


def test_no_way_and_no_image_are_refused(tmp_path):
    with pytest.raises(InvalidValue, match="no way to draw"):
        plot_ways([], tmp_path / "ways.png", "")
    with pytest.raises(InvalidValue, match=r"\.png"):
        plot_ways([row("flat", 1, 1, 1)], tmp_path / "ways.txt", "")
