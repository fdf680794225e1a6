"""Programs: what an operation waits for, on which host, and when it is complete."""

from engines.reference_cases import LATENCY, RATE, ring, ring_all_reduce, simulate, star

from collsim.program import Call, Compute, Send
from collsim.units import serialisation_fs

SER = serialisation_fs(4096, RATE)
HOP = 2 * LATENCY + 1


def finishes(result):
    return result.operation_finish.tolist()


def test_computations_of_a_host_run_side_by_side_unless_chained():
    result = simulate(star(2), Compute(0, 50), Compute(0, 70), Compute(0, 5, (0, 1)))
    assert finishes(result) == [50, 70, 75]
    assert result.time == 75


def test_an_operation_waits_only_for_what_concerns_its_own_host():
    result = simulate(star(3), Compute(0, 1000), Send(1, 2, 4096, (0,)), Compute(0, 5, (1,)))
    assert finishes(result) == [1000, HOP + SER, 1005]


def test_a_message_carries_a_dependency_from_host_to_host():
    result = simulate(star(3), Send(0, 1, 4096), Compute(1, 10, (0,)), Send(1, 2, 4096, (1,)))
    assert finishes(result) == [HOP + SER, HOP + SER + 10, 2 * (HOP + SER) + 10]


def test_an_operation_elsewhere_passes_dependencies_on():
    chain = [Compute(0, 1000), Compute(1, 5, (0,)), Compute(0, 1, (1,))]
    assert finishes(simulate(star(2), *chain)) == [1000, 5, 1001]


def test_a_call_starts_on_each_host_by_itself():
    late = simulate(ring(4), Compute(2, 10**9), Call(ring_all_reduce(4), 4 * 4096, (0,)))
    assert late.time == 10**9 + 6 * (SER + LATENCY)
    assert late.message_ready.tolist()[:4] == [0, 0, 10**9, 0]


def test_calls_in_sequence_and_side_by_side():
    one = Call(ring_all_reduce(4), 4 * 4096)
    alone = simulate(ring(4), one).time
    assert simulate(ring(4), one, Call(one.schedule, one.size, (0,))).time == 2 * alone
    assert alone < simulate(ring(4), one, one).time <= 2 * alone


def test_exposed_communication():
    overlapped = simulate(ring(4), Call(ring_all_reduce(4), 4 * 4096), Compute(0, 10**12), Compute(1, 1000))
    duration = finishes(overlapped)[0]
    assert overlapped.host_exposed.tolist() == [0, duration - 1000, duration, duration]


def test_schedules_with_paths_of_their_own():
    from collsim.collectives.collective import collective
    from collsim.collectives.schedule import COPY, ScheduleBuilder

    machine = ring(4)
    around = [machine.links_between(a, b)[0] for a, b in ((0, 3), (3, 2), (2, 1))]
    plan = ScheduleBuilder(collective("broadcast"), "detour", range(4), [1])
    plan.add(0, 0, 1, 0, COPY, path=around)
    result = simulate(machine, Call(plan.finish(), 4096))
    assert result.time == 3 * LATENCY + SER + 2
    assert [k for k, b in enumerate(result.link_bytes) if b] == sorted(around)
