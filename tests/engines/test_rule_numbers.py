"""Rules 1 to 3 of docs/network-model.md."""

import numpy as np
import pytest
from engines.tiny import ONE, finish, machine, run

from collsim.collectives.collective import collective
from collsim.collectives.schedule import COPY, Schedule
from collsim.errors import ClockOverflow, InvalidValue, RoutingError
from collsim.program import Call, Send
from collsim.topology import load
from collsim.topology.graph import Link, build


def pair(bandwidth):
    return build("pair", 2, [Link(0, 1, bandwidth, 0), Link(1, 0, bandwidth, 0)])


def test_rule_01_a_packet_time_is_rounded_up_and_sums_are_of_packets():
    assert finish(pair(3 * ONE), Send(0, 1, 4), packet_payload=4) == [2]
    assert finish(pair(3 * ONE), Send(0, 1, 4), packet_payload=1) == [4]
    assert finish(pair(3), Send(0, 1, 2), packet_payload=2) == [-(-2 * ONE // 3)]


def test_rule_01_products_beyond_63_bits_are_exact():
    rate = 46 * 10**9 + 7
    assert finish(pair(rate), Send(0, 1, 10**8), packet_payload=10**8) == [-(-(10**8) * ONE // rate)]


def test_rule_01_the_clock_overflows_loudly():
    with pytest.raises(ClockOverflow):
        finish(pair(1), Send(0, 1, 10_000), packet_payload=10)


def test_rule_02_packets_and_headers():
    result = run(pair(ONE), Send(0, 1, 25), header=3)
    assert result.packets == 3
    assert result.message_finish.tolist() == [25 + 3 * 3]
    assert result.link_bytes.tolist() == [34, 0]


def test_rule_02_an_empty_message_is_complete_when_ready():
    result = run(pair(ONE), Send(0, 1, 0), Send(0, 1, 5, deps=(0,)), message_overhead=100, injection_latency=10)
    assert result.message_finish.tolist() == [110, 225]
    assert result.packets == 1


def test_rule_03_a_buffer_smaller_than_a_packet_is_refused():
    with pytest.raises(InvalidValue, match="smaller than a packet"):
        run(load("ring8"), Send(0, 3, 100), buffer=12, header=3)


def test_rule_03_a_cycle_of_dependencies_is_refused():
    def ints(*values):
        return np.array(values, dtype=np.int64)

    knot = Schedule(
        collective("all-gather"),
        "knot",
        ranks_to_hosts=ints(0, 1),
        weights=ints(1, 1),
        unit=2,
        chunk_src=ints(0, 1),
        chunk_dst=ints(-1, -1),
        step=ints(0, 1),
        src=ints(0, 1),
        dst=ints(1, 0),
        chunk=ints(0, 1),
        count=ints(1, 1),
        op=ints(COPY, COPY),
        dep_set=ints(1, 2),
        set_offsets=ints(0, 0, 1, 2),
        set_members=ints(1, 0),
        path_offsets=ints(0, 0, 0),
        path_links=ints(),
    )
    for engine in ("simpy", "analytic"):
        with pytest.raises(InvalidValue, match="cycle"):
            run(pair(ONE), Call(knot, 20), engine=engine)


def test_rule_03_a_routing_that_may_deadlock_is_refused_by_name():
    ring = load("ring8")
    sends = [Send(host, (host + 3) % 8, 100) for host in range(8)]
    with pytest.raises(RoutingError, match="->"):
        run(ring, *sends, virtual_channels=1)
    assert len(finish(ring, *sends, virtual_channels=1, flow_control="none")) == 8
    assert len(finish(ring, sends[0], virtual_channels=1, allow_deadlock=True)) == 1


def test_rule_03_a_tree_needs_one_channel_only():
    assert finish(machine(2, 1, (0, 2), (2, 1)), Send(0, 1, 10), virtual_channels=1) == [11]
