"""The entry: a program as trains, or None where that is not known to be what packets do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from collsim.crossings import Crossings
from collsim.engines.compiled.provenance import provenance
from collsim.engines.compiled.trains.critical import critical_path
from collsim.engines.compiled.trains.crossings import train_crossings
from collsim.engines.compiled.trains.layout import COMPUTE, ENDED, PAUSED, Trains
from collsim.engines.compiled.trains.sweep import sweep
from collsim.engines.compiled.trains.tables import Work, work_of
from collsim.engines.exposure import exposed_time
from collsim.errors import CollsimError
from collsim.network.config import NetworkConfig
from collsim.program import Program
from collsim.result import Result
from collsim.topology.graph import Topology

__all__ = ["try_trains"]

A_PAUSE = 500_000
"""Ticks and looks at ports after which Python looks around for Ctrl-C: some tenths of a second."""


def try_trains(
    topology: Topology,
    program: Program,
    network: NetworkConfig,
    seed: int = 0,
    told: Sequence[Callable[[Crossings], None]] = (),
) -> Result | None:
    """Return the Result of `program`, a message being one event: equal to that of packets to the tick in every field.

    None where trains meet, where a buffer might be short, or where the settings make what is sent depend on packets;
    nothing is known then and packets have to be run. None as well for what is refused: the packet engine says why.
    `told` are told of all crossings.
    """
    try:
        work = work_of(topology, program, network, seed)
    except CollsimError:
        return None
    if work is None:
        return None
    trains = work.trains
    part = trains.task["unfinished"] > 1
    if _swept(trains) != ENDED or trains.root["done"][0] < program.messages:
        return None
    for tell in told:
        tell(train_crossings(trains))
    return _result(topology, program, network, seed, work, part)


def _swept(trains: Trains) -> int:
    """Run to the end; return why it ended (layout)."""
    while True:
        trains.root["until"] = A_PAUSE
        status = int(sweep(trains.root[0]))
        if status != PAUSED:
            return status


def _result(
    topology: Topology, program: Program, network: NetworkConfig, seed: int, work: Work, part: NDArray[np.bool_]
) -> Result:
    parts, links = critical_path(topology, program, network, work, part)
    trains = work.trains
    finish = _operation_finish(trains, part)
    return Result(
        engine="compiled",
        time=int(finish.max(initial=0)),
        operation_finish=finish,
        message_ready=trains.message["ready"].copy(),
        message_started=trains.message["started"].copy(),
        message_finish=trains.message["finish"].copy(),
        link_busy=trains.link["busy"].copy(),
        link_bytes=trains.link["bytes"].copy(),
        host_exposed=exposed_time(topology.hosts, _intervals(trains, part, False), _intervals(trains, part, True)),
        packets=int(trains.root["packets"][0]),
        packet_hops=int(trains.root["packet_hops"][0]),
        critical_path=parts,
        critical_links=links,
        provenance=provenance(topology, program, network, seed),
        train_fraction=1.0,
        reorder_peak=np.zeros(topology.hosts, dtype=np.int64),
    )


def _operation_finish(trains: Trains, part: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return int64[operations]: the last finish among the hosts that take part, or among all where none does."""
    count, task = len(trains.operation) - 1, trains.task
    own, every = np.full(count, -1, dtype=np.int64), np.full(count, -1, dtype=np.int64)
    np.maximum.at(every, task["operation"], task["finish"])
    np.maximum.at(own, task["operation"][part], task["finish"][part])
    return np.where(own >= 0, own, every)


def _intervals(trains: Trains, part: NDArray[np.bool_], computing: bool) -> Iterator[tuple[int, int, int]]:
    """Yield (host, start, finish) of the computations, or of the communications, that take part on a host."""
    task = trains.task
    chosen = task[part & ((trains.operation["kind"][task["operation"]] == COMPUTE) == computing)]
    yield from zip(chosen["host"].tolist(), chosen["start"].tolist(), chosen["finish"].tolist(), strict=True)
