"""Part 2: scaling on tori of 16 to 256 nodes: 375 KiB a node (weak), and the same total on all of them (strong)."""

from __future__ import annotations

from measure import KEY, VALUES, case_of, run
from schemes import SCHEMES

__all__ = ["KEY", "VALUES", "cases", "run"]

TORI = {"torus4x4": 16, "torus4x8": 32, "torus8x8": 64, "torus8x16": 128, "torus16x16": 256}
A_NODE = 375 * 1024
"""Bytes a node of weak scaling, as in the study; a chunk is then 1,500 packets whatever the torus."""
STRONG = 64 * A_NODE
"""Bytes in all of strong scaling: where both curves meet at 64 nodes."""


def cases(quick: bool = False) -> list[dict[str, str]]:
    """Return the key columns of every run; `variant` is weak or strong."""
    tori = dict(list(TORI.items())[:1]) if quick else TORI
    totals = {"weak": lambda n: n * A_NODE, "strong": lambda n: STRONG}
    return [
        case_of(topology, scheme, total(nodes), variant)
        for variant, total in totals.items()
        for topology, nodes in tori.items()
        for scheme in SCHEMES.values()
        if scheme.runs_on(topology) and not (quick and scheme.name == "DBTREE")
    ]
