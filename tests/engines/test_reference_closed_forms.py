"""The engine against laws that do not come from it: rule 26, a lone message packet by packet, rings."""

import pytest
from engines.reference_cases import LATENCY, RATE, chain, ring, ring_all_reduce, simulate, star
from hypothesis import given
from hypothesis import strategies as st
from oracles.lone_message import tails

from collsim.program import Call, Send, single_call
from collsim.units import parse_time, serialisation_fs

SIZES = st.integers(1, 40_000)


@pytest.mark.parametrize("n", [2, 3, 8])
@pytest.mark.parametrize("size", [8 * 4096 * 3, 2**20])
def test_ring_all_reduce_takes_twice_n_minus_one_steps(n, size):
    size -= size % n
    steps = 2 * (n - 1)
    packets, rest = divmod(size // n, 4096)
    step = LATENCY + packets * serialisation_fs(4096, RATE) + serialisation_fs(rest, RATE)
    assert simulate(ring(n), *single_call(ring_all_reduce(n), size).operations).time == steps * step


@given(SIZES, st.integers(1, 4), st.sampled_from([0, 16, 300]), st.integers(0, 10**7), st.integers(1, 5000))
def test_rule_26_on_equal_links(size, hops, header, delay, payload):
    settings = {"header": header, "router_delay": delay, "packet_payload": payload, "message_overhead": 7}
    result = simulate(
        chain([(RATE, LATENCY)] * hops), Send(0, 1, size), injection_latency=11, ejection_latency=13, **settings
    )
    full, last = divmod(size, payload)
    packets = full * serialisation_fs(payload + header, RATE) + (serialisation_fs(last + header, RATE) if last else 0)
    smallest = min(header, size + header)
    inner = (hops - 1) * (delay + max(1, serialisation_fs(smallest, RATE)))
    assert result.time == 7 + 11 + hops * LATENCY + inner + packets + 13


@given(
    SIZES,
    st.lists(st.tuples(st.integers(10**6, 10**12), st.integers(0, 10**9)), min_size=1, max_size=4),
    st.sampled_from([0, 16, 5000]),
    st.booleans(),
    st.booleans(),
    st.integers(0, 10**7),
)
def test_a_lone_message_over_unequal_links(size, links, header, store, by_message, delay):
    settings = {
        "header": header,
        "switching": "store-and-forward" if store else "cut-through",
        "flow_control": "message" if by_message else "credit",
        "router_delay": delay,
        "buffer": 10**6,
    }
    expected, intervals = tails(size, links, header=header, store=store, message_mode=by_message, router_delay=delay)
    seen = []
    result = simulate(chain(links), Send(0, 1, size), observers=[_Spans(seen)], **settings)
    assert result.time == expected
    for link, (first, free) in enumerate(intervals):
        spans = [(begin, end) for where, begin, end in seen if where == link]
        assert (spans[0][0], spans[-1][1]) == (first, free)


class _Spans:
    def __init__(self, seen):
        self.seen = seen

    def on_grant(self, link, message, packet, time, *, end, **_):
        self.seen.append((link, time, end))


def test_automatic_buffers_keep_a_lone_stream_at_line_rate():
    for header, delay in [(0, 0), (64, parse_time("40ns"))]:
        for latency in (0, LATENCY, 20 * LATENCY):
            result = simulate(chain([(RATE, latency)] * 3), Send(0, 1, 2**20), header=header, router_delay=delay)
            head = max(1, serialisation_fs(header, RATE))
            assert result.time == 3 * latency + 2 * (delay + head) + 256 * serialisation_fs(4096 + header, RATE)


def test_a_buffer_of_one_packet_makes_a_stream_wait_for_credit():
    result = simulate(chain([(RATE, LATENCY)] * 2), Send(0, 1, 3 * 4096), buffer=4096)
    ser = serialisation_fs(4096, RATE)
    turn = (LATENCY + 1) + ser + LATENCY
    assert result.time == 2 * turn + 2 * LATENCY + 1 + ser
    assert result.critical_path["credit_wait"] > 0


def test_two_senders_share_a_link_packet_by_packet():
    result = simulate(star(3), Send(0, 2, 10 * 4096), Send(1, 2, 10 * 4096))
    ser = serialisation_fs(4096, RATE)
    assert result.time == 2 * LATENCY + 1 + 20 * ser
    assert result.message_finish.tolist() == [result.time - ser, result.time]


def test_empty_messages_and_messages_to_oneself():
    result = simulate(star(2), Send(0, 1, 0), Send(1, 1, 100), message_overhead=5, ejection_latency=3)
    assert result.message_finish.tolist() == [5, 8]
    assert result.packet_hops == result.packets == 0
    tiny = simulate(ring(8), Call(ring_all_reduce(8), 3))
    assert tiny.time > 0
    assert simulate(ring(8), Call(ring_all_reduce(8), 0)).time == 0
