"""The engine: builds the arrays of one run, drives the kernels, and says what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from collsim.crossings import Crossings
from collsim.engines.compiled import codes
from collsim.engines.compiled.build import LOG_LIMIT, Machine, build
from collsim.engines.compiled.critical import critical_path
from collsim.engines.compiled.crossings import packet_crossings
from collsim.engines.compiled.flows import add_flows, add_steps, raise_fault
from collsim.engines.compiled.layout import Arrays
from collsim.engines.compiled.recording import Recording
from collsim.engines.compiled.stall import cut_off_error, stall_error
from collsim.engines.exposure import exposed_time
from collsim.network.config import NetworkConfig
from collsim.network.link_changes import LinkChange, changes_digest
from collsim.program import Compute, Program
from collsim.result import Result
from collsim.topology.graph import Topology

__all__ = ["prepare", "simulate"]


def prepare(
    topology: Topology,
    program: Program,
    network: NetworkConfig,
    seed: int,
    trains: bool = False,
    changes: Sequence[LinkChange] = (),
) -> Machine:
    """Return the machine of one run at rest."""
    machine = build(topology, program, network, seed, trains, changes)
    add_flows(machine)
    add_steps(machine)
    return machine


def simulate(
    topology: Topology,
    program: Program,
    network: NetworkConfig,
    seed: int,
    notify: Sequence[Callable[[int, int, int], None]] = (),
    log_limit: int = LOG_LIMIT,
    *,
    trains: bool = False,
    changes: Sequence[LinkChange] = (),
    told: Sequence[Callable[[Crossings], None]] = (),
) -> Result:
    """Return the Result of a run; `notify(done, total, time)` are told now and then how many messages are complete.

    Raises as the reference engine does. `log_limit`: grants of the critical path's log kept at a time (recording.py).
    `trains`: let messages of one link go as one event while nobody else asks for it (lone_trains.py). `changes` of links
    are those of rule 27; there are no trains then. `told` are told of all crossings once the run has ended, if there are no
    `trains` and the log holds every grant.
    """
    machine = prepare(topology, program, network, seed, trains, changes)
    total = len(machine.arrays.message)

    def paused(arrays: Arrays) -> None:
        for tell in notify:
            tell(int(arrays.root["done"][0]), total, int(arrays.root["now"][0]))

    def begin() -> Arrays:
        return prepare(topology, program, network, seed, trains, changes).arrays

    recording = Recording(machine.arrays, begin, log_limit, paused=paused)
    machine.arrays = recording.arrays
    if recording.status == codes.CUT_OFF:
        raise cut_off_error(machine)
    raise_fault(machine)
    paused(machine.arrays)
    if machine.arrays.root["done"][0] < total:
        raise stall_error(machine)
    result = _result(machine, recording)
    found = packet_crossings(machine, recording) if told and not trains else None
    if found is not None:
        for tell in told:
            tell(found)
    return result


def _result(machine: Machine, recording: Recording) -> Result:
    s, columns = machine.arrays, machine.columns
    parts, critical_links = critical_path(machine, recording)
    finish, hops = _operation_finish(machine), int(s.root["hops"][0])
    return Result(
        engine="compiled",
        time=int(finish.max(initial=0)),
        operation_finish=finish,
        message_ready=s.message["ready"].copy(),
        message_finish=s.message["finish"].copy(),
        message_started=s.message["started"].copy(),
        link_busy=s.link["busy"].copy(),
        link_bytes=s.link["bytes"].copy(),
        host_exposed=exposed_time(machine.topology.hosts, _intervals(machine, False), _intervals(machine, True)),
        packets=int(columns.packets[columns.travels].sum()),
        packet_hops=hops,
        critical_path=parts,
        critical_links=critical_links,
        provenance=_provenance(machine),
        train_fraction=int(s.root["trained"][0]) / max(hops, 1),
        packets_lost=int(s.root["lost"][0]),
        packets_repeated=int(s.root["repeated"][0]),
        packets_discarded=int(s.root["discarded"][0]),
        reorder_peak=s.host["peak"][: machine.topology.hosts].copy(),
    )


def _operation_finish(machine: Machine) -> NDArray[np.int64]:
    """Return int64[operations]: the last finish among the hosts that take part, or among all where none does."""
    task, count = machine.arrays.task, len(machine.program.operations)
    own, every = np.full(count, -1, dtype=np.int64), np.full(count, -1, dtype=np.int64)
    np.maximum.at(every, task["operation"], task["finish"])
    part = task["part"] > 0
    np.maximum.at(own, task["operation"][part], task["finish"][part])
    return np.where(own >= 0, own, every)


def _intervals(machine: Machine, computing: bool) -> Iterator[tuple[int, int, int]]:
    """Yield (host, start, finish) of the computations, or of the communications, that take part on a host."""
    task = machine.arrays.task
    kinds = np.array([isinstance(o, Compute) for o in machine.program.operations], dtype=np.bool_)
    chosen = task[(task["part"] > 0) & (kinds[task["operation"]] == computing)]
    yield from zip(chosen["host"].tolist(), chosen["start"].tolist(), chosen["finish"].tolist(), strict=True)


def _provenance(machine: Machine) -> dict[str, str]:
    """Return what a result depends on: engine and version, digests of topology, program and configuration, the seed."""
    state, columns = sha256(), machine.columns
    names = ("call", "step", "source", "target", "size", "delay", "reduces", "path_first", "path_length", "paths")
    for column in (getattr(columns, name) for name in names):
        state.update(np.ascontiguousarray(column).tobytes())
    for operation in machine.program.operations:
        extra = (operation.host, operation.duration) if isinstance(operation, Compute) else ()
        state.update(repr((type(operation).__name__, operation.deps, extra)).encode())
    return {
        "engine": "compiled",
        "collsim": version("collsim"),
        "topology": machine.topology.digest,
        "program": state.hexdigest(),
        "network": sha256(repr(sorted(machine.network.leaves().items())).encode()).hexdigest(),
        "seed": str(machine.seed),
        **changes_digest(machine.changes),
    }
