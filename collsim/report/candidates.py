"""Which other algorithms could be faster than a run, judged on their schedules: every registered one, every variant.

A schedule takes at least what its busiest link has to send, and what its longest chain of messages takes (`least_time`).
Whatever could not be faster even so is left out, so that advice never sends a reader to something that is known to be
slower, and may say that nothing is left. What remains is worth a comparison; it is no promise.
"""

from __future__ import annotations

from dataclasses import dataclass
from inspect import Parameter

from collsim.collectives.algorithm import ALGORITHMS, Hint, parse_algorithm
from collsim.collectives.bounds import LATENCY
from collsim.errors import AlgorithmUnsuitable, InvalidValue, UnknownName
from collsim.network.hint import hint_for
from collsim.network.least_time import LeastTime, least_time
from collsim.result import Outcome
from collsim.units import FS_PER_SECOND

__all__ = ["EVERYWHERE", "MOST_RANKS", "Candidate", "candidates"]

MOST_RANKS = 72
WORTH = 0.99
"""Share of the run's time that a candidate has to stay under, if it is to be worth a comparison."""
EVERYWHERE = ("multitree", "bidirectional-ring", "direct", "double-binary-tree", "ring")


@dataclass(frozen=True, slots=True)
class Candidate:
    """An algorithm as `--algo` takes it, with the steps of its schedule and what that takes at least.

    `built`: read off its schedule; else nothing is known but the bound, and the steps are those of the run.
    """

    name: str
    steps: int
    least: LeastTime
    built: bool = True

    @property
    def order(self) -> tuple[bool, int, int]:
        """Sorts the most promising first, behind them those that are not built."""
        return not self.built, self.least.time, self.steps


def candidates(o: Outcome) -> list[Candidate] | None:
    """Return the best variant of each algorithm that could be one percent faster than `o`, the most promising first.

    None above MOST_RANKS ranks, where building every schedule takes too long for a line of advice.
    """
    if o.schedule.ranks > MOST_RANKS:
        return None
    hint = hint_for(o.topology, o.schedule.ranks_to_hosts.tolist(), o.network, o.size)
    own = o.schedule.steps, least_time(o.topology, o.schedule, o.size, o.network, seed=o.seed)
    found = []
    for name, entry in ALGORITHMS.items():
        if entry.serves(o.schedule.collective):
            tried: list[Candidate | None]
            if entry.costly:
                tried = [_unbuilt(o, name)] if name != o.schedule.algorithm else []
            else:
                tried = [_candidate(o, way, hint) for way in entry.ways if not _same(way, o.algorithm)]
            faster = [one for one in tried if one is not None and one.least.time < WORTH * o.result.time]
            if name == o.schedule.algorithm:
                # A variant that sends as much in as many steps is most often the same schedule.
                faster = [one for one in faster if (one.steps, one.least) != own]
            found += sorted(faster, key=lambda one: one.order)[:1]
    return sorted(found, key=lambda one: one.order)


def _candidate(o: Outcome, way: str, hint: Hint) -> Candidate | None:
    """Return the candidate, None where the machine or the group does not suit it."""
    entry, options = parse_algorithm(way)
    try:
        plan = entry.schedule(o.topology, o.schedule.collective, o.schedule.ranks_to_hosts.tolist(), hint, **options)
    except (AlgorithmUnsuitable, InvalidValue):
        return None
    return Candidate(way, plan.steps, least_time(o.topology, plan, o.size, o.network, seed=o.seed))


def _unbuilt(o: Outcome, name: str) -> Candidate:
    """Return a candidate whose schedule takes longer to build than a line of advice may: it is judged by the bound alone."""
    least = {
        chain: max((p.seconds for p in o.bound.parts if (p.kind == LATENCY) == chain), default=0) for chain in (True, False)
    }
    times = LeastTime(load=int(least[False] * FS_PER_SECOND), chain=int(least[True] * FS_PER_SECOND))
    return Candidate(name, o.schedule.steps, times, built=False)


def _same(way: str, other: str) -> bool:
    """Say whether two texts name one algorithm with the same options, defaults filled in."""
    try:
        (one, chosen), (two, asked) = parse_algorithm(way), parse_algorithm(other)
    except UnknownName:
        return False
    usual = {key: p.default for key, p in one.options.items() if p.default is not Parameter.empty}
    return one is two and usual | chosen == usual | asked
