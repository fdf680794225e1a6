"""Jobs together and each alone: how much slower sharing the machine makes them, and on which links they meet.

Placements come one by one from `runs`, so that whoever stops early keeps what is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from collsim.collectives.collective import collective
from collsim.crossings import Recorder
from collsim.engines.engine import ENGINES
from collsim.network.link_changes import describe_changes
from collsim.report.trace import Traced, check_traceable
from collsim.result import Result
from collsim.simulate import Case, prepare
from collsim.units import FS_PER_SECOND
from collsim.workloads.jobs import Job, jobs_program, parse_jobs, place_jobs
from collsim.workloads.speeds import Speeds, parse_speeds

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ALL_JOBS", "JobRun", "Meeting", "Mix", "Share", "compare_placements", "runs"]

Observe = Callable[[str], Sequence[object]]
ALL_JOBS = "all jobs"
"""What the text says by which observers of the run of all jobs together are asked for."""


@dataclass(frozen=True, slots=True)
class Share:
    """How one job fared: `alone`, `together`: fs from its start to its end; `full_speed`: alone with no slow rank.

    `bound`: fs that one call of its collective takes at least, alone. `shared`: how many of the links it uses others use
    too; `link`: the one of them that is busiest, -1 for none, and `there`: the names of all jobs that cross it.
    """

    job: Job
    hosts: tuple[int, ...]
    alone: int
    together: int
    full_speed: int
    bound: int
    links: int
    shared: int
    link: int
    there: tuple[str, ...]

    @property
    def slowdown(self) -> float:
        """Time together over time alone; 1 where neither takes any."""
        return self.together / self.alone if self.alone else 1.0


@dataclass(frozen=True, slots=True)
class Meeting:
    """A link that several jobs cross: the bytes of each, and the share of the run during which it was sending."""

    link: int
    bytes_of: Mapping[str, int]
    use: float


@dataclass(frozen=True, slots=True, eq=False)
class Mix:
    """All jobs in one placement: `shares` in order of the jobs, `meetings` by falling use, `time` fs of the whole run.

    `traced`: the run of all together, where a Recorder was among its observers.
    """

    placement: str
    shares: tuple[Share, ...]
    meetings: tuple[Meeting, ...]
    time: int
    packet_hops: int
    wall: float
    traced: Traced | None = None


@dataclass(frozen=True, slots=True, eq=False)
class JobRun:
    """Mixes of one comparison, in the order of the placements."""

    case: Case
    jobs: tuple[Job, ...]
    speeds: Speeds
    mixes: tuple[Mix, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a placement and job: times in seconds, sizes in bytes."""
        t = self.case.topology
        return [
            {
                "placement": mix.placement,
                "job": s.job.name,
                "algorithm": s.job.algorithm,
                "collective": s.job.collective,
                "ranks": s.job.ranks,
                "size_bytes": s.job.size,
                "calls": s.job.calls,
                "start_s": s.job.start / FS_PER_SECOND,
                "compute_s": s.job.compute / FS_PER_SECOND,
                "alone_s": s.alone / FS_PER_SECOND,
                "together_s": s.together / FS_PER_SECOND,
                "slowdown": s.slowdown,
                "full_speed_s": s.full_speed / FS_PER_SECOND,
                "bound_of_a_call_s": s.bound / FS_PER_SECOND,
                "links": s.links,
                "shared_links": s.shared,
                "meets_on": t.link_name(s.link) if s.link >= 0 else None,
                "meets": " ".join(s.there),
            }
            for mix in self.mixes
            for s in mix.shares
        ]

    def frame(self) -> pd.DataFrame:
        """Return `rows` as a pandas frame."""
        import pandas as pd

        return pd.DataFrame(self.rows())

    def to_dict(self) -> dict[str, Any]:
        """Return what `collsim workload jobs --json` writes."""
        t = self.case.topology
        return {
            "topology": t.name,
            "engine": self.case.engine,
            "seed": self.case.seed,
            "changed_settings": self.case.network.changed(),
            "link_changes": list(describe_changes(t, self.case.changes)),
            "speeds": {t.names[k]: float(f) for k, f in enumerate(self.speeds.factors) if f != 1},
            "jobs": self.rows(),
            "placements": [
                {
                    "placement": mix.placement,
                    "time_s": mix.time / FS_PER_SECOND,
                    "hosts": {s.job.name: [t.names[host] for host in s.hosts] for s in mix.shares},
                    "shared_links": [
                        {"link": t.link_name(m.link), "use": m.use, "bytes": dict(m.bytes_of)} for m in mix.meetings
                    ],
                    "packet_hops": mix.packet_hops,
                    "wall_s": mix.wall,
                }
                for mix in self.mixes
            ],
        }

    def plot(self, path: str | Path) -> None:
        """Draw the slowdown of each job by placement into the image file `path`."""
        from collsim.report.job_slowdowns import plot_slowdowns

        plot_slowdowns(self.rows(), path, f"Slowdown of jobs that share {self.case.topology.name}")

    def __str__(self) -> str:
        return "\n".join(f"{mix.placement:<10} {s.job.name:<12} {s.slowdown:.3f}x" for mix in self.mixes for s in mix.shares)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from collsim.report.picture import html_table
        from collsim.units import format_time

        heads = ["placement", "job", "alone", "together", "slowdown", "links shared"]
        rows = [
            [
                mix.placement,
                s.job.name,
                format_time(s.alone),
                format_time(s.together),
                f"{s.slowdown:.3f}x",
                f"{s.shared} of {s.links}",
            ]
            for mix in self.mixes
            for s in mix.shares
        ]
        return html_table(heads, rows, left=2)


