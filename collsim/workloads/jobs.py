"""Several jobs on one machine: each repeats a collective among hosts of its own, and all of it is one program.

A job computes for a while between its calls, as training steps do. Where jobs run is a placement: packed, spread
over the machine, or at random. Hosts belong to one job at most, so no NIC chooses between jobs; links and buffers do.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from collsim.collectives.schedule import Schedule
from collsim.errors import InvalidValue, UnknownName
from collsim.program import Call, Compute, Operation, Program
from collsim.units import parse_count, parse_size, parse_time
from collsim.workloads.speeds import Speeds

__all__ = ["PLACEMENTS", "Job", "Placed", "jobs_program", "parse_job", "parse_jobs", "place_jobs"]

PLACEMENTS = ("packed", "spread", "random")
TIMES = (("s", 10**15), ("ms", 10**12), ("us", 10**9), ("ns", 10**6), ("ps", 10**3), ("fs", 1))
SIZES = (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10), ("B", 1))
MOST_OPERATIONS = 200_000


@dataclass(frozen=True, slots=True)
class Job:
    """`calls` (>= 1) of `collective` by `algorithm` among `ranks` (>= 2), on buffers of `size` bytes (>= 1).

    `start`: fs after the start of the run at which it begins; `compute`: fs of computation of each rank before each call
    but the first. `name`: what reports call it. Raises InvalidValue for numbers below those given.
    """

    name: str
    algorithm: str
    ranks: int
    size: int
    collective: str = "all-reduce"
    calls: int = 1
    start: int = 0
    compute: int = 0

    def __post_init__(self) -> None:
        for what, value, least in (
            ("ranks", self.ranks, 2),
            ("bytes", self.size, 1),
            ("calls", self.calls, 1),
            ("fs before its start", self.start, 0),
            ("fs of computation", self.compute, 0),
        ):
            if value < least:
                raise InvalidValue(f"Job {self.name} has {value} {what}; give it {least} or more.")

    @property
    def text(self) -> str:
        """The words that `parse_job` makes this job of."""
        extra = [f"calls={self.calls}"] if self.calls > 1 else []
        extra += [f"{key}={_short(getattr(self, key), TIMES)}" for key in ("start", "compute") if getattr(self, key)]
        extra += [f"collective={self.collective}"] if self.collective != "all-reduce" else []
        return ":".join([self.algorithm, str(self.ranks), _short(self.size, SIZES), *extra, f"name={self.name}"])


def _short(value: int, units: Sequence[tuple[str, int]]) -> str:
    """Return `value` exactly, in the largest of `units` that gives a whole number."""
    unit, factor = next((unit, factor) for unit, factor in units if value % factor == 0)
    return f"{value // factor}{unit}"


def parse_job(text: str, name: str) -> Job:
    """Return the job that "ALGORITHM:RANKS:SIZE[:KEY=VALUE...]" means, called `name` unless it says so itself.

    Keys: calls, start, compute, collective, name. The algorithm may have options of its own before the ranks, as in
    "multitree:ports=1:16:4MiB". Raises InvalidValue and UnknownName.
    """
    words = [word.strip() for word in text.split(":")]
    at = next((k for k, word in enumerate(words) if k and word.isdigit()), 0)
    if not at or at + 1 >= len(words) or not words[0]:
        raise InvalidValue(
            f"Cannot read the job '{text}'; write ALGORITHM:RANKS:SIZE, like ring:16:16MiB, and what else there is behind "
            "it, like :calls=10:compute=200us."
        )
    job = Job(name, ":".join(words[:at]), int(words[at]), parse_size(words[at + 1]))
    for word in words[at + 2 :]:
        key, equals, value = word.partition("=")
        if not equals or not value:
            raise InvalidValue(f"Cannot read '{word}' in the job '{text}'; write it as KEY=VALUE, like calls=10.")
        if key in ("p", "h") and job.collective.startswith("partial"):
            # Its own options have a colon before them, as in partial-all-reduce:p=0.5,h=4096.
            key, value = "collective", f"{job.collective}:{word}"
        job = _with(job, key, value)
    return job


def _with(job: Job, key: str, value: str) -> Job:
    if key == "calls":
        return replace(job, calls=parse_count(value, "calls", 1))
    if key == "start":
        return replace(job, start=parse_time(value))
    if key == "compute":
        return replace(job, compute=parse_time(value))
    if key == "collective":
        return replace(job, collective=value)
    if key == "name":
        return replace(job, name=value)
    raise UnknownName("key of a job", key, ("calls", "collective", "compute", "name", "start"))


def parse_jobs(texts: Iterable[str | Job]) -> tuple[Job, ...]:
    """Return the jobs of `texts`, called A, B, C ... (J26 and so on behind Z) unless they name themselves."""
    names = (chr(ord("A") + k) if k < 26 else f"J{k}" for k in range(10**6))
    given = zip(texts, names, strict=False)
    jobs = tuple(text if isinstance(text, Job) else parse_job(text, name) for text, name in given)
    if not jobs:
        raise InvalidValue("There is no job; give one or more, like ring:16:16MiB.")
    seen: set[str] = set()
    for job in jobs:
        if job.name in seen:
            raise InvalidValue(f"Two jobs are called {job.name}; give each a name of its own (name=...).")
        seen.add(job.name)
    return jobs


def place_jobs(jobs: Sequence[Job], hosts: int, placement: str) -> tuple[tuple[int, ...], ...]:
    """Return the host of each rank of each job.

    packed: jobs take the hosts in order of their numbers, one behind the other. spread: hosts are dealt out in that order,
    each to the job that is furthest behind its share, hosts that stay free being a share too. random:SEED: as packed, the
    hosts shuffled. Raises InvalidValue when there are too few hosts.
    """
    needed = sum(job.ranks for job in jobs)
    if needed > hosts:
        raise InvalidValue(f"The jobs have {needed} ranks in all and the machine {hosts} hosts; take fewer or a larger one.")
    kind, _, seed = placement.partition(":")
    if kind not in PLACEMENTS or (seed and kind != "random"):
        raise UnknownName("placement of jobs", placement, ("packed", "spread", "random:SEED"))
    if kind == "spread":
        return _dealt([*(job.ranks for job in jobs), hosts - needed])[:-1]
    order = list(range(hosts))
    if kind == "random":
        random.Random(parse_count(seed or "0", "placement seed")).shuffle(order)
    places, at = [], 0
    for job in jobs:
        places.append(tuple(order[at : at + job.ranks]))
        at += job.ranks
    return tuple(places)


def _dealt(shares: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Deal sum(shares) hosts: each to whom it takes furthest from where even dealing would have it by now."""
    total, given = sum(shares), [list[int]() for _ in shares]
    for host in range(total):
        open_ = [k for k, share in enumerate(shares) if len(given[k]) < share]
        # In even dealing its next host would be number (given + 1/2) total / share.
        first = min(open_, key=lambda k: ((2 * len(given[k]) + 1) * total / shares[k], k))
        given[first].append(host)
    return tuple(tuple(row) for row in given)


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """The program of several jobs: `first[k]` to `first[k + 1]` are the operations of job k, the last of which ends it."""

    program: Program
    first: tuple[int, ...]


