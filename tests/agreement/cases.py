"""A case: a machine, a program, settings and a seed as plain data, so that it prints, compares and can be cut down."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any

import numpy as np

from collsim.collectives.algorithm import parse_algorithm
from collsim.collectives.collective import collective
from collsim.collectives.schedule import Schedule
from collsim.network.config import NetworkConfig
from collsim.program import Arrivals, Call, Compute, Operation, Program, Send
from collsim.topology import load
from collsim.topology.graph import Link, Topology, build

__all__ = ["Bursts", "Case", "Compute", "Item", "Machine", "Named", "Rows", "Send", "parts", "script"]


def terse(item: Any) -> str:
    """A dataclass in Python, without the fields that have their default."""
    shown = [f"{f.name}={getattr(item, f.name)!r}" for f in fields(item) if getattr(item, f.name) != f.default]
    return f"{type(item).__name__}({', '.join(shown)})"


class Terse:
    def __repr__(self):
        return terse(self)


@dataclass(frozen=True, repr=False)
class Machine(Terse):
    """A topology: `base` by name with `speeds` (bytes/s, fs) of all links, or of each; or `ends` of links of a graph."""

    speeds: tuple[tuple[int, int], ...]
    base: str = ""
    hosts: int = 0
    switches: int = 0
    ends: tuple[tuple[int, int], ...] = ()
    forwards: tuple[int, ...] = ()
    loss: tuple[int, ...] = ()

    @property
    def topology(self) -> Topology:
        machine = _topology(replace(self, loss=()))
        return replace(machine, loss=np.array(self.loss, dtype=np.int64)) if self.loss else machine

    def as_graph(self) -> Machine:
        """The same nodes and links as a graph of no family."""
        t = self.topology
        speeds = tuple(zip(t.bandwidth.tolist(), t.latency.tolist(), strict=True))
        ends = tuple(zip(t.source.tolist(), t.target.tolist(), strict=True))
        return Machine(speeds, "", t.hosts, t.switches, ends, tuple(np.flatnonzero(t.forwards).tolist()), self.loss)


@lru_cache(maxsize=64)
def _topology(machine: Machine) -> Topology:
    speeds = machine.speeds
    if machine.base:
        t = load(machine.base)
        speeds = speeds * t.links if len(speeds) == 1 else speeds
        bandwidth, latency = np.array(speeds, dtype=np.int64).T
        return replace(t, bandwidth=bandwidth.copy(), latency=latency.copy())
    speeds = speeds * len(machine.ends) if len(speeds) == 1 else speeds
    links = [Link(*ends, *speed) for ends, speed in zip(machine.ends, speeds, strict=True)]
    nodes = machine.hosts + machine.switches
    forwards = [node in machine.forwards for node in range(nodes)]
    return build("graph", machine.hosts, links, switches=machine.switches, forwards=forwards)


@dataclass(frozen=True, repr=False)
class Named(Terse):
    """A call of a registered algorithm among `hosts`."""

    algorithm: str
    collective: str
    hosts: tuple[int, ...]
    size: int
    deps: tuple[int, ...] = ()
    root: int = 0

    def schedule(self, topology: Topology) -> Schedule:
        entry, options = parse_algorithm(self.algorithm)
        return entry.schedule(topology, collective(self.collective, self.root), self.hosts, **options)


@dataclass(frozen=True, repr=False)
class Rows(Terse):
    """A call of a schedule that no algorithm makes: rows of (step, src, dst, chunk, count, op, deps, path)."""

    hosts: tuple[int, ...]
    weights: tuple[int, ...]
    rows: tuple[tuple[int, int, int, int, int, int, tuple[int, ...], tuple[int, ...]], ...]
    size: int
    deps: tuple[int, ...] = ()

    def schedule(self, topology: Topology) -> Schedule:
        sets = [(), *(row[6] for row in self.rows)]
        table = np.array([row[:6] for row in self.rows], dtype=np.int64).reshape(-1, 6).T.copy()
        paths = [row[7] for row in self.rows]
        none = np.full(len(self.weights), -1)
        return Schedule(
            collective("all-reduce"),
            "rows",
            np.array(self.hosts),
            np.array(self.weights),
            sum(self.weights),
            none,
            none,
            *table,
            dep_set=np.arange(1, len(sets)),
            set_offsets=np.cumsum([0] + [len(s) for s in sets]),
            set_members=np.array([d for s in sets for d in s], dtype=np.int64),
            path_offsets=np.cumsum([0] + [len(p) for p in paths]),
            path_links=np.array([link for p in paths for link in p], dtype=np.int64),
        )

    @staticmethod
    def of(call: Named, topology: Topology) -> Rows:
        """The same call with its transfers written out."""
        plan = call.schedule(topology)
        columns = np.stack([plan.step, plan.src, plan.dst, plan.chunk, plan.count, plan.op]).T.tolist()
        rows = tuple(
            (*row, tuple(plan.deps_of(t).tolist()), tuple(plan.path_of(t).tolist())) for t, row in enumerate(columns)
        )
        # A unit that is not the sum of the weights (all-to-all) becomes a larger size.
        size = call.size * int(plan.weights.sum()) // plan.unit
        return Rows(tuple(plan.ranks_to_hosts.tolist()), tuple(plan.weights.tolist()), rows, size, call.deps)


@dataclass(frozen=True, repr=False)
class Bursts(Terse):
    """Arrivals: messages of (source, target, bytes, fs after the start)."""

    rows: tuple[tuple[int, int, int, int], ...]
    deps: tuple[int, ...] = ()

    def arrivals(self) -> Arrivals:
        return Arrivals(*np.array(self.rows, dtype=np.int64).reshape(-1, 4).T.copy(), deps=self.deps)


Item = Compute | Send | Named | Rows | Bursts


@dataclass(frozen=True, repr=False)
class Case(Terse):
    """What both engines are given; `seed` is the run's, not the one that drew the case; `changes`: fields of LinkChange."""

    machine: Machine
    items: tuple[Item, ...]
    settings: dict[str, object] = field(default_factory=dict)
    seed: int = 0
    changes: tuple[tuple[int | None, ...], ...] = ()

    @property
    def topology(self) -> Topology:
        return self.machine.topology

    @property
    def network(self) -> NetworkConfig:
        return NetworkConfig().with_settings(self.settings)

    def program(self) -> Program:
        """The program; calls that differ in size and dependencies only share their schedule."""
        known: dict[object, Schedule] = {}
        operations: list[Operation] = []
        for item in self.items:
            if isinstance(item, Compute | Send | Bursts):
                operations.append(item.arrivals() if isinstance(item, Bursts) else item)
                continue
            key = replace(item, size=0, deps=())
            if key not in known:
                known[key] = item.schedule(self.topology)
            operations.append(Call(known[key], item.size, item.deps))
        return Program(tuple(operations))


