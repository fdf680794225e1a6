"""Where trains give up: each condition of docs/trains.md at the tick at which it begins to fail, times added up by hand."""

import numpy as np
import pytest
from engines.tiny import machine, plan, run
from engines.train_cases import unlike

from collsim.collectives.schedule import REDUCE
from collsim.engines.compiled.trains.engine import try_trains
from collsim.errors import ClockOverflow, InvalidValue
from collsim.network.config import NetworkConfig
from collsim.program import Arrivals, Call, Compute, Program, Send

STAR = machine(3, 1, (0, 3), (1, 3), (3, 2))
FORK = machine(3, 1, (0, 3), (3, 1, 0, 2), (3, 2))
PAIR = machine(2, 0, (0, 1))
LINE = machine(2, 1, (0, 2, 0, 1), (2, 1, 0, 2))


def tried(topology, *operations, seed=0, **settings):
    network = NetworkConfig().with_settings({"packet_payload": 10} | settings)
    return try_trains(topology, Program(operations), network, seed)


def accepted(topology, *operations, **settings):
    result = tried(topology, *operations, **settings)
    assert result is not None
    assert not unlike(result, run(topology, *operations, **settings))
    return result


def refused(topology, *operations, **settings):
    assert tried(topology, *operations, **settings) is None


def test_two_trains_on_one_link_may_touch():
    # 0 -> 2 holds the last link during [1, 31).
    accepted(STAR, Send(0, 2, 30), Compute(1, 30), Send(1, 2, 30, deps=(1,)))
    refused(STAR, Send(0, 2, 30), Compute(1, 29), Send(1, 2, 30, deps=(1,)))
    refused(STAR, Send(0, 2, 30), Send(1, 2, 30))


def test_a_train_before_one_that_started_earlier():
    slow = machine(3, 1, (0, 3, 100), (1, 3), (3, 2))
    accepted(slow, Send(0, 2, 30), Compute(1, 10), Send(1, 2, 30, deps=(1,)))
    accepted(slow, Send(0, 2, 30), Compute(1, 70), Send(1, 2, 30, deps=(1,)))
    refused(slow, Send(0, 2, 30), Compute(1, 71), Send(1, 2, 30, deps=(1,)))


def test_gaps_of_a_train_are_kept():
    # The last packet of 10 bytes comes 11 fs after the one before it: a gap, in which a packet of 1 byte would fit.
    gap = machine(3, 1, (0, 3, 0, 10), (1, 3), (3, 2))
    refused(gap, Send(0, 2, 30), Compute(1, 105), Send(1, 2, 1, deps=(1,)))
    accepted(gap, Send(0, 2, 30), Compute(1, 299), Send(1, 2, 1, deps=(1,)))


def test_heads_of_a_queue():
    # 20 bytes to host 1 leave the FIFO at 41: what follows for host 2 must not ask before.
    sends = Send(0, 1, 20), Compute(0, 40), Send(0, 2, 5, deps=(1,))
    accepted(FORK, *sends, buffer=1000)
    refused(FORK, sends[0], Compute(0, 39), sends[2], buffer=1000)
    refused(FORK, Send(0, 1, 20), Send(0, 2, 5), buffer=1000)
    accepted(FORK, Send(0, 1, 20), Send(0, 2, 5, step=1), virtual_channels=2, flow_control="none")


def test_room():
    # Packet 4 is granted at 30 and its tail leaves at 81; in the 50 fs before it the link may have taken 50 bytes.
    sends = Send(0, 1, 40), Compute(0, 200), Send(0, 1, 40, deps=(1,))
    accepted(LINE, *sends, buffer=60)
    accepted(LINE, *sends, buffer=40)
    refused(LINE, *sends, buffer=39)
    accepted(LINE, *sends, buffer=39, flow_control="none")


def test_a_buffer_to_itself():
    # The 40 bytes are back 100 fs after the last tail left the buffer at 181.
    far = machine(2, 1, (0, 2, 100, 1), (2, 1, 0, 2))
    accepted(far, Send(0, 1, 40), Compute(0, 281), Send(0, 1, 40, deps=(1,)), buffer=40)
    refused(far, Send(0, 1, 40), Compute(0, 280), Send(0, 1, 40, deps=(1,)), buffer=40)
    accepted(far, Send(0, 1, 40), Compute(0, 180), Send(0, 1, 40, deps=(1,)), buffer=1000)


