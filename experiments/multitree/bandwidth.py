"""Part 1: bandwidth of an all-reduce over its size, on every network of the study, by every scheme that it maps there."""

from __future__ import annotations

from measure import KEY, VALUES, case_of, run
from published import SIMULATOR
from schemes import NETWORKS, SCHEMES

__all__ = ["KEY", "VALUES", "cases", "run"]

SIZES = (*(2**15 * 4**k for k in range(6)), 2**26)
"""32 KiB to 64 MiB: powers of four, and the end of the study's range."""


FREE_REDUCTION = "reduction is free"


def cases(quick: bool = False) -> list[dict[str, str]]:
    """Return the key columns of every run, smallest sizes first, then those for the authors' simulator."""
    networks = ("torus4x4", "bigraph4x8") if quick else NETWORKS
    sizes = SIZES[:1] if quick else SIZES
    plain = [
        case_of(topology, scheme, size)
        for size in sizes
        for topology in networks
        for scheme in SCHEMES.values()
        if scheme.runs_on(topology)
    ]
    return [*plain, *([] if quick else _beside_the_simulator())]


def _beside_the_simulator() -> list[dict[str, str]]:
    """Return what the authors' simulator has numbers for, with reductions that take no time."""
    return [
        case_of(topology, SCHEMES[scheme], kibibytes * 1024, FREE_REDUCTION, settings=(("reduction_rate", "free"),))
        for topology, schemes in SIMULATOR.items()
        for scheme, figures in schemes.items()
        for kibibytes in figures
    ]
