"""collsim: how a collective communication algorithm behaves on a machine, exactly, with proof and bound.

`simulate` and `compare` answer questions; the rest is for those who bring their own machine, algorithm or network. Names
are imported when first used, so that `import collsim` is cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from collsim.simulate import simulate

if TYPE_CHECKING:
    from collsim.collectives.algorithm import ALGORITHMS, algorithm
    from collsim.collectives.nic_table import NicTables, nic_tables
    from collsim.collectives.schedule import Schedule, ScheduleBuilder
    from collsim.collectives.verify import verify
    from collsim.errors import CollsimError
    from collsim.network.config import NetworkConfig
    from collsim.report.trace import write_trace
    from collsim.result import Outcome, Result
    from collsim.sweep.compare import Comparison, compare
    from collsim.sweep.sweeping import sweep
    from collsim.topology import load
    from collsim.topology.graph import Link, Topology, build

__version__ = "0.1.0"

__all__ = [
    "ALGORITHMS",
    "CollsimError",
    "Comparison",
    "Link",
    "NetworkConfig",
    "NicTables",
    "Outcome",
    "Result",
    "Schedule",
    "ScheduleBuilder",
    "Topology",
    "algorithm",
    "build",
    "compare",
    "load",
    "nic_tables",
    "simulate",
    "sweep",
    "verify",
    "write_trace",
]

_HOMES = {
    "ALGORITHMS": "collsim.collectives.algorithm",
    "CollsimError": "collsim.errors",
    "Comparison": "collsim.sweep.compare",
    "Link": "collsim.topology.graph",
    "NetworkConfig": "collsim.network.config",
    "NicTables": "collsim.collectives.nic_table",
    "Outcome": "collsim.result",
    "Result": "collsim.result",
    "Schedule": "collsim.collectives.schedule",
    "ScheduleBuilder": "collsim.collectives.schedule",
    "Topology": "collsim.topology.graph",
    "algorithm": "collsim.collectives.algorithm",
    "build": "collsim.topology.graph",
    "compare": "collsim.sweep.compare",
    "load": "collsim.topology",
    "nic_tables": "collsim.collectives.nic_table",
    "verify": "collsim.collectives.verify",
    "write_trace": "collsim.report.trace",
}


def __getattr__(name: str) -> object:
    if name == "sweep":
        # A package that can be called, see there.
        return import_module("collsim.sweep")
    if name not in _HOMES:
        raise AttributeError(f"module 'collsim' has no attribute '{name}'")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, "sweep"})
