"""ASTRA-sim's system JSON, read: what of it is a setting of the network here, what names an algorithm, what means nothing.

Every key is known by name, and each that is not honoured to the letter leaves a note that says what becomes of it. One cycle
is 1 ns; local-mem-bw is in 10^9 bytes/s (unlike the network's GB).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from collsim.errors import FileFormatError, nearest, reason
from collsim.topology.files import read_text

__all__ = ["KEYS", "AstraSystem", "read_astra_system"]

ALGORITHMS = {
    "ring": "ring",
    "oneRing": "ring",
    "direct": "direct",
    "oneDirect": "direct",
    "doubleBinaryTree": "double-binary-tree",
    "halvingDoubling": "halving-doubling",
    "oneHalvingDoubling": "halving-doubling",
}
COLLECTIVES = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all")
_IDLE: Mapping[str, str] = {
    "scheduling-policy": "collectives of a program start when their dependencies are met",
    "intra-dimension-scheduling": "NICs take turns by --set nic_scheduler",
    "inter-dimension-scheduling": "the order of dimensions is the algorithm's",
    "active-chunks-per-dimension": "messages in flight are bounded by dependencies and buffers",
    "collective-optimization": "baseline; localBWAware is an algorithm of its own",
    "roofline-enabled": "compute times are a workload's (--accelerator)",
    "peak-perf": "compute times are a workload's (--accelerator)",
    "trace-enabled": "traces are an option of commands here",
    "replay-only": "what runs is the command's",
    "track-local-mem": "memory is not tracked",
    "local-mem-trace-filename": "memory is not tracked",
    "boost-mode": "every rank is simulated",
    "model-shared-bus": "there is no shared bus in a host",
    **dict.fromkeys(("L", "o", "g", "G"), "LogGP of the shared bus, which is not modelled"),
}
Outcome = tuple[dict[str, str], list[str]]


@dataclass(frozen=True, slots=True)
class AstraSystem:
    """What a system file comes to: `settings` as --set takes them, `algorithms` by collective, `notes` a sentence each."""

    settings: Mapping[str, str]
    algorithms: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_astra_system(path: str | Path) -> AstraSystem:
    """Return what the system JSON at `path` means here.

    Raises FileFormatError with the line or the key for what is not JSON, unknown keys, values out of range, and for custom
    algorithms, which are files of another format.
    """
    origin, document = str(path), _document(Path(path))
    settings: dict[str, str] = {}
    algorithms: dict[str, str] = {}
    notes: list[str] = []
    for key, value in document.items():
        place = f"{origin}: {key}"
        if key in _SETTINGS:
            changed, said = _SETTINGS[key](value, place)
            settings |= changed
            notes += said
        elif key.removesuffix("-implementation") in COLLECTIVES and key.endswith("-implementation"):
            collective = key.removesuffix("-implementation")
            algorithms[collective] = _algorithm(value, place)
            notes.append(f"{key} {_listed(value)} is --algo {algorithms[collective]} for {collective}.")
        elif key.endswith("-implementation-custom"):
            raise FileFormatError(f"{place}: custom algorithms are trace files; give such a file to --algo, as MSCCL XML.")
        elif key in _IDLE:
            notes.append(f"{key} is not used: {_IDLE[key]}.")
        else:
            guess = nearest(key, KEYS)
            hint = f" Did you mean '{guess}'?" if guess else ""
            raise FileFormatError(f"{origin}: unknown key '{key}'.{hint}")
    return AstraSystem(settings, algorithms, tuple(notes))


def _document(path: Path) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for key, _ in pairs:
            if sum(other == key for other, _ in pairs) > 1:
                raise FileFormatError(f"{path}: the key '{key}' is stated twice.")
        return dict(pairs)

    try:
        document = json.loads(read_text(path), object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise FileFormatError(f"{path}, line {error.lineno}, column {error.colno}: not JSON: {error.msg}.") from None
    except (RecursionError, ValueError) as error:
        raise FileFormatError(f"{path}: cannot be read as JSON: {reason(error)}.") from None
    if not isinstance(document, dict):
        raise FileFormatError(f'{path}: a system of ASTRA-sim is an object of keys like "endpoint-delay".')
    return document


def _endpoint_delay(value: object, place: str) -> Outcome:
    cycles = _whole(value, place)
    said = (
        [f"endpoint-delay {cycles} is ejection_latency={cycles}ns: after every message, none before the first."]
        if cycles
        else []
    )
    return ({"ejection_latency": f"{cycles}ns"} if cycles else {}), said


def _local_mem_bw(value: object, place: str) -> Outcome:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 10**9:
        raise FileFormatError(f"{place}: '{value}' is not a rate in GB/s (10^9 bytes/s) above zero.")
    rate = round(value * 10**9 / 3)
    said = f"local-mem-bw {value:g} is reduction_rate={rate / 1e9:.6g}GB/s: a sum reads two operands and writes one."
    return {"reduction_rate": f"{rate}B/s"}, [said]


def _local_reduction_delay(value: object, place: str) -> Outcome:
    cycles = _whole(value, place)
    return {}, ([f"local-reduction-delay {cycles} is not used: sums cost bytes here, by reduction_rate."] if cycles else [])


def _splits(value: object, place: str) -> Outcome:
    splits = _whole(value, place)
    if splits < 1:
        raise FileFormatError(f"{place}: {splits} is not a number of splits.")
    if splits == 1:
        return {}, []
    return {}, [
        f"preferred-dataset-splits {splits} is not used: there, splits follow one another; here an algorithm takes its own "
        "number of segments."
    ]


_SETTINGS: Mapping[str, Callable[[object, str], Outcome]] = {
    "endpoint-delay": _endpoint_delay,
    "local-mem-bw": _local_mem_bw,
    "local-reduction-delay": _local_reduction_delay,
    "preferred-dataset-splits": _splits,
}
KEYS = (*_SETTINGS, *(f"{name}-implementation" for name in COLLECTIVES), *_IDLE)


def _algorithm(value: object, place: str) -> str:
    """Return the algorithm of a list with one entry a dimension."""
    names = [str(name) for name in value] if isinstance(value, list) else [str(value)]
    if not names or len(names) > 64:
        raise FileFormatError(f'{place}: write the algorithm of each dimension, like ["ring"].')
    for name in names:
        if name not in ALGORITHMS:
            guess = nearest(name, ALGORITHMS)
            raise FileFormatError(f"{place}: unknown '{name}'.{f' Did you mean {guess!r}?' if guess else ''}")
    whole = [name for name in names if name.startswith("one")]
    if whole or len(names) == 1:
        return ALGORITHMS[(whole or names)[0]]
    return "2d-ring" if names == ["ring", "ring"] else "hierarchical"


def _listed(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _whole(value: object, place: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10**12:
        raise FileFormatError(f"{place}: '{value}' is not a whole number, 0 or more.")
    return value
