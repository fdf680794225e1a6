import pytest
from hypothesis import given
from hypothesis import strategies as st

from collsim.errors import InvalidValue, UnknownName
from collsim.network.config import LEAVES, NetworkConfig

DEFAULT = NetworkConfig()

SETTINGS = [
    ("packet_payload", "256", 256),
    ("packet_payload", "4KiB", 4096),
    ("header", "16B", 16),
    ("header", 0, 0),
    ("switching", "store-and-forward", "store-and-forward"),
    ("router_delay", "20ns", 20_000_000),
    ("router_delay", 7, 7),
    ("buffer", "64KiB", 65_536),
    ("buffer", "auto", "auto"),
    ("virtual_channels", "4", 4),
    ("virtual_channels", "auto", "auto"),
    ("vc_allocation", "most-room", "most-room"),
    ("flow_control", "message", "message"),
    ("arbitration", "oldest", "oldest"),
    ("nic_scheduler", "fifo", "fifo"),
    ("lockstep_estimate", "oracle", "oracle"),
    ("lockstep_estimate", "2us", 2_000_000_000),
    ("lockstep_estimate", 5, 5),
    ("ports", "2", 2),
    ("message_overhead", "1us", 10**9),
    ("overhead_mode", "serial", "serial"),
    ("injection_latency", "1ns", 10**6),
    ("ejection_latency", "0", 0),
    ("reduction_rate", "100GB/s", 10**11),
    ("reduction_rate", "free", None),
    ("reduction_units", "3", 3),
    ("reduction_quantum", "512", 512),
    ("routing", "ecmp", "ecmp"),
    ("loss", "1e-6", 1e-6),
    ("loss", "0.5%", 0.005),
    ("loss", 0.25, 0.25),
    ("loss", "0", 0),
    ("recovery", "go-back-n", "go-back-n"),
    ("retransmit_timeout", "10us", 10**10),
    ("retransmit_timeout", 7, 7),
    ("retransmit_timeout", "auto", "auto"),
    ("delivery", "in-order", "in-order"),
    ("allow_deadlock", "yes", True),
    ("allow_deadlock", False, False),
]


@pytest.mark.parametrize(("key", "text", "value"), SETTINGS)
def test_leaves_read_text_and_values(key, text, value):
    config = DEFAULT.with_settings({key: text})
    assert config.leaves()[key] == value
    assert config.changed() == ({key: value} if value != DEFAULT.leaves()[key] else {})


def test_every_leaf_is_covered_above():
    assert {key for key, _, _ in SETTINGS} == set(LEAVES)


def test_the_defaults_are_those_of_the_model():
    assert DEFAULT.leaves() == {
        "packet_payload": 4096,
        "header": 0,
        "switching": "cut-through",
        "router_delay": 0,
        "buffer": "auto",
        "virtual_channels": "auto",
        "vc_allocation": "static",
        "arbitration": "round-robin",
        "routing": "auto",
        "allow_deadlock": False,
        "nic_scheduler": "lowest-step",
        "lockstep_estimate": "schedule",
        "ports": 0,
        "message_overhead": 0,
        "overhead_mode": "parallel",
        "injection_latency": 0,
        "ejection_latency": 0,
        "reduction_rate": None,
        "reduction_units": 0,
        "reduction_quantum": 1,
        "flow_control": "credit",
        "loss": 0.0,
        "recovery": "selective-repeat",
        "retransmit_timeout": "auto",
        "delivery": "placement",
    }
    assert DEFAULT.changed() == {}
    assert DEFAULT.describe_changes() == []


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("packet_payload", 0),
        ("packet_payload", "-1"),
        ("packet_payload", "1.5"),
        ("header", "-1"),
        ("header", "many"),
        ("buffer", 0),
        ("virtual_channels", 0),
        ("virtual_channels", 99999),
        ("ports", -1),
        ("reduction_units", "two"),
        ("reduction_quantum", 0),
        ("reduction_rate", "0GB/s"),
        ("router_delay", "5"),
        ("router_delay", -5),
        ("message_overhead", "-1ns"),
        ("allow_deadlock", "perhaps"),
    ],
)
def test_values_out_of_range_are_refused_with_the_value(key, wrong):
    with pytest.raises(InvalidValue) as refusal:
        DEFAULT.with_settings({key: wrong})
    assert str(wrong).lstrip("-") in str(refusal.value)


def test_misspelt_keys_and_choices_are_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="'router_delay'"):
        DEFAULT.with_settings({"router_dely": "1ns"})
    with pytest.raises(UnknownName, match="'cut-through'"):
        DEFAULT.with_settings({"switching": "cut-thru"})
    with pytest.raises(UnknownName, match="'oldest'"):
        DEFAULT.with_settings({"arbitration": "oldes"})
    with pytest.raises(UnknownName, match="'fifo'"):
        DEFAULT.with_settings({"nic_scheduler": "fifoo"})
    with pytest.raises(UnknownName, match="'oracle'"):
        DEFAULT.with_settings({"lockstep_estimate": "oracel"})


def test_a_reduction_rate_of_zero_is_told_how_to_be_free():
    with pytest.raises(InvalidValue, match="free"):
        DEFAULT.with_settings({"reduction_rate": "0"})


def test_combinations_that_cannot_work_are_refused():
    with pytest.raises(InvalidValue, match="per-packet"):
        DEFAULT.with_settings({"flow_control": "message", "routing": "spray"})
    with pytest.raises(InvalidValue, match="smaller than a packet"):
        DEFAULT.with_settings({"buffer": 4096, "header": 1})
    assert DEFAULT.with_settings({"buffer": 100, "flow_control": "none"}).router.buffer == 100


def test_settings_leave_the_original_alone_and_add_up():
    first = DEFAULT.with_settings({"ports": 2})
    second = first.with_settings({"header": 16})
    assert (DEFAULT.nic.ports, first.packet.header) == (0, 0)
    assert second.changed() == {"ports": 2, "header": 16}


def test_changes_are_described_with_units():
    changed = DEFAULT.with_settings({"router_delay": "20ns", "buffer": "64KiB", "lockstep_estimate": "2us"})
    assert sorted(changed.describe_changes()) == ["buffer=64 KiB", "lockstep_estimate=2 us", "router_delay=20 ns"]
    changed = DEFAULT.with_settings({"reduction_rate": "10GB/s", "allow_deadlock": True})
    assert sorted(changed.describe_changes()) == ["allow_deadlock=true", "reduction_rate=10 GB/s"]


@given(st.sampled_from(SETTINGS), st.sampled_from(SETTINGS))
def test_order_of_settings_does_not_matter(one, other):
    if one[0] != other[0]:
        both, swapped = {one[0]: one[1], other[0]: other[1]}, {other[0]: other[1], one[0]: one[1]}
        assert DEFAULT.with_settings(both) == DEFAULT.with_settings(swapped)


@given(st.integers(1, 2**40), st.integers(0, 2**20))
def test_sizes_survive_a_round_trip(payload, header):
    config = DEFAULT.with_settings({"packet_payload": payload, "header": header})
    assert DEFAULT.with_settings(config.changed()) == config
