"""Traffic patterns: to whom each host sends when hosts send for ever, as interconnection networks are measured.

The definitions are those of Dally and Towles, "Principles and Practices of Interconnection Networks", chapter 3, with host
coordinates as digits: of grids their dimensions, of every other machine the host numbers in one row. A host that a pattern
maps to itself sends nothing. A new pattern is a function (topology, seed) -> Destinations added to PATTERNS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from collsim.errors import InvalidValue
from collsim.registry import Registry
from collsim.topology.graph import Topology
from collsim.topology.routing.splitmix import fold_array

__all__ = ["PATTERNS", "Destinations", "Pattern", "destinations"]

IntArray = NDArray[np.int64]

PERMUTATION = 0x7065726D
"""What sets the draws of a random permutation apart from other draws of the same seed."""


@dataclass(frozen=True, eq=False)
class Destinations:
    """Each host draws evenly from its own list: host r from `members[first[r]:first[r] + count[r]]`, without itself.

    `first`, `count`: int64[hosts], `members`: int64; lists may overlap. `skip`: bool[hosts], whether the list holds the host
    itself, which is passed over; `sends`: bool[hosts], whether anybody else is on it.
    """

    first: IntArray
    count: IntArray
    members: IntArray
    skip: NDArray[np.bool_]

    @property
    def choices(self) -> IntArray:
        """int64[hosts]: how many destinations each host has."""
        return self.count - self.skip

    @property
    def sends(self) -> NDArray[np.bool_]:
        """bool[hosts]: whether a host has a destination."""
        return np.asarray(self.choices > 0, dtype=np.bool_)

    def draw(self, source: IntArray, number: NDArray[np.uint64]) -> IntArray:
        """Return int64[M], the destination of each `source` (all of them send) under its random 64-bit `number`."""
        choices = self.choices[source].astype(np.uint64)
        place = self.first[source] + (number % choices).astype(np.int64)
        # Lists are ascending, so the host itself is passed over by moving on once from its place.
        later = self.skip[source] & (self.members[place] >= source)
        return self.members[place + later]

    def pairs(self) -> tuple[IntArray, IntArray, NDArray[np.float64]]:
        """Return (source, target, share of the source's packets) of all pairs that may talk."""
        source = np.repeat(np.arange(len(self.count)), self.count)
        before = np.repeat(np.cumsum(self.count) - self.count, self.count)
        target = self.members[np.repeat(self.first, self.count) + np.arange(len(source)) - before]
        apart = source != target
        source, target = source[apart], target[apart]
        return source, target, 1.0 / self.choices[source]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern's name, what it is, and `make(topology, seed)`, which raises InvalidValue where it does not fit."""

    name: str
    about: str
    make: Callable[[Topology, int], Destinations]


PATTERNS: Registry[Pattern] = Registry("traffic pattern", None, "collsim.traffic_patterns")


def destinations(name: str, topology: Topology, seed: int) -> Destinations:
    """Return whom the hosts of `topology` send to. Raises UnknownName, and InvalidValue where nobody would send."""
    found = PATTERNS.get(name).make(topology, seed)
    if not found.sends.any():
        raise InvalidValue(
            f"Under the pattern '{name}' every host of '{topology.name}' would send to itself; "
            "take uniform or a larger machine."
        )
    return found


def _uniform(topology: Topology, seed: int) -> Destinations:
    hosts = np.arange(topology.hosts)
    return Destinations(np.zeros_like(hosts), np.full_like(hosts, len(hosts)), hosts, np.ones(len(hosts), dtype=np.bool_))


def _fixed(target: IntArray) -> Destinations:
    """Return the pattern in which host r sends to `target[r]` only."""
    hosts = np.arange(len(target))
    return Destinations(hosts, np.ones_like(hosts), target, np.asarray(target == hosts, dtype=np.bool_))


def _digits(topology: Topology) -> tuple[IntArray, tuple[int, ...]]:
    """Return (int64[axes, hosts], sizes): the coordinates of the hosts."""
    dims = topology.dims or (topology.hosts,)
    return np.stack(np.unravel_index(np.arange(topology.hosts), dims)).astype(np.int64), dims


def _shifted(topology: Topology, by: Callable[[int], int]) -> Destinations:
    digits, dims = _digits(topology)
    moved = tuple((digit + by(size)) % size for digit, size in zip(digits, dims, strict=True))
    return _fixed(np.ravel_multi_index(moved, dims).astype(np.int64))


def _neighbor(topology: Topology, seed: int) -> Destinations:
    return _shifted(topology, lambda size: 1)


def _tornado(topology: Topology, seed: int) -> Destinations:
    return _shifted(topology, lambda size: -(-size // 2) - 1)


def _transpose(topology: Topology, seed: int) -> Destinations:
    dims = topology.dims
    if not dims and isqrt(topology.hosts) ** 2 == topology.hosts:
        dims = (isqrt(topology.hosts),) * 2
    half = len(dims) // 2
    if not dims or dims[:half] * 2 != dims:
        shape = "x".join(map(str, dims)) if dims else f"{topology.hosts} hosts"
        raise InvalidValue(
            f"The pattern 'transpose' swaps the halves of a host's coordinates and '{topology.name}' ({shape}) has no equal "
            "halves; take a square machine such as torus8x8, or the pattern permutation."
        )
    table = np.arange(topology.hosts).reshape(dims)
    return _fixed(table.transpose(*range(half, 2 * half), *range(half)).reshape(-1).astype(np.int64))


def _permutation(topology: Topology, seed: int) -> Destinations:
    """Draw permutations until one maps no host to itself: about e draws on average, all such maps equally likely."""
    hosts, attempt = np.arange(topology.hosts), 0
    while True:
        target = np.argsort(fold_array(seed, PERMUTATION, attempt, hosts), kind="stable").astype(np.int64)
        if not (target == hosts).any():
            return _fixed(target)
        attempt += 1


def _adversarial(topology: Topology, seed: int) -> Destinations:
    level = next((level for level in topology.levels if level.name == "group"), None)
    groups = [sorted(n for n in nodes if n < topology.hosts) for nodes in level.sets] if level else []
    groups = [members for members in groups if members]
    if len(groups) < 2 or sum(map(len, groups)) < topology.hosts:
        raise InvalidValue(
            f"The pattern 'adversarial' sends from each group of a dragonfly to the next, and '{topology.name}' has no "
            "groups; take a dragonfly such as dragonfly2x4x2, or the pattern tornado."
        )
    sizes = np.array([len(members) for members in groups], dtype=np.int64)
    begins, after = np.cumsum(sizes) - sizes, np.roll(np.arange(len(groups)), -1)
    first, count = np.zeros(topology.hosts, dtype=np.int64), np.zeros(topology.hosts, dtype=np.int64)
    for number, members in enumerate(groups):
        first[members], count[members] = begins[after[number]], sizes[after[number]]
    joined = np.array([host for members in groups for host in members], dtype=np.int64)
    return Destinations(first, count, joined, np.zeros(topology.hosts, dtype=np.bool_))


for _pattern in (
    Pattern("uniform", "each packet to a random other host, all equally likely", _uniform),
    Pattern("neighbor", "to the next host along every dimension: digit d to d + 1 mod k", _neighbor),
    Pattern("tornado", "nearly half way around every dimension: digit d to d + ceil(k/2) - 1 mod k", _tornado),
    Pattern("transpose", "host (i, j) of a square grid to host (j, i)", _transpose),
    Pattern("permutation", "each host to one host of its own, drawn by the seed, nobody to itself", _permutation),
    Pattern("adversarial", "each group of a dragonfly to random hosts of the next group", _adversarial),
):
    PATTERNS.add(_pattern.name, _pattern)
