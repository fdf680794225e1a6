"""Values of notebook cells: what they say, and that they stay small on huge machines."""

import re

import pytest
from lxml import html as parser

from collsim.display import DISPLAYS, html_of
from collsim.errors import UnknownName
from collsim.report.displays.schedule import MOST_BARS
from collsim.simulate import prepare, simulate
from collsim.topology import load

MOST_BYTES = 600_000


def shapes(text, name):
    return parser.fromstring(text).xpath(f"//*[local-name()='{name}']")


def test_a_topology_is_drawn_and_described():
    text = load("fattree4")._repr_html_()
    assert "16 hosts" in text
    assert len(shapes(text, "polyline")) == 96
    assert len(shapes(text, "circle")) == 16


def test_a_schedule_shows_its_first_transfers_and_all_steps():
    plan, _ = prepare("torus4x4").plan("multitree", 4096)
    text = plan._repr_html_()
    assert "480 transfers of 16 chunks in 10 steps" in text
    assert "and 472 more transfers" in text
    assert len(shapes(text, "rect")) == plan.transfers
    assert "reduce of chunk" in text


def test_an_outcome_shows_its_summary_and_two_drawings():
    outcome = simulate("torus3x3", "ring", size="64KiB", crossings=True)
    text = outcome._repr_html_()
    for value in outcome.summary().values():
        assert value in parser.fromstring(text).text_content()
    assert len(shapes(text, "details")) == 2
    assert len(shapes(text, "polyline")) == outcome.topology.links


@pytest.mark.parametrize("name", ["torus8x8x8", "fattree16"])
def test_huge_machines_stay_small(name):
    topology = load(name)
    text = topology._repr_html_()
    assert len(text) < MOST_BYTES
    assert "are not drawn here" in text
    case = prepare(topology, engine="analytic")
    plan, _ = case.plan("direct", 2**20)
    text = plan._repr_html_()
    assert len(text) < MOST_BYTES
    assert 0 < len(shapes(text, "rect")) <= MOST_BARS
    assert re.search(r"The first \d+ of [\d,]+ ranks", text)


def test_displays_are_found_by_name():
    assert list(DISPLAYS) == ["outcome", "schedule", "topology"]
    with pytest.raises(UnknownName, match="display"):
        html_of("outcom", None)
