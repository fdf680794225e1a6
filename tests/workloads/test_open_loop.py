"""Programs of open-loop traffic: who gets which packet when, and what runs of them say."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from workloads.open_loop_cases import case_of, execute, point_of

from collsim.errors import InvalidValue, UsageError
from collsim.program import Arrivals, Program
from collsim.workloads.open_loop import OpenLoop, batch_program, load_program
from collsim.workloads.open_loop_measures import measure, measure_batch


def columns(program):
    (found,) = program.operations
    return list(zip(found.start.tolist(), found.source.tolist(), found.target.tolist(), strict=True))


def test_arrivals_are_bernoulli_by_host_and_cycle():
    case = case_of("switch4", packet=5, warmup=1000, measure=30_000, drain=0)
    rows = columns(load_program(case, 0.4))
    p, cycles = 0.4 / 5, 31_000
    assert rows == sorted(rows)
    for host in range(4):
        times = np.array([start for start, source, _ in rows if source == host])
        assert len(times) == pytest.approx(cycles * p, abs=4 * (cycles * p * (1 - p)) ** 0.5)
        assert (times % case.cycle == 0).all()
        assert times.max() < cycles * case.cycle
        gaps = np.diff(times) // case.cycle
        assert gaps.min() >= 1
        # Gaps between Bernoulli arrivals are geometric: their mean is 1 / p and their variance (1 - p) / p^2.
        assert gaps.var() == pytest.approx((1 - p) / p**2, rel=0.25)


def test_a_higher_load_adds_packets_and_a_seed_changes_them():
    case = case_of("torus3x3", packet=3, warmup=0, measure=500, drain=0)
    low, high = columns(load_program(case, 0.2)), columns(load_program(case, 0.5))
    assert set(low) < set(high)
    assert columns(load_program(case, 0.2)) == low
    assert columns(load_program(replace(case, seed=1), 0.2)) != low


def test_load_one_with_packets_of_one_flit_fills_every_cycle():
    case = case_of("switch3", packet=1, warmup=0, measure=50, drain=0)
    assert len(columns(load_program(case, 1))) == 150
    assert case.network.router.switching == "store-and-forward"


def test_a_packet_is_a_head_flit_and_the_others():
    case = case_of("switch3", packet=17, flit=32)
    assert (case.network.packet.packet_payload, case.network.packet.header) == (512, 32)
    result = execute(case, batch_program(case, 1))
    assert (result.packets, result.link_bytes.sum()) == (3, 3 * 2 * 17 * 32)
    assert case.cycle == 2 * 10**6


@pytest.mark.parametrize("share", [0, -0.1, 1.01, Fraction(3, 2)])
def test_loads_outside_0_to_1_are_refused(share):
    with pytest.raises(InvalidValue, match=r"not in \(0, 1\]"):
        load_program(case_of("switch3"), share)


def test_impossible_sizes_are_refused():
    for name in ("packet", "flit", "measure"):
        with pytest.raises(InvalidValue, match=f"{name} of open-loop traffic is 0"):
            OpenLoop(**{name: 0})
    with pytest.raises(InvalidValue, match="drain"):
        OpenLoop(drain=-1)
    with pytest.raises(InvalidValue, match="batch of 0"):
        batch_program(case_of("switch3"), 0)
    with pytest.raises(InvalidValue, match="--packet"):
        case_of("switch3", network={"header": "8B"})


def test_windows_decide_what_counts():
    """Four packets of 2 flits from host 0 to 1, alone, 10 cycles each, over windows of 100 cycles."""
    case = case_of("switch2", "neighbor", packet=2, latency="4ns", warmup=100, measure=100, drain=100)
    start = np.array([50, 95, 150, 195]) * case.cycle
    same = np.zeros(4, dtype=np.int64)
    program = Program((Arrivals(same, same + 1, same + case.traffic.payload, start),))
    result = execute(case, program)
    assert ((result.message_finish - start) / case.cycle).tolist() == [11, 11, 11, 11]
    point = measure(case, 0.02, program, result)
    assert point.packets == 2
    assert point.offered == pytest.approx(2 * 2 / (100 * 2))
    assert point.accepted == pytest.approx(2 * 2 / (100 * 2))  # those of cycles 95 and 150 arrive in the window
    assert (point.latency_mean, point.latency_max, point.network_mean, point.late) == (11, 11, 11, 0)
    short = replace(case, traffic=replace(case.traffic, drain=0))
    assert measure(short, 0.02, program, result).late == 1


def test_nothing_to_measure_is_an_error_with_a_cure():
    case = case_of("switch2", "neighbor", measure=10, warmup=0, drain=0)
    with pytest.raises(InvalidValue, match="measure longer"):
        point_of(case, 0.001)
    program = load_program(case_of("switch2", "neighbor"), 0.5)
    result = replace(execute(case, program), message_started=None)
    with pytest.raises(UsageError, match="--engine compiled"):
        measure(case, 0.5, program, result)


@pytest.mark.parametrize(
    ("topology", "pattern", "routing"),
    [("torus4x4", "uniform", "auto"), ("dragonfly2x2x1", "adversarial", "ugal"), ("fattree4", "permutation", "spray")],
)
def test_engines_see_the_same_packets_at_the_same_ticks(topology, pattern, routing):
    sizes = {"packet": 4, "warmup": 100, "measure": 500, "drain": 100}
    case = case_of(topology, pattern, seed=3, network={"routing": routing}, **sizes)
    program = load_program(case, 0.6)
    one, other = execute(case, program, "compiled"), execute(case, program, "simpy")
    for name in ("message_ready", "message_started", "message_finish", "link_busy"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist(), name


def test_a_batch_that_shares_no_link_runs_at_line_rate():
    """Each host sends over links of its own: the last packet waits for all before it, then takes its way alone."""
    case = case_of("torus4x4", "neighbor", packet=5)
    point = measure_batch(case, 20, execute(case, batch_program(case, 20)))
    # Two links of a cycle each; the head, one flit, is passed on when it is there.
    assert point.makespan == 20 * 5 + 2 * 1 + 1
    assert point.to_dict()["time_fs"] == point.time == point.makespan * case.cycle
    assert point.rate == pytest.approx(100 / 103)
    assert point.busiest_use == pytest.approx(100 / 103)
