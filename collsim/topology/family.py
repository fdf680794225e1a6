"""What a topology family is: a pure builder found by the letters of a name such as torus4x4 or fattree4x2.

Adding one costs one file in collsim/topology/families (or an entry point in the group "collsim.families"). The helpers
here are what builders share: sizes that do not exist are refused in one wording, and cables become directed links in one
order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collsim.errors import TopologyError
from collsim.registry import Registry
from collsim.topology.graph import Topology
from collsim.units import parse_bandwidth, parse_time

__all__ = [
    "DEFAULT_LINKS",
    "FAMILIES",
    "MAX_LINKS",
    "Family",
    "LinkSpec",
    "cables",
    "from_family",
    "impossible",
    "refuse_above",
    "split_name",
    "uniform",
]

IntArray = NDArray[np.int64]

MAX_LINKS = 2_000_000
"""Families refuse to build more directed links than this; a larger graph would only exhaust the memory."""


@dataclass(frozen=True, slots=True)
class LinkSpec:
    """What a builder gives every link: `bandwidth` bytes/s, `latency` fs."""

    bandwidth: int
    latency: int


DEFAULT_LINKS = LinkSpec(parse_bandwidth("16GB/s"), parse_time("150ns"))


@dataclass(frozen=True, slots=True)
class Family:
    """A family: `name` (letters of topology names), `syntax` ("torus<a>x<b>[x<c>...]"), `example`, `about` in a line.

    `build(numbers, links)` returns the topology for the integers of the name, or raises TopologyError with the cure.
    `fixed`: its links have rates and latencies of their own, and others cannot be asked for.
    """

    name: str
    syntax: str
    example: str
    about: str
    build: Callable[[tuple[int, ...], LinkSpec], Topology]
    fixed: bool = False


FAMILIES: Registry[Family] = Registry("topology", "collsim.topology.families", "collsim.families")

_NAME = re.compile(r"([A-Za-z][A-Za-z_-]*?)-?(\d+(?:x\d+)*)", re.ASCII)
_MOST_DIGITS = 9


def split_name(text: str) -> tuple[str, tuple[int, ...]] | None:
    """Return ("torus", (4, 4)) for "torus4x4", None where `text` has not the form of a family's name."""
    match = _NAME.fullmatch(text)
    if match is None:
        return None
    sizes = match[2].split("x")
    if match[1] in FAMILIES and max(map(len, sizes)) > _MOST_DIGITS:
        raise TopologyError(f"There is no {text}: a size has up to {_MOST_DIGITS} digits; take a smaller one.")
    return match[1], tuple(map(int, sizes))


def from_family(text: str, links: LinkSpec = DEFAULT_LINKS) -> Topology | None:
    """Return the topology of a family's name, None where no family has these letters; TopologyError for bad sizes."""
    parts = split_name(text)
    if parts is None or parts[0] not in FAMILIES:
        return None
    return FAMILIES.get(parts[0]).build(parts[1], links)


def impossible(family: str, numbers: tuple[int, ...], cure: str) -> TopologyError:
    """Return the error for a size that does not exist, e.g. hypercube12; `cure` says which sizes do."""
    return TopologyError(f"There is no {family}{'x'.join(map(str, numbers))}: {cure}.")


def refuse_above(family: str, numbers: tuple[int, ...], links: int) -> None:
    """Raise TopologyError when the topology would have more than MAX_LINKS directed links."""
    if links > MAX_LINKS:
        raise impossible(family, numbers, f"it would have {links:,} links and the most is {MAX_LINKS:,}; take a smaller one")


def cables(pairs: Iterable[tuple[int, int]] | IntArray) -> IntArray:
    """Return int64[2 C, 2] directed ends of C cables: cable i becomes link 2i (as given) and link 2i + 1 (back)."""
    ends = np.asarray(pairs if isinstance(pairs, np.ndarray) else list(pairs), dtype=np.int64).reshape(-1, 2)
    return np.stack([ends, ends[:, ::-1]], axis=1).reshape(-1, 2)


def uniform(ends: IntArray, links: LinkSpec) -> IntArray:
    """Return int64[L, 4] for `graph.build`: every link of `ends` (int64[L, 2]) at the same rate and latency."""
    table = np.empty((len(ends), 4), dtype=np.int64)
    table[:, :2], table[:, 2], table[:, 3] = ends, links.bandwidth, links.latency
    return table
