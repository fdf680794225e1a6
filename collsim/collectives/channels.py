"""The channels of a partial all-reduce: the first k of h are summed over ranks, the others stay with each rank.

Of a tensor with h channels, the fraction p makes k = int(p h), truncated and never rounded (CAAT-Net, arXiv 2506.19645, and
its public code). p is taken as the number that is written: 0.29 of 100 channels are 29, though 0.29 * 100 in floating point
is 28.999.
"""

from __future__ import annotations

import re
from fractions import Fraction

from collsim.errors import InvalidValue, UnknownName
from collsim.units import parse_count

__all__ = ["CHANNELS", "FRACTION", "channel_range", "parse_channels", "parse_fraction", "synchronised_channels"]

FRACTION, CHANNELS = Fraction(1, 2), 4096
"""What a partial all-reduce is where nothing is said: the paper's p, and the hidden size of its 7B model."""
OPTIONS = ("p", "h")
# Longer texts are slips, and 1e-999999999 as an exact fraction would fill the memory.
_FRACTION = re.compile(r"[+-]?[\d./]{1,40}([eE][+-]?\d\d?)?")


def parse_fraction(value: str | float | Fraction) -> Fraction:
    """Return p exactly, from "0.5", "3/4", 0.5, 1 or a Fraction.

    Raises InvalidValue for what is no number of 0 to 1.
    """
    text = str(value).strip()
    try:
        if _FRACTION.fullmatch(text) is None:
            raise ValueError(text)
        fraction = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise InvalidValue(f"Cannot read the fraction p '{text[:64]}'; write it like 0.5 or 3/4.") from None
    if not 0 <= fraction <= 1:
        raise InvalidValue(f"The fraction p of the channels that are summed is 0 to 1, not {text}.")
    return fraction


def synchronised_channels(p: str | float | Fraction, channels: int) -> int:
    """Return int(p * channels), how many of `channels` (at least 1) are summed; InvalidValue as `parse_fraction`.

    >>> synchronised_channels(0.3, 768)
    230
    """
    return int(parse_fraction(p) * parse_count(channels, "number of channels", 1))


def parse_channels(text: str) -> tuple[int, int]:
    """Return (k, h) of "p=0.5,h=4096", both optional; UnknownName, InvalidValue.

    >>> parse_channels("p=0.3,h=768")
    (230, 768)
    """
    given: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        key, _, value = (part.strip() for part in item.partition("="))
        if key not in OPTIONS:
            raise UnknownName("option of partial-all-reduce", key, OPTIONS)
        if not value:
            raise InvalidValue(f"Write the option '{key}' of partial-all-reduce as {key}=VALUE, like p=0.5,h=4096.")
        given[key] = value
    channels = parse_count(given.get("h", CHANNELS), "number of channels", 1)
    return synchronised_channels(given.get("p", FRACTION), channels), channels


def channel_range(first: int, last: int, channels: int) -> str:
    """Return "channels 2048..4095 of 4096"; `last` is included."""
    if last < first:
        return "no channel"
    if (first, last) == (0, channels - 1):
        return "the only channel" if channels == 1 else f"all {channels} channels"
    return f"channel {first} of {channels}" if first == last else f"channels {first}..{last} of {channels}"
