"""The page around a report: elements with everything escaped, tables that sort, and the document that holds its own style.

The page reads without its script. With it tables sort at a click, figures say what is under the pointer, and one of several
measures is chosen. Its policy forbids the browser to load anything from anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from importlib.resources import files
from json import dumps
from typing import Any

from collsim.units import FS_PER_SECOND, format_bandwidth, format_size, format_time

__all__ = ["MOST_ROWS", "document", "element", "facts_table", "figure", "section", "shown", "sorted_table"]

MOST_ROWS = 1000
"""Rows of a table that a page holds."""
DIGEST = 64
"""Letters of a digest: a cell shows twelve of them, and all under the pointer."""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def element(tag: str, *content: str, **attributes: Any) -> str:
    """Return an element of markup `content`, its attributes escaped; `data_value` is written data-value, `class_` class."""
    words = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return f"<{tag}{words}>{''.join(content)}</{tag}>"


def section(title: str, *content: str) -> str:
    """Return a part of the page under a heading."""
    return element("section", element("h2", escape(title)), *content)


def figure(svg: str, caption: str, measure: str | None = None, told: Sequence[str] = ()) -> str:
    """Return a figure; of those beside each other that have a `measure` the reader chooses one.

    `told`: names of the parameters that tell the series of a chart apart, of which the reader chooses values.
    """
    known = {"data_measure": measure, "data_told": dumps(list(told)) if told else None}
    return element("figure", element("div", svg, class_="picture"), element("figcaption", escape(caption)), **known)


def facts_table(rows: Sequence[tuple[str, str]]) -> str:
    """Return a table of labels and texts; lines of a text stay lines."""
    body = [
        element("tr", element("th", escape(label), scope="row"), element("td", escape(text).replace("\n", "<br>")))
        for label, text in rows
    ]
    return element("table", element("tbody", *body), class_="facts")


def sorted_table(records: Sequence[Mapping[str, Any]], heads: Mapping[str, str]) -> str:
    """Return a table of `records`, one column for each of `heads` {name: head}; it sorts by what stands behind the text."""
    head = element("tr", *(element("th", escape(text), scope="col") for text in heads.values()))
    body = []
    for record in records[:MOST_ROWS]:
        cells = []
        for name in heads:
            value = record.get(name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            text, digest = escape(shown(name, value)), isinstance(value, str) and len(value) == DIGEST
            text = text[:12] if digest else text
            style = {"class_": "number", "data_value": value} if number else {"title": value if digest else None}
            cells.append(element("td", text, **style))
        body.append(element("tr", *cells))
    more = len(records) - MOST_ROWS
    note = element("p", f"{more:,} further rows are left out.") if more > 0 else ""
    return element("table", element("thead", head), element("tbody", *body), class_="sortable") + note


def shown(name: str, value: Any) -> str:
    """Return a value as a table shows it, its unit told by the end of its name."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "-"
    if not isinstance(value, (int, float)):
        return str(value)
    return _measured(name, value)


def _measured(name: str, value: float) -> str:
    ends: dict[str, Callable[[float], str]] = {
        "_bytes_per_s": format_bandwidth,
        "_per_s": "{:,.4g}".format,
        "_fs": lambda time: format_time(int(time)),
        "wall_s": "{:.3g} s".format,
        "_s": lambda time: format_time(round(time * FS_PER_SECOND)),
        "bytes": lambda count: format_size(int(count)),
    }
    exact: dict[str, Callable[[float], str]] = {
        "bandwidth": format_bandwidth,
        "size": ends["bytes"],
        "percent_of_bound": "{:.1f} %".format,
        "use": "{:.1%}".format,
        "speedup": "{:.3g}x".format,
    }
    leaf = name.rpartition(".")[2]
    exact |= dict.fromkeys(("buffer", "packet_payload", "header", "reduction_quantum"), ends["bytes"])
    delays = ("router_delay", "message_overhead", "injection_latency", "ejection_latency", "latency")
    exact |= dict.fromkeys(delays, ends["_fs"]) | {"reduction_rate": format_bandwidth}
    write = exact.get(leaf) or next((how for end, how in ends.items() if name.endswith(end)), None)
    if write is not None:
        return write(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def document(title: str, *content: str) -> str:
    """Return the whole page."""
    own = files("collsim.report.page")
    style, script = ((own / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    head = element(
        "head",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        element("title", escape(title)),
        element("style", style),
    )
    body = element("body", element("h1", escape(title)), *content, element("script", script))
    return f'<!DOCTYPE html>\n<html lang="en">{head}{body}</html>\n'
