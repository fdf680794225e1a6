"""Tasks and gates: what waits for what among operations and messages, in arrays (rule 4; reference/tasks.py).

Task (operation, host) exists for every host where an operation depends on others or others on it, and for every call; a lone
computation or send has tasks where it takes place only, so that open-loop traffic does not cost messages times hosts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collsim.engines.compiled.layout import GATE, TASK
from collsim.engines.compiled.plans import Columns, Plan, plan_of, plans_of
from collsim.network.config import NetworkConfig
from collsim.program import Arrivals, Call, Compute, Operation, Program
from collsim.topology.graph import Topology

__all__ = ["Operations", "operations"]

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Operations:
    """Tables of layout.Arrays by name, and of each message `plan` (transfer in the joined plans, -1: a send), `waits`."""

    task: NDArray[Any]
    task_first: IntArray
    task_full: NDArray[np.int8]
    duration: IntArray
    released_first: IntArray
    released: NDArray[np.int32]
    follower_first: IntArray
    followers: NDArray[np.int32]
    gate: NDArray[Any]
    gate_first: IntArray
    plan_gates: IntArray
    plan_set_first: IntArray
    plan_sets: NDArray[np.int32]
    plan_waiting_first: IntArray
    plan_waiting: NDArray[np.int32]
    plan: IntArray
    waits: IntArray


def operations(topology: Topology, program: Program, network: NetworkConfig, columns: Columns) -> Operations:
    """Return what waits for what in `program`."""
    deps = [sorted(set(o.deps)) for o in program.operations]
    followed = np.zeros(len(deps), dtype=np.bool_)
    for befores in deps:
        followed[befores] = True
    hosts = [_own_hosts(o, bool(b) or bool(f)) for o, b, f in zip(program.operations, deps, followed, strict=True)]
    counts = np.array([topology.hosts if own is None else len(own) for own in hosts], dtype=np.int64)
    first, full = _first(counts), np.array([own is None for own in hosts], dtype=np.int8)
    task = np.zeros(int(first[-1]), dtype=TASK)
    task["start"] = task["finish"] = -1
    task["operation"] = np.repeat(np.arange(len(deps)), counts)
    task["waits"] = np.repeat(np.array([len(befores) for befores in deps], dtype=np.int64), counts)
    task["host"] = np.arange(len(task)) - np.repeat(first[:-1], counts)
    lone = [k for k, own in enumerate(hosts) if own is not None]
    for k in lone:
        task["host"][first[k] : first[k + 1]] = hosts[k]
    duration = np.full(len(task), -1, dtype=np.int64)
    for k, operation in enumerate(program.operations):
        if isinstance(operation, Compute):
            duration[first[k] + (operation.host if full[k] else 0)] = operation.duration
    source, target = _tasks_of(columns, first, full, task)
    ends = np.concatenate([source, target[target != source]])
    task["unfinished"] = 1 + np.bincount(ends, minlength=len(task)) + (duration >= 0)
    task["part"] = task["unfinished"] > 1
    followers = [(before, k) for k, befores in enumerate(deps) for before in befores]
    pairs = np.array(sorted(followers), dtype=np.int64).reshape(-1, 2)
    gates = _gates(program, columns)
    return Operations(
        task=task,
        task_first=first,
        task_full=full,
        duration=duration,
        released_first=_first(np.bincount(source, minlength=len(task))),
        released=np.argsort(source, kind="stable").astype(np.int32),
        follower_first=_first(np.bincount(pairs[:, 0], minlength=len(deps))),
        followers=pairs[:, 1].astype(np.int32),
        **gates,
    )


def _own_hosts(operation: Operation, bound: bool) -> list[int] | None:
    """Return the hosts of a lone computation or send, in order of its tasks; None for all hosts."""
    if bound or isinstance(operation, Call | Arrivals):
        return None
    if isinstance(operation, Compute):
        return [operation.host]
    return list(dict.fromkeys((operation.source, operation.target)))


def _tasks_of(columns: Columns, first: IntArray, full: NDArray[np.int8], task: NDArray[Any]) -> tuple[IntArray, IntArray]:
    """Return (task at its source, task at its target) of each message."""
    base, whole = first[columns.call], full[columns.call] > 0
    target = np.where(whole, base + columns.target, base + (columns.source != columns.target))
    return np.where(whole, base + columns.source, base), target


def _gates(program: Program, columns: Columns) -> dict[str, NDArray[Any]]:
    """Return the joined tables of all schedules, and a gate for each dependency set of each call."""
    schedules = plans_of(program)
    plans: list[Plan] = [plan_of(schedule) for schedule in schedules]
    number = {id(schedule): k for k, schedule in enumerate(schedules)}
    transfers = _first(np.array([s.transfers for s in schedules], dtype=np.int64))
    sets = _first(np.array([len(p.left) for p in plans], dtype=np.int64))
    plan, waits = np.full(len(columns.call), -1, dtype=np.int64), np.ones(len(columns.call), dtype=np.int64)
    gate_first, plan_gates, gates, left = [], [], 0, []
    for index, operation in enumerate(program.operations):
        k = number[id(operation.schedule)] if isinstance(operation, Call) else -1
        gate_first.append(gates)
        plan_gates.append(int(sets[k]) if k >= 0 else 0)
        if isinstance(operation, Call):
            rows = slice(*program.first_message[index : index + 2].tolist())
            plan[rows] = transfers[k] + np.arange(schedules[k].transfers)
            waits[rows] += plans[k].left[schedules[k].dep_set] > 0
            left.append(plans[k].left)
            gates += len(plans[k].left)
    gate = np.zeros(gates, dtype=GATE)
    gate["left"] = _joined(left)
    return {
        "gate": gate,
        "gate_first": np.array(gate_first, dtype=np.int64),
        "plan_gates": np.array(plan_gates, dtype=np.int64),
        "plan_set_first": _chained([p.set_first for p in plans]),
        "plan_sets": _joined([p.sets for p in plans]).astype(np.int32),
        "plan_waiting_first": _chained([p.waiting_first for p in plans]),
        "plan_waiting": _joined([p.waiting for p in plans]).astype(np.int32),
        "plan": plan,
        "waits": waits,
    }


def _joined(parts: list[IntArray]) -> IntArray:
    return np.concatenate([np.empty(0, dtype=np.int64), *parts])


def _chained(offsets: list[IntArray]) -> IntArray:
    """Return the offsets of rows laid one table after another."""
    return _first(_joined([np.diff(part) for part in offsets]))


def _first(counts: IntArray) -> IntArray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
