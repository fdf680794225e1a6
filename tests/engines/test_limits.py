"""Numbers at the ends of what arrays of 64 bits hold: the same answer or the same refusal from every engine (rule 1).

numba tells the compiler that a signed sum never overflows; a kernel that adds first and looks at the sign afterwards may go
on with a time far in the past.
"""

import numpy as np
import pytest
from engines.tiny import ONE, machine, plan

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.collective import collective
from collsim.engines.compiled.engine import simulate
from collsim.engines.compiled_engine import packets
from collsim.engines.engine import ENGINES
from collsim.errors import ClockOverflow, CollsimError, InvalidValue, StallError
from collsim.network.config import NetworkConfig, Nic, Router
from collsim.program import MOST_STEPS, Arrivals, Call, Compute, Program, Send
from collsim.topology import load
from collsim.units import MAX_BYTES, MAX_TIME

HALF = 2**62
ENGINE = {name: ENGINES.get(name) for name in ("simpy", "compiled", "analytic")} | {"packets": packets}
EXACT = ("simpy", "compiled", "packets")

# A wire of 1 fs a byte and no latency; two of them joined by a switch; three, each an hour long; one of a byte a second.
NEAR, TWO = machine(2, 0, (0, 1)), machine(2, 1, (0, 2), (2, 1))
FAR = machine(2, 2, *((a, b, 3600 * ONE) for a, b in ((0, 2), (2, 3), (3, 1))))
SLOW = machine(2, 0, (0, 1, 0, ONE))
REDUCE = Call(plan(2, (0, 0, 1, 1)), 5)
AT_THE_END = Arrivals(*np.array([[0], [1], [5], [MAX_TIME]]), deps=(0,))


def outcome(engine, topology, operations, settings):
    """Completion times, or kind and words of the error."""
    try:
        network = NetworkConfig().with_settings(settings)
        return ENGINE[engine](topology, Program(tuple(operations)), network).message_finish.tolist()
    except CollsimError as error:
        return type(error), str(error)


def chain(count):
    return [Send(k % 4, (k + 1) % 4, 100, (k - 1,) if k else ()) for k in range(count)]


OVERFLOWS = {
    "overheads in turns": (
        load("ring4"),
        chain(2),
        {"overhead_mode": "serial", "message_overhead": 9, "injection_latency": HALF},
    ),
    "long overheads": (load("ring4"), chain(2), {"overhead_mode": "serial", "message_overhead": HALF}),
    "overhead and injection": (NEAR, [Send(0, 1, 5)], {"message_overhead": HALF, "injection_latency": HALF}),
    "injection twice": (NEAR, [Send(0, 1, 5), Send(0, 1, 5, (0,))], {"injection_latency": HALF}),
    "ejection": (NEAR, [Send(0, 1, 5)], {"ejection_latency": MAX_TIME - 4}),
    "reduction": (NEAR, [REDUCE], {"reduction_rate": 1, "reduction_quantum": 2**61}),
    "reduction where it is": (NEAR, [Call(plan(2, (0, 0, 0, 1)), 5)], {"reduction_rate": 1, "reduction_quantum": 2**61}),
    "ejection and reduction": (NEAR, [REDUCE], {"ejection_latency": HALF, "reduction_rate": 1, "reduction_quantum": 4612}),
    "reductions in turns": (
        NEAR,
        [Call(plan(2, (0, 0, 1, 1), (0, 0, 1, 1)), 10)],
        {"reduction_rate": 1, "reduction_quantum": 4612, "reduction_units": 1},
    ),
    "wires": (FAR, [Send(0, 1, 5)], {}),
    "router": (TWO, [Send(0, 1, 5)], {"router_delay": MAX_TIME}),
    "a packet": (SLOW, [Send(0, 1, 9224)], {"packet_payload": 10**4}),
    "a full packet": (SLOW, [Send(0, 1, 9224)], {"packet_payload": 9224}),
    "the first packet": (
        SLOW,
        [Send(0, 1, 9000), Send(0, 1, 9000)],
        {"packet_payload": 10, "header": 9224, "flow_control": "message"},
    ),
    "the last packet": (SLOW, [Send(0, 1, 9224)], {"packet_payload": 9223}),
    "computations": (NEAR, [Compute(0, HALF), Compute(0, HALF, (0,))], {}),
    "arrivals": (NEAR, [Compute(0, 1), AT_THE_END], {}),
    "estimates": (
        NEAR,
        [Call(plan(2, (0, 0, 1, 0), (1, 0, 1, 0)), 10)],
        {"nic_scheduler": "lockstep", "lockstep_estimate": HALF},
    ),
}


