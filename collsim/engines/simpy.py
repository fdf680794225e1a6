"""The engine "simpy": the network model rule by rule in SimPy, the specification that other engines are held against."""

from __future__ import annotations

from collections.abc import Sequence

from collsim.engines.engine import ENGINES
from collsim.network.config import NetworkConfig
from collsim.network.link_changes import LinkChange
from collsim.program import Program
from collsim.result import Result
from collsim.topology.graph import Topology

__all__ = ["run"]


def run(
    topology: Topology,
    program: Program,
    network: NetworkConfig,
    *,
    seed: int = 0,
    observers: Sequence[object] = (),
    changes: Sequence[LinkChange] = (),
) -> Result:
    """Return the Result of running `program`; see `collsim.engines.reference.engine.run`, imported at the first run."""
    from collsim.engines.reference import engine

    return engine.run(topology, program, network, seed=seed, observers=observers, changes=changes)


ENGINES.add("simpy", run, aliases=("reference",))