def jobs_program(jobs: Sequence[Job], schedules: Sequence[Schedule], speeds: Speeds, only: int | None = None) -> Placed:
    """Return the program of `jobs`, each calling its own of `schedules`, computing at `speeds` (by host).

    With `only` that job runs alone: the others keep their operations and messages, so that ids, and with them channels and
    drawn routes, stay as they are, but have no bytes and no computations. Raises InvalidValue for too much of it.
    """
    if sum(job.calls * (job.ranks + 1) for job in jobs) > MOST_OPERATIONS:
        raise InvalidValue(f"The jobs have more than {MOST_OPERATIONS:,} calls and computations; take fewer calls.")
    operations: list[Operation] = []
    first = [0]
    for k, (job, schedule) in enumerate(zip(jobs, schedules, strict=True)):
        runs = only in (None, k)
        before: tuple[int, ...] = ()
        for call in range(job.calls):
            wait = job.compute if call else job.start
            if wait:
                begin = len(operations)
                for host in schedule.ranks_to_hosts.tolist():
                    length = (speeds.time(host, wait) if call else wait) if runs else 0
                    operations.append(Compute(host, length, before, label=job.name))
                before = tuple(range(begin, len(operations)))
            operations.append(Call(schedule, job.size if runs else 0, before, label=job.name))
            before = (len(operations) - 1,)
        first.append(len(operations))
    return Placed(Program(tuple(operations)), tuple(first))
