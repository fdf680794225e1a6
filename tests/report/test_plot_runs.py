"""Figures of a run: units, titles, and what they must name."""

from html import unescape

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


def test_without_a_path_the_picture_is_returned():
    outcome = simulate("ring4", "ring", size="4KiB")
    for found in (plot_links(outcome), plot_time(outcome), plot_steps(outcome.schedule, outcome.topology)):
        assert found.png.startswith(b"\x89PNG")
