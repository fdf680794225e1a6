"""What a run of open-loop traffic says: accepted load, latency, saturation; and what no run of it can beat.

Saturation is an answer, not an error: a network that is offered more than it can carry delivers what it can while queues at
the sources grow, so latency then measures how long one waited before looking.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collsim.errors import InvalidValue, UsageError
from collsim.network.message_time import lone_message
from collsim.network.paths import PathFinder
from collsim.program import Arrivals, Program
from collsim.result import Result
from collsim.topology.routing.splitmix import fold_array
from collsim.workloads.open_loop import TrafficCase

__all__ = ["SATURATION", "BatchPoint", "Expectation", "LoadPoint", "expect", "measure", "measure_batch"]

IntArray = NDArray[np.int64]

SATURATION = 0.95
"""A network that delivers less than this share of what is offered during the measurement is called saturated."""
SAMPLE = 512
MOST_PAIRS = 20_000
EXPECTATION = 0x65787063


@dataclass(frozen=True, slots=True)
class LoadPoint:
    """What one load gave; rates in flits a cycle and sending host, times in cycles.

    `offered`: what arrived during the measurement, `accepted`: what was delivered in it. Latencies are of the packets
    that arrived in it: `latency_*` from arrival to the tail's delivery, `network_*` from the first grant on. `late`: how
    many of them were still on their way when the drain ended. `packets` arrived in the measurement, `packet_hops` were
    simulated in all; `time_fs`: when the last of all packets was delivered, fs; `wall`: the engine's seconds.
    """

    load: float
    offered: float
    accepted: float
    latency_mean: float
    latency_median: float
    latency_p99: float
    latency_max: float
    network_mean: float
    network_p99: float
    packets: int
    late: int
    packet_hops: int
    time_fs: int
    wall: float

    @property
    def saturated(self) -> bool:
        """Whether the network falls behind: then queues grow as long as traffic goes on, and latency says only how long."""
        return self.accepted < SATURATION * self.offered

    def to_dict(self) -> dict[str, Any]:
        """Return the fields and `saturated`, for JSON and tables."""
        return {name: getattr(self, name) for name in (*self.__slots__, "saturated")}


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the paths of a case tell before any run; loads in flits a cycle and sending host, times in cycles.

    `zero_load`: the mean latency of a packet that is alone in the network. `bound`: the load at which `link`, the first of
    the busiest, is full; no buffer and no arbitration gets beyond. None where the routing spreads packets over paths.
    """

    zero_load: float
    bound: float | None
    link: int | None


