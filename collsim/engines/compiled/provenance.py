"""What a result depends on, as digests: schedules are read once, however often and with whatever sizes they are called."""

from __future__ import annotations

from hashlib import sha256
from importlib.metadata import version

import numpy as np

from collsim.collectives.schedule import Schedule
from collsim.network.config import NetworkConfig
from collsim.program import Arrivals, Call, Program
from collsim.topology.graph import Topology

__all__ = ["provenance"]

COLUMNS = (
    *("ranks_to_hosts", "weights", "step", "src", "dst", "chunk", "count", "op"),
    *("dep_set", "set_offsets", "set_members", "path_offsets", "path_links"),
)


def provenance(topology: Topology, program: Program, network: NetworkConfig, seed: int) -> dict[str, str]:
    """Return engine and version, digests of topology, program and configuration, and the seed."""
    state, known = sha256(), dict[int, str]()
    for operation in program.operations:
        if isinstance(operation, Call):
            schedule = operation.schedule
            digest = known.get(id(schedule)) or known.setdefault(id(schedule), _digest(schedule))
            state.update(repr((digest, operation.size, operation.deps)).encode())
        elif isinstance(operation, Arrivals):
            for column in (operation.source, operation.target, operation.size, operation.start):
                state.update(np.ascontiguousarray(column).data)
            state.update(repr(operation.deps).encode())
        else:
            state.update(repr(operation).encode())
    return {
        "engine": "compiled",
        "collsim": version("collsim"),
        "topology": topology.digest,
        "program": state.hexdigest(),
        "network": sha256(repr(sorted(network.leaves().items())).encode()).hexdigest(),
        "seed": str(seed),
    }


def _digest(schedule: Schedule) -> str:
    """Return the digest of all that a run reads of a schedule; numbers of 32 bits where they fit, which halves the work."""
    state = sha256(repr(schedule.unit).encode())
    for name in COLUMNS:
        column = getattr(schedule, name)
        small = not len(column) or max(int(column.max()), -int(column.min())) < 2**31
        state.update(f"{name} {len(column)} {small}".encode())
        state.update(np.ascontiguousarray(column.astype(np.int32) if small else column).data)
    return state.hexdigest()
