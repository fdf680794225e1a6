"""What a topology family is: a pure builder found by the letters of a name such as torus4x4 or fattree4x2.

Adding one costs one file in collsim/topology/families (or an entry point in the group "collsim.families").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from collsim.registry import Registry
from collsim.topology.graph import Topology
from collsim.units import parse_bandwidth, parse_time

__all__ = ["DEFAULT_LINKS", "FAMILIES", "Family", "LinkSpec"]


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
    """

    name: str
    syntax: str
    example: str
    about: str
    build: Callable[[tuple[int, ...], LinkSpec], Topology]


FAMILIES: Registry[Family] = Registry("topology", "collsim.topology.families", "collsim.families")
