"""What hosts do besides sending: overheads in turns, reductions on servers, each first come, first served."""

from engines.reference_cases import LATENCY, RATE, simulate, star

from collsim.collectives.collective import collective
from collsim.collectives.schedule import COPY, REDUCE, ScheduleBuilder
from collsim.program import Call, Compute, Send
from collsim.units import serialisation_fs

SER = serialisation_fs(4096, RATE)
WAY = 2 * LATENCY + 1


def gather(*senders, op=REDUCE):
    """Everybody sends its own chunk to rank 0 at once."""
    plan = ScheduleBuilder(collective("reduce", 0), "gather", range(4), [1] * len(senders), unit=1)
    for chunk, sender in enumerate(senders):
        plan.add(0, sender, 0, chunk, op)
    return plan.finish()


def test_serial_overheads_take_turns_by_readiness_then_id():
    sends = [Send(0, 1, 0), Send(0, 1, 0), Compute(0, 1), Send(0, 1, 0, deps=(2,)), Send(1, 0, 0)]
    result = simulate(star(2), *sends, message_overhead=10, overhead_mode="serial", injection_latency=3)
    assert result.message_ready.tolist() == [13, 23, 33, 13]
    assert simulate(star(2), *sends, message_overhead=10, injection_latency=3).message_ready.tolist() == [13, 13, 14, 13]


def test_a_server_idles_between_turns():
    sends = [Send(0, 1, 0), Compute(0, 100), Send(0, 1, 0, deps=(1,)), Send(0, 1, 0, deps=(1,))]
    result = simulate(star(2), *sends, message_overhead=10, overhead_mode="serial")
    assert result.message_ready.tolist() == [10, 110, 120]


def test_reductions_are_pure_delays_or_queue_for_servers():
    call, ejection, work = Call(gather(1, 2, 3), 4096), 5, serialisation_fs(4096, 10**9)
    arrivals = [WAY + k * SER + ejection for k in (1, 2, 3)]
    settings = {"reduction_rate": 10**9, "ejection_latency": ejection}
    assert simulate(star(4), call, **settings).message_finish.tolist() == [a + work for a in arrivals]
    one = simulate(star(4), call, reduction_units=1, **settings).message_finish.tolist()
    assert one == [arrivals[0] + k * work for k in (1, 2, 3)]
    two = simulate(star(4), call, reduction_units=2, **settings).message_finish.tolist()
    assert two == [arrivals[0] + work, arrivals[1] + work, arrivals[0] + 2 * work]


def test_reductions_that_arrive_together_go_by_id():
    plan = ScheduleBuilder(collective("reduce", 0), "own", range(4), [1, 1], unit=1)
    plan.add(0, 0, 0, 0, REDUCE)
    plan.add(0, 0, 0, 1, REDUCE)
    result = simulate(star(4), Call(plan.finish(), 10), reduction_rate=10**15, reduction_units=1)
    assert result.message_finish.tolist() == [10, 20]


def test_the_quantum_rounds_bytes_up_and_copies_reduce_nothing():
    call, settings = Call(gather(1), 1000), {"reduction_rate": 10**15, "reduction_quantum": 512}
    ser = serialisation_fs(1000, RATE)
    for units in (0, 1):
        assert simulate(star(4), call, reduction_units=units, **settings).time == WAY + ser + 1024
    copy = Call(gather(1, op=COPY), 1000)
    assert simulate(star(4), copy, reduction_units=1, **settings).time == WAY + ser
