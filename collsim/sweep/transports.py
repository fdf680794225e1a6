"""One collective on one machine by each transport: what paths, losses and slow links do to it, beside an ideal fabric.

The ideal has all switches that are linked merged into one: every host link has its own rate and latency, and nothing
between them is shared, late or lossy. Whatever a run takes longer than that is what the fabric and the transport cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from collsim.engines.engine import ENGINES
from collsim.errors import InvalidValue, UnknownName
from collsim.program import Program, single_call
from collsim.result import Result, shared_links
from collsim.simulate import Case
from collsim.topology.faults import degrade_links, find_links
from collsim.topology.graph import Topology, build
from collsim.units import FS_PER_SECOND, PER_BILLION, format_loss, parse_loss

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TRANSPORTS", "Condition", "Point", "Study", "conditions", "one_switch", "study"]

TRANSPORTS = ("ecmp", "spray", "least-queued", "feedback")
"""The routings compared unless others are named; any other routing of the machine may be."""
AS_IT_IS = "as it is"
SHARE = 0.25
"""What is left of the rate of the cable that is slowed down unless another is named."""
Observers = Callable[[str], Sequence[object]]


@dataclass(frozen=True, eq=False)
class Condition:
    """A state of the machine: its `topology` with or without a bad cable, and packets lost of a billion on every link."""

    name: str
    topology: Topology
    loss: int = 0


@dataclass(frozen=True, slots=True)
class Point:
    """One run: times in seconds, `slowdown` against the ideal, `load` largest over mean busy time of links between switches.

    `lost`, `repeated`, `discarded` packets; `reorder_peak` bytes at the host that needed most; `busiest` link by name.
    """

    condition: str
    transport: str
    time_s: float
    slowdown: float
    load: float
    busiest: str
    packets: int
    lost: int
    repeated: int
    discarded: int
    reorder_peak: int
    packet_hops: int
    wall_s: float


@dataclass(frozen=True, eq=False)
class Study:
    """Points of one study in the order they ran; `ideal` fs on an ideal fabric, `bound` fs of any algorithm."""

    case: Case
    algorithm: str
    size: int
    ideal: int
    bound: int
    points: tuple[Point, ...]

    def frame(self) -> pd.DataFrame:
        """Return one row a condition and transport, columns as the fields of `Point`."""
        import pandas as pd

        return pd.DataFrame([asdict(p) for p in self.points], columns=list(Point.__slots__))

    def to_dict(self) -> dict[str, Any]:
        """Return what `collsim workload transports --json` writes."""
        from collsim import __version__

        return {
            "topology": self.case.topology.name,
            "collective": self.case.collective.name,
            "algorithm": self.algorithm,
            "size_bytes": self.size,
            "ideal_s": self.ideal / FS_PER_SECOND,
            "bound_s": self.bound / FS_PER_SECOND,
            "engine": self.case.engine,
            "seed": self.case.seed,
            "changed_settings": self.case.network.changed(),
            "runs": [asdict(p) for p in self.points],
            "collsim_version": __version__,
        }

    def plot(self, path: str | Path) -> None:
        """Draw slowdowns and link loads into the image file `path`; OutputError if impossible."""
        from collsim.report.transport_bars import plot_transports

        title = f"{self.case.collective.name} by {self.algorithm} on {self.case.topology.name}"
        plot_transports([asdict(p) for p in self.points], path, title)


def one_switch(topology: Topology) -> Topology:
    """Return the ideal of `topology`: its hosts with their links, and one switch for all that links between switches join.

    A composed machine keeps the switch of each rack, to which no other switch is linked, beside one for its fabric. Raises
    InvalidValue where hosts pass on traffic or there is no switch: there the links of hosts are the network.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    hosts, switches = topology.hosts, topology.switches
    if not switches or bool(topology.forwards[:hosts].any()):
        raise InvalidValue(
            f"On '{topology.name}' hosts are joined without a fabric of switches, so there is no ideal one to compare with; "
            "take a machine such as fattree4 or leafspine4x4x4."
        )
    inner = np.flatnonzero((topology.source >= hosts) & (topology.target >= hosts))
    ends = (topology.source[inner] - hosts, topology.target[inner] - hosts)
    count, part = connected_components(coo_array((np.ones(len(inner)), ends), (switches, switches)), directed=False)
    node = np.concatenate([np.arange(hosts), hosts + part])
    outer = np.flatnonzero((topology.source < hosts) | (topology.target < hosts))
    columns = node[topology.source[outer]], node[topology.target[outer]], topology.bandwidth[outer], topology.latency[outer]
    return build(f"{topology.name} with one switch", hosts, np.stack(columns, axis=1), switches=int(count))


