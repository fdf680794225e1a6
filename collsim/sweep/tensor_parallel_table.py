"""The table of schemes beside each other that `collsim workload tp` prints and a notebook shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collsim.units import format_bandwidth, format_time

if TYPE_CHECKING:
    from collsim.sweep.tensor_parallel_study import Study

__all__ = ["NAMES", "table"]

NAMES = {"train": "step", "prefill": "TTFT", "decode": "TPOT"}
"""What the time of a point is called in a table, by mode."""


def table(study: Study) -> tuple[list[str], list[list[str]]]:
    """Return heads and one row a scheme, stock Megatron first."""
    training = study.mode == "train"
    heads = ["p", "channels", "collectives", "forward", *(["backward"] if training else [])]
    heads += ["compute", "copies", "exposed", "alpha", NAMES[study.mode], "tokens/s"]
    heads += ["over stock", "over own p=1", "law"]
    rows = []
    for name, point in (("stock", study.stock), *((f"{p.scheme.p:g}", p) for p in study.points)):
        bytes_ = [point.forward, point.backward] if training else [point.forward]
        times = [format_time(t) if t else "0" for t in (point.compute, point.copies, point.exposed)]
        own = [f"{point.over(study.own):.3f}x", f"{study.law(point.scheme.p):.3f}x"] if name != "stock" else ["", ""]
        rows.append(
            [
                *(name, f"{point.summed:,}", str(point.collectives), *map(_amount, bytes_), *times),
                *(f"{point.alpha_share:.1%}", format_time(point.time), f"{point.tokens_per_s:,.0f}"),
                *(f"{point.over(study.stock):.3f}x", *own),
            ]
        )
    return heads, rows


def _amount(size: int) -> str:
    """Return bytes in decimal units, as payloads are published."""
    return format_bandwidth(size).removesuffix("/s")
