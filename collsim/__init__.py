"""collsim: how a collective communication algorithm behaves on a machine, exactly, with proof and bound.

`simulate` and `compare` answer questions; the rest is for those who bring their own machine, algorithm or network. Names
are imported when first used, so that `import collsim` is cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from collsim.simulate import prepare, simulate

if TYPE_CHECKING:
    from collsim.collectives.algorithm import ALGORITHMS, Formula, algorithm
    from collsim.collectives.nic_table import NicTables, nic_tables
    from collsim.collectives.schedule import COPY, REDUCE, Schedule, ScheduleBuilder
    from collsim.collectives.verify import verify
    from collsim.engines.engine import ENGINES
    from collsim.errors import CollsimError
    from collsim.network.config import NetworkConfig
    from collsim.program import Call, Compute, Program, Send
    from collsim.report.plot_runs import plot_links, plot_steps, plot_time
    from collsim.report.trace import write_trace
    from collsim.result import Outcome, Result
    from collsim.sweep.compare import Comparison, compare
    from collsim.sweep.data_parallel import data_parallel
    from collsim.sweep.jobs import compare_placements
    from collsim.sweep.multi_site_study import multi_site
    from collsim.sweep.pages import write_report
    from collsim.sweep.planning import plan
    from collsim.sweep.sweeping import sweep
    from collsim.sweep.tensor_parallel_study import tensor_parallel
    from collsim.sweep.traces import replay
    from collsim.sweep.traffic import traffic
    from collsim.sweep.transports import compare_transports
    from collsim.topology import load
    from collsim.topology.graph import Link, Topology, build
    from collsim.units import format_bandwidth, format_size, format_time

__version__ = "0.1.0"

__all__ = [
    "ALGORITHMS",
    "COPY",
    "Call",
    "CollsimError",
    "Comparison",
    "Compute",
    "ENGINES",
    "Formula",
    "Link",
    "NetworkConfig",
    "NicTables",
    "Outcome",
    "Program",
    "REDUCE",
    "Result",
    "Schedule",
    "ScheduleBuilder",
    "Send",
    "Topology",
    "algorithm",
    "build",
    "compare",
    "compare_placements",
    "compare_transports",
    "data_parallel",
    "format_bandwidth",
    "format_size",
    "format_time",
    "load",
    "multi_site",
    "nic_tables",
    "plan",
    "plot_links",
    "plot_steps",
    "plot_time",
    "prepare",
    "replay",
    "simulate",
    "sweep",
    "tensor_parallel",
    "traffic",
    "verify",
    "write_report",
    "write_trace",
]

_HOMES = {
    "ALGORITHMS": "collsim.collectives.algorithm",
    "COPY": "collsim.collectives.schedule",
    "Call": "collsim.program",
    "CollsimError": "collsim.errors",
    "Comparison": "collsim.sweep.compare",
    "Compute": "collsim.program",
    "ENGINES": "collsim.engines.engine",
    "Formula": "collsim.collectives.algorithm",
    "Link": "collsim.topology.graph",
    "NetworkConfig": "collsim.network.config",
    "NicTables": "collsim.collectives.nic_table",
    "Outcome": "collsim.result",
    "Program": "collsim.program",
    "REDUCE": "collsim.collectives.schedule",
    "Result": "collsim.result",
    "Schedule": "collsim.collectives.schedule",
    "ScheduleBuilder": "collsim.collectives.schedule",
    "Send": "collsim.program",
    "Topology": "collsim.topology.graph",
    "algorithm": "collsim.collectives.algorithm",
    "build": "collsim.topology.graph",
    "compare": "collsim.sweep.compare",
    "compare_placements": "collsim.sweep.jobs",
    "compare_transports": "collsim.sweep.transports",
    "data_parallel": "collsim.sweep.data_parallel",
    "format_bandwidth": "collsim.units",
    "format_size": "collsim.units",
    "format_time": "collsim.units",
    "load": "collsim.topology",
    "multi_site": "collsim.sweep.multi_site_study",
    "nic_tables": "collsim.collectives.nic_table",
    "plan": "collsim.sweep.planning",
    "plot_links": "collsim.report.plot_runs",
    "plot_steps": "collsim.report.plot_runs",
    "plot_time": "collsim.report.plot_runs",
    "replay": "collsim.sweep.traces",
    "tensor_parallel": "collsim.sweep.tensor_parallel_study",
    "traffic": "collsim.sweep.traffic",
    "verify": "collsim.collectives.verify",
    "write_report": "collsim.sweep.pages",
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