@pytest.mark.parametrize("engine", EXACT)
@pytest.mark.parametrize("case", OVERFLOWS)
def test_a_clock_that_runs_over_is_told(case, engine):
    assert outcome(engine, *OVERFLOWS[case])[0] is ClockOverflow


JUST_SHORT = {
    "ejection": (NEAR, [Send(0, 1, 5)], {"ejection_latency": MAX_TIME - 5}, [MAX_TIME]),
    "injection": (NEAR, [Send(0, 1, 5)], {"injection_latency": MAX_TIME - 5}, [MAX_TIME]),
    "turns": (
        load("ring4"),
        [Send(0, 0, 0), Send(0, 0, 0)],
        {"overhead_mode": "serial", "message_overhead": HALF - 1, "injection_latency": 1},
        [HALF, MAX_TIME],
    ),
    "router": (TWO, [Send(0, 1, 5)], {"router_delay": MAX_TIME - 6}, [MAX_TIME]),
    "a packet": (SLOW, [Send(0, 1, 9223)], {"packet_payload": 10**4}, [9223 * ONE]),
    "reduction": (NEAR, [REDUCE], {"reduction_rate": 1, "reduction_quantum": 9223}, [5 + 9223 * ONE]),
}


@pytest.mark.parametrize("engine", EXACT)
@pytest.mark.parametrize("case", JUST_SHORT)
def test_a_clock_that_nearly_runs_over_is_right(case, engine):
    *run, times = JUST_SHORT[case]
    assert outcome(engine, *run) == times


@pytest.mark.parametrize("engine", EXACT)
def test_delays_that_no_message_meets_are_no_fault(engine):
    settings = {"message_overhead": MAX_TIME, "injection_latency": MAX_TIME, "reduction_rate": 1, "reduction_quantum": 2**61}
    assert outcome(engine, NEAR, [Compute(0, 5)], settings) == []


@pytest.mark.parametrize("engine", EXACT)
def test_more_ports_and_servers_than_arrays_count_are_all_there_are(engine):
    few = {"reduction_rate": 10**15, "reduction_units": 3, "ports": 2}
    many = few | {"reduction_units": 2**70, "ports": 2**70}
    operations = [Call(plan(2, *[(0, 0, 1, 1)] * 3), 30), Send(1, 0, 7)]
    assert outcome(engine, NEAR, operations, many) == outcome(engine, NEAR, operations, few)


@pytest.mark.parametrize("operation", [Compute(0, MAX_TIME + 1), Compute(0, 2**80)])
def test_a_computation_beyond_the_clock_is_refused_with_the_program(operation):
    with pytest.raises(ClockOverflow, match=r"Operation 1 computes for .* clock of 2\.56 hours; give it a shorter time"):
        Program((Compute(0, MAX_TIME), operation))


STEP = Call(plan(2, (MOST_STEPS, 0, 1, 0)), 5)


@pytest.mark.parametrize("operation", [Send(0, 1, 5, step=s) for s in (-1, MOST_STEPS, 2**32, 2**64)] + [STEP], ids=str)
def test_a_step_that_engines_cannot_order_is_refused_with_the_program(operation):
    with pytest.raises(InvalidValue, match=r"Operation 0 has step -?\d+; number steps from 0 to 2,147,483,647"):
        Program((operation,))


