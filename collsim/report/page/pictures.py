"""Pictures of a run as SVG: the machine with its links by use, and transfers by time; every part says what it is."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.schedule import Schedule
from collsim.link_table import MOST_LINKS, LinkTable
from collsim.report.page.html import element
from collsim.report.page.keys import chunk_key, machine_key, use_key
from collsim.report.palette import HOST, LINK, PALE, SWITCH, VERMILION, of_chunk
from collsim.report.shapes import directed_shapes, node_radii, rate_shares, spacing
from collsim.report.spacetime import Bars, bars_of_ranks, bars_of_run, described, fewer, shortened
from collsim.result import Outcome
from collsim.topology.graph import Topology
from collsim.units import format_bandwidth, format_size, format_time

__all__ = ["MOST_BARS", "MOST_LINKS", "machine_svg", "steps_svg", "time_svg", "use_svg"]

MOST_BARS = 6000
"""Bars of a space-time diagram that a page draws."""
SIDE, WIDE, ROW = 720, 980, 18
TOP, NARROWEST = 16, 380
"""Pixels above the rows of a diagram, and those that the key below a machine takes."""


def machine_svg(topology: Topology, outcome: Outcome | None = None, most: int = MOST_LINKS) -> str:
    """Return the machine, links as wide as their rates; with a run, coloured by use. "" for more than `most` links."""
    if outcome is None:
        return _machine(topology, None, np.zeros(0), most)
    return use_svg(LinkTable(topology, outcome.result.link_busy, outcome.result.link_bytes), outcome.result.time, most)


def use_svg(table: LinkTable, time: int, most: int = MOST_LINKS) -> str:
    """Return what `machine_svg` does, from what is known of the links of a run of `time` fs."""
    return _machine(table.topology, table, table.busy / max(time, 1), most)


def _machine(topology: Topology, table: LinkTable | None, use: NDArray[np.float64], most: int) -> str:
    if topology.links > most:
        return ""
    shapes = directed_shapes(topology)
    rim = 1.8 * node_radii(topology)[:, None]
    nodes, edge = topology.coordinates, rim[0] / 4
    every = np.concatenate([nodes - rim, nodes + rim, *(s - edge for s in shapes), *(s + edge for s in shapes)])
    low, high = every.min(axis=0), every.max(axis=0)
    scale = SIDE / float(max(np.ptp(every, axis=0)))
    width, height = ((high - low) * scale).tolist()
    widest = float(np.clip(0.055 * spacing(topology) * scale, 0.5, 4))
    thick = rate_shares(topology.bandwidth, topology)
    parts = []
    order = range(topology.links) if table is None else np.argsort(use, kind="stable").tolist()
    for link in order:
        points = (shapes[link] - low) * scale
        way = " ".join(f"{x:.1f},{height - y:.1f}" for x, y in points.tolist())
        colour, says = LINK, topology.link_name(link)
        if table is not None:
            colour = _shade(float(use[link])) if use[link] else PALE
            says += f"\n{use[link]:.1%} of the run, {format_size(int(table.sent[link]))}"
        says += f"\n{format_bandwidth(int(topology.bandwidth[link]))}"
        style = {"fill": "none", "stroke": colour, "stroke_width": f"{widest * thick[link]:.2f}"}
        parts.append(element("polyline", element("title", escape(says)), points=way, **style))
    parts += _nodes(topology, low, height, scale)
    wide, below = max(width, NARROWEST), height + 8
    key, high_ = machine_key(topology, wide, below, widest)
    scale_key, more = use_key(wide, below + high_) if table is not None else ([], 0.0)
    return _svg([*parts, *key, *scale_key], wide, below + high_ + more)


def _nodes(t: Topology, low: NDArray[np.float64], height: float, scale: float) -> list[str]:
    radii = np.maximum(node_radii(t) * scale, 0.8)
    parts = []
    for node in range(t.nodes):
        x, y = ((t.coordinates[node] - low) * scale).tolist()
        title, y, radius = element("title", escape(t.names[node])), height - y, float(radii[node])
        if node < t.hosts:
            parts.append(element("circle", title, cx=f"{x:.1f}", cy=f"{y:.1f}", r=f"{radius:.1f}", fill=HOST))
        else:
            side = f"{1.8 * radius:.1f}"
            at = {"x": f"{x - 0.9 * radius:.1f}", "y": f"{y - 0.9 * radius:.1f}"}
            parts.append(element("rect", title, **at, width=side, height=side, fill=SWITCH))
        if 1.7 * radius > 6.5 * len(t.names[node]):
            style = {"text_anchor": "middle", "pointer_events": "none"}
            parts.append(element("text", escape(t.names[node]), x=f"{x:.1f}", y=f"{y + 4:.1f}", **style))
    return parts


def _shade(use: float) -> str:
    """Return the colour of a share: dark for busy."""
    return of_chunk(round((1 - min(max(use, 0.0), 1.0)) * 100), 101)


def time_svg(outcome: Outcome, most: int = MOST_BARS) -> tuple[str, str]:
    """Return (the space-time diagram, its caption): links or ranks by time, coloured by chunk; "" for no transfers."""
    plan, end = outcome.schedule, max(outcome.result.time, 1)
    if not plan.transfers:
        return "", ""
    bars = fewer(bars_of_run(outcome), most)
    scale, parts = _bars(bars, plan, end, format_time)
    base, left = ROW * len(bars.labels) + TOP + 3, _left(bars)
    for k in range(6):
        at, time = left + end * k / 5 * scale, format_time(end * k // 5) if k else "0"
        anchor = "start" if k == 0 else "end" if k == 5 else "middle"
        parts.append(element("text", escape(time), x=f"{at:.1f}", y=base + 16, text_anchor=anchor))
    bound = f"{left + outcome.bound.time * scale:.1f}"
    line = {"x1": bound, "x2": bound, "y1": TOP - 4, "y2": base}
    parts.append(element("line", **line, stroke="#fff", stroke_width=3.5))
    parts.append(element("line", **line, stroke=VERMILION, stroke_width=1.5, stroke_dasharray="5 4"))
    parts.append(_title(bars, "time", base))
    key, high = chunk_key(plan.chunks, left, WIDE, base + 38)
    caption = f"Transfers by {bars.what} and time, coloured by chunk; dashed: the lower bound."
    return _svg([*parts, *key], WIDE, base + 42 + high), caption + _missing(bars)


def steps_svg(plan: Schedule, most: int = MOST_BARS) -> tuple[str, str]:
    """Return (ranks by steps, its caption) of a schedule, coloured by chunk; "" for no transfers."""
    if not plan.transfers:
        return "", "It sends nothing."
    bars = fewer(bars_of_ranks(plan), most)
    scale, parts = _bars(bars, plan, plan.steps, lambda step: f"step {step}")
    base = ROW * len(bars.labels) + TOP + 3
    for step in range(0, plan.steps, max(1, -(-plan.steps // 16))):
        at = f"{_left(bars) + (step + 0.5) * scale:.1f}"
        parts.append(element("text", str(step), x=at, y=base + 16, text_anchor="middle"))
    parts.append(_title(bars, "step", base))
    key, high = chunk_key(plan.chunks, _left(bars), WIDE, base + 38)
    caption = "What each rank (row) sends in each step, coloured by chunk; a step is a version number, not a time."
    return _svg([*parts, *key], WIDE, base + 42 + high), caption + _missing(bars)


def _title(bars: Bars, what: str, base: float) -> str:
    """Return the titles of both axes."""
    up = element("text", bars.what, x=2, y=10)
    return up + element("text", what, x=f"{(_left(bars) + WIDE) / 2:.0f}", y=base + 32, text_anchor="middle")


def _left(bars: Bars) -> float:
    return 12 + 6.5 * min(max(len(label) for label in bars.labels), 34)


def _bars(bars: Bars, plan: Schedule, end: int, written: Callable[[int], str]) -> tuple[float, list[str]]:
    """Return (pixels a unit of time, labels and bars)."""
    left = _left(bars)
    scale = (WIDE - left - 16) / end
    parts = []
    for row, label in enumerate(bars.labels):
        parts.append(
            element("text", escape(shortened(label)), x=f"{left - 6:.0f}", y=ROW * row + TOP + 13, text_anchor="end")
        )
    columns = (bars.row, bars.start, bars.end, bars.transfer, bars.low, bars.high)
    for row, start, stop, transfer, low, high in zip(*(c.tolist() for c in columns), strict=True):
        says = f"{described(plan, transfer)}\n{bars.what} {bars.labels[row]}: {written(start)} to {written(stop)}"
        box = {"x": f"{left + start * scale:.2f}", "width": f"{max((stop - start) * scale, 0.8):.2f}"}
        box |= {"y": f"{ROW * (row + 0.08 + 0.84 * low) + TOP:.2f}", "height": f"{ROW * 0.84 * (high - low):.2f}"}
        colour = of_chunk(int(plan.chunk[transfer]), plan.chunks)
        parts.append(element("rect", element("title", escape(says)), **box, fill=colour))
    return scale, parts


def _missing(bars: Bars) -> str:
    count = len(bars.labels)
    return f" The first {count} of {count + bars.left_out:,} {bars.what}s." if bars.left_out else ""


def _svg(parts: list[str], width: float, height: float) -> str:
    size = {"viewBox": f"0 0 {width:.0f} {height:.0f}", "width": f"{width:.0f}", "height": f"{height:.0f}"}
    # In a notebook no style of a page holds, and its background may be dark.
    style = {"font_size": 11, "font_family": "sans-serif", "style": "max-width:100%;height:auto;background:#fff"}
    return element("svg", *parts, **size, role="img", **style, xmlns="http://www.w3.org/2000/svg")
