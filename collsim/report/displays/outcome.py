"""A run as the value of a cell: its summary, and to be unfolded how busy links were and when transfers went."""

from __future__ import annotations

from html import escape

from collsim.display import DISPLAYS
from collsim.report.displays.topology import MOST_LINKS
from collsim.report.page.html import element, facts_table
from collsim.report.page.pictures import machine_svg, time_svg
from collsim.result import Outcome

__all__ = ["MOST_BARS", "show"]

MOST_BARS = 1500


@DISPLAYS.register("outcome")
def show(outcome: Outcome) -> str:
    """Return the summary with two drawings folded away, bounded in size."""
    parts = [facts_table(list(outcome.summary().items()))]
    links = machine_svg(outcome.topology, outcome, most=MOST_LINKS)
    times, caption = time_svg(outcome, MOST_BARS)
    for title, svg in (("How busy each link was; pale: it sent nothing", links), (caption, times)):
        if svg:
            parts.append(element("details", element("summary", escape(title)), svg))
    return "".join(parts)
