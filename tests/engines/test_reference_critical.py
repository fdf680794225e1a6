"""Where the time goes: each part of the critical path in a case where it is known, and the sum in all of them."""

import random

import pytest
from engines.reference_cases import LATENCY, RATE, chain, ring, ring_all_reduce, simulate, star

from collsim.engines.reference.grants import GrantLog
from collsim.program import Call, Compute, Send
from collsim.result import CRITICAL_PARTS
from collsim.units import parse_time, serialisation_fs

SER = serialisation_fs(4096, RATE)


def parts(result):
    assert list(result.critical_path) == list(CRITICAL_PARTS)
    assert sum(result.critical_path.values()) == result.time
    return {name: fs for name, fs in result.critical_path.items() if fs}


def test_a_lone_message_is_latency_router_and_serialisation():
    result = simulate(chain([(RATE, LATENCY)] * 3), Send(0, 1, 5 * 4096), router_delay=40)
    assert parts(result) == {"serialisation": 5 * SER + 2, "latency": 3 * LATENCY, "router": 80}
    assert sum(result.critical_links.values()) == 5 * SER + 2


def test_a_slow_link_in_the_middle_is_serialisation_on_that_link():
    links = [(RATE, LATENCY), (RATE // 4, LATENCY), (RATE, LATENCY)]
    result = simulate(chain(links), Send(0, 1, 8 * 4096))
    assert parts(result)["latency"] == 3 * LATENCY
    assert "link_wait" not in parts(result)
    assert max(result.critical_links, key=result.critical_links.get) == 1


def test_waiting_for_another_message_is_link_wait_for_all_of_it():
    result = simulate(star(3), Send(0, 1, 6 * 4096), Send(0, 2, 2 * 4096), nic_scheduler="fifo")
    assert parts(result) == {"serialisation": 2 * SER + 1, "latency": 2 * LATENCY, "link_wait": 6 * SER}


def test_the_winner_of_a_shared_link_waits_for_the_other_half_of_the_time():
    result = simulate(star(3), Send(0, 2, 10 * 4096), Send(1, 2, 10 * 4096))
    found = parts(result)
    assert found["link_wait"] + found["serialisation"] == 20 * SER + 1
    assert found["link_wait"] >= 9 * SER


def test_waiting_for_a_port():
    machine = ring(4)
    result = simulate(machine, Send(0, 1, 4 * 4096), Send(0, 3, 4096), ports=1, nic_scheduler="fifo")
    assert parts(result)["port_wait"] > 0


def test_waiting_for_room():
    result = simulate(chain([(RATE, LATENCY)] * 2), Send(0, 1, 3 * 4096), buffer=4096)
    assert parts(result)["credit_wait"] > 0


def test_waiting_for_a_step():
    result = simulate(ring(4), Call(ring_all_reduce(4), 4 * 4096), nic_scheduler="lockstep", lockstep_estimate="2us")
    assert result.time == 5 * parse_time("2us") + SER + LATENCY
    assert parts(result) == {"step_wait": 5 * parse_time("2us"), "serialisation": SER, "latency": LATENCY}


def test_overheads_reductions_and_computation():
    settings = {"message_overhead": "3us", "reduction_rate": "1GB/s", "injection_latency": "5ns", "ejection_latency": "7ns"}
    result = simulate(ring(4), Compute(0, 10**9), Call(ring_all_reduce(4), 4 * 4096, (0,)), **settings)
    assert parts(result) == {
        "serialisation": 6 * SER,
        "latency": 6 * (LATENCY + parse_time("12ns")),
        "overhead": 6 * parse_time("3us"),
        "reduction": 3 * serialisation_fs(4096, 10**9),
        "compute": 10**9,
    }


def test_turns_of_a_serial_overhead_and_of_a_reduction_server():
    sends = [Send(0, k, 4096) for k in (1, 2, 3)]
    serial = simulate(star(4), *sends, message_overhead="3us", overhead_mode="serial")
    assert parts(serial)["overhead"] == 3 * parse_time("3us")
    both = simulate(ring(3), Call(ring_all_reduce(3), 3 * 4096), reduction_rate="1GB/s", reduction_units=1)
    assert parts(both)["reduction"] == 2 * serialisation_fs(4096, 10**9)


def test_too_many_grants_leave_no_critical_path(monkeypatch):
    monkeypatch.setattr(GrantLog.__init__, "__defaults__", (9,))
    assert simulate(star(2), Send(0, 1, 4 * 4096)).critical_path is not None
    beyond = simulate(star(2), Send(0, 1, 5 * 4096))
    assert (beyond.critical_path, beyond.critical_links, beyond.packet_hops) == (None, {}, 10)


@pytest.mark.parametrize("seed", range(12))
def test_the_parts_sum_to_the_time_whatever_happens(seed):
    rng = random.Random(seed)
    sends = [Send(rng.randrange(5), rng.randrange(5), rng.randrange(30000), step=rng.randrange(3)) for _ in range(25)]
    settings = {
        "nic_scheduler": rng.choice(["fifo", "lowest-step", "shortest-first", "round-robin", "lockstep"]),
        "arbitration": rng.choice(["round-robin", "oldest", "lowest-step"]),
        "flow_control": rng.choice(["credit", "message", "none"]),
        "buffer": rng.choice([4096 + 32, 20000]),
        "header": rng.choice([0, 32]),
        "ports": rng.choice([0, 1]),
        "message_overhead": rng.choice([0, 500]),
        "overhead_mode": rng.choice(["parallel", "serial"]),
        "virtual_channels": rng.choice([2, 3]),
        "vc_allocation": rng.choice(["static", "most-room"]),
    }
    result = simulate(star(5), Call(ring_all_reduce(5), 40000), *sends, **settings)
    assert set(parts(result)) <= set(CRITICAL_PARTS)
    assert all(fs >= 0 for fs in result.critical_path.values())
    assert all(fs >= 0 for fs in result.critical_links.values())
