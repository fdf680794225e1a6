"""Rules 15 to 20: who gets a link, and in what order things happen within a tick."""

import pytest
from engines.tiny import finish, machine, run

from collsim.program import Compute, Send

MERGE = machine(4, 0, (0, 1), (3, 1), (1, 2), forwards=[False, True, False, False])
"""Hosts 0 and 3 send through host 1, which forwards, to host 2; links 0, 1 and 2."""


def merging(*steps):
    """Two packets each from hosts 0, 3 and 1 itself, whose first packets all ask for link 1->2 at 1."""
    a, b, own = steps or (0, 0, 0)
    return (Send(0, 2, 20, step=a), Send(3, 2, 20, step=b), Compute(1, 1), Send(1, 2, 20, step=own, deps=(2,)))


def test_rule_15_an_idle_link_serves_whoever_asks_and_a_busy_one_nobody():
    late = (Send(0, 2, 20), Compute(3, 4), Send(3, 2, 10, deps=(1,)))
    # At 1 only the first packet of host 0 asks; the packet of host 3 asks at 5 and waits for 11.
    assert finish(MERGE, *late, buffer=100) == [31, 21]


def test_rule_15_without_room_there_is_no_candidate():
    # Both hosts share link s->t, whose channel 0 is full of a packet for a slow host until 102; channel 1 is free.
    line = machine(4, 2, (0, 4), (1, 4), (4, 5), (5, 2, 0, 10), (5, 3))
    sends = (Send(0, 2, 20), Send(1, 3, 10))
    settings = {"virtual_channels": 2, "buffer": 10}
    assert finish(line, *sends, **settings)[1] == 22


def test_rule_16_round_robin_goes_by_fifos_then_the_nic():
    assert finish(MERGE, *merging(), buffer=100) == [41, 51, 61]


def test_rule_16_the_pointer_stays_behind_the_last_winner():
    # The NIC wins at 0 alone, so the pointer is at FIFO 0 again; host 3 wins at 10, so host 0 waits for 30.
    ask = (Send(1, 2, 10), Send(3, 2, 20), Compute(0, 12), Send(0, 2, 20, deps=(2,)), Send(1, 2, 10))
    # 10 host 3, 20 NIC (host 0 asks at 13: after host 3 comes... FIFO 0 only behind FIFO 1 and the NIC).
    assert finish(MERGE, *ask, buffer=100) == [10, 50, 60, 30]


@pytest.mark.parametrize(
    ("policy", "steps", "times"),
    [
        ("oldest", (0, 0, 0), [21, 41, 61]),
        ("oldest", (2, 1, 0), [21, 41, 61]),
        ("lowest-step", (2, 1, 0), [61, 41, 21]),
        ("lowest-step", (0, 0, 0), [21, 41, 61]),
    ],
)
def test_rule_17_oldest_and_lowest_step(policy, steps, times):
    assert finish(MERGE, *merging(*steps), arbitration=policy, buffer=100) == times


def test_rule_18_state_changes_come_before_arbitration():
    # The link is free at 10; at 10 a message of a lower step becomes ready, through three empty ones of the same tick.
    wire = machine(2, 0, (0, 1))
    cascade = (
        Send(0, 1, 10, step=9),
        Send(0, 1, 10, step=3),
        Compute(0, 10),
        Send(0, 1, 0, deps=(2,)),
        Send(0, 1, 0, deps=(3,)),
        Compute(0, 0, deps=(4,)),
        Send(0, 1, 10, step=0, deps=(5,)),
    )
    result = run(wire, *cascade, nic_scheduler="fifo")
    assert result.message_finish.tolist() == [10, 20, 10, 10, 30]
    assert finish(wire, Send(0, 1, 10, step=0), Send(0, 1, 10, step=3), *cascade[2:]) == [10, 30, 10, 10, 20]


WAYS = ((5, 6, 0, 10), (5, 7, 0, 10), (6, 8), (7, 8), (8, 1))
DIAMOND = machine(5, 4, (0, 5), (2, 5), (3, 5), (4, 5), *WAYS)
"""Hosts 0, 2, 3 and 4 send to switch 5; two slow ways lead on to switch 8 and host 1, links 4 and 5."""


def test_rule_19_packets_choose_the_emptier_way_when_they_begin_to_ask():
    # A packet is on one way until 101; one that begins to ask at 21 takes the other, whichever that is.
    result = run(DIAMOND, Send(0, 1, 10), Compute(2, 20), Send(2, 1, 10, deps=(1,)), routing="least-queued", buffer=100)
    assert result.link_bytes[4:6].tolist() == [10, 10]


def test_rule_19_choices_of_one_tick_do_not_see_each_other():
    # One packet is on one way until 101. Three that begin to ask together at 21 all take the other way.
    hosts = (2, 3, 4)
    first = (Send(0, 1, 10), *(Compute(host, 20) for host in hosts))
    together = tuple(Send(host, 1, 10, deps=(1 + k,)) for k, host in enumerate(hosts))
    result = run(DIAMOND, *first, *together, routing="least-queued", buffer=100)
    assert sorted(result.link_bytes[4:6].tolist()) == [10, 30]


def test_rule_20_links_are_arbitrated_in_ascending_order():
    # Both ports of host 0 have a message at 0 and one may send: link 0 first, though its message has the higher id.
    fan = machine(3, 0, (0, 1), (0, 2), (1, 2))
    assert finish(fan, Send(0, 2, 10), Send(0, 1, 10), ports=1) == [20, 10]
