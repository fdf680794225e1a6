"""What was asked for, beside what was measured, and what other simulators need for the same.

Figures of other simulators were measured by their users on the same kind of machine and are quoted, not measured here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from construction import case_name
from markdown import Results, got, ratio, seconds, table

__all__ = ["lines", "summary"]

Number = float | None


@dataclass(frozen=True)
class Target:
    """`goal` that `value` of the results is to reach, from above if `least`, else from below; `unit` of both."""

    what: str
    goal: float
    unit: str
    value: Callable[[Results], Number]
    least: bool = False


def _of(case: str, name: str, scale: float = 1.0) -> Callable[[Results], Number]:
    def value(results: Results) -> Number:
        found = got(results, case, name)
        return None if found is None else float(found) / scale

    return value


def _rate(case: str) -> Callable[[Results], Number]:
    def value(results: Results) -> Number:
        hops, spent = got(results, case, "hops"), got(results, case, "cpu")
        return hops / spent / 1e6 if hops and spent else None

    return value


def _slowest_proof(results: Results) -> Number:
    """Return the largest proof / (build + run) of all schedules."""
    found = [m["proof"] / (m["build"] + m["run"]) for m in results.values() if "proof" in m and "run" in m]
    return max(found, default=None)


TORUS32, TORUS64 = case_name("torus32x32", "multitree"), case_name("torus64x64", "multitree")
LARGE_RING, LARGE_GRID = case_name("torus64x64", "ring"), case_name("torus64x64", "2d-ring")
TARGETS = (
    Target("ring of 64, 256-byte packets, packets only", 8, "M packet-hops/s", _rate("ring64/packets"), least=True),
    Target("permutation on 1,024 hosts, packets only", 2.5, "M packet-hops/s", _rate("permutation1024/packets"), least=True),
    Target("ring of 1,024, 16 MiB, 2.1 M messages", 1.0, "s", _of("ring1024", "cpu")),
    Target("1 GiB on torus32x32, ring: run", 10, "s", _of("gib-ring", "first")),
    Target("the same: memory of the whole job", 4, "GiB", _of("gib-ring", "peak", 1024)),
    Target("1 GiB on torus32x32, MULTITREE: run", 10, "s", _of("gib-multitree", "first")),
    Target("the same: memory of the whole job", 4, "GiB", _of("gib-multitree", "peak", 1024)),
    Target("MULTITREE on torus32x32: build", 0.6, "s", _of(TORUS32, "build")),
    Target("MULTITREE on torus32x32: steps a phase", 256, "steps", _of(TORUS32, "steps", 2)),
    Target("MULTITREE on torus64x64: build", 30, "s", _of(TORUS64, "build")),
    Target("the same: memory", 6, "GiB", _of(TORUS64, "build peak", 1024)),
    Target("ring of 4,096: build", 30, "s", _of(LARGE_RING, "build")),
    Target("2d-ring of 4,096: build", 30, "s", _of(LARGE_GRID, "build")),
    Target("halving-doubling of 4,096: build", 30, "s", _of(case_name("hypercube4096", "halving-doubling"), "build")),
    Target("slowest proof over build and run, any schedule", 1, "x", _slowest_proof),
    Target("program of 1,000 calls over 8 ranks", 10, "s", _of("program8/compiledx1", "cpu")),
    Target("program of 64 calls over 1,024 ranks", 10, "s", _of("program1024/compiledx1", "cpu")),
    Target("sweep of 1,000 points, 4x4 to 8x8, all processes", 120, "s", _of("sweep1000", "cpu")),
)
PEERS = (
    ("ring all-reduce, 1 MiB, 64 ranks, 256-byte packets", "BookSim2", 32.4, "ring64"),
    ("permutation, 2 MB a host, 128 hosts", "htsim", 1.26, "permutation128"),
    ("permutation, 2 MB a host, 432 hosts", "htsim", 8.3, "permutation432"),
    ("permutation, 2 MB a host, 1,024 hosts", "htsim", 25.7, "permutation1024"),
    ("ring all-reduce, 16 MiB, 1,024 ranks", "ASTRA-sim, message level", 6.8, "ring1024"),
    ("ring all-reduce, 16 MiB, 1,024 ranks", "SimGrid, fluid", 15.4, "ring1024"),
    ("ring all-reduce, 16 MiB, 1,024 ranks", "LogGOPSim", 16.6, "ring1024"),
)


def summary(results: Results) -> list[str]:
    """Return the table of targets: the one that docs/performance.md quotes."""
    rows = []
    for target in TARGETS:
        value = target.value(results)
        sign = ">=" if target.least else "<="
        met = value is not None and (value >= target.goal if target.least else value <= target.goal)
        shown = "-" if value is None else f"{value:,.0f}" if target.unit == "steps" else f"{value:,.2f} {target.unit}"
        goal = f"{sign} {target.goal:g}" + ("" if target.unit == "steps" else f" {target.unit}")
        rows.append((target.what, goal, shown, "-" if value is None else "yes" if met else "no"))
    return table("what, on one core in CPU seconds after warm-up|target|measured|met", rows)


def lines(results: Results) -> list[str]:
    """Return the tables of targets and of other simulators."""
    rows = []
    for what, who, theirs, case in PEERS:
        packets, mine = got(results, f"{case}/packets", "cpu"), got(results, f"{case}/compiled", "cpu")
        mine = mine if mine is not None else got(results, case, "cpu")
        rows.append((what, who, f"{theirs:g}", seconds(packets), seconds(mine), ratio(theirs, packets), ratio(theirs, mine)))
    return [
        "## Targets",
        "",
        *summary(results),
        "",
        "## Other simulators",
        "",
        "CPU seconds of others as measured by their users on the same kind of machine; quoted, not measured here.",
        "",
        *table("what|simulator|its s|packets s|run s|its / packets|its / run", rows, text=2),
    ]
