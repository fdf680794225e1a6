from hypothesis import given
from hypothesis import strategies as st
from oracles.lone_message import tails

from collsim.network.config import NetworkConfig
from collsim.network.message_time import lone_message, message_time, packet_sizes, reduction_fs
from collsim.units import parse_bandwidth, parse_time, serialisation_fs

BETA = parse_bandwidth("16GB/s")
ALPHA = parse_time("150ns")
DEFAULT = NetworkConfig()

links = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 3 * 10**15)), min_size=1, max_size=6)
real_links = st.lists(
    st.tuples(st.sampled_from([10**9, 7 * 10**9, BETA, 3 * 10**11, 46 * 10**9 + 7]), st.sampled_from([0, 1, ALPHA, 10**9])),
    min_size=1,
    max_size=6,
)


@given(
    size=st.integers(1, 200),
    path=links,
    payload=st.integers(1, 40),
    header=st.integers(0, 50),
    delay=st.integers(0, 10**15),
    store=st.booleans(),
    mode=st.sampled_from(["credit", "message", "none"]),
)
def test_train_equals_packets_one_by_one(size, path, payload, header, delay, store, mode):  # noqa: PLR0917
    network = DEFAULT.with_settings(
        {
            "packet_payload": payload,
            "header": header,
            "router_delay": delay,
            "switching": "store-and-forward" if store else "cut-through",
            "flow_control": mode,
        }
    )
    train = lone_message(size, path, network)
    arrival, intervals = tails(
        size, path, payload=payload, header=header, router_delay=delay, store=store, message_mode=mode == "message"
    )
    assert train.arrival == arrival
    assert list(zip(train.first, train.free, strict=True)) == intervals


@given(size=st.integers(1, 10**6), path=real_links, header=st.sampled_from([0, 16, 64]), store=st.booleans())
def test_train_equals_packets_on_real_links(size, path, header, store):
    network = DEFAULT.with_settings({"header": header, "switching": "store-and-forward" if store else "cut-through"})
    assert lone_message(size, path, network).arrival == tails(size, path, header=header, store=store)[0]


@given(size=st.integers(1, 10**5), path=real_links, header=st.sampled_from([0, 16]))
def test_parts_are_never_negative_and_sum_to_the_arrival(size, path, header):
    train = lone_message(size, path, DEFAULT.with_settings({"header": header, "router_delay": "3ns"}))
    assert train.heads >= 0
    assert train.bottleneck + train.heads + train.latency + train.router == train.arrival
    assert train.wire_bytes == size + header * train.packets
    assert train.bottleneck == max(train.serial)


@given(
    hops=st.integers(1, 7),
    size=st.integers(1, 50_000),
    header=st.sampled_from([0, 1, 64]),
    store=st.booleans(),
    overhead=st.integers(0, 10**6),
)
def test_equal_links_follow_rule_26(hops, size, header, store, overhead):
    network = DEFAULT.with_settings(
        {
            "header": header,
            "router_delay": "7ns",
            "message_overhead": overhead,
            "injection_latency": "11ns",
            "ejection_latency": "13ns",
            "switching": "store-and-forward" if store else "cut-through",
        }
    )
    sizes = [4096 + header] * (size // 4096) + ([size % 4096 + header] if size % 4096 else [])
    head = serialisation_fs(sizes[0], BETA) if store else max(1, serialisation_fs(header, BETA))
    expected = overhead + 24 * 10**6 + hops * ALPHA + (hops - 1) * (7 * 10**6 + head)
    expected += sum(serialisation_fs(n, BETA) for n in sizes)
    assert message_time(size, [(BETA, ALPHA)] * hops, network) == expected


def test_packets_of_message_based_flow_control_carry_one_header():
    network = DEFAULT.with_settings({"packet_payload": 100, "header": 10, "flow_control": "message"})
    assert packet_sizes(250, network) == (3, 110, 100, 50)
    assert packet_sizes(250, DEFAULT.with_settings({"packet_payload": 100, "header": 10})) == (3, 110, 110, 60)
    assert packet_sizes(100, network) == (1, 110, 0, 110)
    assert packet_sizes(0, network) == (0, 0, 0, 0)


def test_long_first_packet_by_hand():
    # Rates 1 and 2 bytes/s; packets of 3, 2, 2, 1 bytes leave link 1 at 3, 5, 7, 8 s. The last one is all head (its first
    # byte), so link 2 begins it at 8 s, though its tail alone would have allowed 7.5 s.
    network = DEFAULT.with_settings({"packet_payload": 2, "header": 1, "flow_control": "message"})
    second = 10**15
    train = lone_message(7, [(1, 0), (2, 0)], network)
    assert train.free[0] == 8 * second
    assert train.arrival == 17 * second // 2
    assert train.first == (0, 3 * second // 2)


def test_empty_messages_and_empty_paths():
    network = DEFAULT.with_settings({"message_overhead": "5ns", "injection_latency": "2ns", "ejection_latency": "1ns"})
    assert message_time(0, [(BETA, ALPHA)], network) == 7 * 10**6
    assert message_time(100, [], network) == 8 * 10**6


def test_reduction_rounds_up_to_its_quantum():
    assert reduction_fs(1000, DEFAULT) == 0
    network = DEFAULT.with_settings({"reduction_rate": "1GB/s", "reduction_quantum": 512})
    assert reduction_fs(1, network) == 512 * 10**6
    assert reduction_fs(513, network) == 1024 * 10**6
    assert reduction_fs(0, network) == 0
    assert message_time(1, [(10**9, 0)], network, reduces=True) == 513 * 10**6