@dataclass(frozen=True, slots=True)
class BatchPoint:
    """A batch of `packets` a sending host, all ready at once; `makespan` in cycles and `time` in fs until the last is there.

    `rate`: flits a cycle and sending host over the makespan. `busiest`: id of the link that was busy longest, for
    `busiest_use` of the makespan, which nothing with these paths can take less than.
    """

    packets: int
    makespan: float
    time: int
    rate: float
    latency_mean: float
    busiest: int
    busiest_use: float
    packet_hops: int
    wall: float

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, for JSON, with the unit in the name of the time."""
        return {"time_fs" if name == "time" else name: getattr(self, name) for name in self.__slots__}


def measure(case: TrafficCase, load: float | Fraction, program: Program, result: Result, wall: float = 0.0) -> LoadPoint:
    """Return what `result`, the run of `program` (of `load_program`), says of `load`.

    Raises InvalidValue when not one packet arrived during the measurement, UsageError for an engine that does not tell when
    messages start.
    """
    if result.message_started is None:
        raise UsageError(f"The engine '{result.engine}' does not tell when messages start; use --engine compiled.")
    arrivals, traffic, cycle = _arrivals(program), case.traffic, case.cycle
    begin, end = traffic.warmup * cycle, (traffic.warmup + traffic.measure) * cycle
    mine = np.flatnonzero((arrivals.start >= begin) & (arrivals.start < end))
    if not len(mine):
        # A hundred packets are expected in that time.
        enough = math.ceil(100 * traffic.packet / (Fraction(load) * case.senders))
        cycles = f"{traffic.measure:,} cycle{'s' * (traffic.measure > 1)}"
        raise InvalidValue(f"No packet came in {cycles} at load {float(load):g}; measure longer, like --measure {enough}.")
    finish = result.message_finish[mine]
    delivered = int(((result.message_finish > begin) & (result.message_finish <= end)).sum())
    rate = traffic.packet / (traffic.measure * case.senders)
    latency, inside = (finish - arrivals.start[mine]) / cycle, (finish - result.message_started[mine]) / cycle
    return LoadPoint(
        load=float(load),
        offered=len(mine) * rate,
        accepted=delivered * rate,
        latency_mean=float(latency.mean()),
        latency_median=float(np.median(latency)),
        latency_p99=float(np.percentile(latency, 99)),
        latency_max=float(latency.max()),
        network_mean=float(inside.mean()),
        network_p99=float(np.percentile(inside, 99)),
        packets=len(mine),
        late=int((finish > traffic.cycles * cycle).sum()),
        packet_hops=result.packet_hops,
        time_fs=result.time,
        wall=wall,
    )


def measure_batch(case: TrafficCase, packets: int, result: Result, wall: float = 0.0) -> BatchPoint:
    """Return what `result`, the run of `batch_program(case, packets)`, says."""
    busiest = int(np.argmax(result.link_busy))
    return BatchPoint(
        packets=packets,
        makespan=result.time / case.cycle,
        time=result.time,
        rate=packets * case.traffic.packet * case.cycle / result.time,
        latency_mean=float(result.message_finish.mean()) / case.cycle,
        busiest=busiest,
        busiest_use=float(result.link_busy[busiest] / result.time),
        packet_hops=result.packet_hops,
        wall=wall,
    )


def expect(case: TrafficCase) -> Expectation:
    """Return what paths alone tell of a case (Dally and Towles, sections 3.3 and 3.2).

    Where the routing gives every pair of hosts one path, and no more than 20,000 pairs talk, the mean is over all of them
    and the bound is exact; else the mean is over 512 packets drawn as the traffic's are, and there is no bound.
    """
    finder = PathFinder(case.topology, case.network, case.seed)
    pairs = int(case.draw.choices.sum())
    if finder.routing.multipath != "single" or pairs > MOST_PAIRS:
        number = np.arange(SAMPLE)
        source = np.resize(np.flatnonzero(case.draw.sends), SAMPLE)
        target = case.draw.draw(source, fold_array(case.seed, EXPECTATION, number))
        ends = zip(source.tolist(), target.tolist(), number.tolist(), strict=True)
        alone = _alone(case, [finder.path(a, b, 0, k) for a, b, k in ends])
        return Expectation(float(alone.mean()) / case.cycle, None, None)
    source, target, share = case.draw.pairs()
    paths = [finder.path(a, b) for a, b in zip(source.tolist(), target.tolist(), strict=True)]
    taken = np.zeros(case.topology.links)
    np.add.at(taken, [link for path in paths for link in path], np.repeat(share, [len(path) for path in paths]))
    # Cycles that each link is held, in each cycle, when every host sends one flit a cycle.
    rate = case.topology.bandwidth
    taken *= rate[case.topology.source < case.topology.hosts].min() / rate
    link = int(np.argmax(taken > taken.max() * (1 - 1e-9)))
    mean = float((_alone(case, paths) * share).sum() / share.sum())
    return Expectation(mean / case.cycle, 1.0 / float(taken[link]), link)


def _alone(case: TrafficCase, paths: Sequence[Sequence[int]]) -> IntArray:
    """Return the fs that a packet takes on each of `paths` when nothing else moves."""
    rate, latency, nic = case.topology.bandwidth.tolist(), case.topology.latency.tolist(), case.network.nic
    fixed = nic.message_overhead + nic.injection_latency + nic.ejection_latency
    ways = [tuple((rate[k], latency[k]) for k in path) for path in paths]
    known = {way: lone_message(case.traffic.payload, way, case.network).arrival + fixed for way in set(ways)}
    return np.array([known[way] for way in ways], dtype=np.int64)


def _arrivals(program: Program) -> Arrivals:
    (operation,) = program.operations
    assert isinstance(operation, Arrivals)
    return operation
