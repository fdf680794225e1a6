"""Forest: the data divided over trees packed so that the tightest cut of the machine is full, and pipelined through them.

Among directly linked ranks an all-reduce runs up and down spanning trees, as many as the strength of the graph allows
(Nash-Williams, Tutte). Elsewhere, and for all-gather, broadcast and their reverses, out-trees are packed once the
switches are split off (Edmonds; Zhao et al., ForestColl). Small data is better served by fewer trees or by MULTITREE's
short ones, which is decided by estimate and said in the variant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from collsim.collectives.algorithm import Formula, Hint, algorithm
from collsim.collectives.algorithms.multitree import multitree
from collsim.collectives.collective import Collective
from collsim.collectives.estimate import estimate_seconds
from collsim.collectives.forest_plans import Machine, shares_plan, spanning_plan, spanning_plans
from collsim.collectives.pipelined import pipelined
from collsim.collectives.schedule import Schedule
from collsim.collectives.tree_plan import MOST_TRANSFERS, Plan
from collsim.errors import AlgorithmUnsuitable, InvalidValue, UnknownName
from collsim.topology.graph import Topology

__all__ = ["forest"]

WAYS = ("auto", "spanning", "shares", "spread", "multitree")
MOST_RANKS = 1024
MOST_SHARING = 100
MOST_SWITCHES = 100
ESTIMATED = 20_000
"""Transfers up to which an estimate looks at every one; more of them means that the data is large and bytes decide."""


@algorithm(
    "forest",
    title="trees packed to fill the tightest cut, pipelined; fewer or shorter trees for small data",
    source="Nash-Williams 1961; Tutte 1961; Edmonds 1973; Zhao et al., ForestColl, 2024",
    needs="up to 1,024 directly linked ranks for all-reduce, up to 100 ranks and 100 switches otherwise",
    collectives=("all-reduce", "reduce-scatter", "all-gather", "broadcast", "reduce"),
    steps=Formula("period (m-1) + span: slots of a timetable found by construction", lambda *_: None),
    volume=Formula(
        "reduce-scatter (n-1)/n on average; all-reduce 2(n-1)/n on average; who forwards more sends more", lambda *_: None
    ),
    size_free=False,
    suits=("mesh4x4", "torus4x4", "dgx1-v100", "leafspine4x4x2"),
    costly=True,
)
def forest(
    topology: Topology,
    collective: Collective,
    hosts: Sequence[int],
    hint: Hint | None,
    *,
    way: str = "auto",
    trees: int = 0,
    segments: int = 0,
) -> Schedule:
    """Return the schedule; every transfer has an explicit path.

    `way`: "spanning" trees (all-reduce), "shares": out-trees from every rank (the root of a broadcast), "spread": the
    same, with every rank joined to all others behind a switch, "multitree", or what is estimated to be fastest ("auto").
    `trees`: number of spanning trees, `segments` of what a tree carries; 0: by the hint.
    """
    if way not in WAYS:
        raise UnknownName("way of forest", way, WAYS)
    if trees < 0 or segments < 0:
        raise InvalidValue("The options trees and segments of forest are at least 1.")
    machine = Machine(topology.digest, tuple(int(host) for host in hosts), topology)
    if way == "multitree":
        return _multitree(topology, collective, hosts, hint)
    plans = list(_plans(machine, collective, hint, "spanning" if trees else way, trees))
    if not plans:
        raise _refusal(machine, collective, way, trees)
    choices = [_Choice(machine, collective, plan, segments or plan.segments(hint)) for plan in plans]
    if hint is None:
        return choices[0].schedule
    best = _fastest(choices, hint)
    return _faster(topology, best, hint) if way == "auto" and not trees and not segments else best.schedule


@dataclass(frozen=True)
class _Choice:
    """A plan with its number of segments; the schedule is built when it is first asked for."""

    machine: Machine
    collective: Collective
    plan: Plan
    segments: int

    @cached_property
    def schedule(self) -> Schedule:
        """The schedule of the plan."""
        return pipelined(self.collective, "forest", self.machine.hosts, self.plan, self.segments)

    def seconds(self, hint: Hint) -> float:
        """Return how long it takes: message by message where they are few, else by its timetable."""
        if self.segments * self.plan.hops > ESTIMATED:
            return self.plan.seconds(hint, self.segments)
        return estimate_seconds(self.schedule, self.machine.topology, hint.size)


def _fastest(choices: Sequence[_Choice], hint: Hint) -> _Choice:
    """Return the choice of least time; timetables alone decide where the best of them has many transfers."""
    by_table = min(choices, key=lambda choice: choice.plan.seconds(hint, choice.segments))
    if by_table.segments * by_table.plan.hops > ESTIMATED:
        return by_table
    return min(choices, key=lambda choice: choice.seconds(hint))


def _plans(machine: Machine, collective: Collective, hint: Hint | None, way: str, trees: int) -> Iterator[Plan]:
    """Yield the plans that serve, best for large data first; "auto": spanning trees where there are some, else shares."""
    topology, ranks = machine.topology, len(machine.hosts)
    if collective.name == "all-reduce" and way in ("auto", "spanning") and ranks <= MOST_RANKS:
        plan = spanning_plan(machine, trees) if trees else None
        plans = list(spanning_plans(machine, hint)) if not trees else [plan] if plan else []
        yield from plans
        if plans:
            return
    if way == "spanning" or ranks > MOST_SHARING or topology.switches > MOST_SWITCHES:
        return
    for name in ("shares", "spread"):
        # Without switches the two are one.
        if way == name or (way == "auto" and (name == "shares" or topology.switches)):
            shares = shares_plan(machine, collective, name == "spread")
            if shares is not None:
                yield shares


def _refusal(machine: Machine, collective: Collective, way: str, trees: int) -> AlgorithmUnsuitable:
    """Say why there is no plan: too many ranks, no direct links, or switches whose capacities in and out differ."""
    topology, ranks = machine.topology, len(machine.hosts)
    if trees or way == "spanning":
        wanted = f"{trees} spanning trees" if trees else "spanning trees"
        reason = f"it packs {wanted} for an all-reduce among directly linked ranks, up to {MOST_RANKS}, and found none."
    elif ranks > MOST_SHARING or topology.switches > MOST_SWITCHES:
        reason = (
            f"out-trees from every rank are packed for up to {MOST_SHARING} ranks and {MOST_SWITCHES} switches, not for "
            f"{ranks} and {topology.switches}; multitree:chunks=2,turns=smallest serves larger ones."
        )
    else:
        reason = "a switch has unequal capacities in and out, and cannot be split off without loss; multitree serves."
    return forest.refuse(topology, reason)


def _multitree(topology: Topology, collective: Collective, hosts: Sequence[int], hint: Hint | None) -> Schedule:
    schedule = multitree.schedule(topology, collective, hosts, hint)
    return replace(schedule, algorithm="forest", variant="multitree's trees")


def _faster(topology: Topology, best: _Choice, hint: Hint) -> Schedule:
    """Return the schedule of `best`, or MULTITREE's where that is estimated to take less time, message by message.

    MULTITREE's schedule is not weighed where it would be larger than any that a plan may have.
    """
    collective, ranks = best.collective, len(best.machine.hosts)
    if collective.name not in multitree.collectives or 2 * ranks * ranks > MOST_TRANSFERS:
        return best.schedule
    other = _multitree(topology, collective, best.machine.hosts, hint)
    return other if estimate_seconds(other, topology, hint.size) < best.seconds(hint) else best.schedule
