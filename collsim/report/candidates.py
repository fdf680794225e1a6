"""Which other algorithms fit a finding: fewer steps, or less to carry over the busiest link, judged on their schedules."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from collsim.collectives.algorithm import ALGORITHMS, Algorithm
from collsim.collectives.schedule import Schedule
from collsim.errors import AlgorithmUnsuitable
from collsim.result import Outcome
from collsim.topology.paths import shortest_path

__all__ = ["fewer_steps", "lighter"]

MOST_RANKS = 32
MOST_NAMES = 3
EVERYWHERE = ("multitree", "bidirectional-ring", "direct", "double-binary-tree", "ring")


def fewer_steps(o: Outcome) -> list[str]:
    """Return up to three algorithms of fewer steps than this run has, fewest first; [] when there is none."""
    return _best(o, lambda plan: plan.steps)


def lighter(o: Outcome) -> list[str]:
    """Return up to three algorithms whose busiest link carries for less time than this run's, least first.

    Estimated from bytes and bandwidths along given or shortest paths. Beyond 32 ranks building every schedule takes too
    long for a line of advice, and the algorithms that run everywhere are returned.
    """

    @cache
    def path(source: int, target: int) -> tuple[int, ...]:
        return shortest_path(o.topology, source, target) or ()

    def busiest(plan: Schedule) -> float:
        load = np.zeros(o.topology.links, dtype=np.int64)
        hosts = plan.ranks_to_hosts
        for t, amount in enumerate(plan.message_bytes(o.size).tolist()):
            links = plan.path_of(t).tolist() or list(path(int(hosts[plan.src[t]]), int(hosts[plan.dst[t]])))
            load[links] += amount
        return float((load / o.topology.bandwidth).max())

    return _best(o, busiest)


def _best(o: Outcome, cost: Callable[[Schedule], float]) -> list[str]:
    wanted, own = o.schedule.collective, o.algorithm.partition(":")[0]
    others = {name: entry for name, entry in ALGORITHMS.items() if wanted.name in entry.collectives and name != own}
    if o.schedule.ranks > MOST_RANKS:
        return [name for name in EVERYWHERE if name in others][:MOST_NAMES]
    costs = {name: cost(plan) for name, entry in others.items() if (plan := _plan(o, entry)) is not None}
    limit = cost(o.schedule)
    better = sorted((value, name) for name, value in costs.items() if value < limit)
    return [name for _, name in better[:MOST_NAMES]]


def _plan(o: Outcome, entry: Algorithm) -> Schedule | None:
    try:
        return entry.schedule(o.topology, o.schedule.collective, o.schedule.ranks_to_hosts.tolist())
    except AlgorithmUnsuitable:
        return None