@pytest.mark.parametrize("engine", ENGINE)
def test_the_highest_step_comes_last(engine):
    """Of three messages at a port the first is on its way when the others come."""
    sends = [Send(0, 1, 10), Send(0, 1, 10, step=MOST_STEPS - 1), Send(0, 1, 10, step=MOST_STEPS - 2)]
    assert outcome(engine, NEAR, sends, {}) == [10, 30, 20]


ALL_TO_ALL = ALGORITHMS.get("direct").schedule(load("full4"), collective("all-to-all"))


@pytest.mark.parametrize(
    "operation",
    [
        Send(0, 1, MAX_BYTES),
        Send(0, 1, 2**80),
        Call(plan(2, (0, 0, 1, 0)), MAX_BYTES),
        Call(ALL_TO_ALL, MAX_BYTES // 4),
        Arrivals(*np.array([[0], [1], [MAX_BYTES], [0]])),
    ],
    ids=lambda o: type(o).__name__,
)
def test_bytes_that_no_array_holds_are_refused_with_the_program(operation):
    with pytest.raises(InvalidValue, match=r"Operation 0 has messages of \d+ bytes in all; stay under 2\^62"):
        Program((operation,))


@pytest.mark.parametrize("time", [MAX_TIME + 1, 2**80, -1])
@pytest.mark.parametrize(
    "key", ["router_delay", "message_overhead", "injection_latency", "ejection_latency", "lockstep_estimate"]
)
def test_a_time_beyond_the_clock_is_refused_with_the_settings(key, time):
    words = rf"The setting {key} cannot be {time} fs; a time is 0 or more and within the clock"
    with pytest.raises(InvalidValue, match=words):
        (Router if key == "router_delay" else Nic)(**{key: time})
    if key != "lockstep_estimate" or time > 0:
        with pytest.raises(InvalidValue, match=words):
            NetworkConfig().with_settings({key: time})


@pytest.mark.parametrize("engine", EXACT)
def test_a_tail_beyond_the_clock_is_told_though_its_message_never_completes(engine):
    """Packets stand in a circle of wires so long that what they would reach is beyond the clock: the clock is told first."""
    topology = load("ring8")
    sends = [Send(a, (a + 3) % 8, 60_000) for a in range(8)]
    settings = {"virtual_channels": 1, "buffer": 4096, "allow_deadlock": True}
    assert outcome(engine, topology, sends, settings)[0] is StallError
    assert outcome(engine, topology, sends, settings | {"router_delay": MAX_TIME - 10**6})[0] is ClockOverflow


@pytest.mark.parametrize("path", [(0, 1), (), (0, 0), (99,)], ids=str)
def test_a_message_to_its_own_host_crosses_no_link(path):
    """Rule 5, whatever path a schedule names; one that is no way at all is refused."""
    from collsim.collectives.schedule import ScheduleBuilder

    builder = ScheduleBuilder(collective("all-reduce"), "by hand", range(2), [1])
    builder.add(0, 0, 0, 0, 1, path=path)
    call = Call(builder.finish(), 50)
    valid = path in ((), (0, 1))
    for engine in ENGINE:
        found = outcome(engine, NEAR, [call], {"ejection_latency": 7})
        assert found == [7] if valid else found[0] is InvalidValue, engine


def test_a_message_of_more_packets_than_32_bits_count():
    """As trains within the run: one by one its packets would take half an hour."""
    sends = [Send(0, 1, 2**32 + 5), Send(0, 1, 2**33)]
    network = NetworkConfig().with_settings({"packet_payload": 1})
    result = simulate(NEAR, Program(tuple(sends)), network, 0, trains=True)
    assert result.message_finish.tolist() == [2**32 + 5, 2**32 + 5 + 2**33]
    assert result.packet_hops == result.link_bytes[0] == 2**32 + 5 + 2**33
