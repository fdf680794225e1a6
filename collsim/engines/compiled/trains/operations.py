"""Tasks of a run of trains: operation k on host h, for every host where the operation is bound to others, else where it is.

A lone computation or send has tasks on its own hosts only, so that open-loop traffic does not cost messages times hosts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collsim.engines.compiled.trains.layout import ARRIVALS, CALL, COMPUTE, OPERATION, SEND, TASK, empty
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
) -> tuple[Records, Records, NDArray[np.int32], NDArray[np.int32]]:
    """Return (operations and one to end them, tasks, followers, members that each set of each call lacks at first)."""
    count, hosts = len(program.operations), topology.hosts
    deps = [sorted(set(o.deps)) for o in program.operations]
    followed = np.zeros(count, dtype=np.bool_)
    for befores in deps:
        followed[befores] = True
    found = empty(OPERATION, count + 1, row=-1, plan=-1, gate=-1, set=-1, duration=-1, kind=-1, full=1)
    found["message"] = program.first_message
    lone: dict[int, list[int]] = {}
    send, gates, delays = int(plans.row[-1]), 0, 0
    for k, operation in enumerate(program.operations):
        bound, row = bool(deps[k]) or bool(followed[k]), found[k]
        if isinstance(operation, Call):
            number = plans.of[k]
            row["kind"], row["plan"], row["row"] = CALL, number, plans.row[number]
            row["gate"], row["set"] = gates, plans.set[number]
            gates += int(plans.set[number + 1] - plans.set[number])
            continue
        if isinstance(operation, Arrivals):
            number = plans.of[k]
            row["kind"], row["plan"], row["row"] = ARRIVALS, number, plans.row[number]
            row["gate"] = plans.row[number] - delays
            delays += len(operation.source)
            continue
        if isinstance(operation, Compute):
            row["kind"], row["duration"] = COMPUTE, operation.duration
            own = [operation.host]
        else:
            row["kind"], row["row"] = SEND, send
            send += 1
            own = list(dict.fromkeys((operation.source, operation.target)))
        if not bound:
            row["full"], lone[k] = 0, own
    sizes = np.where(found["full"][:count] > 0, hosts, 1)
    for k, own in lone.items():
        sizes[k] = len(own)
    found["task"] = _first(sizes.tolist())
    pairs = np.array(sorted((b, k) for k, befores in enumerate(deps) for b in befores), dtype=np.int64).reshape(-1, 2)
    found["follower"] = _first(np.bincount(pairs[:, 0], minlength=count).tolist())
    waits = np.array([len(befores) for befores in deps], dtype=np.int32)
    touches = places["touches"].reshape(-1, hosts)
    task = _tasks(program, found, sizes, lone, waits, touches)
    calls = found["plan"][:count][found["kind"][:count] == CALL].tolist()
    left = [sets["left"][plans.set[p] : plans.set[p + 1]] for p in calls]
    return found, task, pairs[:, 1].astype(np.int32), np.concatenate([np.empty(0, dtype=np.int32), *left])


def _tasks(
    program: Program,
    operations: Records,
    sizes: IntArray,
    lone: dict[int, list[int]],
    waits: NDArray[np.int32],
    touches: NDArray[np.int32],
) -> Records:
    first = operations["task"]
    owner = np.repeat(np.arange(len(sizes)), sizes)
    task = empty(TASK, len(owner), start=-1, finish=-1, unfinished=1)
    task["operation"], task["waits"] = owner, waits[owner]
    task["host"] = np.arange(len(owner)) - first[owner]
    for k, operation in enumerate(program.operations):
        mine = task[first[k] : first[k + 1]]
        if isinstance(operation, Call | Arrivals):
            mine["unfinished"] += touches[operations["plan"][k]]
        elif k in lone:
            mine["host"] = lone[k]
            mine["unfinished"] += 1
        elif isinstance(operation, Compute):
            mine["unfinished"][operation.host] += 1
        else:
            mine["unfinished"][list({operation.source, operation.target})] += 1
    return task


def _first(counts: list[int]) -> IntArray:
    return np.concatenate([[0], np.cumsum(np.array(counts, dtype=np.int64))]).astype(np.int64)
