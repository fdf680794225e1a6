"""Quantities as text and as exact integers: bytes, bytes per second, femtoseconds.

Decimal prefixes are powers of 10 (1 GB = 10^9 B) and binary ones powers of 2 (1 GiB = 2^30 B), everywhere. Lower-case b
is a bit in rates ("200Gb/s", "200Gbps"); sizes are bytes. Parsing is exact (rationals, never floats).
"""

from __future__ import annotations

import re
from fractions import Fraction

from collsim.errors import ClockOverflow, InvalidValue

__all__ = [
    "FS_PER_SECOND",
    "MAX_BYTES",
    "MAX_TIME",
    "PER_BILLION",
    "check_time",
    "format_bandwidth",
    "format_loss",
    "format_size",
    "format_time",
    "parse_bandwidth",
    "parse_count",
    "parse_loss",
    "parse_number",
    "parse_size",
    "parse_time",
    "serialisation_fs",
]

FS_PER_SECOND = 10**15
MAX_TIME = 2**63 - 1
MAX_BYTES = 2**62
PER_BILLION = 10**9

MOST_DIGITS = 400
"""Characters of a number; more than any quantity has, and fewer than take time."""

_QUANTITY = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-zµ/]*)\s*")
_DECIMAL = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}
_PREFIX = _DECIMAL | _BINARY
_LARGE = _DECIMAL | {"E": 10**18, "Z": 10**21}
_TIME = {"fs": 1, "ps": 10**3, "ns": 10**6, "us": 10**9, "µs": 10**9, "ms": 10**12, "s": 10**15}


def _split(text: str | int | float, what: str, example: str) -> tuple[Fraction, str]:
    match = _QUANTITY.fullmatch(str(text))
    if match is None:
        raise InvalidValue(f"Cannot read {what} '{text}'; write it like {example}.")
    # Python refuses to convert thousands of digits, and not with a sentence for whoever wrote them.
    exponent = re.search(r"[eE]([+-]?\d+)", match[1])
    if len(match[1]) > MOST_DIGITS or (exponent is not None and abs(int(exponent[1])) > 30):
        raise InvalidValue(f"The {what} '{text}' is out of range; write it like {example}.")
    return Fraction(match[1]), match[2]


def parse_size(text: str | int) -> int:
    """Return bytes (>= 0) from "16MiB", "375KiB", "1e6", "4096B" or an int.

    Raises InvalidValue for negative, fractional or unreadable sizes and for 2^62 bytes or more.
    """
    value, unit = _split(text, "size", "16MiB")
    prefix = unit.removesuffix("B")
    if prefix not in _PREFIX:
        raise InvalidValue(f"Unknown unit '{unit}' in size '{text}'; write it like 16MiB or 64KB.")
    size = value * _PREFIX[prefix]
    if size < 0 or size.denominator != 1:
        raise InvalidValue(f"The size '{text}' is not a whole number of bytes of 0 or more.")
    if size >= MAX_BYTES:
        raise InvalidValue(f"The size '{text}' overflows: sizes stay under 2^62 bytes.")
    return int(size)


def parse_bandwidth(text: str | int | float) -> int:
    """Return bytes per second (>= 1) from "16GB/s", "200Gb/s", "400Gbps", "50GiB/s" or a number of bytes/s.

    Raises InvalidValue for zero, negative, fractional or unreadable rates and above 10^18 bytes/s.
    """
    value, unit = _split(text, "bandwidth", "16GB/s")
    bits = unit.endswith(("b/s", "bps", "bit/s"))
    prefix = re.sub(r"(B/s|Bps|b/s|bps|bit/s)$", "", unit)
    if prefix not in _PREFIX or (unit and prefix == unit):
        raise InvalidValue(f"Unknown unit '{unit}' in bandwidth '{text}'; write it like 16GB/s or 200Gb/s.")
    rate = value * _PREFIX[prefix] / (8 if bits else 1)
    if rate <= 0:
        raise InvalidValue(f"The bandwidth '{text}' must be above zero; leave the link out if there is none.")
    if rate.denominator != 1 or rate > 10**18:
        raise InvalidValue(f"The bandwidth '{text}' is not a whole number of bytes/s up to 10^18.")
    return int(rate)


def parse_time(text: str | int) -> int:
    """Return femtoseconds (>= 0) from "150ns", "0.5us", "1ms"; a bare 0 is allowed, other bare numbers are not.

    Raises InvalidValue for negative or unreadable times and for parts of a femtosecond.
    """
    value, unit = _split(text, "time", "150ns")
    if unit not in _TIME and value != 0:
        raise InvalidValue(f"The time '{text}' needs a unit of fs, ps, ns, us, ms or s, like 150ns.")
    time = value * _TIME.get(unit, 1)
    if time < 0 or time.denominator != 1:
        raise InvalidValue(f"The time '{text}' is not a whole number of femtoseconds of 0 or more.")
    if time > MAX_TIME:
        raise InvalidValue(f"The time '{text}' overflows the clock of 2.56 hours.")
    return int(time)


