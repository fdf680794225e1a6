"""Part 4: what each part of the co-design buys, rung by rung, and what each setting of the model takes, one at a time.

The ladder starts with the trees alone, sent by interfaces that know nothing of steps, and adds the paper's parts. The
single changes start from the preset and alter one thing for every scheme that it concerns; `base` is the preset itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from measure import KEY, VALUES, case_of, run
from schemes import HDRM, MESSAGE, MULTITREE, NETWORKS, RING, RING_2D, SCHEMES, Scheme

__all__ = ["CHANGES", "KEY", "LADDER", "VALUES", "cases", "run"]

Settings = tuple[tuple[str, str], ...]

LADDER: dict[str, Settings] = {
    "trees, fifo": (("nic_scheduler", "fifo"), ("arbitration", "round-robin")),
    "trees, packets interleave": (("nic_scheduler", "round-robin"), ("arbitration", "round-robin")),
    "trees, lowest step first": (("nic_scheduler", "lowest-step"),),
    "lockstep, paper's estimate": (),
    "lockstep, step's own time": (("lockstep_estimate", "schedule"),),
    "lockstep, oracle": (("lockstep_estimate", "oracle"),),
    "messages, lowest step first": (("flow_control", "message"), ("nic_scheduler", "lowest-step")),
    "messages, paper's estimate": (("flow_control", "message"),),
    "messages, step's own time": (("flow_control", "message"), ("lockstep_estimate", "schedule")),
    "messages, oracle": (("flow_control", "message"), ("lockstep_estimate", "oracle")),
}
"""MULTITREE from the trees alone to the whole co-design: settings on top of its preset."""

TREES, ALL, OTHERS = (MULTITREE, MESSAGE), (RING, RING_2D, HDRM, MULTITREE, MESSAGE), (RING, RING_2D, HDRM)
PACKETS = (RING, RING_2D, HDRM, MULTITREE)
CHANGES: dict[str, tuple[Settings, tuple[Scheme, ...]]] = {
    "base": ((), ALL),
    "reduction is free": ((("reduction_rate", "free"),), ALL),
    "reductions of a node side by side": ((("reduction_units", "0"),), ALL),
    "estimate: step's own time": ((("lockstep_estimate", "schedule"),), TREES),
    "estimate: oracle": ((("lockstep_estimate", "oracle"),), TREES),
    "estimate: nothing": ((("lockstep_estimate", "0ns"),), TREES),
    "no lockstep": ((("nic_scheduler", "lowest-step"),), TREES),
    "lockstep for this scheme too": ((("nic_scheduler", "lockstep"), ("lockstep_estimate", "schedule")), OTHERS),
    "packets of open messages interleave": ((("nic_scheduler", "round-robin"),), PACKETS),
    "switches take turns": ((("arbitration", "round-robin"),), ALL),
    "buffers cover the round trip": ((("buffer", "auto"),), ALL),
    "infinite buffers": ((("flow_control", "none"),), PACKETS),
    "a half of the buffers": ((("buffer", "2544B"),), ALL),
    "no head flits": ((("header", "0B"),), ALL),
    "router without delay": ((("router_delay", "0ns"),), ALL),
    "15.5 ns more a message": ((("message_overhead", "15.5ns"),), ALL),
    "one interface a node": ((("ports", "1"),), ALL),
}
"""One thing altered: settings on top of the scheme's own, and the schemes that it concerns."""

LADDER_SIZES, CHANGE_SIZES = (2**15, 2**19, 2**23), (2**15, 2**21)
LARGE = 2**25
"""A size like that of gradients, on the 8x8 torus alone."""
CHANGED_NETWORKS = ("torus4x4", "torus8x8", "mesh8x8", "fattree8x2", "bigraph4x8")


def cases(quick: bool = False) -> list[dict[str, str]]:
    """Return the key columns of every run; `variant` is "ladder: ..." or "change: ..."."""
    found = list(_quick() if quick else _all())
    return list({tuple(case.values()): case for case in found}.values())


def _all() -> Iterator[dict[str, str]]:
    for size in CHANGE_SIZES:
        for topology in CHANGED_NETWORKS:
            yield from _changes(topology, size)
    yield from _changes("torus8x8", LARGE)
    for size in LADDER_SIZES:
        for topology in NETWORKS:
            yield from _ladder(topology, size)


def _quick() -> Iterator[dict[str, str]]:
    yield from _ladder("torus4x4", 2**15)
    yield from _changes("torus4x4", 2**15)


def _ladder(topology: str, size: int) -> Iterator[dict[str, str]]:
    for scheme in SCHEMES.values():
        if scheme.runs_on(topology) and scheme not in TREES and scheme.name != "DBTREE":
            yield case_of(topology, scheme, size, f"ladder: {scheme.name}")
    for name, settings in LADDER.items():
        yield case_of(topology, MULTITREE, size, f"ladder: {name}", settings=settings)


def _changes(topology: str, size: int) -> Iterator[dict[str, str]]:
    for name, (settings, schemes) in CHANGES.items():
        for scheme in schemes:
            if scheme.runs_on(topology):
                yield case_of(topology, scheme, size, f"change: {name}", settings=settings)
    for scheme in TREES:
        authors = "multitree:termination=authors"
        yield case_of(topology, scheme, size, "change: trees end steps as the authors' code", authors)
