"""What steps with a late exchange take in a run: periods, beside the longer of computing and exchange."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from collsim.collectives.schedule import Schedule
from collsim.sweep.multi_site_run import run
from collsim.sweep.multi_site_way import Setting
from collsim.units import FS_PER_SECOND
from collsim.workloads.multi_site_late import staleness_program

__all__ = ["Late", "late"]

STEPS = 6


@dataclass(frozen=True, slots=True)
class Late:
    """Steps of `compute` fs under a late exchange of their gradients.

    Under a `rendezvous` (exchanges begin on all hosts at once) `periods`: fs from the start of an exchange to that of the
    next, and `exchanges`: fs of the one that began each of them, from when all hosts are there until it is over everywhere.
    Without one `periods` holds what one step more adds to the time of many, as no start is common, and `exchanges` nothing.
    """

    compute: int
    periods: tuple[int, ...]
    exchanges: tuple[int, ...]
    rendezvous: bool = True

    @property
    def period(self) -> int:
        """Mean of the periods, fs, rounded down."""
        return sum(self.periods) // len(self.periods)

    @property
    def exact(self) -> bool:
        """Whether every period is the longer of computing and its own exchange, to the femtosecond."""
        return self.rendezvous and all(p == max(self.compute, x) for p, x in zip(self.periods, self.exchanges, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Return what `collsim workload sites --json` has of it beside a row's columns, seconds."""
        return {
            "rendezvous": self.rendezvous,
            "computing_s": self.compute / FS_PER_SECOND,
            "periods_s": [time / FS_PER_SECOND for time in self.periods],
            "exchanges_s": [time / FS_PER_SECOND for time in self.exchanges],
            "equal_to_the_longer": self.exact,
        }


def late(at: Setting, plan: Schedule, packet: int, compute: int) -> tuple[Late, float]:
    """Run steps of `compute` fs whose exchange by `plan` runs under the next step; return them and wall seconds."""
    groups, size = at.plant.groups(), at.job.shard
    channels = at.network.router.virtual_channels
    count = 1 if channels == "auto" else channels
    if at.rendezvous:
        written = staleness_program(groups, plan, size, compute, STEPS, rendezvous=True, channels=count)
        result, wall = run(at, written.program, packet)
        periods, exchanges = written.periods(result.operation_finish)
        return Late(compute, tuple(periods), tuple(exchanges)), wall
    # Hosts begin and end apart from each other: what both runs begin and end with drops out of their difference.
    ends, wall = [], 0.0
    for steps in (STEPS, 2 * STEPS):
        result, more = run(at, staleness_program(groups, plan, size, compute, steps, rendezvous=False).program, packet)
        ends.append(result.time)
        wall += more
    return Late(compute, (round((ends[1] - ends[0]) / STEPS),), (), rendezvous=False), wall
