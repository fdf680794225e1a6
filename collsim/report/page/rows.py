"""The page of many runs, a comparison or a sweep: a figure for each measure, one to be chosen, and a table of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from collsim.report.page.charts import MOST_SHOWN, Line, bar_chart, line_chart
from collsim.report.page.html import document, element, facts_table, figure, section, shown, sorted_table

__all__ = ["rows_page", "words_of"]

Record = Mapping[str, Any]
MEASURES = {
    "time_s": "time",
    "algbw_bytes_per_s": "algorithm bandwidth",
    "busbw_bytes_per_s": "bus bandwidth",
    "speedup": "speedup",
    "percent_of_bound": "percent of the bound",
    "iteration_s": "time of an iteration",
    "samples_per_s": "samples a second",
    "tokens_per_s": "tokens a second",
    "efficiency": "efficiency",
    "worst_slowdown": "worst slowdown",
    "accepted": "accepted load",
    "latency_mean": "mean latency (cycles)",
}
OVER = {
    "size": "size of a rank's buffer",
    "size_bytes": "size of a rank's buffer",
    "ranks": "ranks",
    "load": "load",
    "p": "p",
}
MOST_LINES = 120
"""Series of a chart; of so many the reader chooses some."""
MOST_BARS = 60
LAST = ("error", "collsim_version", "host", "wall_s", "inputs_sha256")
ASIDE = ("started", "finished", "attempts")


def rows_page(title: str, facts: Sequence[tuple[str, str]], records: Sequence[Record], parameters: Sequence[str]) -> str:
    """Return the page of `records`, flat dicts whose names tell units; `parameters`: the names of what was asked for.

    `facts`: labels and texts that hold for all of them, provenance among them. What is equal in all records is shown once.
    """
    names = list(dict.fromkeys(name for record in records for name in record))
    twins = {name for name in names if name.endswith("_fs") and f"{name[:-3]}_s" in names}
    names = [name for name in names if name not in twins and name not in ASIDE]
    varied = [name for name in names if len({repr(record.get(name)) for record in records}) > 1]
    same = [
        (name, shown(name, records[0].get(name)))
        for name in names
        if name not in varied and records[0].get(name) not in (None, "")
    ]
    asked = [name for name in parameters if name in varied] or list(parameters)[:1]
    figures = [] if not records else _figures(records, asked)
    told = ["status"] if "status" in varied else []
    heads = {name: words_of(name) for name in (*asked, *told, *MEASURES) if name in names}
    heads |= {name: words_of(name) for name in varied if name not in LAST and not name.startswith("provenance_")}
    heads |= {name: words_of(name) for name in LAST if name in varied}
    table = element("div", sorted_table(records, heads), class_="scroll")
    choice = [section("Figures", *figures)] if figures else []
    equal = [section("The same in all runs", facts_table(same))] if same else []
    return document(title, section("What this is", facts_table(facts)), *choice, section("Runs", table), *equal)


def words_of(name: str) -> str:
    """Return the name of a value as a head or a label says it, without what tells its unit."""
    known = MEASURES.get(name) or {"size_bytes": "size"}.get(name)
    return known or name.removeprefix("network.").removesuffix("_bytes_per_s").removesuffix("_fs").removesuffix(
        "_s"
    ).replace("_", " ")


def _figures(records: Sequence[Record], asked: Sequence[str]) -> list[str]:
    found = []
    over = next((n for n in asked if n in OVER and len({r[n] for r in records if _positive(r.get(n))}) > 1), None)
    for measure, words in MEASURES.items():
        own = [r for r in records if _positive(r.get(measure)) and (over is None or _positive(r.get(over)))]
        if not own:
            continue
        draw = _bars(own, asked, measure) if over is None else _lines(own, asked, measure, over)
        told = [] if over is None else [words_of(name) for name in asked if name != over]
        found.append(figure(*draw, measure=words, told=told))
    return found


def _lines(records: Sequence[Record], asked: Sequence[str], measure: str, over: str) -> tuple[str, str]:
    apart = [name for name in asked if name != over]
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        groups.setdefault(tuple(shown(name, record.get(name)) for name in apart), []).append(record)
    lines = [
        Line(_name(own[0], apart), [(float(r[over]), float(r[measure]), _says(r, measure, over)) for r in own], of=values)
        for values, own in list(groups.items())[:MOST_LINES]
    ]
    caption = f"{MEASURES[measure].capitalize()} over {OVER[over]}."
    if len(groups) > MOST_LINES:
        caption += f" The first {MOST_LINES} of {len(groups)} series are here."
    if len(groups) > MOST_SHOWN:
        caption += f" Up to {MOST_SHOWN} are shown at a time."
    lines += _bound(records, measure, over)
    return line_chart(lines, OVER[over], MEASURES[measure], _written(over), _written(measure)), caption


def _bound(records: Sequence[Record], measure: str, over: str) -> list[Line]:
    """Return the bound as a line where it is one and the same for all records of a size."""
    if measure not in ("time_s", "algbw_bytes_per_s") or over not in ("size", "size_bytes"):
        return []
    bounds = {(r[over], r["bound_s"]) for r in records if _positive(r.get("bound_s"))}
    if not bounds or len({size for size, _ in bounds}) < len(bounds):
        return []
    values = [(float(size), b if measure == "time_s" else size / b, "") for size, b in sorted(bounds)]
    return [Line("lower bound" if measure == "time_s" else "upper bound", values, bound=True)]


def _bars(records: Sequence[Record], asked: Sequence[str], measure: str) -> tuple[str, str]:
    bars = [(_name(r, asked), float(r[measure]), shown(measure, r[measure])) for r in records[:MOST_BARS]]
    caption = f"{MEASURES[measure].capitalize()}."
    if len(records) > MOST_BARS:
        caption += f" The first {MOST_BARS} of {len(records):,} runs."
    return bar_chart(bars, _written(measure)), caption


def _name(record: Record, apart: Sequence[str]) -> str:
    """Return what tells a record apart; a bare number would not say of what it is one."""
    values = [(name, record.get(name)) for name in apart]
    return (
        ", ".join(
            f"{words_of(name)} {shown(name, value)}"
            if name not in ("size", "size_bytes") and not isinstance(value, str)
            else shown(name, value)
            for name, value in values
        )
        or "all"
    )


def _says(record: Record, measure: str, over: str) -> str:
    return f"{shown(over, record[over])}: {shown(measure, record[measure])}"


def _written(name: str) -> Callable[[float], str]:
    whole = name in ("size", "size_bytes", "ranks")
    return lambda value: shown(name, round(value) if whole else value)


def _positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
