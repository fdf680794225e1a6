"""How the numbers of a plan are written: four digits and a prefix, billions as B where things are counted."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from collsim.units import FS_PER_SECOND, format_time

__all__ = [
    "bits",
    "count",
    "days",
    "dollars",
    "each",
    "flop",
    "gpus",
    "percent",
    "plain",
    "seconds",
    "sites",
    "span",
    "watts",
]

Number = int | Fraction
PHYSICAL = ("", "k", "M", "G", "T", "P", "E", "Z")
COUNTED = ("", "k", "M", "B", "T")


def count(value: Number) -> str:
    """Return a number of parameters or tokens: "50 T"."""
    return _scaled(value, COUNTED, "").strip()


def dollars(value: Number) -> str:
    """Return "$3.004 M"."""
    return f"${count(value)}"


def watts(value: Number) -> str:
    """Return "3.6 GW"."""
    return _scaled(value, PHYSICAL, "W")


def each(value: Number) -> str:
    """Return bytes with decimal prefixes, as the study has them: "800 TB"."""
    return _scaled(value, PHYSICAL, "B")


def bits(rate: Number) -> str:
    """Return bytes/s as bits: "13.33 Tb/s"."""
    return _scaled(8 * rate, PHYSICAL, "b/s")


def flop(value: Number) -> str:
    """Return "1.678 ZFLOP" up to 10^24, "3e+29 FLOP" above."""
    return _scaled(value, PHYSICAL, "FLOP") if value < 10**24 else f"{float(value):.4g} FLOP"


def days(value: Number) -> str:
    """Return "2,070 days", with digits after the point below 100."""
    return f"{float(value):,.0f} days" if value >= 100 else f"{float(value):.4g} days"


def seconds(fs: Number) -> str:
    """Return femtoseconds: "60 s", "60 ms"."""
    return f"{float(fs) / FS_PER_SECOND:,.4g} s" if fs >= FS_PER_SECOND else format_time(float(fs))


def percent(share: Number) -> str:
    """Return "70 %"."""
    return f"{float(100 * share):.4g} %"


def plain(value: Number) -> str:
    """Return four digits and nothing else."""
    return f"{float(value):.4g}"


def gpus(number: int) -> str:
    """Return "72 GPUs"."""
    return f"{number:,} GPU{'s' * (number != 1)}"


def sites(number: int) -> str:
    """Return "2 sites"."""
    return f"{number:,} site{'s' * (number != 1)}"


def span(pair: tuple[Number, Number], write: Callable[[Number], str]) -> str:
    """Return "4.16 GW to 4.71 GW", or one of them where both are the same."""
    low, high = map(write, pair)
    return low if low == high else f"{low} to {high}"


def _scaled(value: Number, prefixes: tuple[str, ...], unit: str) -> str:
    place = 0
    while place + 1 < len(prefixes) and float(f"{float(value / 1000**place):.4g}") >= 1000:
        place += 1
    return f"{_digits(float(value) / 1000**place)} {prefixes[place]}{unit}"


def _digits(value: float) -> str:
    return f"{value:.4g}" if value < 1000 else f"{value:,.0f}"
