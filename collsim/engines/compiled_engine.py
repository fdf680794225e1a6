"""The engine "compiled": the network model in numba kernels, the same answers as "simpy" to the tick, much faster.

numba is imported at the first run. What kernels cannot call, Python code of the user's own, is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from collsim.engines.engine import ENGINES
from collsim.errors import UsageError
from collsim.jit import cache
from collsim.network import schedulers
from collsim.network.config import NetworkConfig
from collsim.network.link_changes import LinkChange
from collsim.network.schedulers import SCHEDULERS
from collsim.program import Program
from collsim.result import Result
from collsim.topology.graph import Topology

__all__ = ["compiled_before", "packets", "run"]

KERNELS = Path(__file__).parent / "compiled"
TRAINS = KERNELS / "trains"
KNOWN = {
    "fifo": schedulers.first_in_first_out,
    "lowest-step": schedulers.lowest_step,
    "shortest-first": schedulers.shortest_first,
    "round-robin": schedulers.round_robin,
    "lockstep": schedulers.lockstep,
}
"""The schedulers that kernels know, each by the key that it must still have under its name."""


def compiled_before() -> bool:
    """Tell whether all kernels lie compiled in the cache: if not, a run compiles those it needs, half a minute at most."""
    return cache.compiled_before(TRAINS) and cache.compiled_before(KERNELS)


def run(
    topology: Topology,
    program: Program,
    network: NetworkConfig,
    *,
    seed: int = 0,
    observers: Sequence[object] = (),
    changes: Sequence[LinkChange] = (),
) -> Result:
    """Return the Result of running `program` on `topology` under `network`, equal to that of the engine "simpy".

    Where messages never meet and no link changes they are simulated whole (docs/trains.md), else packet by packet, as
    `packets` always does.
    Observers may have `on_progress`, called every so many events, and `on_crossings`, called at the end unless there were
    more grants than the log holds; any other method would need Python at every packet.
    Raises UsageError for what only the engine "simpy" can do, else as that engine does.
    """
    _refuse(network, observers)
    from collsim.engines.compiled.trains.engine import try_trains

    asked = _methods(observers, "on_crossings")
    result = None if changes else try_trains(topology, program, network, seed, asked)
    if result is None:
        return _packets(topology, program, network, seed, observers, changes, trains=not asked)
    for tell in _methods(observers, "on_progress"):
        tell(program.messages, program.messages, result.time)
    return result


def packets(
    topology: Topology,
    program: Program,
    network: NetworkConfig,
    *,
    seed: int = 0,
    observers: Sequence[object] = (),
    changes: Sequence[LinkChange] = (),
) -> Result:
    """Return the Result of `run`, every packet simulated by itself; slower, and what trains are held against."""
    _refuse(network, observers)
    return _packets(topology, program, network, seed, observers, changes, trains=False)


def _packets(
    topology: Topology,
    program: Program,
    network: NetworkConfig,
    seed: int,
    observers: Sequence[object],
    changes: Sequence[LinkChange],
    *,
    trains: bool,
) -> Result:
    from collsim.engines.compiled.engine import simulate

    told = _methods(observers, "on_crossings")
    notify = _methods(observers, "on_progress")
    return simulate(topology, program, network, seed, notify, trains=trains, changes=changes, told=told)


def _methods(observers: Sequence[object], name: str) -> list[Callable[..., None]]:
    return [getattr(observer, name) for observer in observers if hasattr(observer, name)]


def _refuse(network: NetworkConfig, observers: Sequence[object]) -> None:
    chosen = SCHEDULERS.get(network.nic.nic_scheduler)
    if KNOWN.get(chosen.name) is not chosen.key:
        raise UsageError(
            f"The NIC scheduler '{chosen.name}' is written in Python, which the compiled engine cannot call; "
            "run it with --engine simpy."
        )
    for observer in observers:
        for name in ("on_grant", "on_complete"):
            if hasattr(observer, name):
                raise UsageError(
                    f"The observer {type(observer).__name__} wants {name} of every event, which the compiled engine "
                    "does not call; run it with --engine simpy."
                )


ENGINES.add("compiled", run)
