"""What `collsim calibrate` prints and writes of a fit: the settings, how good they are, and the command to try next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

import numpy as np

from collsim.errors import UsageError
from collsim.interop.nccl_tests import Measured
from collsim.report.advice import settings_words
from collsim.sweep.calibrate import Calibration
from collsim.topology import load
from collsim.topology.graph import Topology
from collsim.units import FS_PER_SECOND, format_bandwidth, format_size, format_time

__all__ = ["COLUMN_HEADS", "columns", "part_rows", "parts_value", "rows", "value"]

COLUMN_HEADS = ["size", "measured", "fitted", "error", "busbw measured", "busbw fitted"]


def columns(fit: Calibration) -> list[list[str]]:
    """Return a row a fitted size, in the order of COLUMN_HEADS."""
    factor = float(fit.case.collective.bus_factor(len(fit.case.hosts)))
    found = []
    for row, time, error in zip(fit.rows, fit.times, fit.errors, strict=True):
        rates = [format_bandwidth(factor * row.size * FS_PER_SECOND / each) for each in (row.time, time)]
        found.append([format_size(row.size), format_time(row.time), format_time(time), f"{100 * error:+.1f} %", *rates])
    return found


def rows(fit: Calibration, measured: Measured, output: str | None) -> list[tuple[str, str]]:
    """Return the report; `output` is the file that the fitted machine was written to, if any."""
    case, setting = fit.case, fit.setting
    hint = fit.fitted.hint(1)
    worst = max(range(len(fit.rows)), key=lambda k: abs(fit.errors[k]))
    found = [
        ("Measured", f"{measured.origin}, {_rows_of(fit, measured)}, {measured.way}"),
        ("Machine", f"{case.topology.name}, {len(case.hosts)} ranks, {case.engine} engine"),
        ("Algorithm", f"{fit.algorithm}, {case.collective.text}"),
    ]
    given, slack = case.network.nic.message_overhead, fit.error or (0.0, 0.0)
    if fit.by_latency:
        text = f"{100 * setting.latency:.4g} % of the stated latency{_give(fit, 100 * slack[0], ' %')}, no message overhead"
        found.append(("Link latency", text))
    else:
        more = f", of which {format_time(given)} were set" if given else ""
        text = f"{format_time(given + setting.overhead)}{_give(fit, format_time(slack[0]))}{more}"
        found.append(("Message overhead", text))
    found.append(
        ("Efficiency", f"{100 * setting.efficiency:.4g} % of the stated link rates{_give(fit, 100 * slack[1], ' %')}")
    )
    found.append(("alpha", f"{format_time(hint.alpha)} a message to the next rank, overhead and latency"))
    rate = FS_PER_SECOND / float(hint.beta)
    found.append(("beta", f"{1e12 / rate:.4g} ps a byte, {format_bandwidth(rate)} on the median link"))
    found.append(("Fit", f"{100 * fit.rms:.2g} % root mean square error, R2 {fit.r2:.4f} of log time, {len(fit.rows)} rows"))
    found.append(("Worst", f"{100 * fit.errors[worst]:+.1f} % at {format_size(fit.rows[worst].size)}"))
    found += [("Note", text) for text in _notes(fit)]
    words, wanted = _machine(fit, output), case.collective
    more_words = ["--collective", wanted.text] if wanted.name != "all-reduce" else []
    more_words += ["--root", str(wanted.root)] if wanted.root else []
    more_words += ["--engine", case.engine] if case.engine != "compiled" else []
    if words is None:
        own = [word for change in settings_words(case.network) for word in ("--set", change)]
        own += (
            [] if len(fit.rows) == len(measured.rows) else ["--from", f"{fit.rows[0].size}", "--to", f"{fit.rows[-1].size}"]
        )
        again = [
            "collsim",
            "calibrate",
            measured.origin,
            *_way(measured),
            *case.request,
            "--algo",
            fit.algorithm,
            *more_words,
            *own,
        ]
        reason = "This machine states its links, so the fitted ones need a file (then --topo takes it)"
        return [*found, ("Settings", reason), ("Try next", shlex.join([*again, "-o", "fitted.yaml"]))]
    sets = [word for change in settings_words(fit.fitted.network) for word in ("--set", change)]
    found.append(("Settings", shlex.join([*words, *sets])))
    next_ = ["collsim", "compare", *words, "--algos", fit.algorithm, *more_words, *sets, "--measured", measured.origin]
    return [*found, ("Try next", shlex.join(next_))]


def part_rows(fits: Sequence[Calibration], measured: Measured) -> list[tuple[str, str]]:
    """Return the report on fits of one table, each of a range of sizes."""
    first, errors = fits[0], [error for fit in fits for error in fit.errors]
    found = [
        ("Measured", f"{measured.origin}, {len(errors)} sizes, {measured.way}"),
        ("Machine", f"{first.case.topology.name}, {len(first.case.hosts)} ranks, {first.case.engine} engine"),
        ("Algorithm", f"{first.algorithm}, {first.case.collective.text}"),
        ("Parts", f"{len(fits)}" if len(fits) > 1 else "1: one fit will do for all sizes"),
    ]
    for fit in fits:
        ends = f"{format_size(fit.rows[0].size)} to {format_size(fit.rows[-1].size)}"
        cost = f"message overhead {format_time(fit.fitted.network.nic.message_overhead)}"
        if fit.by_latency:
            cost = f"latency {100 * fit.setting.latency:.4g} % of the stated one"
        text = f"{cost}, efficiency {100 * fit.setting.efficiency:.4g} %"
        found.append((ends, f"{text}, {100 * fit.rms:.2g} % error, {len(fit.rows)} rows"))
        found += [("", note) for note in _notes(fit)]
    logs = np.log1p(errors)
    found.append(("Fit", f"{100 * float(np.sqrt((logs**2).mean())):.2g} % root mean square error of all sizes"))
    words = ["collsim", "calibrate", measured.origin, *_way(measured), *first.case.request, "--algo", first.algorithm]
    ends_words = ["--from", f"{fits[-1].rows[0].size}", "--to", f"{fits[-1].rows[-1].size}"]
    return [*found, ("Try next", shlex.join([*words, *ends_words]))]


def parts_value(fits: Sequence[Calibration], measured: Measured) -> dict[str, Any]:
    """Return fits of ranges of sizes as JSON: a list of what `value` returns."""
    return {"measured": measured.origin, "parts": [value(fit, measured) for fit in fits]}


def value(fit: Calibration, measured: Measured) -> dict[str, Any]:
    """Return the fit as JSON: times in seconds, sizes in bytes."""
    case, setting = fit.case, fit.setting
    words = _machine(fit, None)
    kinds = ("latency_share" if fit.by_latency else "message_overhead_s", "efficiency")
    scale = (1.0 if fit.by_latency else 1 / FS_PER_SECOND, 1.0)
    return {
        "measured": measured.origin,
        "topology": case.topology.name,
        "collective": case.collective.text,
        "ranks": len(case.hosts),
        "algorithm": fit.algorithm,
        "engine": case.engine,
        "message_overhead_s": fit.fitted.network.nic.message_overhead / FS_PER_SECOND,
        "latency_share": setting.latency,
        "efficiency": setting.efficiency,
        "standard_error": None
        if fit.error is None
        else {kind: slack * unit for kind, slack, unit in zip(kinds, fit.error, scale, strict=True)},
        "told_by_these_sizes": dict(zip(kinds, fit.told, strict=True)),
        "rms_error": fit.rms,
        "r2": fit.r2,
        "breaks_at_bytes": list(fit.cuts),
        "options": None if words is None else [*words],
        "settings": settings_words(fit.fitted.network),
        "rows": fit.records(),
    }


def _way(measured: Measured) -> list[str]:
    return ["--in-place"] if measured.way == "in place" else []


def _rows_of(fit: Calibration, measured: Measured) -> str:
    some = "" if len(fit.rows) == len(measured.rows) else f" of {len(measured.rows)}"
    return f"{len(fit.rows)}{some} sizes from {format_size(fit.rows[0].size)} to {format_size(fit.rows[-1].size)}"


def _give(fit: Calibration, slack: float | str, unit: str = "") -> str:
    """Return the standard error as " +- ..."; nothing where no row is to spare."""
    if fit.error is None:
        return ""
    return f" +- {slack if isinstance(slack, str) else f'{slack:.2g}'}{unit}"


def _notes(fit: Calibration) -> list[str]:
    notes = []
    if len(fit.rows) == 2:
        notes.append("Two rows fit any two numbers, so the fit proves nothing; measure more sizes.")
    if not fit.told[0]:
        notes.append("These sizes are too large to tell the message overhead; measure smaller ones.")
    if not fit.told[1]:
        notes.append("These sizes are too small to tell the efficiency; measure larger ones.")
    if fit.setting.efficiency > 1:
        notes.append(
            "Links would have to be faster than stated: the machine reduces in the network, uses another algorithm, or has "
            "other links."
        )
    if fit.cuts:
        sizes, count = " and ".join(map(format_size, fit.cuts)), len(fit.cuts) + 1
        notes.append(
            f"One fit will not do: from {sizes} on times behave differently (a switch of protocol or algorithm), and "
            f"{count} fits would leave about {100 * fit.left:.2g} %. Fit them apart with --parts."
        )
    return notes


def _machine(fit: Calibration, output: str | None) -> list[str] | None:
    """Return the options that make the fitted machine: the file written, or its name with other rates; None if neither."""
    keep = [*fit.case.request]
    if output not in (None, "-"):
        return ["--topo", str(output), *_after(keep, "--placement")]
    if {"--fail", "--degrade"} & set(keep):
        return None
    wanted = fit.fitted.topology
    rates, delays = set(wanted.bandwidth.tolist()), set(wanted.latency.tolist())
    if len(rates) > 1 or len(delays) > 1:
        return None
    name = keep[keep.index("--topo") + 1]
    rate, delay = f"{rates.pop()}", f"{delays.pop()}fs"
    try:
        made = load(name, bandwidth=rate, latency=delay)
    except UsageError:
        return None
    return (
        ["--topo", name, "--bandwidth", _rate(int(rate)), "--latency", _time(delay), *_after(keep, "--placement")]
        if (_same(made, wanted))
        else None
    )


def _same(one: Topology, other: Topology) -> bool:
    return one.digest == other.digest and bool(np.array_equal(one.bandwidth, other.bandwidth))


def _after(words: list[str], name: str) -> list[str]:
    return words[words.index(name) : words.index(name) + 2] if name in words else []


def _rate(rate: int) -> str:
    for unit, factor in (("GB/s", 10**9), ("MB/s", 10**6), ("kB/s", 10**3)):
        if rate >= factor:
            return f"{rate / factor:.12g}{unit}"
    return f"{rate}"


def _time(text: str) -> str:
    fs = int(text.removesuffix("fs"))
    for unit, factor in (("us", 10**9), ("ns", 10**6)):
        if fs >= factor:
            return f"{fs / factor:.12g}{unit}"
    return text
