"""A topology as the value of a cell: its facts and its drawing."""

from __future__ import annotations

from html import escape

from collsim.display import DISPLAYS
from collsim.report.describe import machine_text
from collsim.report.page.html import element, facts_table
from collsim.report.page.pictures import machine_svg
from collsim.topology.graph import Topology

__all__ = ["MOST_LINKS", "show"]

MOST_LINKS = 1200
"""Links that the drawing of a cell holds, some 250 kB of it."""


@DISPLAYS.register("topology")
def show(topology: Topology) -> str:
    """Return the machine in words and, up to 1,200 links, drawn."""
    rows = [("machine", machine_text(topology)), ("family", topology.family)]
    rows += [("about", topology.about)] if topology.about else []
    drawn = machine_svg(topology, most=MOST_LINKS)
    note = f"More than {MOST_LINKS:,} links are not drawn here; collsim topo plot draws any number."
    return facts_table(rows) + (drawn or element("p", escape(note)))
