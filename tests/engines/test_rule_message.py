"""Rules 4 to 6: from dependencies to the first packet, and from the last tail to completion."""

from engines.tiny import finish, machine, plan, run

from collsim.collectives.schedule import COPY, REDUCE
from collsim.program import Call, Compute, Send


def test_rule_04_ready_after_dependencies_overhead_and_injection():
    wire = machine(3, 0, (0, 1, 7), (1, 2, 9), (0, 2, 1))
    result = run(wire, Send(0, 1, 10), Send(1, 2, 10, deps=(0,)), message_overhead=100, injection_latency=30)
    assert result.message_ready.tolist() == [130, 130 + 17 + 130]
    assert result.message_finish.tolist() == [147, 277 + 19]


def test_rule_04_overheads_run_side_by_side_or_take_turns():
    fan = machine(4, 0, (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
    sends = [Send(0, 1, 10), Send(0, 2, 10), Send(0, 3, 10)]
    assert finish(fan, *sends, message_overhead=100) == [110, 110, 110]
    assert finish(fan, *sends, message_overhead=100, overhead_mode="serial") == [110, 210, 310]


def test_rule_04_serial_overheads_take_turns_by_ready_time():
    fan = machine(3, 0, (0, 1), (0, 2), (1, 2))
    late = (Compute(0, 5), Send(0, 1, 10, deps=(0,)), Send(0, 2, 10))
    assert finish(fan, *late, message_overhead=100, overhead_mode="serial") == [210, 110]


STAR = ((0, 3), (3, 1, 0, 10), (3, 2))
"""Host 0, a switch, a slow host 1 (10 fs a byte) and a fast host 2."""


def test_rule_05_messages_of_one_channel_queue_behind_each_other():
    # Message 0: two packets, each 100 on the slow link, 1..101..201. Message 1 stands behind them in the FIFO.
    star = machine(3, 1, *STAR)
    assert finish(star, Send(0, 1, 20), Send(0, 2, 10), virtual_channels=1, buffer=100) == [201, 211]


def test_rule_05_static_channels_go_by_message_id():
    # Ids 0 and 1 have channels of their own: message 1 leaves at 21, when its head is there. Ids 0 and 2 share one.
    star = machine(3, 1, *STAR)
    assert finish(star, Send(0, 1, 20), Send(0, 2, 10), virtual_channels=2, buffer=100) == [201, 31]
    shared = finish(star, Send(0, 1, 20), Send(0, 2, 0), Send(0, 2, 10), virtual_channels=2, buffer=100)
    assert shared == [201, 0, 211]


def test_rule_05_most_room_avoids_the_full_channel():
    star = machine(3, 1, *STAR)
    sends = Send(0, 1, 20), Send(0, 2, 0), Send(0, 2, 10)
    result = finish(star, *sends, virtual_channels=2, buffer=100, vc_allocation="most-room")
    # Packet 1 took channel 0, packet 2 channel 1 (more room); both are at the switch, the tie goes to channel 0: behind
    # packet 1, which leaves the slow link at 101.
    assert result == [201, 0, 111]


def test_rule_05_a_message_to_oneself_crosses_nothing():
    result = run(machine(2, 0, (0, 1)), Send(0, 0, 25), message_overhead=100, ejection_latency=7)
    assert result.message_finish.tolist() == [107]
    assert result.link_bytes.sum() == 0


def test_rule_06_completion_adds_ejection_and_reduction():
    wire = machine(2, 0, (0, 1, 5))
    settings = {"ejection_latency": 50, "reduction_rate": 5 * 10**14}
    assert finish(wire, Call(plan(2, (0, 0, 1, COPY)), 30), **settings) == [85]
    assert finish(wire, Call(plan(2, (0, 0, 1, REDUCE)), 30), **settings) == [85 + 60]
    assert finish(wire, Call(plan(2, (0, 0, 1, REDUCE)), 30), reduction_quantum=64, **settings) == [85 + 128]


def test_rule_06_reduction_servers_are_first_come_first_served():
    fan_in = machine(4, 0, (1, 0), (2, 0), (3, 0), (1, 2), (2, 3), (1, 3))
    three = Call(plan(4, *((0, source, 0, REDUCE) for source in (1, 2, 3))), 30)
    rate = {"reduction_rate": 10**14}
    assert finish(fan_in, three, **rate) == [110, 110, 110]
    assert finish(fan_in, three, reduction_units=1, **rate) == [110, 210, 310]
    assert finish(fan_in, three, reduction_units=2, **rate) == [110, 110, 210]


def test_rule_06_the_tail_is_the_latest_packet_even_if_packets_overtake():
    # Two ways from the switch, the first ten times slower: sprayed packets of one message arrive in any order.
    two_ways = machine(2, 4, (0, 2), (2, 3, 0, 10), (3, 5), (2, 4), (4, 5), (5, 1))
    result = run(two_ways, Send(0, 1, 40), routing="spray", buffer=1000)
    slow = int(result.link_bytes[1])
    assert 0 < slow < 40
    assert int(result.message_finish[0]) > 10 * slow
