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
    """Return the parts of this name that say what they are; those of a key do not."""
    return parser.fromstring(text).xpath(f"//*[local-name()='{name}'][*[local-name()='title']]")


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
    assert len(parser.fromstring(text).xpath("//details")) == 2
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


def test_links_are_as_wide_as_their_rates_and_a_key_says_so():
    machine = load("dgx-a100-x2")
    text = machine._repr_html_()
    wide = [float(line.get("stroke-width")) for line in shapes(text, "polyline")]
    by_rate = {
        rate: {w for w, r in zip(wide, machine.bandwidth.tolist(), strict=True) if r == rate} for rate in (25e9, 300e9)
    }
    assert [len(found) for found in by_rate.values()] == [1, 1]
    (slow,), (fast,) = by_rate.values()
    assert 2.5 * slow < fast
    key = parser.fromstring(text).xpath("//*[local-name()='g']")
    assert [entry.text_content() for entry in key] == ["host", "switch", "link, 300 GB/s", "link, 25 GB/s"]
    assert [float(entry[0].get("stroke-width")) for entry in key[2:]] == [fast, slow]


def test_a_drawing_is_not_lost_on_a_dark_page_nor_wider_than_its_cell():
    for text in (load("torus2")._repr_html_(), simulate("ring3", "ring", size="4KiB", crossings=True)._repr_html_()):
        for svg in parser.fromstring(text).xpath("//*[local-name()='svg']"):
            assert "background:#fff" in svg.get("style")
            assert "max-width:100%" in svg.get("style")


def test_diagrams_name_their_axes_and_their_colours():
    for ranks, words in ((4, [f"chunk {k}" for k in range(4)]), (9, ["chunk 0", "chunk 8"])):
        tree = parser.fromstring(simulate(f"ring{ranks}", "ring", size="64KiB", crossings=True)._repr_html_())
        said = [text.text_content() for text in tree.xpath("(//details)[2]//*[local-name()='text']")]
        assert said.count("time") == said.count("link") == 1
        assert [text for text in said if text.startswith("chunk")] == words
