"""One run, explained: from names or objects to a proved, bounded, timed outcome.

The imports stand inside the functions: `collsim.simulate` is the front door of the package, and a person who only asks
for help should not wait for numpy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from collsim.case import DEFAULT_ENGINE, Case, unknown_to_engine

if TYPE_CHECKING:
    from pathlib import Path

    from collsim.collectives.schedule import Schedule
    from collsim.network.config import NetworkConfig
    from collsim.network.link_changes import LinkChange
    from collsim.result import Outcome
    from collsim.topology.graph import Topology

__all__ = ["DEFAULT_ENGINE", "Case", "machine_of", "prepare", "simulate", "unknown_to_engine"]


def prepare(
    topology: str | Path | Topology,
    *,
    collective: str = "all-reduce",
    bandwidth: str | int | None = None,
    latency: str | int | None = None,
    network: NetworkConfig | Mapping[str, object] | str | None = None,
    engine: str = DEFAULT_ENGINE,
    placement: str | Sequence[int | str] = "linear",
    hosts: Sequence[int | str] | None = None,
    seed: int = 0,
    root: int = 0,
    fail: str | Sequence[str] = (),
    degrade: Mapping[str, float | str] | None = None,
    at: str | Sequence[str | LinkChange] = (),
) -> Case:
    """Return the case that `simulate` runs: parameters as there, everything checked, nothing simulated."""
    from collsim.collectives.collective import collective as named
    from collsim.engines.engine import ENGINES
    from collsim.errors import InvalidValue
    from collsim.network.link_changes import parse_changes
    from collsim.topology.placement import place
    from collsim.units import parse_count

    ENGINES.get(engine)
    seed, root = parse_count(seed, "seed"), parse_count(root, "root")
    fail, at = [fail] if isinstance(fail, str) else fail, [at] if isinstance(at, str) else at
    machine, faults = machine_of(topology, bandwidth, latency, fail, degrade or {})
    group, where = place(machine, placement, hosts)
    wanted = named(collective, root)
    if root and wanted.root is None:
        raise InvalidValue(f"The root {root} means nothing to {collective}; leave it out, or ask for broadcast or reduce.")
    if not 0 <= root < len(group):
        raise InvalidValue(f"The root {root} is no rank; ranks are 0 to {len(group) - 1}.")
    request = _request(topology, bandwidth, latency, fail, degrade or {}, placement if where == placement else "linear")
    changes = parse_changes(machine, at)
    request += tuple(word for text in at if isinstance(text, str) for word in ("--at", text))
    return Case(machine, group, wanted, _network(network), engine, seed, where, faults, request, changes)


def simulate(
    topology: str | Path | Topology,
    algorithm: str | Schedule = "multitree",
    *,
    collective: str = "all-reduce",
    size: str | int = "16MiB",
    bandwidth: str | int | None = None,
    latency: str | int | None = None,
    network: NetworkConfig | Mapping[str, object] | str | None = None,
    engine: str = DEFAULT_ENGINE,
    placement: str | Sequence[int | str] = "linear",
    hosts: Sequence[int | str] | None = None,
    baseline: str | None = None,
    seed: int = 0,
    root: int = 0,
    fail: str | Sequence[str] = (),
    degrade: Mapping[str, float | str] | None = None,
    at: str | Sequence[str | LinkChange] = (),
    observers: Sequence[object] = (),
    crossings: bool = False,
) -> Outcome:
    """Simulate one collective and return its proved, bounded, explained outcome.

    `topology`: a name ("torus4x4"), a file or a Topology; `bandwidth` and `latency` serve its links that state none.
    `algorithm`: a registered name, with options as in "multitree:ports=1", or a Schedule. `size`: bytes of a rank's
    buffer as nccl-tests counts them. `network`: a NetworkConfig, {setting: value} or a preset's name. `placement`: "linear",
    "random:SEED", a file of host names, or the host of each rank; `hosts`: the group, default all. `baseline`: an
    algorithm to compare with. `root`: rank of broadcast and reduce. `fail`: names of links to remove; `degrade`: {link
    name: share of its rate}. `at`: links that change during the run, "TIME:LINK=RATE|SHARE|fail|restore" each, as in
    "5ms:h0->h1=0.5". `observers` are handed to the engine. `crossings`: keep when each message held each link, for traces
    and space-time diagrams; a run whose messages meet then goes packet by packet throughout.

    Raises UsageError for a request that cannot be carried out (the message says why and what would work) and RunError
    for a run that fails, such as a deadlock.

    >>> import collsim
    >>> outcome = collsim.simulate("torus4x4", "multitree", size="1MiB", engine="analytic")
    >>> outcome.percent_of_bound <= 100
    True
    """
    from dataclasses import replace

    from collsim.units import parse_size

    amount = parse_size(size)
    case = prepare(
        topology,
        collective=collective,
        bandwidth=bandwidth,
        latency=latency,
        network=network,
        engine=engine,
        placement=placement,
        hosts=hosts,
        seed=seed,
        root=root,
        fail=fail,
        degrade=degrade,
        at=at,
    )
    outcome = case.run(algorithm, amount, observers, crossings=crossings)
    return outcome if baseline is None else replace(outcome, baseline=case.run(baseline, amount))


def machine_of(
    topology: str | Path | Topology,
    bandwidth: str | int | None,
    latency: str | int | None,
    fail: Sequence[str],
    degrade: Mapping[str, float | str],
) -> tuple[Topology, tuple[str, ...]]:
    """Return the topology with links degraded and failed, and what was altered in words."""
    from collsim.topology import load
    from collsim.topology.faults import degrade_links, fail_links

    machine = load(topology, bandwidth=bandwidth, latency=latency)
    if degrade:
        machine = degrade_links(machine, degrade)
    if fail:
        machine = fail_links(machine, list(fail))
    return machine, (*(f"failed {link}" for link in fail), *(f"{link} at {f} of its rate" for link, f in degrade.items()))


def _request(
    topology: str | Path | Topology,
    bandwidth: str | int | None,
    latency: str | int | None,
    fail: Sequence[str],
    degrade: Mapping[str, float | str],
    placement: str | Sequence[int | str],
) -> tuple[str, ...]:
    words = ["--topo", str(getattr(topology, "name", topology))]
    words += ["--bandwidth", str(bandwidth)] if bandwidth is not None else []
    words += ["--latency", f"{latency}fs" if isinstance(latency, int) else latency] if latency is not None else []
    words += [word for link in fail for word in ("--fail", link)]
    words += [word for link, share in degrade.items() for word in ("--degrade", f"{link}={share}")]
    return (*words, *(("--placement", str(placement)) if placement != "linear" else ()))


def _network(network: NetworkConfig | Mapping[str, object] | str | None) -> NetworkConfig:
    from collsim.errors import InvalidValue
    from collsim.network.config import NetworkConfig

    if isinstance(network, NetworkConfig):
        return network
    if network is not None and not isinstance(network, str | Mapping):
        raise InvalidValue(
            f"Settings of the network are a preset's name or a mapping like {{'header': '64B'}}, not {network!r}."
        )
    return NetworkConfig.preset(network) if isinstance(network, str) else NetworkConfig().with_settings(network or {})
