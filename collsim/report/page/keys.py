"""What stands below a picture of a page and says what its colours, widths and shapes mean."""

from __future__ import annotations

from html import escape

from collsim.report.page.html import element
from collsim.report.palette import HOST, LINK, SERIES, SWITCH, of_chunk, scale_stops
from collsim.report.shapes import rate_shares, rates_shown
from collsim.topology.graph import Topology
from collsim.units import format_bandwidth

__all__ = ["LINE", "chunk_key", "machine_key", "use_key"]

LINE, LETTER = 20, 6.6
"""Pixels that a line of a key is high and a letter wide."""


def machine_key(t: Topology, width: float, top: float, widest: float) -> tuple[list[str], float]:
    """Return (parts, height) of what hosts and switches look like, and where rates differ how wide links are."""
    entries = [(_mark("circle", cx=8, cy=10, r=6, fill=HOST), "host")]
    if t.switches:
        entries.append((_mark("rect", x=2, y=4, width=12, height=12, fill=SWITCH), "switch"))
    rates = rates_shown(t)
    for rate, share in zip(rates, rate_shares(rates, t), strict=True):
        stroke = {"stroke": LINK, "stroke_width": f"{widest * share:.2f}"}
        entries.append((_mark("line", x1=0, x2=16, y1=10, y2=10, **stroke), f"link, {format_bandwidth(rate)}"))
    return _flow(entries, width, top)


def use_key(width: float, top: float) -> tuple[list[str], float]:
    """Return (parts, height) of the scale of the share of a run in which a link sends."""
    cells, each = scale_stops()[::-1], 24
    left = max(0.0, (width - each * len(cells)) / 2)
    parts = [
        element("rect", x=f"{left + each * k:.0f}", y=f"{top + 4:.0f}", width=each, height=12, fill=c)
        for k, c in enumerate(cells)
    ]
    y, right = f"{top + 30:.0f}", f"{left + each * len(cells):.0f}"
    parts.append(element("text", "0 %", x=f"{left:.0f}", y=y))
    parts.append(element("text", "sending 100 % of the run", x=right, y=y, text_anchor="end"))
    return parts, 36.0


def chunk_key(chunks: int, left: float, width: float, top: float) -> tuple[list[str], float]:
    """Return (parts, height) of which colour is which chunk; nothing for a single one."""
    if chunks < 2:
        return [], 0.0
    if chunks <= len(SERIES):
        marks = [_mark("rect", x=2, y=4, width=12, height=12, fill=of_chunk(k, chunks)) for k in range(chunks)]
        return _flow([(mark, f"chunk {k}") for k, mark in enumerate(marks)], width, top, left)
    parts = [element("text", "chunk 0", x=f"{left:.0f}", y=f"{top + 14:.0f}")]
    left += 50
    for k, colour in enumerate(scale_stops()):
        parts.append(element("rect", x=f"{left + 24 * k:.0f}", y=f"{top + 4:.0f}", width=24, height=12, fill=colour))
    parts.append(element("text", f"chunk {chunks - 1:,}", x=f"{left + 248:.0f}", y=f"{top + 14:.0f}"))
    return parts, float(LINE)


def _mark(tag: str, **attributes: object) -> tuple[str, dict[str, object]]:
    return tag, attributes


def _flow(
    entries: list[tuple[tuple[str, dict[str, object]], str]], width: float, top: float, left: float = 8.0
) -> tuple[list[str], float]:
    """Place marks with their words beside each other from `left` on, in as many lines as `width` asks for."""
    parts, at, line = [], left, 0
    for (tag, attributes), words in entries:
        room = 22 + LETTER * len(words) + 14
        if at + room > width and at > left:
            at, line = left, line + 1
        y = top + LINE * line
        label = element("text", escape(words), x=22, y=14)
        parts.append(element("g", element(tag, **attributes), label, transform=f"translate({at:.0f} {y:.0f})"))
        at += room
    return parts, float(LINE * (line + 1))
