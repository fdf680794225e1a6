"""Rules 11 to 14: the queue of a port, its scheduler, lockstep, and the limit on ports."""

import pytest
from engines.tiny import finish, machine, plan, run

from collsim.collectives.schedule import COPY
from collsim.network.schedulers import SCHEDULERS, scheduler
from collsim.program import Call, Compute, Send

WIRE = machine(2, 0, (0, 1))


def queue_of_three():
    """A first message takes the port from 0 to 30; then three wait: A (step 3, 20 bytes), B (0, 30), C (4, 10)."""
    waiting = []
    for ready, step, size in ((5, 3, 20), (6, 0, 30), (7, 4, 10)):
        waiting += [Compute(0, ready), Send(0, 1, size, step=step, deps=(1 + len(waiting),))]
    return (Send(0, 1, 30, step=9), *waiting)


def test_rule_11_messages_of_one_tick_queue_in_order_of_their_ids():
    order = [Compute(0, 5), Compute(0, 5), Send(0, 1, 10, deps=(1,)), Send(0, 1, 10, deps=(0,))]
    assert finish(WIRE, *order, nic_scheduler="fifo") == [15, 25]


def test_rule_11_each_port_has_its_own_queue():
    fork = machine(3, 0, (0, 1), (0, 2), (1, 2))
    assert finish(fork, Send(0, 1, 50), Send(0, 2, 10)) == [50, 10]


@pytest.mark.parametrize(
    ("name", "a", "b", "c"),
    [("fifo", 50, 80, 90), ("lowest-step", 80, 60, 90), ("shortest-first", 60, 90, 40)],
)
def test_rule_12_schedulers_by_their_keys(name, a, b, c):
    assert finish(WIRE, *queue_of_three(), nic_scheduler=name) == [30, a, b, c]


def test_rule_12_lowest_step_is_the_default():
    assert finish(WIRE, *queue_of_three()) == finish(WIRE, *queue_of_three(), nic_scheduler="lowest-step")


def test_rule_12_round_robin_takes_a_packet_of_each():
    # Packets in turn: first, first (alone at the back and at the front), A, B, C, first, A, B, B.
    assert finish(WIRE, *queue_of_three(), nic_scheduler="round-robin") == [60, 70, 90, 50]


@pytest.mark.parametrize("name", ["fifo", "lowest-step", "shortest-first"])
def test_rule_12_the_choice_stays_from_the_first_grant(name):
    late = (Send(0, 1, 100, step=5), Compute(0, 1), Send(0, 1, 10, step=0, deps=(1,)))
    assert finish(WIRE, *late, nic_scheduler=name) == [100, 110]


def test_rule_12_ties_go_to_the_earlier_and_then_to_the_lower_id():
    sends = (Send(0, 1, 30), Compute(0, 5), Send(0, 1, 10, deps=(1,)), Send(0, 1, 10), Send(0, 1, 10))
    assert finish(WIRE, *sends, nic_scheduler="shortest-first") == [60, 30, 10, 20]


def test_rule_12_a_nic_without_room_sits_out():
    # Message 0 waits for a credit of its channel until 101; message 1 has another channel with room, and waits as well.
    star = machine(3, 1, (0, 3), (3, 1, 0, 10), (3, 2))
    assert finish(star, Send(0, 1, 20), Send(0, 2, 10), virtual_channels=2, buffer=10) == [202, 122]


def test_rule_12_a_custom_scheduler_is_a_key():
    @scheduler("longest-first-of-a-test")
    def longest_first(message):
        """The most bytes first."""
        return (-message.size, message.id)

    try:
        assert finish(WIRE, *queue_of_three(), nic_scheduler="longest-first-of-a-test") == [30, 80, 60, 90]
    finally:
        del SCHEDULERS._entries["longest-first-of-a-test"], SCHEDULERS._aliases["longest-first-of-a-test"]


@pytest.mark.parametrize(("estimate", "second"), [(100, 110), ("schedule", 20), (3, 20)])
def test_rule_13_lockstep_waits_for_injection_and_for_the_estimate(estimate, second):
    two_steps = Call(plan(2, (0, 0, 1, COPY), (1, 0, 1, COPY)), 20)
    assert finish(WIRE, two_steps, nic_scheduler="lockstep", lockstep_estimate=estimate) == [10, second]


def test_rule_13_empty_steps_wait_as_well():
    third_only = Call(plan(2, (0, 0, 1, COPY), (2, 1, 0, COPY)), 20)
    assert finish(WIRE, third_only, nic_scheduler="lockstep", lockstep_estimate=100) == [10, 210]


def test_rule_13_the_oracle_opens_when_the_step_is_complete_everywhere():
    far = machine(2, 0, (0, 1, 7), (1, 0, 70))
    steps = Call(plan(2, (0, 0, 1, COPY), (0, 1, 0, COPY), (1, 0, 1, COPY)), 30)
    assert finish(far, steps, nic_scheduler="lockstep", lockstep_estimate="oracle") == [17, 80, 97]


def test_rule_14_ports_limit_what_a_host_sends_at_once():
    fan = machine(4, 0, (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
    sends = [Send(0, 1, 10), Send(0, 2, 10), Send(0, 3, 10)]
    assert finish(fan, *sends, ports=1) == [10, 20, 30]
    assert finish(fan, *sends, ports=2) == [10, 10, 20]
    assert finish(fan, *sends) == [10, 10, 10]


def test_rule_14_forwarding_and_receiving_need_no_port():
    line = machine(3, 0, (0, 1), (1, 2), (1, 0), forwards=[False, True, False])
    result = run(line, Send(0, 2, 10), Send(1, 0, 50), ports=1)
    assert result.message_finish.tolist() == [11, 50]
