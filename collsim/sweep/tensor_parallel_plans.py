"""Which algorithm runs the collectives of tensor-parallel groups: a named one, the natural one, or the fastest of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.collective import collective
from collsim.collectives.schedule import Schedule
from collsim.collectives.verify import Proof
from collsim.engines.engine import ENGINES
from collsim.errors import AlgorithmUnsuitable, InvalidValue
from collsim.network.config import NetworkConfig
from collsim.network.least_time import least_time
from collsim.network.link_changes import LinkChange
from collsim.network.paths import PathFinder
from collsim.program import Call, Program
from collsim.simulate import Case
from collsim.topology.graph import Topology
from collsim.topology.paths import shortest_path

__all__ = ["AUTO", "NATURAL", "Plans", "least_bytes", "one_way", "sent_bytes"]

AUTO, NATURAL = "auto", "natural"
ONE_SHOT = "direct"


@dataclass(frozen=True, eq=False)
class Plans:
    """Proved schedules of the collectives of groups; `cases`: one a group, all alike but for their hosts.

    `algorithm`: a name with options, "auto" (for each size the fastest of all that the first group suits, by its time alone
    on the machine; those that take long to plan are left to be named), or "natural": one-shot exchange where all pairs of
    the first group are alike, else "auto".
    """

    cases: tuple[Case, ...]
    algorithm: str = NATURAL
    made: dict[tuple[int, str], Case] = field(default_factory=dict)
    chosen: dict[tuple[str, int], str] = field(default_factory=dict)
    bounds: dict[tuple[str, int], int] = field(default_factory=dict)
    times: dict[tuple[str, int, bool], int] = field(default_factory=dict)

    def schedule(self, group: int, name: str, size: int) -> Schedule:
        """Return the schedule of `size` bytes of the collective `name` in `group`."""
        return self.case(group, name).plan(self.choice(name, size), size)[0]

    def proof(self, size: int, p: float = 1, hidden: int = 1) -> Proof:
        """Return the proof of the first group's all-reduce of the first int(p hidden) channels, `size` bytes of them.

        What it says of the others is that they stay local.
        """
        way = self.choice("all-reduce", size)
        if p == 1:
            return self.case(0, "all-reduce").plan(way, size)[1]
        partial = collective(f"partial-all-reduce:p={p},h={hidden}")
        return replace(self.cases[0], collective=partial, known={}).plan(way, size * hidden // partial.synchronised)[1]

    def bound(self, name: str, size: int) -> int:
        """Return the lower bound on the collective `name` of `size` bytes in any group, the largest of them, fs."""
        if (name, size) not in self.bounds:
            groups = range(len(self.cases))
            self.bounds[name, size] = max(self.case(group, name).bound(size).time for group in groups) if size else 0
        return self.bounds[name, size]

    def alone(self, name: str, size: int, hollow: bool = False) -> int:
        """Return the time of the collective `name` of `size` bytes in all groups at once, and nothing else, fs.

        `hollow`: with next to no bytes over the same schedules, which leaves alpha.
        """
        if (name, size, hollow) not in self.times:
            plans = self._everywhere(name, size)
            sized = [(plan, min(least_bytes(plan), size) if hollow else size) for plan in plans]
            self.times[name, size, hollow] = self._time(sized)
        return self.times[name, size, hollow]

    def changed(self, name: str, size: int, changes: tuple[LinkChange, ...]) -> int:
        """Return the same, of all bytes, where links change so, fs."""
        return self._time([(plan, size) for plan in self._everywhere(name, size)], changes)

    def _everywhere(self, name: str, size: int) -> list[Schedule]:
        return [self.schedule(group, name, size) for group in range(len(self.cases))]

    def _time(self, calls: Sequence[tuple[Schedule, int]], changes: tuple[LinkChange, ...] = ()) -> int:
        """Return how long calls of (schedule, bytes) take that begin together on an idle machine, fs."""
        case, more = self.cases[0], {"changes": changes} if changes else {}
        program = Program(tuple(Call(schedule, size) for schedule, size in calls))
        return ENGINES.get(case.engine)(case.topology, program, case.network, seed=case.seed, **more).time

    def settled(self, name: str, size: int) -> bool:
        """Say whether the messages of a collective go the same ways each time it is called, in every group."""
        case, groups = self.cases[0], range(len(self.cases))
        return all(one_way(case.topology, self.schedule(group, name, size), case.network) for group in groups)

    def case(self, group: int, name: str) -> Case:
        """Return the case of one collective in one group."""
        if (group, name) not in self.made:
            self.made[group, name] = replace(self.cases[group], collective=collective(name), known={})
        return self.made[group, name]

    def choice(self, name: str, size: int) -> str:
        """Return the algorithm for `size` bytes of the collective `name`."""
        if (name, size) not in self.chosen:
            self.chosen[name, size] = self._choose(name, size)
        return self.chosen[name, size]

    def _choose(self, name: str, size: int) -> str:
        if self.algorithm not in (AUTO, NATURAL):
            return self.algorithm
        if self.algorithm == NATURAL and self.alike:
            return ONE_SHOT
        return self._fastest(name, size)

    def _fastest(self, name: str, size: int) -> str:
        """Return the fastest, tried in the order of what each takes at least; equals go to the first in the alphabet."""
        case = self.case(0, name)
        ways: list[tuple[int, int, str]] = []
        for _, entry in sorted(ALGORITHMS.items()):
            for way in entry.ways if name in entry.collectives and not entry.costly else ():
                try:
                    plan, _ = case.plan(way, size)
                except (AlgorithmUnsuitable, InvalidValue):
                    continue
                ways.append((least_time(case.topology, plan, size, case.network, seed=case.seed).time, len(ways), way))
        best: tuple[int, str] | None = None
        for least, _, way in sorted(ways):
            if best is not None and least >= best[0]:
                break
            time = self._time([(case.plan(way, size)[0], size)])
            best = min(best or (time, way), (time, way), key=lambda one: one[0])
        assert best is not None  # direct serves any group
        return best[1]

    @property
    def alike(self) -> bool:
        """Whether every pair of the first group has a shortest path over links of the same rates and latencies."""
        case = self.cases[0]
        t, hosts = case.topology, case.hosts
        kinds = set()
        for a in hosts:
            for b in hosts:
                if a != b:
                    links = list(shortest_path(t, a, b) or ())
                    kinds.add((tuple(t.bandwidth[links].tolist()), tuple(t.latency[links].tolist())))
                if len(kinds) > 1:
                    return False
        return True


def one_way(topology: Topology, plan: Schedule, network: NetworkConfig) -> bool:
    """Say whether every transfer of `plan` has a path of its own, or just one way that routing may take.

    If so, its paths are the same in every call, however the calls are counted.
    """
    routed = np.flatnonzero(np.diff(plan.path_offsets) == 0)
    routing = PathFinder(topology, network).routing
    if not len(routed):
        return True
    if routing.turns is not None or routing.table.phases > 1:
        return False
    hosts, table = plan.ranks_to_hosts, routing.table
    for source, target in set(zip(hosts[plan.src[routed]].tolist(), hosts[plan.dst[routed]].tolist(), strict=True)):
        node = source
        while node != target:
            ways = table.candidates(node, target)
            if len(ways) > 1 and routing.multipath != "single":
                return False
            node = int(topology.target[ways[0]])
    return True


def least_bytes(schedule: Schedule) -> int:
    """Return the bytes at which a schedule sends next to nothing: one a unit of weight, or about one a chunk."""
    return schedule.unit if schedule.unit <= 16 * schedule.chunks else schedule.chunks


def sent_bytes(schedule: Schedule, size: int) -> int:
    """Return the bytes that the busiest rank sends."""
    return int(np.bincount(schedule.src, weights=schedule.message_bytes(size), minlength=1).max())
