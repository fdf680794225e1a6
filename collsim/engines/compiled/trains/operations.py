"""Tasks of a run of trains: operation k on host h, wherever the operation does something there, and relays.

By rule 4 an operation waits on each host for what it depends on there, also where it does nothing itself. What would wait
there for one task only is waited for by waiting for that task: so a chain of messages costs messages, not messages times
hosts. Where several come together, a relay, a task that does nothing, stands for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collsim.engines.compiled.trains.layout import ARRIVALS, CALL, COMPUTE, OPERATION, SEND, TASK, empty
from collsim.engines.compiled.trains.weave import weave
from collsim.program import Arrivals, Call, Compute, Program
from collsim.topology.graph import Topology

__all__ = ["Plan", "Plans", "operations_of"]

IntArray = NDArray[np.int64]
Records = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The columns of a schedule that a run reads, or those of arrivals put as a schedule in which nothing waits."""

    src: IntArray
    dst: IntArray
    hosts: IntArray
    step: IntArray
    dep_set: IntArray
    set_offsets: IntArray
    set_members: IntArray
    path_offsets: IntArray
    path_links: IntArray


def _plan(operation: Call | Arrivals, hosts: int) -> Plan:
    if isinstance(operation, Call):
        s = operation.schedule
        sets = s.dep_set, s.set_offsets, s.set_members
        return Plan(s.src, s.dst, s.ranks_to_hosts, s.step, *sets, s.path_offsets, s.path_links)
    count = len(operation.source)
    none, zeros = np.zeros(0, dtype=np.int64), np.zeros(count + 1, dtype=np.int64)
    alone = zeros[:-1], np.zeros(2, dtype=np.int64), none
    return Plan(operation.source, operation.target, np.arange(hosts), zeros[:-1], *alone, zeros, none)


class Plans:
    """What is planned, each once (or, if messages have their `own` ways, once a call): `plans`, the number `of` each call's,
    and where rows, sets and entries of each begin (`row`, `set`, `entry`; one more at the end, where rows of sends begin).
    """

    def __init__(self, program: Program, hosts: int, own: bool):
        self.plans: list[Plan] = []
        self.own = own
        self.of: dict[int, int] = {}
        known: dict[int, int] = {}
        for index, operation in enumerate(program.operations):
            if isinstance(operation, Call | Arrivals):
                what = id(operation.schedule) if isinstance(operation, Call) else id(operation)
                number = known.get(what, -1)
                if own or number < 0:
                    number = known[what] = len(self.plans)
                    self.plans.append(_plan(operation, hosts))
                self.of[index] = number
        self.row = _first([len(p.src) for p in self.plans])
        self.set = _first([len(p.set_offsets) - 1 for p in self.plans])
        self.entry = _first([len(p.set_members) for p in self.plans])


def operations_of(
    topology: Topology, program: Program, sets: Records, places: Records, plans: Plans
) -> tuple[Records, Tasks, NDArray[np.int32]]:
    """Return (operations and one to end them, tasks, members that each set of each call lacks at first)."""
    count, hosts = len(program.operations), topology.hosts
    found = empty(OPERATION, count + 1, row=-1, plan=-1, gate=-1, set=-1, duration=-1, kind=-1, full=0)
    found["message"] = program.first_message
    own = np.full((count, 2), -1, dtype=np.int32)
    send, gates, delays = int(plans.row[-1]), 0, 0
    for k, operation in enumerate(program.operations):
        row = found[k]
        if isinstance(operation, Call):
            number = plans.of[k]
            row["kind"], row["plan"], row["row"], row["full"] = CALL, number, plans.row[number], 1
            row["gate"], row["set"] = gates, plans.set[number]
            gates += int(plans.set[number + 1] - plans.set[number])
        elif isinstance(operation, Arrivals):
            number = plans.of[k]
            row["kind"], row["plan"], row["row"], row["full"] = ARRIVALS, number, plans.row[number], 1
            row["gate"] = plans.row[number] - delays
            delays += len(operation.source)
        elif isinstance(operation, Compute):
            row["kind"], row["duration"], own[k, 0] = COMPUTE, operation.duration, operation.host
        else:
            row["kind"], row["row"], own[k, 0] = SEND, send, operation.source
            own[k, 1] = operation.target if operation.target != operation.source else -1
            send += 1
    full = found["full"][:count] > 0
    found["task"] = _first(np.where(full, hosts, 1 + (own[:, 1] >= 0)).tolist())
    tasks = _tasks(program, found, own, places["touches"].reshape(-1, hosts))
    calls = found["plan"][:count][found["kind"][:count] == CALL].tolist()
    left = [sets["left"][plans.set[p] : plans.set[p + 1]] for p in calls]
    return found, tasks, np.concatenate([np.empty(0, dtype=np.int32), *left])


@dataclass(frozen=True, slots=True, eq=False)
class Tasks:
    """All tasks: first those of each operation, then relays; `followers[first[t] : first[t + 1]]` wait for task t."""

    records: Records
    first: IntArray
    followers: NDArray[np.int32]


def _tasks(program: Program, operations: Records, own: NDArray[np.int32], touches: NDArray[np.int32]) -> Tasks:
    deps = [sorted(set(o.deps)) for o in program.operations]
    pairs = np.array([(b, k) for k, befores in enumerate(deps) for b in befores], dtype=np.int64).reshape(-1, 2)
    after = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    count, hosts, first = len(deps), touches.shape[1], operations["task"]
    waits, follows = (np.bincount(ends, minlength=count) for ends in (pairs[:, 1], pairs[:, 0]))
    bound = np.flatnonzero((waits > 0) | (follows > 0))
    full = operations["full"][:count] > 0
    plan = bound, _first(waits.tolist()), pairs[:, 0].copy(), _first(follows.tolist()), after[:, 1].copy(), own, full, first
    work = (
        np.full(count, -1, dtype=np.int64),
        np.zeros(count, dtype=np.int64),
        np.zeros(count, dtype=np.bool_),
        np.zeros(count, dtype=np.int64),
    )
    tasks = empty(TASK, 0)
    starts, edges = np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.int32)
    relays, total = weave(plan, work, (tasks, starts, edges), hosts, 0)
    size = int(first[count])
    tasks = empty(TASK, size + relays, start=-1, finish=-1, unfinished=1, waits=0)
    starts = np.zeros(len(tasks) + 1, dtype=np.int64)
    weave(plan, work, (tasks, starts, edges), hosts, 1)
    starts, edges = np.cumsum(starts), np.empty(total, dtype=np.int32)
    weave(plan, work, (tasks, starts.copy(), edges), hosts, 2)
    owner = np.repeat(np.arange(count), np.diff(first))
    nth = np.arange(size) - first[owner]
    mine = tasks[:size]
    mine["operation"] = owner
    mine["host"] = np.where(full[owner], nth, own[owner, np.minimum(nth, 1)])
    mine["unfinished"][~full[owner]] += 1
    for k in np.flatnonzero(full).tolist():
        mine["unfinished"][first[k] : first[k + 1]] += touches[operations["plan"][k]]
    return Tasks(tasks, starts, edges)


def _first(counts: list[int]) -> IntArray:
    return np.concatenate([[0], np.cumsum(np.array(counts, dtype=np.int64))]).astype(np.int64)
