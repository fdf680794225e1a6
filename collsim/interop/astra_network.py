"""ASTRA-sim's network YAML of its analytical back end: dimensions of ring, fully connected or switch, multiplied.

Four lists, one entry a dimension: topology, npus_count, bandwidth in GB/s and latency in ns. **GB is 2^30 bytes there**, and
the latency is that of one link, so a switch costs it twice. NPU numbers are mixed radix, the first dimension fastest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from collsim.errors import FileFormatError, TopologyError, nearest, reason
from collsim.topology.draft import refuse_override
from collsim.topology.family import MAX_LINKS, LinkSpec, from_family
from collsim.topology.files import DIALECTS, Dialect, read_text
from collsim.topology.graph import Level, Link, Topology, build
from collsim.units import FS_PER_SECOND

__all__ = ["Dimension", "read_astra_network"]

GB = 2**30
FS_PER_NS = 10**6
SHAPES = {"ring": "Ring", "fullyconnected": "FullyConnected", "switch": "Switch"}
KEYS = ("topology", "npus_count", "bandwidth", "latency")
_OBSOLETE = ("topology-name", "dimensions-count", "units-count", "links-count")
_KEY = re.compile(r"^\s*['\"]?npus_count['\"]?\s*:", re.MULTILINE)
_MOST_DIMENSIONS = 32
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?")


@dataclass(frozen=True, slots=True)
class Dimension:
    """One dimension: `shape` of SHAPES' values, `count` NPUs, links of `bandwidth` bytes/s and `latency` fs."""

    shape: str
    count: int
    bandwidth: int
    latency: int


def read_astra_network(path: Path, bandwidth: int | None = None, latency: int | None = None) -> Topology:
    """Return the topology in the YAML file at `path`, NPU i as host i.

    One dimension is a ring, full or switch of collsim, all rings are a torus (its axes the dimensions backwards, so that ids
    agree), anything else a graph whose NPUs pass traffic on. Raises FileFormatError with the key for what cannot be read.
    """
    origin = str(path)
    dims = _dimensions(_document(path), origin)
    for what, asked in (("bandwidth", bandwidth), ("latency", latency)):
        refuse_override(origin, what, asked, False)
    about = " x ".join(f"{d.shape} of {d.count}" for d in dims) + ", ASTRA-sim network; its GB/s read as 2^30 bytes/s"
    try:
        made = _as_family(dims) or _product(dims, path.stem)
    except TopologyError as error:
        raise TopologyError(f"{origin}: {error}") from None
    return replace(made, name=path.stem, about=about)


