"""Rows of sweeps as tables show them: parameters that differ, with units, and the results that matter first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collsim.sweep.results import Results

__all__ = ["cell", "table"]

LONGEST = 60


def cell(name: str, value: Any) -> str:
    """Return the value of the parameter `name` as a table shows it."""
    from collsim.sweep.results import flat
    from collsim.units import format_bandwidth, format_size, format_time

    value = flat(value)
    if value is None:
        return "-"
    leaf = name.rpartition(".")[2]
    if isinstance(value, int) and not isinstance(value, bool):
        if leaf in ("size", "buffer", "packet_payload", "header", "reduction_quantum"):
            return format_size(value)
        if leaf in ("router_delay", "message_overhead", "injection_latency", "ejection_latency", "latency"):
            return format_time(value)
        if leaf in ("bandwidth", "reduction_rate"):
            return format_bandwidth(value)
    return str(value)


def measures() -> dict[str, tuple[str, Callable[[Any], str]]]:
    """Return {result: (head of its column, how it is written)}."""
    from collsim.units import format_bandwidth, format_time

    return {
        "time_fs": ("time", format_time),
        "algbw_bytes_per_s": ("algbw", format_bandwidth),
        "percent_of_bound": ("of bound", lambda share: f"{share:.1f} %"),
        "speedup": ("speedup", lambda factor: f"{factor:.3g}x"),
        "efficiency": ("efficiency", lambda share: f"{100 * share:.1f} %"),
        "tokens_per_s": ("tokens/s", lambda rate: f"{rate:,.0f}"),
        "slowdown": ("slowdown", lambda factor: f"{factor:.3f}x"),
        "worst_slowdown": ("worst slowdown", lambda factor: f"{factor:.3f}x"),
        "accepted": ("accepted", lambda share: f"{share:.4f}"),
        "latency_mean": ("mean latency", lambda cycles: f"{cycles:.1f} cycles"),
    }


def table(found: Results, shown: Results, hashes: bool = False) -> tuple[list[str], list[list[str]], int]:
    """Return heads and rows of `shown`, which is a part of `found`, and how many columns are aligned left.

    `hashes`: begin each row with the hash of its inputs, as many digits as tell the rows of `found` apart.
    """
    points: list[Mapping[str, Any]] = [row.point for row in found.rows]
    names = list(dict.fromkeys(name for point in points for name in point))
    varied = [name for name in names if len({repr(point.get(name)) for point in points}) > 1] or names[:1]
    kept = {name: how for name, how in measures().items() if any(row.results.get(name) is not None for row in found.rows)}
    failed = len(found.done) < len(found.rows)
    rows, digits = (
        [],
        next(n for n in range(8, 65) if n == 64 or len({row.key[:n] for row in found.rows}) == len(found.rows)),
    )
    for row in shown.rows:
        numbers = [how(row.results[name]) if row.results.get(name) is not None else "-" for name, (_, how) in kept.items()]
        state = [_short(f"{row.status}: {row.error}") if row.error else row.status] if failed else []
        rows.append(
            [
                *([row.key[:digits]] if hashes else []),
                *(cell(name, row.point.get(name)) for name in varied),
                *state,
                *numbers,
            ]
        )
    heads = [*(["hash"] if hashes else []), *varied, *(["state"] if failed else []), *(head for head, _ in kept.values())]
    return heads, rows, len(varied) + failed + hashes


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
