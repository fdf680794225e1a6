"""What an engine is: a function from topology, program and network configuration to a Result, found by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from collsim.network.config import NetworkConfig
from collsim.network.link_changes import LinkChange
from collsim.program import Program
from collsim.registry import Registry
from collsim.result import Result
from collsim.topology.graph import Topology

__all__ = ["ENGINES", "Engine"]


class Engine(Protocol):
    """Runs a program; raises StallError on deadlock, ClockOverflow, RoutingError and InvalidValue before the run."""

    def __call__(
        self,
        topology: Topology,
        program: Program,
        network: NetworkConfig,
        *,
        seed: int = 0,
        observers: Sequence[object] = (),
        changes: Sequence[LinkChange] = (),
    ) -> Result:
        """Return the Result of running `program` on `topology` under `network`; `changes` of links are those of rule 27.

        Callers hand over `changes` only where there are some.
        """
        ...


ENGINES: Registry[Engine] = Registry("engine", "collsim.engines", "collsim.engines")
