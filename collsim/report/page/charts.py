"""Charts of pages as SVG: lines over sizes, bars side by side; every point says its numbers under the pointer.

A line is a group that knows what it stands for, so that the page's script can show some of many and give them the styles of
the first ones; the script reads the styles from those very groups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from json import dumps
from math import ceil, floor, log10

from collsim.report.page.html import element
from collsim.report.palette import GRID, SERIES

__all__ = ["MOST_SHOWN", "Line", "bar_chart", "line_chart", "shares_bar"]

WIDTH, HEIGHT = 960, 400
LEFT, RIGHT, TOP, BOTTOM = 86, 320, 14, 46
LONGEST = 42
"""Letters of a name that a key has room for."""
DASHES = ("", "7 3", "2 3", "9 3 2 3", "1 2")
MARKS = (
    "M-4.2 0A4.2 4.2 0 1 0 4.2 0A4.2 4.2 0 1 0 -4.2 0Z",
    "M-3.8 -3.8H3.8V3.8H-3.8Z",
    "M0 -5L4.8 3.6H-4.8Z",
    "M0 -5.4L5.4 0L0 5.4L-5.4 0Z",
    "M0 5L4.8 -3.6H-4.8Z",
    "M-1.6 -4.8H1.6V-1.6H4.8V1.6H1.6V4.8H-1.6V1.6H-4.8V-1.6H-1.6Z",
)
"""Circle, square, triangles, diamond, cross: the shapes of points, so that lines are told apart without their colours."""
MOST_TICKS = 9
MOST_SHOWN = 24
"""Lines that a chart shows at a time; the rest wait until the reader asks for some."""


@dataclass(frozen=True, slots=True)
class Line:
    """A series: `points` (x, y, what it says), x and y > 0; `bound`: dashed and black, without points.

    `of`: the value of each parameter that tells series apart, as text.
    """

    name: str
    points: Sequence[tuple[float, float, str]]
    bound: bool = False
    of: tuple[str, ...] = ()


def line_chart(lines: Sequence[Line], x: str, y: str, at: Callable[[float], str], value: Callable[[float], str]) -> str:
    """Return a chart with logarithmic axes titled `x` and `y`; `at`, `value`: how numbers are written on them."""
    xs = sorted({point[0] for line in lines for point in line.points})
    ys = [point[1] for line in lines for point in line.points]
    low, high = min(ys) * 0.85, max(ys) * 1.18
    across = _scale(xs[0], xs[-1], LEFT, WIDTH - RIGHT)
    up = _scale(low, high, HEIGHT - BOTTOM, TOP)
    parts = _axes([(across(v), at(v)) for v in xs[:: ceil(len(xs) / MOST_TICKS)]], x, y)
    parts += _rows([(up(v), value(v)) for v in _ticks(low, high)])
    bounds = [line for line in lines if line.bound]
    drawn = [line for line in lines if not line.bound]
    shown = min(len(drawn), MOST_SHOWN)
    for place, line in enumerate([*drawn, *bounds]):
        row = place if place < shown else shown + max(0, place - len(drawn))
        parts.append(_series(line, place, row, across, up, hidden=shown <= place < len(drawn)))
    return _svg(parts, max(HEIGHT, TOP + 18 * (shown + len(bounds) + 1)))


def _series(
    line: Line, place: int, row: int, across: Callable[[float], float], up: Callable[[float], float], *, hidden: bool
) -> str:
    """Return a line with its points and, as its last part, its entry in the key."""
    colour = "#000000" if line.bound else SERIES[place % (len(SERIES) - 1)]
    dash = "4 4" if line.bound else DASHES[place // (len(SERIES) - 1) % len(DASHES)]
    mark = "" if line.bound else MARKS[place % len(MARKS)]
    way = " ".join(f"{across(a):.1f},{up(b):.1f}" for a, b, _ in sorted(line.points))
    style = {"fill": "none", "stroke": "currentColor", "stroke_dasharray": dash or None}
    parts = [element("polyline", points=way, stroke_width=1.2 if line.bound else 2, **style)]
    for a, b, says in line.points if mark else ():
        at = f"translate({across(a):.1f} {up(b):.1f})"
        title = element("title", escape(f"{line.name}\n{says}"))
        parts.append(element("path", title, d=mark, fill="currentColor", transform=at))
    parts.append(_key(row, line.name, style, mark))
    kind = "bound" if line.bound else "series"
    known = {"class_": kind, "data_of": None if line.bound else dumps(line.of), "hidden": "" if hidden else None}
    return element("g", *parts, style=f"color:{colour}", **known)


def bar_chart(bars: Sequence[tuple[str, float, str]], value: Callable[[float], str]) -> str:
    """Return horizontal bars (name, length, what it says), each with its number behind it."""
    most = max((length for _, length, _ in bars), default=0) or 1
    parts = []
    for place, (name, length, says) in enumerate(bars):
        top, wide = 8 + 24 * place, (WIDTH - LEFT - 320) * length / most
        title = element("title", escape(f"{name}\n{says}"))
        style = {"fill": SERIES[place % (len(SERIES) - 1)]}
        parts.append(element("text", escape(_cut(name)), x=LEFT + 180, y=top + 13, text_anchor="end"))
        parts.append(element("rect", title, x=LEFT + 188, y=top, width=f"{wide:.1f}", height=18, **style))
        parts.append(element("text", escape(value(length)), x=f"{LEFT + 194 + wide:.1f}", y=top + 13))
    return _svg(parts, 16 + 24 * len(bars))


def shares_bar(shares: Sequence[tuple[str, float, str]]) -> str:
    """Return one bar cut into (name, share of 1, what it says), with a key below."""
    parts, at = [], 10.0
    for place, (name, share, says) in enumerate(shares):
        wide, colour = (WIDTH - 20) * share, SERIES[place % len(SERIES)]
        title = element("title", escape(f"{name}\n{says}"))
        parts.append(element("rect", title, x=f"{at:.1f}", y=8, width=f"{wide:.1f}", height=30, fill=colour, stroke="#fff"))
        left, top = 10 + place % 4 * 210, 56 + place // 4 * 20
        parts.append(element("rect", x=left, y=top, width=11, height=11, fill=colour))
        parts.append(element("text", escape(f"{name} {share:.1%}"), x=left + 16, y=top + 10))
        at += wide
    return _svg(parts, 60 + 20 * ceil(max(len(shares), 1) / 4))


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    if low >= high:
        return lambda value: (start + end) / 2
    return lambda value: start + (log10(value) - log10(low)) / (log10(high) - log10(low)) * (end - start)


def _ticks(low: float, high: float) -> list[float]:
    for steps in ((1, 2, 5), (1,)):
        found = [
            step * 10.0**power
            for power in range(floor(log10(low)), ceil(log10(high)) + 1)
            for step in steps
            if low <= step * 10.0**power <= high
        ]
        if len(found) <= MOST_TICKS:
            break
    if len(found) < 2:
        return [low * (high / low) ** (k / 4) for k in range(5)]
    return found[:: ceil(len(found) / MOST_TICKS)]


def _axes(ticks: Sequence[tuple[float, str]], x: str, y: str) -> list[str]:
    base, middle = HEIGHT - BOTTOM, (LEFT + WIDTH - RIGHT) / 2
    parts = [element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=base, y2=base, stroke="#333")]
    parts += [element("text", escape(text), x=f"{at:.1f}", y=base + 16, text_anchor="middle") for at, text in ticks]
    parts.append(element("text", escape(x), x=middle, y=HEIGHT - 8, text_anchor="middle"))
    turned = f"rotate(-90 14 {(TOP + base) / 2:.0f})"
    return [*parts, element("text", escape(y), x=14, y=f"{(TOP + base) / 2:.0f}", text_anchor="middle", transform=turned)]


def _rows(ticks: Sequence[tuple[float, str]]) -> list[str]:
    lines = [element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=f"{at:.1f}", y2=f"{at:.1f}", stroke=GRID) for at, _ in ticks]
    return lines + [element("text", escape(text), x=LEFT - 6, y=f"{at + 4:.1f}", text_anchor="end") for at, text in ticks]


def _key(row: int, name: str, style: Mapping[str, str | None], mark: str) -> str:
    line = element("line", x1=0, x2=26, y1=0, y2=0, stroke_width=2, **style)
    dot = [element("path", d=mark, fill="currentColor", transform="translate(13 0)")] if mark else []
    text = element("text", element("title", escape(name)), escape(_cut(name)), x=32, y=4)
    return element("g", line, *dot, text, class_="key", transform=f"translate({WIDTH - RIGHT + 14} {TOP + 8 + 18 * row})")


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _svg(parts: Sequence[str], height: float) -> str:
    box = f"0 0 {WIDTH} {height:.0f}"
    return element(
        "svg",
        *parts,
        viewBox=box,
        width=WIDTH,
        height=f"{height:.0f}",
        role="img",
        font_size=11,
        font_family="sans-serif",
        xmlns="http://www.w3.org/2000/svg",
    )
