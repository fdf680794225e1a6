"""A schedule as the value of a cell: its facts, its first transfers, and ranks by steps."""

from __future__ import annotations

from html import escape

from collsim.collectives.schedule import OP_NAMES, Schedule
from collsim.display import DISPLAYS
from collsim.report.page.html import element, facts_table, sorted_table
from collsim.report.page.pictures import steps_svg

__all__ = ["MOST_BARS", "MOST_TRANSFERS", "show"]

MOST_TRANSFERS, MOST_BARS = 8, 1500


@DISPLAYS.register("schedule")
def show(schedule: Schedule) -> str:
    """Return what the schedule is, its first eight transfers, and up to 1,500 of them by rank and step."""
    plan = schedule
    facts = [
        ("schedule", f"{plan.collective.name} by {plan.algorithm} among {plan.ranks:,} ranks"),
        ("size", f"{plan.transfers:,} transfers of {plan.chunks:,} chunks in {plan.steps:,} steps"),
    ]
    names = ("step", "src", "dst", "chunk", "count")
    rows = [
        {name: int(getattr(plan, name)[k]) for name in names} | {"op": OP_NAMES[int(plan.op[k])]}
        for k in range(min(MOST_TRANSFERS, plan.transfers))
    ]
    heads = {name: name for name in (*names, "op")}
    left = plan.transfers - len(rows)
    more = element("p", escape(f"... and {left:,} more transfers")) if left else ""
    svg, caption = steps_svg(plan, MOST_BARS)
    return facts_table(facts) + sorted_table(rows, heads) + more + svg + element("p", escape(caption))