def compare_placements(
    topology: object,
    jobs: Sequence[str | Job],
    placements: Sequence[str] = ("packed",),
    *,
    slow: Sequence[str] = (),
    speeds: str | None = None,
    **settings: Any,
) -> JobRun:
    """Run `jobs` (texts as "ring:16:16MiB:calls=4", or Jobs) together and each alone, in each of `placements`.

    `slow`: "HOST=FACTOR" texts, `speeds`: a file of them (collsim.workloads.speeds). `settings` are those of
    `collsim.simulate.prepare`: bandwidth, latency, network, engine, seed, fail, degrade, at. Raises what those raise.
    """
    case = prepare(topology, **settings)  # type: ignore[arg-type]  # a name, a path or a Topology, as there
    chosen = parse_jobs(jobs)
    rates = parse_speeds(case.topology.names[: case.topology.hosts], slow, speeds)
    return JobRun(case, chosen, rates, tuple(runs(case, chosen, rates, placements)))


def runs(
    case: Case, jobs: Sequence[Job], speeds: Speeds, placements: Sequence[str], observe: Observe = lambda text: ()
) -> Iterator[Mix]:
    """Yield the mix of each placement; `observe(text)` gives the observers of a run."""
    places = [place_jobs(jobs, case.topology.hosts, placement) for placement in placements]
    for placement, hosts in zip(placements, places, strict=True):
        yield _mix(case, jobs, speeds, placement, hosts, observe)


def _mix(
    case: Case,
    jobs: Sequence[Job],
    speeds: Speeds,
    placement: str,
    hosts: Sequence[tuple[int, ...]],
    observe: Observe,
) -> Mix:
    began = perf_counter()
    cases = [
        replace(case, hosts=group, collective=collective(job.collective), known={}, widths={})
        for job, group in zip(jobs, hosts, strict=True)
    ]
    schedules = [one.plan(job.algorithm, job.size)[0] for one, job in zip(cases, jobs, strict=True)]
    engine = ENGINES.get(case.engine)
    more = {"changes": case.changes} if case.changes else {}

    kept: list[Traced] = []

    def run(rates: Speeds, only: int | None, text: str) -> tuple[Result, list[int]]:
        placed = jobs_program(jobs, schedules, rates, only)
        told = observe(f"{placement}, {text}, messages")
        recorders = [one for one in told if isinstance(one, Recorder)]
        if recorders and only is None:
            check_traceable(placed.program.messages)
        result = engine(case.topology, placed.program, case.network, seed=case.seed, observers=told, **more)
        if recorders and only is None:
            kept.append(Traced(case.topology, placed.program, result, recorders[0].found, ()))
        ends = [
            int(result.operation_finish[first:end].max()) for first, end in zip(placed.first, placed.first[1:], strict=False)
        ]
        return result, [end - job.start for end, job in zip(ends, jobs, strict=True)]

    both, together = run(speeds, None, ALL_JOBS)
    alone = [run(speeds, k, f"job {job.name} alone") for k, job in enumerate(jobs)]
    even = Speeds.even(len(speeds.factors))
    full = [
        times[k] if speeds.equal else run(even, k, f"job {job.name} alone at full speed")[1][k]
        for k, (job, (_, times)) in enumerate(zip(jobs, alone, strict=True))
    ]
    carried = np.stack([result.link_bytes for result, _ in alone])
    meetings = _meetings(jobs, carried, both)
    shares = []
    for k, job in enumerate(jobs):
        mine = [m for m in meetings if job.name in m.bytes_of]
        place = (mine[0].link, tuple(mine[0].bytes_of)) if mine else (-1, ())
        bound = cases[k].bound(job.size).time
        times = (alone[k][1][k], together[k], full[k])
        shares.append(Share(job, hosts[k], *times, bound, int((carried[k] > 0).sum()), len(mine), *place))
    hops = both.packet_hops + sum(result.packet_hops for result, _ in alone)
    return Mix(placement, tuple(shares), meetings, both.time, hops, perf_counter() - began, kept[0] if kept else None)


def _meetings(jobs: Sequence[Job], carried: Any, both: Result) -> tuple[Meeting, ...]:
    """Return the links that more than one job crosses when alone, the busiest of the run together first."""
    links = np.flatnonzero((carried > 0).sum(axis=0) > 1)
    use = both.link_busy / max(both.time, 1)
    found = []
    for link in sorted(links.tolist(), key=lambda link: (-both.link_busy[link], link)):
        bytes_of = {job.name: int(carried[k, link]) for k, job in enumerate(jobs) if carried[k, link]}
        found.append(Meeting(link, bytes_of, float(use[link])))
    return tuple(found)
