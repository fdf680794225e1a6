"""How long iterations take: laws, noise and servers by simulation, and the time axis of the losses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray

from collsim.engines.engine import ENGINES
from collsim.program import Compute
from collsim.sweep.data_parallel import Job, SchemeRun, data_parallel, place
from collsim.units import FS_PER_SECOND
from collsim.workloads.data_parallel import SCHEMES
from collsim.workloads.jitter import Jitter

RANKS = 8
RATIOS = (Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(1), Fraction(3, 2), Fraction(2), Fraction(4))
NOISE = (0.0, 0.05, 0.1, 0.2, 0.4)
SHOWN = ("ssgd", "ssgd-overlap", "dcs3gd", "local-sgd", "asgd")


@cache
def base() -> tuple[int, int]:
    """Return T_c of ResNet-50 (fs) and the bytes of its gradients."""
    step = place(Job(), RANKS, None, "ring", ["ssgd"]).step
    return step.compute, step.size


def bandwidth_for(ratio: Fraction, ranks: int = RANKS) -> int:
    """Return the bandwidth (bytes/s) of the links at which the ring's bytes take ratio x T_c."""
    compute, size = base()
    return int(Fraction(2 * (ranks - 1) * size * FS_PER_SECOND, ranks) / (ratio * compute))


def bandwidths() -> Iterator[dict[str, object]]:
    """Yield a row a scheme and ratio of T_ar to T_c, without noise and without an update in the gain."""
    for ratio in RATIOS:
        for own in (None, 0):
            job = Job()
            job = replace(job, step=replace(job.step, update=own), iterations=8 if own is None else 6)
            study = data_parallel(RANKS, ",".join(SHOWN), bandwidth=bandwidth_for(ratio), job=job)
            plain = study.baselines[RANKS]
            for run in study.runs:
                yield row(run, "bandwidth" if own is None else "no-update", float(ratio), plain)


def noise() -> Iterator[dict[str, object]]:
    """Yield a row a scheme, noise and ratio: 200 iterations on the same draws."""
    for ratio in (Fraction(1, 2), Fraction(1)):
        for variation in NOISE:
            job = Job(jitter=Jitter(variation, seed=1), iterations=200, warmup=20)
            study = data_parallel(RANKS, "ssgd,dcs3gd", bandwidth=bandwidth_for(ratio), job=job)
            for run in study.runs:
                yield row(run, f"noise-{float(ratio):g}", variation, study.baselines[RANKS])


def slow_node() -> Iterator[dict[str, object]]:
    """Yield a row a scheme: one rank of 8 computes 1.5 times as long."""
    job = Job(jitter=Jitter(slow=((3, Fraction(3, 2)),)), iterations=40, warmup=10)
    study = data_parallel(RANKS, ",".join(SHOWN), bandwidth=bandwidth_for(Fraction(1, 2)), job=job)
    for run in study.runs:
        yield row(run, "slow-node", 1.5, study.baselines[RANKS])


def scaling() -> Iterator[dict[str, object]]:
    """Yield a row a scheme and number of ranks on links of 16 GB/s."""
    for ranks in (4, 8, 16, 32, 64):
        study = data_parallel(ranks, ",".join(SHOWN), job=Job(iterations=12))
        for run in study.runs:
            yield row(run, "scaling", ranks, study.baselines[ranks])


def row(run: SchemeRun, part: str, value: float, plain: SchemeRun) -> dict[str, object]:
    """Return one row of results/timing.csv; times in ms."""
    step = run.place.step
    return {
        "part": part,
        "value": value,
        "scheme": run.scheme.name,
        "iteration_ms": f"{float(run.mean) / 1e12:.4f}",
        "exposed_ms": f"{run.exposed / 1e12:.4f}",
        "compute_ms": f"{step.compute / 1e12:.4f}",
        "all_reduce_ms": f"{run.place.all_reduce(step.size) / 1e12:.4f}",
        "update_ms": f"{step.update / 1e12:.4f}",
        "expected_ms": f"{float(run.expected) / 1e12:.4f}",
        "exact": run.exact,
        "gain": f"{float(plain.mean / run.mean):.4f}",
    }


def ends(ratio: Fraction, steps: int, seed: int) -> tuple[dict[str, NDArray[np.float64]], list[int]]:
    """Return when iterations of each scheme end, in s (of asgd, when every N-th gradient is applied), and who arrives when.

    ResNet-50 on 8 ranks with 10 % noise, links such that T_ar is `ratio` of T_c.
    """
    job = Job(jitter=Jitter(0.1, seed=seed), iterations=steps + 1)
    rate = bandwidth_for(ratio)
    study = data_parallel(RANKS, "ssgd,ssgd-overlap,dcs3gd,local-sgd", bandwidth=rate, job=job)
    times = {run.scheme.name: run.timeline.ended.max(axis=1) / FS_PER_SECOND for run in study.runs}
    where = place(job, RANKS, None, "ring", ["asgd"], bandwidth=rate)
    written, case = SCHEMES.get("asgd").write(where.work), where.server_case
    result = ENGINES.get(case.engine)(case.topology, written.program, case.network)
    applied = sorted(
        (int(result.operation_finish[k]), written.program.operations[operation.deps[0]].source)
        for k, operation in enumerate(written.program.operations)
        if isinstance(operation, Compute) and operation.host == where.servers[0]
    )
    times["asgd"] = np.array([time for time, _ in applied][RANKS - 1 :: RANKS]) / FS_PER_SECOND
    # The weights of an iteration of stale schemes hold its update when its sum has come, one iteration later.
    times["dcs3gd"] = times["dcs3gd"][1:]
    return {name: time[:steps] for name, time in times.items()}, [host for _, host in applied]
