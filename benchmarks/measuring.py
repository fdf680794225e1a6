"""How a case is measured: CPU seconds of this process, the peak of its memory, and what has to be compiled beforehand."""

from __future__ import annotations

import resource
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import process_time
from typing import Any, TypeVar

from collsim.collectives.algorithm import parse_algorithm
from collsim.collectives.collective import collective
from collsim.collectives.schedule import Schedule
from collsim.engines import compiled_engine
from collsim.engines.engine import ENGINES
from collsim.network.config import NetworkConfig
from collsim.program import Program, single_call
from collsim.result import Result
from collsim.topology import load
from collsim.topology.graph import Topology

__all__ = ["Case", "engine", "least", "peak_mib", "schedule", "timed", "warm"]

T = TypeVar("T")
Measured = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One thing measured, in a process of its own: `measure` returns numbers by name; `quick`: part of a quick run."""

    name: str
    measure: Callable[[], Measured]
    quick: bool = True


def engine(name: str) -> Callable[[Topology, Program, NetworkConfig], Result]:
    """Return an engine; "packets" is the compiled one without trains."""
    return compiled_engine.packets if name == "packets" else ENGINES.get(name)


def schedule(topology: str, algorithm: str, kind: str = "all-reduce") -> Schedule:
    """Return the schedule of `algorithm` ("ring", "multitree:chunks=2") among all hosts."""
    entry, options = parse_algorithm(algorithm)
    return entry.schedule(_topology(topology), collective(kind), **options)


@cache
def _topology(name: str) -> Topology:
    return load(name)


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Return (CPU seconds, what `work` returns)."""
    start = process_time()
    result = work()
    return max(process_time() - start, 1e-9), result


def least(work: Callable[[], T], runs: int) -> tuple[float, T]:
    """Return (the least CPU seconds of `runs` runs, what the last returns)."""
    spent = []
    for _ in range(runs):
        seconds, result = timed(work)
        spent.append(seconds)
    return min(spent), result


def warm(*names: str) -> None:
    """Have the kernels of the engines `names`, and those of construction and proof, compiled and loaded."""
    from collsim.collectives.dependencies import infer_dependencies
    from collsim.collectives.tree_growth import grow
    from collsim.collectives.verify import verify

    for where, algorithm in (("torus4x4", "multitree"), ("switch4", "ring"), ("switch4", "halving-doubling")):
        topology, plan = load(where), schedule(where, algorithm)
        if "construction" in names:
            grow(topology, range(topology.hosts), compiled=True)
            for count in (plan.count, plan.count + 1):
                infer_dependencies(plan.step, plan.src, plan.dst, plan.chunk, count, plan.chunks, compiled=True)
        if "proof" in names:
            verify(plan, topology)
        for name in set(names) - {"construction", "proof"}:
            engine(name)(topology, single_call(plan, 2**20), NetworkConfig())
    if "proof" in names:
        _warm_proof()


def _warm_proof() -> None:
    """Have the kernels replay a schedule that is too small for them to be chosen."""
    from collsim.collectives.demand import demand
    from collsim.collectives.replay import fingerprint, replay
    from collsim.collectives.replay_runs import replay_by_runs

    plan = schedule("switch4", "ring")
    wanted, algebra = demand(plan), fingerprint(plan.ranks, 0)
    replay(plan, wanted, algebra, compiled=True)
    replay_by_runs(plan, wanted, algebra)


def peak_mib() -> float:
    """Return the peak of this process's resident memory in MiB.

    Linux hands the peak of the process that started this one on in ru_maxrss; VmHWM counts this program alone.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
