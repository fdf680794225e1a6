"""The page of one run: what was asked and proved, where the time goes, links, transfers by time, provenance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from collsim.link_table import MOST_LINKS, LinkTable, read_links
from collsim.report.describe import run_rows
from collsim.report.page.charts import bar_chart, shares_bar
from collsim.report.page.html import MOST_ROWS, document, element, facts_table, figure, section, shown, sorted_table
from collsim.report.page.pictures import time_svg, use_svg
from collsim.report.page.rows import words_of
from collsim.result import Outcome
from collsim.units import FS_PER_SECOND, format_time

__all__ = ["run_page", "saved_run_page"]

LINK_HEADS = {
    "name": "link",
    "bandwidth": "rate",
    "use": "share of the run",
    "busy_fs": "sending",
    "bytes": "bytes",
}


def run_page(outcome: Outcome) -> str:
    """Return the page of a run: one HTML document that needs nothing else."""
    value, summary = outcome.to_dict(), outcome.summary()
    parts = [
        section("Result", facts_table(run_rows(outcome))),
        *_speedup(value),
        *_critical(value),
        _links(outcome),
        _times(outcome),
        section("Provenance", facts_table(_provenance(value))),
    ]
    return document(summary["run"], *parts)


def saved_run_page(value: Mapping[str, Any]) -> str:
    """Return the page of a run from what `collsim run --json` wrote, which holds links but no transfers."""
    title = f"{value['collective']} on {value['topology']} by {value['algorithm']}"
    known = [
        (words_of(name), shown(name, entry))
        for name, entry in value.items()
        if not isinstance(entry, dict) and name not in ("baseline", "link_table", "time_fs")
    ]
    note = "Made from a file, which does not hold the time of each transfer."
    parts = [section("Result", facts_table(known)), *_speedup(value), *_critical(value), _saved_links(value)]
    return document(title, *parts, section("Provenance", facts_table(_provenance(value)), element("p", note)))


def _speedup(value: Mapping[str, Any]) -> list[str]:
    before = value.get("baseline")
    if not before:
        return []
    bars = [(str(one["algorithm"]), float(one["time_s"]), shown("time_s", one["time_s"])) for one in (before, value)]
    bars.append(("lower bound", float(value["bound_s"]), shown("bound_s", value["bound_s"])))
    chart = bar_chart(bars, lambda time: format_time(round(time * FS_PER_SECOND)))
    caption = f"{value['speedup']:.3g} times as fast as {before['algorithm']}." if value["speedup"] else "Times."
    return [section("Against the baseline", figure(chart, caption))]


def _critical(value: Mapping[str, Any]) -> list[str]:
    path = {name: time for name, time in (value.get("critical_path") or {}).items() if time}
    if not path:
        return []
    total = sum(path.values())
    found = sorted(path.items(), key=lambda item: -item[1])
    bar = shares_bar([(name.replace("_", " "), time / total, shown("time_s", time)) for name, time in found])
    rows = [{"part": name.replace("_", " "), "time_s": time, "share": f"{time / total:.2%}"} for name, time in found]
    table = sorted_table(rows, {"part": "part", "time_s": "time", "share": "share"})
    return [section("Where the time goes", figure(bar, "The critical path, cut by what it waited for."), table)]


def _links(outcome: Outcome) -> str:
    result = outcome.result
    return _link_section(LinkTable(outcome.topology, result.link_busy, result.link_bytes), result.time)


def _saved_links(value: Mapping[str, Any]) -> str:
    columns = value.get("link_table")
    if columns is None:
        note = f"The file does not hold the use of each link: of machines with more than {MOST_LINKS:,} links it never does."
        return section("Links", element("p", note))
    return _link_section(read_links(str(value["topology"]), columns), int(value["time_fs"]))


def _link_section(table: LinkTable, time: int) -> str:
    machine, svg = table.topology, use_svg(table, time)
    caption = "Each direction of a cable is a line on the right of its way, as wide as its rate; pale: it sent nothing."
    drawn = figure(svg, caption) if svg else element("p", f"A page draws machines of up to {MOST_LINKS:,} links.")
    rows = [
        {
            "name": machine.link_name(link),
            "bandwidth": int(machine.bandwidth[link]),
            "use": int(table.busy[link]) / max(time, 1),
            "busy_fs": int(table.busy[link]),
            "bytes": int(table.sent[link]),
        }
        for link in np.argsort(-table.busy, kind="stable")[:MOST_ROWS].tolist()
    ]
    left = machine.links - len(rows)
    note = element("p", f"{left:,} links that sent less are left out.") if left else ""
    return section("Links", drawn, element("div", sorted_table(rows, LINK_HEADS), class_="scroll"), note)


def _times(outcome: Outcome) -> str:
    svg, caption = time_svg(outcome)
    if not svg:
        return ""
    plan, result = outcome.schedule, outcome.result
    size = plan.message_bytes(outcome.size)
    rows = []
    for step in np.unique(plan.step).tolist()[:MOST_ROWS]:
        own = plan.step == step
        rows.append(
            {
                "step": step,
                "transfers": int(own.sum()),
                "bytes": int(size[own].sum()),
                "ready_fs": int(result.message_ready[own].min()),
                "finish_fs": int(result.message_finish[own].max()),
            }
        )
    heads = {
        "step": "step",
        "transfers": "transfers",
        "bytes": "bytes",
        "ready_fs": "first ready",
        "finish_fs": "last complete",
    }
    table = element("div", sorted_table(rows, heads), class_="scroll")
    return section("Transfers", figure(svg, caption), table)


def _provenance(value: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = [(f"{name} (sha256)" if len(str(text)) == 64 else name, str(text)) for name, text in value["provenance"].items()]
    settings = ", ".join(f"{name}={setting}" for name, setting in value["changed_settings"].items())
    more = [("settings", settings or "defaults"), ("placement", str(value["placement"]))]
    more += [("faults", ", ".join(value["faults"]) or "none"), ("verified by", str(value["verification"]))]
    return [*found, *more, ("engine took", shown("wall_s", value["wall_s"]))]