def parse_number(text: str | int | float | Fraction, what: str, unit: str = "", example: str = "1.5M") -> Fraction:
    """Return the number >= 0 in "100B", "3.6GW" (unit "W"), "2.5PFLOP/s" or "1e15", exactly; B, the billion, is G.

    Raises InvalidValue for negative or unreadable numbers and for other units than `unit`.
    """
    if isinstance(text, Fraction):
        value, prefix = text, ""
    else:
        value, found = _split(text, what, example)
        prefix = (found.removesuffix(unit) if unit else found).replace("B", "G")
    if prefix not in _LARGE:
        raise InvalidValue(f"Unknown unit in the {what} '{text}'; write it like {example}.")
    if value < 0:
        raise InvalidValue(f"The {what} '{text}' is negative; write it like {example}.")
    return value * _LARGE[prefix]


def parse_count(text: str | int, what: str, least: int = 0) -> int:
    """Return the integer in `text`, at least `least`; InvalidValue names `what` otherwise."""
    try:
        value = int(str(text))
    except ValueError:
        raise InvalidValue(f"Cannot read {what} '{text}'; it is a whole number.") from None
    if value < least:
        raise InvalidValue(f"The {what} {value} is too small; it is at least {least}.")
    return value


def parse_loss(text: str | int | float) -> int:
    """Return packets lost of a billion (0 <= p < 10^9) from a share of 1: "1e-6", "0.0001%", 0.

    Raises InvalidValue for a share outside 0 to below 1, for an unreadable one, and for parts of 10^-9.
    """
    value, unit = _split(str(text).replace("%", ""), "loss rate", "1e-6")
    percent = str(text).strip().endswith("%")
    if unit:
        raise InvalidValue(f"The loss rate '{text}' is a share of packets without a unit, like 1e-6 or 0.0001%.")
    share = value / (100 if percent else 1)
    if not 0 <= share < 1:
        raise InvalidValue(
            f"The loss rate '{text}' is not 0 or more and below 1; a link that loses all is one to "
            "fail, or to drop everything from a time on (--at TIME:LINK=drop)."
        )
    lost = share * PER_BILLION
    if lost.denominator != 1:
        raise InvalidValue(f"The loss rate '{text}' is finer than one packet of a billion; write it like 1e-6.")
    return int(lost)


def check_time(time: int) -> int:
    """Return `time` (fs) unchanged; ClockOverflow when it does not fit 63 bits."""
    if time > MAX_TIME:
        raise ClockOverflow(
            f"Simulated time {time / FS_PER_SECOND:.3g} s exceeds the clock of 2.56 hours; "
            "use a smaller size, a higher bandwidth or a shorter latency."
        )
    return time


def serialisation_fs(size: int, bandwidth: int) -> int:
    """Return ceil(size 10^15 / bandwidth), the femtoseconds `size` bytes hold a link of `bandwidth` bytes/s (rule 1)."""
    return -(-size * FS_PER_SECOND // bandwidth)


def format_size(size: int) -> str:
    """Return bytes in the largest binary unit that is exact, else three significant digits: "16 MiB", "1.34 GB"."""
    for unit, factor in reversed(_BINARY.items()):
        if size >= factor and size % factor == 0:
            return f"{size // factor} {unit}B"
    if size < 10**4:
        return f"{size} B"
    return _scaled(size, "B")


def format_bandwidth(rate: float) -> str:
    """Return bytes/s with a decimal prefix: "16 GB/s"."""
    return _scaled(rate, "B/s")


def format_loss(loss: int) -> str:
    """Return packets lost of a billion as a share: "1e-06"; "0" for none."""
    return f"{loss / PER_BILLION:.9g}"


def format_time(fs: float) -> str:
    """Return femtoseconds in the unit that reads best: "150 ns", "1.966 ms"."""
    for unit in ("s", "ms", "us", "ns", "ps"):
        if abs(fs) >= _TIME[unit]:
            return f"{fs / _TIME[unit]:.4g} {unit}"
    return f"{fs:.4g} fs"


def _scaled(value: float, unit: str) -> str:
    for prefix in ("P", "T", "G", "M", "k"):
        if abs(value) >= _DECIMAL[prefix]:
            return f"{value / _DECIMAL[prefix]:.4g} {prefix}{unit}"
    return f"{value:.4g} {unit}"