def conditions(topology: Topology, impair: str | None = None, losses: Sequence[str | float] = ()) -> list[Condition]:
    """Return the machine as it is, with a slow or failing cable, and with each loss rate on all links.

    `impair`: "LINK=SHARE" of its rate, "LINK=loss:P" for a cable that loses a share of its packets, which routing does not
    know, "none", or None for the first cable between switches at a quarter. Raises UsageError.
    """
    found = [Condition(AS_IT_IS, topology)]
    if impair != "none":
        name, _, share = (impair or "").rpartition("=")
        if impair is None:
            name, share = _first_cable(topology), str(SHARE)
        elif not name:
            raise InvalidValue(
                f"Cannot read '{impair}'; write LINK=SHARE, like leaf0-spine0=0.25 or leaf0-spine0=loss:0.9, or none."
            )
        if share.startswith("loss:"):
            found.append(_failing(topology, name, share.removeprefix("loss:")))
        elif name:
            found.append(Condition(f"{name} at {share}", degrade_links(topology, {name: share})))
    for loss in losses:
        parts = parse_loss(loss)
        found.append(Condition(f"loss {format_loss(parts)}", topology, parts))
    return found


def _failing(topology: Topology, name: str, share: str) -> Condition:
    """Return the machine with one cable that loses `share` of its packets."""
    lost, parts = topology.loss.copy(), parse_loss(share)
    lost[list(find_links(topology, name))] = parts
    return Condition(f"{name} loses {format_loss(parts)}", replace(topology, loss=lost))


def _first_cable(topology: Topology) -> str:
    """Return the first cable between two switches by name, "" where there is none."""
    inner = np.flatnonzero((topology.source >= topology.hosts) & (topology.target >= topology.hosts))
    return topology.link_name(int(inner[0])).replace("->", "-") if len(inner) else ""


def study(
    case: Case,
    algorithm: str,
    size: int,
    transports: Sequence[str] = TRANSPORTS,
    states: Sequence[Condition] = (),
    observers: Observers = lambda text: (),
) -> Iterator[Study]:
    """Yield the study after each run, one point more each time, so that whoever stops early keeps what is done.

    Raises UsageError: a transport that is no routing of the machine, an algorithm that fixes its paths, no fabric.
    """
    from collsim.topology.routing import fitting

    for name in transports:
        if name not in fitting(case.topology):
            raise UnknownName("transport", name, fitting(case.topology))
    if case.engine == "analytic":
        raise InvalidValue("The analytic engine knows no transports; use --engine compiled or simpy.")
    plan, _ = case.plan(algorithm, size)
    if len(plan.path_links):
        raise InvalidValue(
            f"The algorithm {algorithm} fixes the paths of its messages, so that transports have no choice; take one that "
            "leaves them to routing, like ring, direct or halving-doubling."
        )
    program = single_call(plan, size)
    settings: dict[str, object] = {"loss": 0, "routing": "widest"}
    ideal = _run(case, one_switch(case.topology), program, settings).time
    points: list[Point] = []
    for state in states or conditions(case.topology):
        for transport in transports:
            settings = {"routing": transport, "delivery": "in-order"}
            if state.loss:
                settings["loss"] = state.loss / PER_BILLION
            started = perf_counter()
            result = _run(case, state.topology, program, settings, observers(f"{transport}, {state.name}"))
            points.append(_point(state, transport, result, ideal, perf_counter() - started))
            yield Study(case, algorithm, size, ideal, case.bound(size).time, tuple(points))


def _run(
    case: Case, topology: Topology, program: Program, settings: Mapping[str, object], observers: Sequence[object] = ()
) -> Result:
    network = case.network.with_settings(settings)
    return ENGINES.get(case.engine)(topology, program, network, seed=case.seed, observers=observers)


def _point(state: Condition, transport: str, result: Result, ideal: int, wall: float) -> Point:
    busy = result.link_busy[shared_links(state.topology)]
    assert result.reorder_peak is not None
    return Point(
        condition=state.name,
        transport=transport,
        time_s=result.time / FS_PER_SECOND,
        slowdown=result.time / max(ideal, 1),
        load=float(busy.max() / busy.mean()) if busy.any() else 1.0,
        busiest=state.topology.link_name(int(shared_links(state.topology)[int(np.argmax(busy))])),
        packets=result.packets,
        lost=result.packets_lost,
        repeated=result.packets_repeated,
        discarded=result.packets_discarded,
        reorder_peak=int(result.reorder_peak.max(initial=0)),
        packet_hops=result.packet_hops,
        wall_s=wall,
    )
