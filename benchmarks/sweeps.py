"""A sweep of a thousand points on two worker processes, and what points cost that share nothing with one another."""

from __future__ import annotations

import resource
import tempfile
from functools import partial
from pathlib import Path
from time import perf_counter

from markdown import Results, count, got, ratio, seconds, table
from measuring import Case, Measured, peak_mib, timed, warm

import collsim
from collsim.simulate import prepare

__all__ = ["CASES", "lines"]

NAME = "sweep1000"
MACHINES = ["torus4x4", "torus4x8", "torus8x8", "mesh4x4", "mesh8x8"]
ALGORITHMS = ["ring", "bidirectional-ring", "2d-ring", "multitree"]
SIZES = "64KiB,1MiB:49MiB:+1MiB"
EACH = 25
"""One point of so many is run by itself as well."""


def measure() -> Measured:
    """Sweep into a file, workers' start-up included; then some points again, machine, schedule, proof and bound anew."""
    warm("compiled")
    begin, used = perf_counter(), _cpu()
    with tempfile.TemporaryDirectory() as folder:
        found = collsim.sweep(MACHINES, ALGORITHMS, SIZES, out=Path(folder) / "sweep.sqlite", jobs=2)
    cpu, wall = _cpu() - used, perf_counter() - begin
    # Bounds are kept by process; a process that has run none yet pays for each machine once, as a single command does.
    sample = found.done[::EACH]
    alone, _ = timed(lambda: [prepare(p["topology"]).run(p["algorithm"], p["size"]) for p in (row.point for row in sample)])
    trains = min(row.results["train_fraction"] for row in found.done)
    return {
        **{"points": len(found.done), "cpu": cpu, "wall": wall, "a point": cpu / len(found.done)},
        **{"alone": alone / len(sample), "trains": trains, "peak": peak_mib()},
    }


def _cpu() -> float:
    """Return CPU seconds of this process and of those it has waited for."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


CASES = (Case(NAME, partial(measure), quick=True),)


def lines(results: Results) -> list[str]:
    """Return the table of sweeps."""
    per, alone = got(results, NAME, "a point"), got(results, NAME, "alone")
    row = (
        f"{len(MACHINES)} machines of 16 to 64 hosts, {len(ALGORITHMS)} algorithms, 50 sizes",
        *(count(got(results, NAME, "points")), seconds(got(results, NAME, "cpu")), seconds(got(results, NAME, "wall"))),
        *(seconds(per), seconds(alone), ratio(alone, per)),
    )
    head = "sweep|points|CPU s, all processes|on the clock s|CPU s a point|by itself|by itself / a point"
    return [
        "## Sweeps",
        "",
        "A contention-free algorithm at every point, workers' start-up included. The clock depends on what else the machine",
        "does; two idle cores take half of the CPU seconds. By itself: machine, schedule, proof and closed form made anew.",
        "",
        *table(head, [row]),
    ]
