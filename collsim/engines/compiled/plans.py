"""A program as columns: one row a message, with the tables of a schedule kept once however often it is called.

The same order of ids as reference/tasks.py. Columns are int64 here; the border to kernels narrows them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.schedule import REDUCE, Schedule
from collsim.engines.reference.checks import check_program
from collsim.engines.reference.message import Cut
from collsim.program import Arrivals, Call, Compute, Program, Send
from collsim.topology.graph import Topology

__all__ = ["Columns", "Plan", "check", "columns_of", "plan_of", "plans_of"]

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The dependency tables of one schedule of T transfers and K sets.

    `left` int64[K]: members of each set; `sets[set_first[t]:set_first[t + 1]]`: the sets that transfer t is in;
    `waiting[waiting_first[k]:waiting_first[k + 1]]`: the transfers that wait for set k.
    """

    left: IntArray
    set_first: IntArray
    sets: IntArray
    waiting_first: IntArray
    waiting: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """int64[M] columns of all messages; `call` is the operation's index, `transfer` counts within it.

    `path_first`, `path_length`: explicit path in the concatenated `paths`, of length 0 where routing chooses.
    """

    call: IntArray
    transfer: IntArray
    step: IntArray
    source: IntArray
    target: IntArray
    size: IntArray
    reduces: IntArray
    packets: IntArray
    path_first: IntArray
    path_length: IntArray
    paths: IntArray
    delay: IntArray

    @property
    def travels(self) -> NDArray[np.bool_]:
        """bool[M]: whether a message has packets that cross links."""
        return np.asarray((self.packets > 0) & (self.source != self.target), dtype=np.bool_)


def plans_of(program: Program) -> list[Schedule]:
    """Return the schedules of a program, each once, in order of first use."""
    found = {id(o.schedule): o.schedule for o in program.operations if isinstance(o, Call)}
    return list(found.values())


def check(program: Program, topology: Topology) -> None:
    """Raise InvalidValue for a host that does not exist or a cycle among the dependencies of a schedule.

    Dependencies that all point to earlier steps cannot close a cycle; only other schedules are followed transfer by
    transfer.
    """
    named = {int(h) for plan in plans_of(program) for h in (plan.ranks_to_hosts.min(), plan.ranks_to_hosts.max())}
    for operation in program.operations:
        if isinstance(operation, Send):
            named |= {operation.source, operation.target}
        elif isinstance(operation, Compute):
            named.add(operation.host)
        elif isinstance(operation, Arrivals) and len(operation.source):
            named |= {int(end(column)) for column in (operation.source, operation.target) for end in (np.min, np.max)}
    known = min(named, default=0) >= 0 and max(named, default=0) < topology.hosts
    if not (known and all(_descends(schedule) for schedule in plans_of(program))):
        check_program(program, topology)


def _descends(schedule: Schedule) -> bool:
    lengths = np.diff(schedule.set_offsets)
    full = np.flatnonzero(lengths)
    if not len(full):
        return True
    highest = np.full(len(lengths), -1, dtype=np.int64)
    highest[full] = np.maximum.reduceat(schedule.step[schedule.set_members], schedule.set_offsets[full])
    return bool((highest[schedule.dep_set] < schedule.step).all())


def plan_of(schedule: Schedule) -> Plan:
    """Return the tables of a schedule; members that a set names twice count once."""
    offsets, members = schedule.set_offsets, schedule.set_members
    number = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    code = number * max(schedule.transfers, 1) + members
    if not bool((code[1:] > code[:-1]).all()):
        code = np.sort(code)
        code = code[np.append(True, code[1:] != code[:-1])[: len(code)]]
    number, members = np.divmod(code, max(schedule.transfers, 1))
    order = np.argsort(members, kind="stable")
    waiting = np.argsort(schedule.dep_set, kind="stable")
    return Plan(
        left=np.bincount(number, minlength=len(offsets) - 1),
        set_first=_first(np.bincount(members, minlength=schedule.transfers)),
        sets=number[order],
        waiting_first=_first(np.bincount(schedule.dep_set, minlength=len(offsets) - 1)),
        waiting=waiting,
    )


def columns_of(program: Program, cut: Cut) -> Columns:
    """Return the messages of `program` in the order of their ids."""
    first = program.first_message
    table = np.zeros((11, program.messages), dtype=np.int64)
    table[0] = np.repeat(np.arange(len(program.operations)), np.diff(first))
    base, bases, paths = 0, {}, []
    sends = [(k, o) for k, o in enumerate(program.operations) if isinstance(o, Send)]
    if sends:
        where = first[[k for k, _ in sends]]
        table[2:6, where] = np.array([(o.step, o.source, o.target, o.size) for _, o in sends], dtype=np.int64).T
    for index, operation in enumerate(program.operations):
        rows = table[:, first[index] : first[index + 1]]
        if isinstance(operation, Arrivals):
            rows[1] = np.arange(len(operation.source))
            rows[3], rows[4] = operation.source, operation.target
            rows[5], rows[10] = operation.size, operation.start
        if not isinstance(operation, Call):
            continue
        plan = operation.schedule
        if id(plan) not in bases:
            bases[id(plan)] = base
            paths.append(plan.path_links)
            base += len(plan.path_links)
        rows[1] = np.arange(plan.transfers)
        rows[2], rows[3], rows[4] = plan.step, plan.ranks_to_hosts[plan.src], plan.ranks_to_hosts[plan.dst]
        rows[5], rows[6] = plan.message_bytes(operation.size), plan.op == REDUCE
        rows[8], rows[9] = bases[id(plan)] + plan.path_offsets[:-1], np.diff(plan.path_offsets)
    table[7] = -(-table[5] // cut.payload)
    call, transfer, step, source, target, size, reduces, packets, first_link, length, delay = table
    joined = np.concatenate([np.empty(0, dtype=np.int64), *paths]).astype(np.int64)
    return Columns(call, transfer, step, source, target, size, reduces, packets, first_link, length, joined, delay)


def _first(counts: IntArray) -> IntArray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
