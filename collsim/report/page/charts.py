"""Charts of pages as SVG: lines over sizes, bars side by side; every point says its numbers under the pointer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

from collsim.report.page.html import element
from collsim.report.palette import GRID, SERIES

__all__ = ["Line", "bar_chart", "line_chart", "shares_bar"]

WIDTH, HEIGHT = 860, 400
LEFT, RIGHT, TOP, BOTTOM = 86, 230, 14, 46
DASHES = ("", "7 3", "2 3", "9 3 2 3", "1 2")
MOST_TICKS = 9


@dataclass(frozen=True, slots=True)
class Line:
    """A series: `points` (x, y, what it says), x and y > 0; `bound`: dashed and black, without points."""

    name: str
    points: Sequence[tuple[float, float, str]]
    bound: bool = False


def line_chart(lines: Sequence[Line], x: str, y: str, at: Callable[[float], str], value: Callable[[float], str]) -> str:
    """Return a chart with logarithmic axes titled `x` and `y`; `at`, `value`: how numbers are written on them."""
    xs = sorted({point[0] for line in lines for point in line.points})
    ys = [point[1] for line in lines for point in line.points]
    low, high = min(ys) * 0.85, max(ys) * 1.18
    across = _scale(xs[0], xs[-1], LEFT, WIDTH - RIGHT)
    up = _scale(low, high, HEIGHT - BOTTOM, TOP)
    parts = _axes([(across(v), at(v)) for v in xs[:: ceil(len(xs) / MOST_TICKS)]], x, y)
    parts += _rows([(up(v), value(v)) for v in _ticks(low, high)])
    drawn = [line for line in lines if not line.bound]
    for place, line in enumerate([*drawn, *(line for line in lines if line.bound)]):
        colour = "#000000" if line.bound else SERIES[place % (len(SERIES) - 1)]
        dash = "4 4" if line.bound else DASHES[place // (len(SERIES) - 1) % len(DASHES)]
        way = " ".join(f"{across(a):.1f},{up(b):.1f}" for a, b, _ in sorted(line.points))
        style = {
            "fill": "none",
            "stroke": colour,
            "stroke_width": 1.2 if line.bound else 2,
            "stroke_dasharray": dash or None,
        }
        parts.append(element("polyline", points=way, **style))
        if not line.bound:
            parts += [_dot(across(a), up(b), colour, f"{line.name}\n{says}") for a, b, says in line.points]
        parts.append(_key(place, line.name, colour, dash))
    height = max(HEIGHT, TOP + 18 * (len(lines) + 1))
    return _svg(parts, height)


def bar_chart(bars: Sequence[tuple[str, float, str]], value: Callable[[float], str]) -> str:
    """Return horizontal bars (name, length, what it says), each with its number behind it."""
    most = max((length for _, length, _ in bars), default=0) or 1
    parts = []
    for place, (name, length, says) in enumerate(bars):
        top, wide = 8 + 24 * place, (WIDTH - LEFT - RIGHT - 60) * length / most
        title = element("title", escape(f"{name}\n{says}"))
        style = {"fill": SERIES[place % (len(SERIES) - 1)], "tabindex": 0}
        parts.append(element("text", escape(_cut(name)), x=LEFT + 100, y=top + 13, text_anchor="end"))
        parts.append(element("rect", title, x=LEFT + 108, y=top, width=f"{wide:.1f}", height=18, **style))
        parts.append(element("text", escape(value(length)), x=f"{LEFT + 114 + wide:.1f}", y=top + 13))
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


def _dot(x: float, y: float, colour: str, says: str) -> str:
    return element("circle", element("title", escape(says)), cx=f"{x:.1f}", cy=f"{y:.1f}", r=4.5, fill=colour, tabindex=0)


def _key(place: int, name: str, colour: str, dash: str) -> str:
    left, y = WIDTH - RIGHT + 14, TOP + 8 + 18 * place
    line = element("line", x1=left, x2=left + 22, y1=y, y2=y, stroke=colour, stroke_width=2, stroke_dasharray=dash or None)
    return line + element("text", element("title", escape(name)), escape(_cut(name)), x=left + 28, y=y + 4)


def _cut(name: str) -> str:
    return name if len(name) <= 30 else name[:29] + "\N{HORIZONTAL ELLIPSIS}"


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