@pytest.mark.parametrize("ports, enough", [(0, True), (1, False), (2, False), (3, True)])
def test_ports(ports, enough):
    three = machine(4, 0, (0, 1), (0, 2), (0, 3), forwards=[True] * 4)
    sends = Send(0, 1, 30), Send(0, 2, 30), Send(0, 3, 30)
    (accepted if enough else refused)(three, *sends, ports=ports)


def test_ports_one_after_another():
    two = machine(3, 0, (0, 1), (0, 2), forwards=[True] * 3)
    accepted(two, Send(0, 1, 30), Compute(0, 30), Send(0, 2, 30, deps=(1,)), ports=1)
    refused(two, Send(0, 1, 30), Compute(0, 29), Send(0, 2, 30, deps=(1,)), ports=1)


@pytest.mark.parametrize("scheduler", ["fifo", "lowest-step", "shortest-first"])
@pytest.mark.parametrize("ready", [0, 29, 30, 31])
def test_queues_at_a_port_are_no_meeting(scheduler, ready):
    # The port comes free at 30 (and 60 or 70): what is ready in that tick is chosen from.
    early = Send(0, 1, 30, step=3), Send(0, 1, 40, step=2), Send(0, 1, 20, step=9)
    late = Send(0, 1, 15, deps=(3,), step=1)
    result = accepted(PAIR, *early, Compute(0, ready), late, nic_scheduler=scheduler)
    assert result.link_busy[0] == 105


def test_round_robin_needs_a_message_to_be_alone():
    second = Send(0, 1, 30, deps=(1,))
    refused(PAIR, Send(0, 1, 30), Compute(0, 29), second, nic_scheduler="round-robin")
    accepted(PAIR, Send(0, 1, 30), Compute(0, 30), second, nic_scheduler="round-robin")
    refused(PAIR, Send(0, 1, 30), Send(0, 1, 30), nic_scheduler="round-robin")
    accepted(PAIR, Send(0, 1, 30), Send(0, 1, 30), nic_scheduler="round-robin", flow_control="message")


@pytest.mark.parametrize(
    "settings",
    [
        {"nic_scheduler": "lockstep"},
        {"message_overhead": 5, "overhead_mode": "serial"},
        {"reduction_rate": 10**15, "reduction_units": 1},
        {"routing": "least-queued"},
        {"routing": "feedback"},
        {"loss": 1e-9},
    ],
)
def test_settings_that_need_packets(settings):
    refused(STAR, Send(0, 2, 30), **settings)


def test_free_reductions_have_no_servers():
    accepted(PAIR, Call(plan(2, (0, 0, 1, REDUCE)), 30), reduction_units=1)
    assert accepted(PAIR, Call(plan(2, (0, 0, 1, REDUCE)), 30), reduction_rate=10**14).time == 330


def test_what_is_wrong_is_left_to_packets():
    with pytest.raises(InvalidValue):
        run(PAIR, Send(0, 9, 1), engine="compiled")
    with pytest.raises(InvalidValue):
        run(PAIR, Send(0, 1, 30), engine="compiled", buffer=10, header=20, packet_payload=1)
    with pytest.raises(ClockOverflow):
        run(PAIR, Compute(0, 2**62), Compute(0, 2**62, (0,)), Send(0, 1, 9, (1,)), engine="compiled")


def test_arrivals_and_empty_messages():
    columns = [np.array(column) for column in ([0, 1, 0, 0, 0], [2, 2, 2, 0, 2], [30, 30, 0, 50, 9], [0, 100, 3, 4, 12])]
    result = accepted(STAR, Arrivals(*columns), Compute(0, 50), Send(2, 0, 0, deps=(0, 1)))
    assert result.message_started.tolist() == [0, 100, -1, -1, 30, -1]
    columns[3][1] = 20
    refused(STAR, Arrivals(*columns))


def test_programs_with_dependencies():
    both = plan(2, (0, 0, 1, REDUCE), (0, 1, 0, REDUCE))
    result = accepted(PAIR, Compute(0, 7), Call(both, 40, deps=(0,)), Call(both, 50, deps=(1,)), Compute(1, 5, deps=(2,)))
    assert result.time == 7 + 20 + 25 + 5
    assert (
        result.critical_path
        == run(
            PAIR, Compute(0, 7), Call(both, 40, deps=(0,)), Call(both, 50, deps=(1,)), Compute(1, 5, deps=(2,))
        ).critical_path
    )
