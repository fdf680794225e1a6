"""Figures of a run: units, titles, and what they must name."""

from html import unescape
from itertools import combinations

import numpy as np
import pytest

from collsim.report.palette import SERIES, of_chunk, scale_stops
from collsim.report.plot_runs import plot_links, plot_steps, plot_time
from collsim.simulate import prepare, simulate


def text_of(path):
    return unescape(path.read_text())


def test_links_are_coloured_by_use(tmp_path):
    path = tmp_path / "out.svg"
    outcome = simulate("dgx1-v100", "ring", size="1MiB")
    plot_links(outcome, path)
    text = text_of(path)
    assert "<!-- share of the run that the link was sending -->" in text
    assert f"<!-- all-reduce of 1 MiB on dgx1-v100 by ring: {outcome.summary()['time']}" in text
    assert f"busiest: {outcome.topology.link_name(outcome.bottleneck)}, {outcome.link_use.max():.1%}" in text
    assert "32 of 48 links idle" in text
    assert "<!-- gpu7 -->" in text


@pytest.mark.parametrize("topo, row", [("ring4", "h3->h0"), ("ring100", "31")])
def test_time_has_rows_units_bound_and_end(tmp_path, topo, row):
    path = tmp_path / "out.svg"
    plot_time(simulate(topo, "ring", size="64KiB", crossings=True), path)
    text = text_of(path)
    for word in ("time", "lower bound", "end", row):
        assert f"<!-- {word} -->" in text
    assert ("the first 32 of 100 ranks" in text) == (topo == "ring100")


def test_few_chunks_have_a_legend_many_a_scale(tmp_path):
    path = tmp_path / "out.svg"
    for topo, found in (("ring4", "<!-- chunk 3 -->"), ("ring9", "<!-- chunk -->")):
        case = prepare(topo)
        plot_steps(case.plan("ring", 4096)[0], case.topology, path)
        assert found in text_of(path)
    assert "<!-- step (a version number, not a time) -->" in text_of(path)


def test_chunks_take_the_colours_for_colour_blind_eyes():
    assert [of_chunk(chunk, 8) for chunk in range(8)] == list(SERIES)
    assert (of_chunk(0, 90), of_chunk(89, 90)) == (scale_stops()[0], scale_stops()[-1])
    assert len({of_chunk(chunk, 90) for chunk in range(90)}) == 90


# What eyes without M and without L cones see, in linear RGB: Machado, Oliveira, Fernandes (2009), at full severity.
DEUTERANOPIA = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))
PROTANOPIA = ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998))
XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))


def lab(colour, eyes):
    values = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    white = np.array(XYZ) @ np.clip(np.array(eyes) @ linear, 0, 1) / (0.9505, 1.0, 1.089)
    x, y, z = np.where(white > 0.008856, np.cbrt(white), 7.787 * white + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eyes", [np.eye(3), DEUTERANOPIA, PROTANOPIA], ids=["all cones", "no M cones", "no L cones"])
def test_series_stay_apart_for_colour_blind_eyes(eyes):
    for a, b in combinations(SERIES, 2):
        assert np.linalg.norm(lab(a, eyes) - lab(b, eyes)) > 15, (a, b)


def test_without_a_path_the_picture_is_returned():
    outcome = simulate("ring4", "ring", size="4KiB")
    for found in (plot_links(outcome), plot_time(outcome), plot_steps(outcome.schedule, outcome.topology)):
        assert found.png.startswith(b"\x89PNG")