def parts(program: Program) -> list[tuple[int, int, int, bool, tuple[int, ...]]]:
    """(source, target, bytes, whether it reduces, explicit path) of each message of a program, in order of ids."""
    found: list[tuple[int, int, int, bool, tuple[int, ...]]] = []
    for operation in program.operations:
        if isinstance(operation, Send):
            found.append((operation.source, operation.target, operation.size, False, ()))
        elif isinstance(operation, Arrivals):
            columns = (operation.source, operation.target, operation.size)
            found += [(*row, False, ()) for row in zip(*(c.tolist() for c in columns), strict=True)]
        elif isinstance(operation, Call):
            plan, host = operation.schedule, operation.schedule.ranks_to_hosts
            sizes = plan.message_bytes(operation.size).tolist()
            for t, size in enumerate(sizes):
                path = tuple(plan.path_of(t).tolist())
                found.append((int(host[plan.src[t]]), int(host[plan.dst[t]]), size, bool(plan.op[t]), path))
    return found


def script(case: Case, engines: tuple[str, str]) -> str:
    """A program that runs the case alone; needs tests/ on the path."""
    items = "".join(f"        {terse(item)},\n" for item in case.items)
    return (
        "from agreement.cases import Bursts, Case, Compute, Machine, Named, Rows, Send\n"
        "from agreement.compare import report\n\n"
        "case = Case(\n"
        f"    {case.machine!r},\n"
        f"    (\n{items}    ),\n"
        f"    {case.settings!r},\n"
        f"    seed={case.seed},\n"
        f"    changes={case.changes!r},\n"
        ")\n"
        f"print(report(case, {engines!r}))\n"
    )
