"""Rules 7 to 10 and 26: a packet on its links, buffers and credits, and a message alone."""

from engines.tiny import finish, machine

from collsim.program import Compute, Send

LINE = machine(2, 1, (0, 2, 5), (2, 1, 5))


def test_rule_07_cut_through_hands_on_the_head_store_and_forward_the_tail():
    assert finish(LINE, Send(0, 1, 10), header=3) == [5 + 3 + 13 + 5]
    assert finish(LINE, Send(0, 1, 10), header=3, switching="store-and-forward") == [5 + 13 + 13 + 5]


def test_rule_07_a_head_takes_at_least_a_femtosecond_and_at_most_the_packet():
    assert finish(LINE, Send(0, 1, 10)) == [5 + 1 + 10 + 5]
    assert finish(LINE, Send(0, 1, 2), header=50) == [5 + 50 + 52 + 5]


def test_rule_08_the_last_link_needs_no_room():
    far = machine(2, 0, (0, 1, 1000))
    assert finish(far, Send(0, 1, 100), buffer=10) == [100 + 1000]


def test_rule_09_no_underrun_behind_a_slow_link():
    slow_then_fast = machine(2, 1, (0, 2, 5, 2), (2, 1, 5))
    # The tail is at the switch at 25; the fast link starts 10 before that, at 15, not with the head at 6.
    assert finish(slow_then_fast, Send(0, 1, 10)) == [15 + 10 + 5]


def test_rule_09_waiting_pays_no_second_router_delay():
    merge = machine(3, 1, (0, 3, 5), (1, 3, 5), (3, 2, 5))
    assert finish(merge, Send(0, 2, 10), Send(1, 2, 10), router_delay=20) == [26 + 15, 36 + 15]


def test_rule_09_router_delay_is_paid_between_links_only():
    assert finish(machine(2, 0, (0, 1, 5)), Send(0, 1, 10), router_delay=20) == [15]
    assert finish(LINE, Send(0, 1, 10), router_delay=20) == [5 + 1 + 20 + 10 + 5]


def test_rule_10_credits_return_after_the_tail_and_a_latency():
    # One packet of room on the first link: granted at 0, on at 51, tail out at 61, counted at the sender at 111.
    far = machine(2, 1, (0, 2, 50), (2, 1, 50))
    assert finish(far, Send(0, 1, 30), buffer=10) == [2 * 111 + 51 + 10 + 50]


def test_rule_10_two_packets_of_room_overlap_their_round_trips():
    # Grants on the first link at 0, 10, 111, 121: room for packet j + 2 is back 111 after the grant of packet j.
    far = machine(2, 1, (0, 2, 50), (2, 1, 50))
    assert finish(far, Send(0, 1, 40), buffer=20) == [121 + 51 + 10 + 50]


def test_rule_10_auto_buffers_keep_a_long_link_busy():
    far = machine(2, 1, (0, 2, 5000), (2, 1, 5000))
    assert finish(far, Send(0, 1, 3000), router_delay=300) == [10_000 + 1 + 300 + 3000]


def test_rule_10_a_fifo_sends_one_packet_at_a_time_even_to_different_links():
    # Both packets of host 0 are at the switch in one channel; the second goes elsewhere, when the first tail has left.
    fork = machine(3, 1, (0, 3), (3, 1, 0, 4), (3, 2))
    assert finish(fork, Send(0, 1, 10), Send(0, 2, 10), virtual_channels=1, buffer=100) == [41, 51]


def test_rule_26_alone_on_equal_links():
    chain = machine(2, 2, (0, 2, 7), (2, 3, 7), (3, 1, 7))
    common = {"header": 2, "router_delay": 4, "message_overhead": 100, "injection_latency": 20, "ejection_latency": 40}
    packets = 12 + 12 + 12 + 6
    assert finish(chain, Send(0, 1, 34), **common) == [160 + 21 + 2 * (4 + 2) + packets]
    stored = finish(chain, Send(0, 1, 34), switching="store-and-forward", **common)
    assert stored == [160 + 21 + 2 * (4 + 12) + packets]


def test_rule_26_holds_whenever_the_message_starts():
    chain = machine(2, 2, (0, 2, 7), (2, 3, 7), (3, 1, 7))
    assert finish(chain, Compute(0, 1000), Send(0, 1, 34, deps=(0,))) == [1000 + 21 + 2 + 34]
