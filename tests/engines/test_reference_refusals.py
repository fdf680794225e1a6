"""What is refused before a run, what stalls in it, and what the errors say."""

from dataclasses import replace

import numpy as np
import pytest
from engines.reference_cases import RATE, chain, ring, ring_all_reduce, simulate, star

from collsim.collectives.collective import collective
from collsim.collectives.schedule import COPY, ScheduleBuilder
from collsim.engines.reference.engine import run
from collsim.errors import ClockOverflow, InvalidValue, RoutingError, StallError
from collsim.network.config import NetworkConfig, Router
from collsim.program import Call, Compute, Program, Send
from collsim.topology import load


def around(n, reach, size):
    return [Send(h, (h + reach) % n, size) for h in range(n)]


def test_a_ring_with_one_channel_is_refused_and_the_cycle_is_named():
    with pytest.raises(RoutingError, match="allow_deadlock") as refusal:
        simulate(load("ring6"), *around(6, 3, 4096), virtual_channels=1)
    assert "h0->h1 channel 0, h1->h2 channel 0, h2->h3 channel 0, h3->h4 channel 0, h4->h5 channel 0" in str(refusal.value)
    for allowed in ({"flow_control": "none"}, {"virtual_channels": "auto"}, {"virtual_channels": 2}):
        assert simulate(load("ring6"), *around(6, 3, 4096), **({"virtual_channels": 1} | allowed)).time > 0


def test_what_only_neighbours_exchange_cannot_deadlock():
    assert simulate(load("ring4"), Call(ring_all_reduce(4), 2**16), virtual_channels=1).time > 0


@pytest.mark.parametrize("by_message", [False, True])
def test_a_real_deadlock_names_its_cycle(by_message):
    sends = around(6, 3, 50 * 4096)
    settings = {"virtual_channels": 1, "buffer": 4096, "allow_deadlock": True}
    if by_message:
        settings["flow_control"] = "message"
    with pytest.raises(StallError, match="wait for each other") as stall:
        simulate(load("ring6"), *sends, **settings)
    cycle = stall.value.cycle
    assert len(cycle) >= 2
    for step in cycle:
        assert "->" in step
        assert "message " in step
    if not by_message:
        assert len(cycle) == 6
        assert all(f"link h{h}->h{(h + 1) % 6} channel 0" in " ".join(cycle) for h in range(6))


def test_a_deadlock_on_a_torus():
    machine = load("torus4x4")
    sends = [
        Send(4 * row + column, 4 * ((row + 2) % 4) + (column + 2) % 4, 2**17) for row in range(4) for column in range(4)
    ]
    with pytest.raises(StallError) as stall:
        simulate(machine, *sends, virtual_channels=1, buffer=4096, allow_deadlock=True)
    assert len(set(stall.value.cycle)) == len(stall.value.cycle) >= 4
    assert simulate(machine, *[Send(a, 15 - a, 2**15) for a in range(16)], buffer=4096).time > 0


def test_a_lockstep_that_can_never_open_a_step_stalls():
    plan = ScheduleBuilder(collective("all-gather"), "waits", range(2), [1, 1], unit=1)
    plan.add(1, 0, 1, 0, COPY)
    plan.add(0, 1, 0, 1, COPY)
    knot = replace(plan.finish(), dep_set=np.array([0, 1]), set_offsets=np.array([0, 0, 1]), set_members=np.array([0]))
    assert simulate(star(2), Call(knot, 4096)).time > 0
    with pytest.raises(StallError, match="lockstep"):
        simulate(star(2), Call(knot, 4096), nic_scheduler="lockstep", lockstep_estimate="oracle")


def test_cyclic_dependencies_are_refused():
    plan = ring_all_reduce(3)
    members = plan.set_members.copy()
    members[plan.set_offsets[plan.dep_set[3]]] = next(t for t in range(plan.transfers) if 3 in plan.deps_of(t))
    knot = replace(plan, set_members=members)
    with pytest.raises(InvalidValue, match="cycle"):
        simulate(ring(3), Call(knot, 300))


def test_hosts_paths_and_buffers_that_do_not_fit_are_refused():
    with pytest.raises(InvalidValue, match="host 5"):
        simulate(star(3), Send(0, 5, 1))
    with pytest.raises(InvalidValue, match="host 3"):
        simulate(star(3), Compute(3, 1))
    plan = ScheduleBuilder(collective("broadcast"), "astray", range(4), [1])
    plan.add(0, 0, 1, 0, COPY, path=[2])
    with pytest.raises(InvalidValue, match="path"):
        simulate(ring(4), Call(plan.finish(), 100))
    small = replace(NetworkConfig(), router=Router(buffer=4095))
    with pytest.raises(InvalidValue, match="4095 B is smaller"):
        run(chain([(RATE, 0)] * 2), Program((Send(0, 1, 10_000),)), small)
    assert run(chain([(RATE, 0)] * 2), Program((Send(0, 1, 4095),)), small).time > 0


@pytest.mark.parametrize("routing", ["spray", "least-queued"])
def test_a_message_on_many_paths_is_refused_under_message_based_flow_control(routing):
    with pytest.raises(InvalidValue, match="one path"):
        simulate(load("fattree2"), Send(0, 1, 1), flow_control="message", routing=routing)


def test_the_clock_overflows_with_an_error():
    with pytest.raises(ClockOverflow, match=r"2\.56 hours"):
        simulate(chain([(1, 0)]), Send(0, 1, 10_000))
