"""What a scheme of data-parallel training gave at a place, beside what was expected, and several of them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from collsim.network.link_changes import changes_digest, describe_changes
from collsim.report.trace import Traced
from collsim.sweep.data_parallel_place import Place
from collsim.units import FS_PER_SECOND
from collsim.workloads.data_parallel import Prediction, Scheme
from collsim.workloads.timeline import Timeline

if TYPE_CHECKING:
    import pandas as pd

    from collsim.report.picture import Picture

__all__ = ["SchemeRun", "Study"]


@dataclass(frozen=True, eq=False)
class SchemeRun:
    """One scheme at one place, and what was expected of it. Times in fs.

    `times`: its exchanges alone (see `Scheme`); `predicted`: the end of every iteration by the recurrence, None where
    none is known; `law`: an iteration without noise. `packet_hops` and `wall` seconds: what the engine did.
    `traced`: the run itself, where a Recorder was among its observers.
    """

    scheme: Scheme
    place: Place
    timeline: Timeline
    times: tuple[int, ...]
    law: Fraction
    predicted: Prediction | None
    packet_hops: int
    wall: float
    traced: Traced | None = None

    @property
    def ranks(self) -> int:
        """Number of ranks."""
        return self.timeline.ranks

    @cached_property
    def window(self) -> slice:
        """The iterations measured: those behind the warm-up, whole rounds of local steps where there are rounds."""
        job = self.place.job
        count = job.iterations - job.warmup
        if self.scheme.rounds and count >= job.local_steps:
            count -= count % job.local_steps
        return slice(job.iterations - count, job.iterations)

    @cached_property
    def mean(self) -> Fraction:
        """Mean time of an iteration.

        Of ranks that do not wait for each other it is counted until the first rank is through, over which time all of
        them run.
        """
        return self._mean(self.timeline.ended)

    def _mean(self, ended: Any) -> Fraction:
        first, last = self.window.start, self.window.stop
        before = ended[first - 1] if first else np.zeros_like(ended[0])
        if self.scheme.asynchronous:
            begin, end = int(before.min()), int(ended[last - 1].min())
            return Fraction(self.ranks * (end - begin), int(((ended > begin) & (ended <= end)).sum()))
        return Fraction(int(ended[last - 1].max() - before.max()), last - first)

    @property
    def spread(self) -> tuple[int, int]:
        """The least and the longest iteration measured."""
        steps = self.timeline.periods if self.scheme.asynchronous else self.timeline.steps()
        return int(steps[self.window].min()), int(steps[self.window].max())

    @cached_property
    def least(self) -> Fraction | None:
        """Least mean of an iteration: what the rank with the most to do computes and updates behind the warm-up.

        None for ranks that do not wait for each other.
        """
        if self.scheme.asynchronous:
            return None
        line, window = self.timeline, self.window
        busy = (line.computed - line.begun + line.ended - line.resumed)[window].sum(axis=0)
        before = line.ended[window.start - 1] if window.start else np.zeros_like(busy)
        return Fraction(int((before + busy).max() - before.max()), window.stop - window.start)

    @property
    def computing(self) -> float:
        """Mean time that a rank computes in an iteration."""
        return float((self.timeline.computed - self.timeline.begun)[self.window].mean())

    @property
    def exposed(self) -> float:
        """Mean time of an iteration in which a rank neither computes nor updates."""
        return float(self.timeline.waits[self.window].mean())

    @property
    def expected(self) -> Fraction:
        """Mean time of an iteration by the recurrence, with the noise of this run; by the law where there is none."""
        return self.law if self.predicted is None else self._mean(self.predicted.ended)

    @property
    def exact(self) -> bool:
        """Whether every iteration ends on every rank in the tick that the recurrence says."""
        return self.predicted is not None and bool((self.predicted.ended == self.timeline.ended).all())

    @property
    def throughput(self) -> float:
        """Samples a second of all ranks."""
        return self.ranks * self.samples * FS_PER_SECOND / float(self.mean)

    @property
    def samples(self) -> int:
        """Samples of a mini-batch a rank."""
        job = self.place.job
        return job.step.samples if job.whole is None else job.whole // self.ranks

    @property
    def efficiency(self) -> float:
        """Share of their time in which ranks compute and update: means of T_c as drawn plus T_u, over those of iterations.

        Both are of every rank's own measured iterations, so that it is at most 1 whatever was drawn; without noise it is the
        share of the throughput of ranks that never wait. Of parameter servers T_u is what each of them does.
        """
        place, window = self.place, self.window
        update = place.step.update / len(place.servers) if self.scheme.asynchronous else place.step.update
        return float((place.work.compute[window].mean() + update) / self.timeline.periods[window].mean())

    @property
    def difference(self) -> float:
        """Mean of the run over the expected mean, minus one."""
        return float(self.mean / self.expected) - 1 if self.expected else 0.0

    def record(self, baseline: SchemeRun | None) -> dict[str, Any]:
        """Return one flat dict: times in seconds, sizes in bytes; `baseline`: the run that the speedup is over."""
        least, most = self.spread
        step = self.place.step
        return {
            "scheme": self.scheme.name,
            "ranks": self.ranks,
            "topology": self.place.case.topology.name,
            "iteration_s": float(self.mean) / FS_PER_SECOND,
            "iteration_min_s": least / FS_PER_SECOND,
            "iteration_max_s": most / FS_PER_SECOND,
            "compute_s": step.compute / FS_PER_SECOND,
            "exchange_alone_s": self.alone / FS_PER_SECOND,
            "update_s": step.update / FS_PER_SECOND,
            "exposed_s": self.exposed / FS_PER_SECOND,
            "samples_per_s": self.throughput,
            "speedup_over_ssgd": None if baseline is None else float(baseline.mean / self.mean),
            "efficiency": self.efficiency,
            "law": self.scheme.law_text,
            "law_s": float(self.law) / FS_PER_SECOND,
            "expected_s": float(self.expected) / FS_PER_SECOND,
            "equal_to_the_tick": self.exact,
            "payload_bytes": step.size,
            "samples_per_rank": self.samples,
            "wall_s": self.wall,
        }

    @property
    def alone(self) -> int:
        """Exchanges of an iteration alone, one behind the other: T_ar, of servers that of one rank."""
        return self.times[0] if self.scheme.asynchronous else sum(self.times)


@dataclass(frozen=True, eq=False)
class Study:
    """Runs of schemes over numbers of ranks, in that order; `baselines`: by ranks, the run that speedups are over."""

    runs: tuple[SchemeRun, ...]
    baselines: Mapping[int, SchemeRun]

    def records(self) -> list[dict[str, Any]]:
        """Return one flat dict a run."""
        return [run.record(self.baselines.get(run.ranks)) for run in self.runs]

    def frame(self) -> pd.DataFrame:
        """Return `records` as a frame."""
        import pandas as pd

        return pd.DataFrame(self.records())

    def to_dict(self) -> dict[str, Any]:
        """Return what `collsim workload dp --json` writes."""
        from collsim import __version__

        first = self.runs[0].place
        job, case = first.job, first.case
        return {
            "model": job.step.model,
            "accelerator": job.step.accelerator,
            "algorithm": first.algorithm,
            "engine": case.engine,
            "iterations": job.iterations,
            "warmup": job.warmup,
            "overlap_efficiency": float(job.eta),
            "jitter": {
                "variation": job.jitter.variation,
                "distribution": job.jitter.distribution,
                "seed": job.jitter.seed,
                "slow": [[rank, float(factor)] for rank, factor in job.jitter.slow],
                "late": [[rank, k, time / FS_PER_SECOND] for rank, k, time in job.jitter.late],
            },
            "rendezvous": job.rendezvous,
            "local_steps": job.local_steps,
            "delay": job.delay,
            "servers": [case.topology.names[host] for host in first.servers],
            "changed_settings": case.network.changed(),
            "link_changes": list(describe_changes(case.topology, case.changes)),
            "provenance": {"topology": case.topology.digest, **changes_digest(case.changes)},
            "collsim_version": __version__,
            "runs": [{**record, **_ends(run)} for record, run in zip(self.records(), self.runs, strict=True)],
        }

    def plot(self, path: str | Path | None = None) -> Picture | None:
        """Draw timelines of the schemes, or what they reach over ranks where there are several numbers of them.

        Into the image file `path`; without one the picture is returned, which shows itself in a notebook.
        """
        from collsim.report.iterations import plot_scaling, plot_timelines
        from collsim.report.picture import picture

        place = self.runs[0].place
        if len({run.ranks for run in self.runs}) > 1:
            title = f"{place.job.step.model}, {place.algorithm} all-reduce"
            return picture(lambda where: plot_scaling(self.records(), where, title), path)
        title = f"{place.job.step.model} on {place.case.topology.name}, {self.runs[0].ranks} ranks"
        lines = [(run.scheme.name, run.timeline) for run in self.runs]
        return picture(lambda where: plot_timelines(lines, where, title), path)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from collsim.report.picture import html_table
        from collsim.sweep.data_parallel_table import HEADS, scheme_row

        several = len({run.ranks for run in self.runs}) > 1
        rows = [[*([str(run.ranks)] * several), *scheme_row(run, self.baselines.get(run.ranks))] for run in self.runs]
        return html_table([*(["ranks"] * several), *HEADS], rows, left=1 + several)

    def __str__(self) -> str:
        return "\n".join(
            f"{r['scheme']:<14} {r['ranks']:>4} ranks {1e3 * r['iteration_s']:9.3f} ms {r['samples_per_s']:10,.0f} samples/s"
            for r in self.records()
        )


def _ends(run: SchemeRun) -> dict[str, Any]:
    """Return the timeline as lists of seconds, iterations by ranks."""
    line = run.timeline
    columns = {"begun": line.begun, "computed": line.computed, "resumed": line.resumed, "ended": line.ended}
    return {f"{name}_s": (times / FS_PER_SECOND).tolist() for name, times in columns.items()}
