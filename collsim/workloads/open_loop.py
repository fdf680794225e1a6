"""Open-loop traffic: hosts that send packets at random for ever, as programs that any packet engine runs.

In every cycle every sending host gets a new packet with probability load / packet (Bernoulli arrivals), whether or not
the ones before it have left: the queue at the source is part of what is measured. Time is cut into warm-up, measurement and
drain; packets that arrive during the measurement are followed to their end, and traffic goes on while they drain. Every draw
is a hash of (seed, purpose, host, cycle), so that all engines get the same packets and a higher load only adds some.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from collsim.errors import InvalidValue
from collsim.network.config import NetworkConfig
from collsim.program import Arrivals, Program
from collsim.topology.graph import Topology
from collsim.topology.routing.splitmix import fold_array
from collsim.units import serialisation_fs
from collsim.workloads.traffic_patterns import PATTERNS, Destinations, destinations

__all__ = ["OpenLoop", "TrafficCase", "batch_program", "load_program", "traffic_case"]

IntArray = NDArray[np.int64]

ARRIVAL, DESTINATION = 0x61727276, 0x64657374


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """What is sent: a `pattern` of packets of `packet` flits, `flit` bytes each; phases in cycles.

    Raises UnknownName and InvalidValue.
    """

    pattern: str = "uniform"
    packet: int = 17
    flit: int = 16
    warmup: int = 5_000
    measure: int = 10_000
    drain: int = 5_000

    def __post_init__(self) -> None:
        PATTERNS.get(self.pattern)
        for name, least in (("packet", 1), ("flit", 1), ("warmup", 0), ("measure", 1), ("drain", 0)):
            if getattr(self, name) < least:
                raise InvalidValue(f"The {name} of open-loop traffic is {getattr(self, name)}; it is at least {least}.")

    @property
    def cycles(self) -> int:
        """Cycles during which packets arrive."""
        return self.warmup + self.measure + self.drain

    @property
    def payload(self) -> int:
        """Bytes of a packet's message: all flits but the head, or the one flit of a packet that has no other."""
        return max(self.packet - 1, 1) * self.flit

    @property
    def settings(self) -> dict[str, object]:
        """What makes packets of messages: the head flit is the header, the others are payload.

        A packet of one flit has no other part that could follow its head, so it moves whole from node to node
        (store-and-forward), as a flit does.
        """
        whole = {"switching": "store-and-forward"} if self.packet == 1 else {"header": self.flit}
        return {"packet_payload": self.payload, **whole}


@dataclass(frozen=True, slots=True, eq=False)
class TrafficCase:
    """Traffic on a machine, everything but its load: made by `traffic_case`.

    `network` has the packets of `traffic`; `cycle` fs; `draw`: whom hosts send to; `seed` of every draw.
    """

    topology: Topology
    traffic: OpenLoop
    network: NetworkConfig
    seed: int
    cycle: int
    draw: Destinations

    @property
    def senders(self) -> int:
        """How many hosts send."""
        return int(self.draw.sends.sum())


def traffic_case(
    topology: Topology, traffic: OpenLoop, network: NetworkConfig | Mapping[str, object], seed: int = 0
) -> TrafficCase:
    """Return the case of `traffic` on `topology`; a cycle is what a flit takes on the slowest link that leaves a host.

    `network`: what else differs from the defaults, as a configuration or {setting: value}.
    Raises InvalidValue where the pattern does not fit or `network` sets the size of packets itself, UnknownName.
    """
    changes = network.changed() if isinstance(network, NetworkConfig) else network
    taken = [name for name in ("packet_payload", "header") if name in changes]
    if taken:
        raise InvalidValue(f"Open-loop traffic sets {' and '.join(taken)} itself; give --packet (flits) and --flit (bytes).")
    cut = NetworkConfig().with_settings({**traffic.settings, **changes})
    cycle = serialisation_fs(traffic.flit, int(topology.bandwidth[topology.source < topology.hosts].min()))
    return TrafficCase(topology, traffic, cut, seed, cycle, destinations(traffic.pattern, topology, seed))


def load_program(case: TrafficCase, load: float | Fraction) -> Program:
    """Return the arrivals of all phases at `load` flits a cycle and sending host, in (0, 1], by time and then by host."""
    share = Fraction(str(load)) if isinstance(load, float) else Fraction(load)
    if not 0 < share <= 1:
        raise InvalidValue(f"The load {float(share):g} is not in (0, 1]: it is flits a cycle, of which a link carries one.")
    cycles = np.arange(case.traffic.cycles)
    # A packet arrives where the 64-bit draw is at most this; share / packet = 1 takes every draw.
    highest = np.uint64(max(share * 2**64 // case.traffic.packet - 1, 0))
    hosts = np.flatnonzero(case.draw.sends)
    rows = [cycles[fold_array(case.seed, ARRIVAL, host, cycles) <= highest] for host in hosts.tolist()]
    source, cycle = np.repeat(hosts, [len(row) for row in rows]), np.concatenate(rows)
    order = np.lexsort((source, cycle))
    return _program(case, source[order], cycle[order], cycle[order] * case.cycle)


def batch_program(case: TrafficCase, packets: int) -> Program:
    """Return `packets` packets a sending host, all of them there at cycle 0, the first of every host first."""
    if packets < 1:
        raise InvalidValue(f"A batch of {packets} packets is none; send at least 1 a host.")
    source = np.tile(np.flatnonzero(case.draw.sends), packets)
    return _program(case, source, np.repeat(np.arange(packets), case.senders), np.zeros_like(source))


def _program(case: TrafficCase, source: IntArray, counter: IntArray, start: IntArray) -> Program:
    """Return the program of packets from `source` at `start`; destinations are drawn by (source, counter)."""
    number = fold_array(case.seed, DESTINATION, source, counter) if len(source) else np.zeros(0, dtype=np.uint64)
    target = case.draw.draw(source, number)
    return Program(
        (Arrivals(source, target, np.full_like(source, case.traffic.payload), start, label=case.traffic.pattern),)
    )
