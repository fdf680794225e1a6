"""Points of a sweep that are what `collsim workload jobs` runs: jobs that share one machine, in one placement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from collsim.collectives.algorithm import parse_algorithm
from collsim.collectives.collective import collective
from collsim.simulate import Case
from collsim.sweep.fields import AT, MACHINE, TOPOLOGY, Field, text_field
from collsim.sweep.inputs import algorithm_inputs, case_inputs, case_of, check_algorithm, machine_label, stated
from collsim.sweep.jobs import Mix, runs
from collsim.sweep.runner import RUNNERS, Call, Kept, Prepared, Runner
from collsim.units import FS_PER_SECOND
from collsim.workloads.jobs import Job, parse_jobs, place_jobs
from collsim.workloads.speeds import Speeds, parse_speeds

__all__: list[str] = []

Given = tuple[Case, tuple[Job, ...], Speeds, str]


def run(given: Given, kept: Kept) -> dict[str, Any]:
    """Return how the jobs fared together: the whole run, the worst slowdown, and each job's times by its name."""
    case, jobs, speeds, placement = given
    mix: Mix
    (mix,) = runs(case, jobs, speeds, [placement])
    row: dict[str, Any] = {
        "time_fs": mix.time,
        "worst_slowdown": max(share.slowdown for share in mix.shares),
        "links_shared": len(mix.meetings),
        "packet_hops": mix.packet_hops,
    }
    for share in mix.shares:
        name = share.job.name
        row |= {f"slowdown_{name}": share.slowdown, f"alone_{name}_s": share.alone / FS_PER_SECOND}
        row[f"together_{name}_s"] = share.together / FS_PER_SECOND
    return row


def check(given: Given, kept: Kept) -> None:
    """Raise the UsageError of a job whose algorithm does not suit its hosts."""
    case, jobs, _, placement = given
    for job, hosts in zip(jobs, place_jobs(jobs, case.topology.hosts, placement), strict=True):
        check_algorithm(replace(case, hosts=hosts, collective=collective(job.collective)), job.algorithm, job.size, kept)


def _prepare(parameters: Mapping[str, Any], kept: Kept) -> Prepared:
    # Where the jobs run is said of them together and not of the hosts of one group.
    case = case_of({name: value for name, value in parameters.items() if name != "placement"}, kept)
    jobs = parse_jobs(parameters["mix"])
    place_jobs(jobs, case.topology.hosts, parameters["placement"])
    speeds = parse_speeds(case.topology.names[: case.topology.hosts], parameters["slow"], None)
    sources = {f"job {job.name}": algorithm_inputs(job.algorithm)["algorithm_source"] for job in jobs}
    inputs = {
        **case_inputs(case, kept),
        **stated(parameters, FIELDS, (TOPOLOGY, *MACHINE, AT)),
        "algorithm_source": sources if any(sources.values()) else None,
    }
    group = f"jobs {case.topology.digest} {parameters['mix']}"
    shown = {"topology": machine_label(parameters["topology"], kept)}
    return Prepared(inputs, Call(group, run, (case, jobs, speeds, parameters["placement"]), check), shown)


def _mix(item: Any) -> list[list[str]]:
    texts = [str(text) for text in (item if isinstance(item, list | tuple) else [item])]
    for job in parse_jobs(texts):
        parse_algorithm(job.algorithm)
    return [texts]


def _slow(item: Any) -> list[list[str]]:
    return [[] if item in (None, "none") else [str(one) for one in (item if isinstance(item, list) else [item])]]


def _placement(text: str) -> None:
    place_jobs((), 1, text)


FIELDS = (
    TOPOLOGY,
    *MACHINE,
    AT,
    Field("slow", "slows", _slow, ([],)),
    Field("mix", "mixes", _mix, None, files=True),
    text_field("placement", "placements", _placement, ("packed",)),
)
RUNNERS.add("jobs", Runner("jobs", "jobs that share a machine, as collsim workload jobs runs them", FIELDS, _prepare))
