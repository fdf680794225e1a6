"""Fields of a grid: how a parameter is called, how what a person writes becomes its values, and its value unless said.

Values are numbers, text, lists and mappings, so that a point can be kept as JSON; only a Topology made in Python stays one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collsim.collectives.algorithm import parse_algorithm
from collsim.collectives.collective import collective
from collsim.engines.engine import ENGINES
from collsim.errors import InvalidValue
from collsim.network.link_changes import check_change
from collsim.network.preset import preset
from collsim.simulate import DEFAULT_ENGINE
from collsim.sweep.compare import parse_sizes
from collsim.topology import load
from collsim.topology.faults import parse_factor
from collsim.topology.graph import Topology
from collsim.units import parse_bandwidth, parse_count, parse_time

__all__ = [
    "AT",
    "COLLECTIVE",
    "MACHINE",
    "PLACEMENT",
    "SIZE",
    "TOPOLOGY",
    "Field",
    "algorithm_field",
    "count_field",
    "items_of",
    "local",
    "number_field",
    "switch_field",
    "text_field",
    "words_field",
]

Read = Callable[[Any], Sequence[Any]]
NOTHING = (None, "none", "")


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter that a grid may list values of.

    `name` as in "size", `plural` as in "sizes"; both are taken. `read` returns the values of one item of the list, of which
    a range has several, and raises UsageError. `default`: the values unless some are given; None: they must be. `files`: an
    item may be the path of a file.
    """

    name: str
    plural: str
    read: Read
    default: tuple[Any, ...] | None
    files: bool = False


def items_of(value: Any) -> list[Any]:
    """Return the items of a list, or the one value that is written without one."""
    if isinstance(value, list | tuple | range):
        return list(value)
    return [value.item() if hasattr(value, "item") and not hasattr(value, "__len__") else value]


def local(item: Any, folder: Path) -> Any:
    """Return a path that begins with ./ or ../ as seen from `folder`, anything else as it is."""
    if isinstance(item, list):
        return [local(one, folder) for one in item]
    text = str(item)
    if isinstance(item, Topology) or not text.startswith(("./", "../")):
        return item
    path = os.path.join(folder, text)
    return path if os.path.isabs(path) else f"./{os.path.normpath(path)}"


def text_field(name: str, plural: str, check: Callable[[str], object], default: tuple[Any, ...] | None) -> Field:
    """Return a field of names, each as `check` lets it pass."""

    def read(item: Any) -> list[str]:
        text = _text(name, item)
        check(text)
        return [text]

    return Field(name, plural, read, default)


def count_field(name: str, plural: str, default: tuple[Any, ...] | None, least: int = 0) -> Field:
    """Return a field of whole numbers from `least` on."""
    return Field(name, plural, lambda item: [parse_count(_text(name, item), name, least)], default)


def words_field(name: str, plural: str, check: Callable[[str], object] | None, default: Any, files: bool = False) -> Field:
    """Return a field of quantities and names that are kept as they are written, None among them; `check` may refuse them."""

    def read(item: Any) -> list[str | None]:
        if item in NOTHING and default is None:
            return [None]
        text = _text(name, item)
        if check is not None:
            check(text)
        return [text]

    return Field(name, plural, read, (default,), files)


def number_field(name: str, plural: str, default: int | None, least: int = 0) -> Field:
    """Return a field of whole numbers from `least` on, or of what is worked out where none is given."""

    def read(item: Any) -> list[int | None]:
        return [None] if item in NOTHING and default is None else [parse_count(_text(name, item), name, least)]

    return Field(name, plural, read, (default,))


def switch_field(name: str, plural: str, default: bool = False) -> Field:
    """Return a field of yes and no."""

    def read(item: Any) -> list[bool]:
        if not isinstance(item, bool):
            raise InvalidValue(f"'{name}' is true or false, not '{item}'.")
        return [item]

    return Field(name, plural, read, (default,))


