"""What a training machine is planned from: money, racks, power, precision, model, steps, each with its source.

The defaults are the machine of Gherghescu et al., arXiv 2407.12819, which came out twice: v1, "A Look Into Training Large
Language Models on Next Generation Datacenters" (July 2024), and v2, "I've Got 99 Problems But FLOPS Ain't One" (HotNets
2024). Numbers are exact rationals, so a budget that buys n racks buys n and not n - 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any

from collsim.errors import InvalidValue, UnknownName
from collsim.units import FS_PER_SECOND, parse_bandwidth, parse_count, parse_number, parse_size, parse_time

__all__ = ["PRECISIONS", "SOURCES", "Precision", "Request", "request"]


@dataclass(frozen=True, slots=True)
class Precision:
    """`peak`: dense FLOP/s of a GPU, `size`: bytes of a gradient that sites exchange."""

    peak: Fraction
    size: Fraction


PRECISIONS = {
    "bf16": Precision(Fraction(2_500 * 10**12), Fraction(2)),
    "fp8": Precision(Fraction(5_000 * 10**12), Fraction(1)),
}
"""Of a GPU of GB200 NVL72: NVIDIA's figures without sparsity."""

SOURCES = {
    "budget": "v1",
    "compute_share": "overview",
    "rack_price": "from the overview's 23,300 racks",
    "rack_power": "from the overview's 3.6 GW",
    "rack_gpus": "hardware",
    "rack_memory": "hardware",
    "pue": "from the overview's 4.16 to 4.71 GW",
    "sites": "overview",
    "peak": "hardware",
    "utilisation": "assumed",
    "parameters": "v1, its smaller model",
    "tokens_per_parameter": "v1, Chinchilla scaling",
    "gradient_bytes": "the precision's",
    "state_bytes": "assumed",
    "step_time": "assumed",
    "round_trip": "assumed",
}
"""Where defaults come from: v1, its abstract; overview, a public summary of v2; hardware, NVIDIA. v2's abstract has none."""

RACKS, IT_POWER, TOTAL_POWER = 23_300, Fraction(3_600 * 10**6), (Fraction(4_160 * 10**6), Fraction(4_710 * 10**6))
"""The overview's, from which price and power of a rack and PUE follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is given. Money in dollars, power in W, memory in bytes, times in fs, `wan_rate` in bytes/s; shares in (0, 1].

    `rack_power`: IT power. `pue`: total over IT power, least and most. `gpus` in place of those that the budget buys.
    `sites` (2), or `site_power`, what one site has at most. `parameters` (50 T), or the `days` that training may take.
    `peak` (FLOP/s of a GPU) and `gradient_bytes` in place of those of `precision`. `state_bytes`: memory a parameter (16:
    bf16 weight and gradient, fp32 weight and two moments). `step_time`: from one optimiser step to the next. `wan_rate`:
    what a site has in each direction, if that is known. Raises InvalidValue and UnknownName.
    """

    budget: Fraction = Fraction(10**11)
    compute_share: Fraction = Fraction(7, 10)
    rack_price: Fraction = Fraction(7 * 10**10, RACKS)
    rack_power: Fraction = IT_POWER / RACKS
    rack_gpus: int = 72
    rack_memory: int = 13_400 * 10**9
    gpus: int | None = None
    pue: tuple[Fraction, Fraction] = (TOTAL_POWER[0] / IT_POWER, TOTAL_POWER[1] / IT_POWER)
    sites: int | None = None
    site_power: Fraction | None = None
    precision: str = "bf16"
    peak: Fraction | None = None
    gradient_bytes: Fraction | None = None
    utilisation: Fraction = Fraction(2, 5)
    tokens_per_parameter: Fraction = Fraction(20)
    parameters: int | None = None
    days: Fraction | None = None
    state_bytes: Fraction = Fraction(16)
    step_time: int = 60 * FS_PER_SECOND
    round_trip: int = 60 * FS_PER_SECOND // 1000
    wan_rate: int | None = None

    def __post_init__(self) -> None:
        for name in POSITIVE:
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise InvalidValue(f"The {_words(name)} {float(value):g} must be above zero; give another or leave it out.")
        for name in ("compute_share", "utilisation"):
            if getattr(self, name) > 1:
                raise InvalidValue(f"The {_words(name)} {float(getattr(self, name)):g} is above 1; write 70 % as 0.7.")
        if self.round_trip < 0:
            raise InvalidValue(f"The round trip of {self.round_trip} fs is negative; it is 0 or more.")
        if not 1 <= self.pue[0] <= self.pue[1]:
            given = ":".join(f"{float(value):g}" for value in self.pue)
            raise InvalidValue(f"The PUE {given} does not rise from 1 or more; write the least and the most, like 1.15:1.3.")
        for one, other in (("sites", "site_power"), ("parameters", "days")):
            if getattr(self, one) is not None and getattr(self, other) is not None:
                raise InvalidValue(
                    f"A {_words(one)} and a {_words(other)} are given, and each sets the other; leave one out."
                )
        if self.precision not in PRECISIONS:
            raise UnknownName("precision", self.precision, PRECISIONS)

    @property
    def gpu_peak(self) -> Fraction:
        """FLOP/s of a GPU."""
        return self.peak or PRECISIONS[self.precision].peak

    @property
    def gradient_size(self) -> Fraction:
        """Bytes of a gradient."""
        return self.gradient_bytes or PRECISIONS[self.precision].size

    def source(self, name: str) -> str:
        """Return where the value of a field comes from: "given", or the source of its default."""
        default = next(field.default for field in fields(self) if field.name == name)
        return SOURCES[name] if getattr(self, name) == default else "given"