def _document(path: Path) -> dict[object, object]:
    import yaml

    from collsim.topology.yaml_loader import StrictLoader

    try:
        document = yaml.load(read_text(path), Loader=StrictLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark is not None else ""
        raise FileFormatError(f"{path}{place}: not YAML: {getattr(error, 'problem', None) or error}.") from None
    except (RecursionError, ValueError, TypeError) as error:
        raise FileFormatError(f"{path}: cannot be read as YAML: {reason(error)}.") from None
    if not isinstance(document, dict):
        raise FileFormatError(f"{path}: a network of ASTRA-sim is a mapping of {', '.join(KEYS)} to lists.")
    return document


def _dimensions(document: dict[object, object], origin: str) -> list[Dimension]:
    for key in document:
        if str(key) in _OBSOLETE:
            raise FileFormatError(f"{origin}: '{key}' is of ASTRA-sim 1.0; write {', '.join(KEYS)} as version 2 reads them.")
        if key not in KEYS:
            guess = nearest(str(key), KEYS)
            raise FileFormatError(f"{origin}: unknown key '{key}'.{f' Did you mean {guess!r}?' if guess else ''}")
    lists: list[list[Any]] = []
    for key in KEYS:
        value = document.get(key)
        if not isinstance(value, list) or not value:
            raise FileFormatError(f"{origin}: '{key}' is a list with an entry for each dimension, not {str(value)[:60]!r}.")
        lists.append(value)
    if len(lists[0]) > _MOST_DIMENSIONS:
        raise FileFormatError(f"{origin}: {len(lists[0]):,} dimensions; up to {_MOST_DIMENSIONS} are read.")
    for key, value in zip(KEYS, lists, strict=True):
        if len(value) != len(lists[0]):
            raise FileFormatError(f"{origin}: '{key}' has {len(value)} dimensions where topology has {len(lists[0])}.")
    dims = [_dimension(entry, f"{origin}: dimension {index}") for index, entry in enumerate(zip(*lists, strict=True))]
    hosts = prod(d.count for d in dims)
    links = sum(2 * hosts if d.shape != "FullyConnected" else hosts * (d.count - 1) for d in dims)
    if links > MAX_LINKS:
        raise FileFormatError(f"{origin}: {hosts:,} NPUs and {links:,} links are more than the {MAX_LINKS:,} links allowed.")
    return dims


def _dimension(entry: tuple[Any, ...], place: str) -> Dimension:
    shape = SHAPES.get(str(entry[0]).lower().replace("_", ""))
    if shape is None:
        raise FileFormatError(f"{place}: topology '{entry[0]}' is none of {', '.join(SHAPES.values())}.")
    count = entry[1]
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MAX_LINKS:
        raise FileFormatError(f"{place}: npus_count '{count}' is not a number of NPUs.")
    rate = round(_number(entry[2], f"{place}: bandwidth", "GB/s") * GB)
    delay = round(_number(entry[3], f"{place}: latency", "ns") * FS_PER_NS)
    if not 1 <= rate <= 10**18:
        raise FileFormatError(f"{place}: bandwidth {entry[2]} GB/s is not above zero and up to 10^18 bytes/s.")
    if delay > 3600 * FS_PER_SECOND:
        raise FileFormatError(f"{place}: latency {entry[3]} ns is more than an hour.")
    return Dimension(shape, count, rate, delay)


def _number(value: object, place: str, unit: str) -> Fraction:
    if isinstance(value, bool) or _NUMBER.fullmatch(str(value)) is None:
        raise FileFormatError(f"{place} '{value}' is not a number of {unit}, 0 or more.")
    return Fraction(str(value))


def _as_family(dims: Sequence[Dimension]) -> Topology | None:
    """Return the family's topology where there is one, so that routing and algorithms know it; None elsewhere."""
    real = [d for d in dims if d.count > 1]
    rings = all(d.shape == "Ring" for d in real)
    if not real or (len(real) > 1 and not rings):
        return None
    name = {"Ring": "ring", "FullyConnected": "full", "Switch": "switch"}[real[0].shape] + str(real[0].count)
    if len(real) > 1:
        name = f"torus{'x'.join(str(d.count) for d in reversed(real))}"
    made = from_family(name, LinkSpec(real[0].bandwidth, real[0].latency))
    if made is None or len(real) == 1:
        return made
    # Links of a torus join hosts that differ in one digit; the dimension of that digit is the link's.
    rate, delay, weight = made.bandwidth.copy(), made.latency.copy(), 1
    for dim in real:
        own = made.source // weight % dim.count != made.target // weight % dim.count
        rate[own], delay[own] = dim.bandwidth, dim.latency
        weight *= dim.count
    return replace(made, bandwidth=rate, latency=delay)


def _product(dims: Sequence[Dimension], name: str) -> Topology:
    """Return the graph in which every line along every dimension is that dimension's ring, mesh of all, or switch."""
    hosts, links, names = prod(d.count for d in dims), list[Link](), list[str]()
    levels: list[Level] = []
    weight = 1
    for index, dim in enumerate(dims):
        if dim.count > 1:
            sets: list[tuple[int, ...]] = []
            for first in _firsts(hosts, weight, dim.count):
                line = [first + weight * k for k in range(dim.count)]
                switch = hosts + len(names)
                if dim.shape == "Switch":
                    names.append(f"dim{index}.{len(sets)}")
                links += [link for a, b in _pairs(dim, line, switch) for link in _cable(a, b, dim)]
                sets.append(tuple(line) + ((switch,) if dim.shape == "Switch" else ()))
            levels.append(Level(f"dim{index}", tuple(sets)))
        weight *= dim.count
    return build(
        name,
        hosts,
        links,
        switches=len(names),
        names=[*(f"npu{i}" for i in range(hosts)), *names],
        forwards=[True] * (hosts + len(names)),
        levels=tuple(levels),
        coordinates=_places(dims, hosts, len(names)),
    )


def _firsts(hosts: int, weight: int, count: int) -> Iterator[int]:
    """Yield the NPUs whose digit of this weight is 0, each the first of a line."""
    return (i for i in range(hosts) if i // weight % count == 0)


def _pairs(dim: Dimension, line: Sequence[int], switch: int) -> list[tuple[int, int]]:
    if dim.shape == "Switch":
        return [(node, switch) for node in line]
    if dim.shape == "FullyConnected":
        return [(a, b) for k, a in enumerate(line) for b in line[k + 1 :]]
    # A ring of two is one cable, as ASTRA-sim's second one replaces the first.
    return [(a, line[(k + 1) % len(line)]) for k, a in enumerate(line) if len(line) > 2 or k == 0]


def _cable(a: int, b: int, dim: Dimension) -> tuple[Link, Link]:
    return Link(a, b, dim.bandwidth, dim.latency), Link(b, a, dim.bandwidth, dim.latency)


def _places(dims: Sequence[Dimension], hosts: int, switches: int) -> np.ndarray[Any, Any]:
    """Return where to draw: digits of even dimensions to the right, of odd ones downwards; switches in rows below."""
    at, weight, width = np.zeros((hosts + switches, 2)), 1, [1.0, 1.0]
    for index, dim in enumerate(dims):
        at[:hosts, index % 2] += width[index % 2] * (np.arange(hosts) // weight % dim.count)
        width[index % 2] *= dim.count + 0.5
        weight *= dim.count
    columns = max(1, int(np.ceil(np.sqrt(max(switches, 1)))), int(width[0]))
    where = np.arange(switches)
    at[hosts:] = np.stack([where % columns + 0.5, at[:hosts, 1].max(initial=0) + 1.5 + where // columns], axis=1)
    return at


DIALECTS.add(
    "astra-network",
    Dialect("ASTRA-sim network YAML", (".yaml", ".yml"), lambda text: _KEY.search(text) is not None, read_astra_network),
)