def algorithm_field(name: str, plural: str, default: tuple[Any, ...], extra: tuple[Any, ...] = ()) -> Field:
    """Return a field of algorithms with options or of files of one's own; `extra` are further words, None among them."""

    def read(item: Any) -> list[str | None]:
        if item in extra:
            return [item]
        if None in extra and item in NOTHING:
            return [None]
        text = _text(name, item)
        parse_algorithm(text)
        return [text]

    return Field(name, plural, read, default, files=True)


def _text(name: str, item: Any) -> str:
    if isinstance(item, bool) or not isinstance(item, str | int | float | Path):
        raise InvalidValue(f"Cannot read '{item}' as {name}; write one value, or a list of values.")
    return str(item).strip()


def _topology(item: Any) -> list[Any]:
    if isinstance(item, Topology):
        return [item]
    text = _text("topology", item)
    load(text)
    return [text]


def _optional(name: str, parse: Callable[[Any], Any]) -> Read:
    return lambda item: [None if item in NOTHING else parse(item if isinstance(item, int) else _text(name, item))]


def _changes(item: Any) -> list[list[str]]:
    (texts,) = _links(item)
    for text in texts:
        check_change(text)
    return [texts]


def _placement(item: Any) -> list[str]:
    text = _text("placement", item)
    kind, _, seed = text.partition(":")
    if kind == "random":
        parse_count(seed or "0", "placement seed")
    elif text != "linear" and not Path(text).is_file():
        raise InvalidValue(f"The placement '{text}' is neither linear, random:SEED nor a file of host names.")
    return [text]


def _links(item: Any) -> list[list[str]]:
    """Return the one value, a list of links, that an item of `fail` or `at` is: one, a list of them or nothing."""
    if isinstance(item, Sequence) and not isinstance(item, str):
        return [[_text("link", link) for link in item]]
    return [[] if item in NOTHING else [_text("link", item)]]


def _shares(item: Any) -> list[dict[str, str]]:
    """Return the one value, {link: share}, that an item of `degrade` is: a mapping, "LINK=SHARE" or nothing."""
    if isinstance(item, Mapping):
        shares = {str(link): _text("share", share) for link, share in item.items()}
        for link, share in shares.items():
            parse_factor(link, share)
        return [shares]
    if item in NOTHING:
        return [{}]
    link, equals, share = _text("degrade", item).rpartition("=")
    if not equals or not link or not share:
        raise InvalidValue(f"Cannot read the degraded link '{item}'; write it as LINK=SHARE or as LINK: SHARE.")
    parse_factor(link, share)
    return [{link: share}]


def _preset(item: Any) -> list[str | None]:
    if item in NOTHING:
        return [None]
    return [preset(_text("preset", item)).name]


def _time(value: Any) -> int:
    return value if isinstance(value, int) else parse_time(value)


TOPOLOGY = Field("topology", "topologies", _topology, None, files=True)
SIZE = Field("size", "sizes", lambda item: parse_sizes([item] if isinstance(item, int) else _text("size", item)), (2**24,))
MACHINE: tuple[Field, ...] = (
    Field("bandwidth", "bandwidths", _optional("bandwidth", parse_bandwidth), (None,)),
    Field("latency", "latencies", _optional("latency", _time), (None,)),
    Field("fail", "fails", _links, ([],)),
    Field("degrade", "degrades", _shares, ({},)),
    Field("preset", "presets", _preset, (None,)),
    text_field("engine", "engines", ENGINES.get, (DEFAULT_ENGINE,)),
    count_field("seed", "seeds", (0,)),
)
"""What every point has beside its topology: how the machine is altered, its network and its engine."""
PLACEMENT = Field("placement", "placements", _placement, ("linear",), files=True)
AT = Field("at", "ats", _changes, ([],))
"""Links that change during a run."""
COLLECTIVE = text_field("collective", "collectives", collective, ("all-reduce",))