POSITIVE = [
    *("budget", "compute_share", "rack_price", "rack_power", "rack_gpus", "rack_memory", "gpus", "sites", "site_power"),
    *("peak", "gradient_bytes", "utilisation", "tokens_per_parameter", "parameters", "days", "state_bytes", "step_time"),
    "wan_rate",
]


def request(**given: Any) -> Request:
    """Return the Request of texts or numbers, None meaning the default: budget="100B", step_time="60s", pue="1.15:1.3".

    Raises InvalidValue for what cannot be read or is out of range, UnknownName for an unknown precision or field.
    """
    for name in given:
        if name not in READERS:
            raise UnknownName("input of a plan", name, READERS)
    return Request(**{name: READERS[name](value) for name, value in given.items() if value is not None})


def _words(name: str) -> str:
    if name in ("gpus", "sites", "parameters", "days"):
        return f"number of {name.replace('gpus', 'GPUs')}"
    return name.replace("_", " ")


def _number(name: str, example: str, unit: str = "") -> Callable[[Any], Fraction]:
    return lambda text: parse_number(text, _words(name), unit, example)


def _whole(name: str, example: str) -> Callable[[Any], int]:
    def read(text: Any) -> int:
        number = parse_number(text, _words(name), "", example)
        if number.denominator != 1:
            raise InvalidValue(f"The {_words(name)} '{text}' is not a whole number; write it like {example}.")
        return int(number)

    return read


def _range(text: Any) -> tuple[Fraction, Fraction]:
    """Return the PUE of "1.2" or "1.15:1.3"."""
    parts = text if isinstance(text, tuple) else str(text).split(":")
    if len(parts) > 2:
        raise InvalidValue(f"Cannot read the PUE '{text}'; write it like 1.2 or 1.15:1.3.")
    ends = [parse_number(part, "PUE", example="1.2") for part in parts]
    return ends[0], ends[-1]


READERS: dict[str, Callable[[Any], Any]] = {
    "budget": lambda text: parse_number(str(text).removeprefix("$"), "budget", "", "100B"),
    "compute_share": _number("compute_share", "0.7"),
    "rack_price": lambda text: parse_number(str(text).removeprefix("$"), "rack price", "", "3M"),
    "rack_power": _number("rack_power", "154.5kW", "W"),
    "rack_gpus": lambda text: parse_count(text, _words("rack_gpus")),
    "rack_memory": parse_size,
    "gpus": _whole("gpus", "1.67M"),
    "pue": _range,
    "sites": lambda text: parse_count(text, _words("sites")),
    "site_power": _number("site_power", "1GW", "W"),
    "precision": str,
    "peak": _number("peak", "2.5PFLOP/s", "FLOP/s"),
    "gradient_bytes": _number("gradient_bytes", "2"),
    "utilisation": _number("utilisation", "0.4"),
    "tokens_per_parameter": _number("tokens_per_parameter", "20"),
    "parameters": _whole("parameters", "50T"),
    "days": _number("days", "365"),
    "state_bytes": _number("state_bytes", "16"),
    "step_time": parse_time,
    "round_trip": parse_time,
    "wan_rate": parse_bandwidth,
}
