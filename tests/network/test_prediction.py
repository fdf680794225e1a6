from fractions import Fraction

import pytest

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.closed_forms import LAWS, ONE_NIC
from collsim.collectives.collective import collective
from collsim.engines.engine import ENGINES
from collsim.network.config import NetworkConfig
from collsim.network.prediction import lone_message_time, predict
from collsim.program import single_call
from collsim.topology import load

DEFAULT = NetworkConfig()
LATENCY, BYTE = 150_000_000, 62_500
OPERATIONS = ("all-reduce", "reduce-scatter", "all-gather", "all-to-all", "broadcast", "reduce")


def schedule(name, algorithm, operation):
    topology = load(name)
    return topology, ALGORITHMS.get(algorithm).schedule(topology, collective(operation))


@pytest.mark.parametrize(
    ("name", "algorithm"), [("ring8", "ring"), ("full8", "halving-doubling"), ("ring4", "bidirectional-ring")]
)
def test_predictions_are_the_textbook_on_equal_links(name, algorithm):
    topology, plan = schedule(name, algorithm, "all-reduce")
    size = 8 * 4096
    law = LAWS[algorithm, "all-reduce"]
    form = predict(topology, plan, size, DEFAULT)
    assert (form.text, form.exact) == (law.text, True)
    assert form.time == law.time(plan.ranks, size, Fraction(LATENCY), Fraction(BYTE))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_direct_through_one_nic(operation):
    topology, plan = schedule("switch8", "direct", operation)
    size = 8 * 4096
    law = ONE_NIC[operation]
    form = predict(topology, plan, size, DEFAULT)
    alpha = 2 * LATENCY + 1
    assert (form.text, form.exact) == (law.text, True)
    assert form.time == law.time(8, size, Fraction(alpha), Fraction(BYTE))
    assert form.time == ENGINES.get("simpy")(topology, single_call(plan, size), DEFAULT).time


def test_contention_leaves_no_form():
    for name, algorithm in (("torus4x4", "direct"), ("ring8", "recursive-doubling"), ("fattree4", "direct")):
        topology, plan = schedule(name, algorithm, "all-reduce")
        assert predict(topology, plan, 2**16, DEFAULT) is None


def test_a_chain_of_links_that_only_meet_in_different_steps_has_no_form_either():
    topology, plan = schedule("mesh3x3", "binomial-tree", "reduce")
    assert predict(topology, plan, 50_001, DEFAULT) is None


def test_multitree_overlaps_latencies_of_steps_that_wait_for_ports_only():
    topology, plan = schedule("torus4x4", "multitree", "all-reduce")
    size = 2**24
    form = predict(topology, plan, size, DEFAULT)
    assert form.exact
    assert form.time == plan.steps * (size // 16) * BYTE + 4 * LATENCY
    for engine in ("analytic", "simpy"):
        assert form.time == ENGINES.get(engine)(topology, single_call(plan, size), DEFAULT).time


def test_multitree_is_told_in_lock_step_where_steps_meet():
    topology, plan = schedule("fattree4", "multitree", "all-reduce")
    size = 2**20
    form = predict(topology, plan, size, DEFAULT)
    assert not form.exact
    assert form.text.endswith("in lock step")
    longest = max(lone_message_time(topology, DEFAULT, 0, host, size // 16) for host in range(1, 16))
    assert form.time <= plan.steps * longest


def test_slow_rings_and_overheads():
    topology = load("ring6", bandwidth="10GB/s", latency="1us")
    plan = ALGORITHMS.get("ring").schedule(topology, collective("all-reduce"))
    network = DEFAULT.with_settings({"message_overhead": "2us", "reduction_rate": "20GB/s", "ejection_latency": "5ns"})
    form = predict(topology, plan, 60_000, network)
    copy = 2 * 10**9 + 10**9 + 5 * 10**6 + 10_000 * 100_000
    assert form.time == 5 * (copy + 10_000 * 50_000) + 5 * copy


def test_lone_message_time_follows_the_default_path():
    assert lone_message_time(load("switch4"), DEFAULT, 0, 3, 5000) == 2 * LATENCY + 1 + 5000 * BYTE
    assert lone_message_time(load("ring8"), DEFAULT, 0, 1, 5000) == LATENCY + 5000 * BYTE
