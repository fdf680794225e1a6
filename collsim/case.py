"""A machine and all that stays the same between runs on it: schedules proved once, bounds, explained outcomes, warnings.

The imports stand inside the functions, as in `collsim.simulate`: help should not wait for numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from collsim.collectives.algorithm import Hint
    from collsim.collectives.bounds import Bound
    from collsim.collectives.collective import Collective
    from collsim.collectives.schedule import Schedule
    from collsim.collectives.verify import Proof
    from collsim.network.config import NetworkConfig
    from collsim.network.link_changes import LinkChange
    from collsim.result import Outcome
    from collsim.topology.graph import Topology

__all__ = ["DEFAULT_ENGINE", "Case", "unknown_to_engine"]

DEFAULT_ENGINE = "compiled"


@dataclass(frozen=True, eq=False)
class Case:
    """A machine with everything that stays the same between algorithms and sizes; made by `prepare`.

    `hosts`: host node of each rank. `placement`, `faults`: how ranks and links were altered, in words; `changes`: how links
    change during each run (rule 27). `request`: the command-line words that ask for the same machine, for advice.
    Schedules and their proofs are kept in `known` by algorithm, segments and variant, so that a sweep proves each of them
    once.
    """

    topology: Topology
    hosts: tuple[int, ...]
    collective: Collective
    network: NetworkConfig
    engine: str = DEFAULT_ENGINE
    seed: int = 0
    placement: str = "linear"
    faults: tuple[str, ...] = ()
    request: tuple[str, ...] = ()
    changes: tuple[LinkChange, ...] = ()
    known: dict[tuple[str, int, str], tuple[Schedule, Proof]] = field(default_factory=dict)
    widths: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]] = field(default_factory=dict)

    def hint(self, size: int) -> Hint:
        """Return what algorithms may know of a run at `size` bytes."""
        from collsim.network.hint import hint_for

        return hint_for(self.topology, self.hosts, self.network, size)

    def packet_hops(self, algorithm: str | Schedule, size: int) -> int:
        """Return how many packet-hops a packet engine will make, about: shortest paths where routing chooses."""
        import numpy as np

        from collsim.topology.paths import host_hops

        schedule, _ = self.plan(algorithm, size)
        packets = -(-schedule.message_bytes(size) // self.network.packet.packet_payload)
        links, hosts = np.diff(schedule.path_offsets), schedule.ranks_to_hosts
        if (routed := links == 0).any():
            links[routed] = host_hops(self.topology)[hosts[schedule.src[routed]], hosts[schedule.dst[routed]]]
        return int((packets * links).sum())

    def plan(self, algorithm: str | Schedule, size: int) -> tuple[Schedule, Proof]:
        """Return the schedule that `algorithm` ("multitree:ports=1", or a schedule) gives for `size`, and its proof."""
        from collsim.collectives.algorithm import parse_algorithm
        from collsim.collectives.schedule import Schedule
        from collsim.collectives.verify import verify
        from collsim.errors import InvalidValue

        if not isinstance(algorithm, str | Schedule):
            raise InvalidValue(
                f"The algorithm {algorithm!r} is neither a name like 'ring' nor a Schedule; collsim.compare takes several."
            )
        if not isinstance(algorithm, str):
            return algorithm, verify(algorithm, self.topology)
        entry, options = parse_algorithm(algorithm)
        if entry.size_free and (algorithm, 0, "") in self.known:
            return self.known[algorithm, 0, ""]
        schedule = entry.schedule(self.topology, self.collective, self.hosts, self.hint(size), **options)
        key = (algorithm, 0, "") if entry.size_free else (algorithm, schedule.segments, schedule.variant)
        if key not in self.known:
            self.known[key] = schedule, verify(schedule, self.topology)
        return self.known[key]

    def bound(self, size: int) -> Bound:
        """Return the largest valid lower bound on the time of this collective at `size` bytes.

        Where links change it is that of the machine in which each has the largest rate it ever has.
        """
        from collsim.collectives.bounds import lower_bound
        from collsim.network.link_changes import fastest

        nic = self.network.nic
        overhead = nic.message_overhead + nic.injection_latency + nic.ejection_latency
        hop = self.network.router.router_delay
        machine = fastest(self.topology, self.changes)
        return lower_bound(machine, self.collective, self.hosts, size, overhead=overhead, hop=hop)

    def run(
        self, algorithm: str | Schedule, size: int, observers: Sequence[object] = (), *, crossings: bool = False
    ) -> Outcome:
        """Return the explained outcome of `algorithm` at `size` bytes (at least 1), with its `crossings` if wanted."""
        from time import perf_counter

        from collsim.crossings import Recorder
        from collsim.engines.engine import ENGINES
        from collsim.errors import InvalidValue
        from collsim.network.link_changes import describe_changes
        from collsim.network.prediction import predict
        from collsim.program import single_call
        from collsim.result import Outcome

        if size < 1:
            raise InvalidValue(f"A run needs at least 1 byte; the size is {size}.")
        engine = ENGINES.get(self.engine)
        schedule, proof = self.plan(algorithm, size)
        program, more = single_call(schedule, size), {"changes": self.changes} if self.changes else {}
        recorder = Recorder()
        told = (*observers, recorder) if crossings else observers
        started = perf_counter()
        result = engine(self.topology, program, self.network, seed=self.seed, observers=told, **more)
        wall = perf_counter() - started
        return Outcome(
            topology=self.topology,
            schedule=schedule,
            algorithm=algorithm if isinstance(algorithm, str) else schedule.algorithm,
            legality=_legality(algorithm),
            size=size,
            network=self.network,
            proof=proof,
            bound=self.bound(size),
            closed_form=None if more else predict(self.topology, schedule, size, self.network, seed=self.seed),
            result=result,
            wall=wall,
            seed=self.seed,
            placement=self.placement,
            faults=self.faults,
            request=self.request,
            changes=describe_changes(self.topology, self.changes),
            warnings=tuple(self._warnings(schedule, size)),
            crossings=recorder.found,
        )

    def _warnings(self, schedule: Schedule, size: int) -> list[str]:
        empty = int((schedule.message_bytes(size) == 0).sum())
        found = []
        if empty:
            found.append(f"{empty} of {schedule.transfers} transfers are empty: {size} B is less than a byte a chunk.")
        found += unknown_to_engine(self.engine, self.network, self.topology)
        return found + self._slower_ways(schedule)

    def _slower_ways(self, schedule: Schedule) -> list[str]:
        """Return a warning where routing that counts links alone sends messages over slow links beside fast ones."""
        import numpy as np

        from collsim.topology.routing import fitting, slower_ways
        from collsim.units import format_bandwidth

        rates, name = self.topology.bandwidth, self.network.router.routing
        chosen = fitting(self.topology)[0] if name == "auto" else name
        routed = schedule.path_offsets[1:] == schedule.path_offsets[:-1]
        if self.topology.family == "clos" or chosen not in _COUNT_LINKS or rates.min() == rates.max() or not routed.any():
            return []
        if "ways" not in self.widths:
            self.widths["ways"] = slower_ways(self.topology)
        least, most = self.widths["ways"]
        hosts = schedule.ranks_to_hosts
        ends = hosts[schedule.src[routed]], hosts[schedule.dst[routed]]
        uneven = least[ends] < most[ends]
        if not uneven.any():
            return []
        worst = int(np.argmin(least[ends] / most[ends]))
        a, b = int(ends[0][worst]), int(ends[1][worst])
        slow, fast = (format_bandwidth(int(width[a, b])) for width in (least, most))
        names = self.topology.names
        return [
            f"Routing {chosen} counts links, not rates, and ways of {slow} and of {fast} from {names[a]} to {names[b]} "
            f"are equally short, as for {int(uneven.sum())} of {schedule.transfers} transfers. To keep to the fastest: "
            "--set routing=widest."
        ]


_COUNT_LINKS = ("ecmp", "minimal", "spray", "least-queued", "feedback")
_PACKET_LEVEL = frozenset(
    (
        *("buffer", "virtual_channels", "vc_allocation", "flow_control", "arbitration", "allow_deadlock"),
        *("nic_scheduler", "lockstep_estimate", "ports", "overhead_mode", "reduction_units"),
        *("loss", "recovery", "retransmit_timeout", "delivery"),
    )
)
_PACKET_WAYS = ("spray", "least-queued", "feedback", "valiant", "ugal")


def unknown_to_engine(engine: str, network: NetworkConfig, topology: Topology) -> list[str]:
    """Return a sentence about what was set and means nothing to `engine`, or none: the analytic one knows no packets."""
    if engine != "analytic":
        return []
    unknown = sorted(network.changed().keys() & _PACKET_LEVEL)
    if topology.loss.any() and "loss" not in unknown:
        unknown.append("loss of links")
    way = network.router.routing
    if way in _PACKET_WAYS:
        unknown.append(f"routing={way} (a message takes the way of its first packet)")
    if not unknown:
        return []
    return [f"The analytic engine knows no {', '.join(unknown)}; use a packet engine to see their effect."]


def _legality(algorithm: str | Schedule) -> str:
    from collsim.collectives.algorithm import parse_algorithm

    if not isinstance(algorithm, str):
        return "a schedule handed in, proved on this topology"
    return f"needs {parse_algorithm(algorithm)[0].needs}"
