"""The compiled engine against the reference on every algorithm, and where rules bite; random cases are in agreement/."""

import itertools

import numpy as np
import pytest
from conformance.cases import schedule, topology
from engines.tiny import machine, plan

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.schedule import COPY, REDUCE
from collsim.engines.engine import ENGINES
from collsim.network.config import NetworkConfig
from collsim.program import Arrivals, Call, Compute, Program, Send, single_call
from collsim.topology import load

ARRAYS = (
    "operation_finish",
    "message_ready",
    "message_started",
    "message_finish",
    "link_busy",
    "link_bytes",
    "host_exposed",
)
NUMBERS = ("time", "packets", "packet_hops", "critical_path", "critical_links")
TOPOLOGIES = ("ring6", "full5", "switch7", "hypercube8", "torus3x4", "mesh3x4", "fattree4", "dragonfly1x2x1", "bigraph2x4")


def both(topo, program, seed=0, **settings):
    """Run on both engines and hold the results against each other; return the compiled one."""
    network = NetworkConfig().with_settings(settings)
    one, other = (ENGINES.get(name)(topo, program, network, seed=seed) for name in ("simpy", "compiled"))
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    for name in NUMBERS:
        assert getattr(one, name) == getattr(other, name), name
    return other


@pytest.mark.parametrize("algorithm, topo", list(itertools.product(ALGORITHMS, TOPOLOGIES)))
def test_every_algorithm_takes_the_same_time(algorithm, topo):
    operation = "all-reduce" if "all-reduce" in ALGORITHMS.get(algorithm).collectives else "all-gather"
    found = schedule(algorithm, topo, operation)
    if found is not None:
        result = both(topology(topo), single_call(found, 50_001))
        assert result.engine == "compiled"
        assert result.time > 0


def crowd(hosts, size=9001, each=3):
    return Program(tuple(Send(a, (7 * a + 3 + k) % hosts, size + k, step=k) for a in range(hosts) for k in range(each)))


@pytest.mark.parametrize("scheduler", ["fifo", "lowest-step", "shortest-first", "round-robin"])
@pytest.mark.parametrize("arbitration", ["round-robin", "oldest", "lowest-step"])
@pytest.mark.parametrize("flow_control", ["credit", "message", "none"])
def test_policies(scheduler, arbitration, flow_control):
    settings = {"nic_scheduler": scheduler, "arbitration": arbitration, "flow_control": flow_control, "header": 100}
    both(load("torus4x4"), crowd(16), buffer=2 * 4196, ports=2, **settings)


@pytest.mark.parametrize("routing", ["minimal", "valiant", "ugal", "ecmp", "spray", "least-queued"])
def test_routings(routing):
    settings = {"routing": routing, "vc_allocation": "most-room", "switching": "store-and-forward"}
    both(load("dragonfly2x4x2"), crowd(72), seed=5, buffer=8192, **settings)


@pytest.mark.parametrize("seed", [-1, 2**63, 10**30])
def test_any_seed(seed):
    both(load("torus4x4"), crowd(16, 5000), seed=seed, routing="ecmp")


def test_sprayed_messages_leave_by_several_ports():
    both(load("torus4x4"), crowd(16, 40_000), routing="spray", nic_scheduler="round-robin", ports=1)


@pytest.mark.parametrize("estimate", ["schedule", "oracle", "10us", "multitree-isca21"])
def test_lockstep(estimate):
    both(load("torus4x4"), single_call(schedule("multitree", "torus4x4", "all-reduce"), 100_000),
         nic_scheduler="lockstep", lockstep_estimate=estimate)  # fmt: skip


def test_servers_and_overheads():
    settings = {"overhead_mode": "serial", "message_overhead": "1us", "injection_latency": "3ns", "ejection_latency": "7ns"}
    found = schedule("direct", "switch7", "all-reduce")
    for units in (0, 1, 2):
        both(topology("switch7"), single_call(found, 70_000), reduction_rate="1GB/s", reduction_units=units,
             reduction_quantum=1000, **settings)  # fmt: skip


def test_programs_with_computations_calls_and_sends():
    ring = schedule("ring", "ring6", "all-reduce")
    both(
        topology("ring6"),
        Program(
            (
                Compute(0, 10**9),
                Call(ring, 60_000, deps=(0,)),
                Call(ring, 5, deps=()),
                Compute(3, 5 * 10**8, deps=(1,)),
                Send(3, 1, 12_345, deps=(3,)),
                Send(2, 2, 100),
                Send(4, 5, 0, deps=(2,)),
                Call(ring, 7_777, deps=(1, 4, 6)),
                Compute(5, 0),
            )
        ),
    )


def test_packets_of_awkward_rates_are_exact():
    """n part overflows 63 bits on links of almost 10^18 bytes/s, and needs every bit on ones of a prime rate."""
    for rate in (10**18 - 11, 10**17 + 3, 999_999_937, 999_983):
        topo = machine(2, 1, (0, 2, 3), (2, 1, 5))
        topo = topo.with_links(range(topo.links), np.full(topo.links, rate))
        both(topo, Program((Send(0, 1, 123_456),)), packet_payload=100_000, header=17)


def test_calls_share_their_schedule():
    """A thousand calls over eight ranks, one after another, cost no tables of their own."""
    from collsim.engines.compiled.engine import prepare

    ring = schedule("ring", "ring8", "all-reduce")
    program = Program(tuple(Call(ring, 800 + k, deps=(k - 1,) if k else ()) for k in range(1000)))
    arrays = prepare(topology("ring8"), program, NetworkConfig(), 0).arrays
    assert len(arrays.plan_waiting) == ring.transfers
    assert len(arrays.message) == 1000 * ring.transfers
    result = ENGINES.get("compiled")(topology("ring8"), program, NetworkConfig())
    assert (np.diff(result.operation_finish) > 0).all()


def test_a_program_of_nothing_takes_no_time():
    assert both(load("ring4"), Program(())).time == 0
    none = np.zeros(0, dtype=np.int64)
    assert both(load("ring4"), Program((Arrivals(none, none, none, none), Compute(1, 9, deps=(0,))))).time == 9


def test_runs_do_not_see_each_other_and_repeat_exactly():
    first = both(load("torus4x4"), crowd(16), routing="least-queued")
    both(load("ring6"), crowd(6))
    again = both(load("torus4x4"), crowd(16), routing="least-queued")
    np.testing.assert_array_equal(first.message_finish, again.message_finish)


def test_reductions_and_copies_of_one_step_cross():
    both(
        machine(3, 0, (0, 1, 2), (1, 2, 3), (2, 0, 0, 2)), Program((Call(plan(3, (0, 0, 1, REDUCE), (0, 1, 2, COPY)), 60),))
    )


def test_arrivals_at_times_of_their_own():
    generator = np.random.default_rng(3)
    ends = generator.integers(0, 16, (2, 300))
    size, start = generator.integers(0, 9000, 300), generator.integers(0, 10**10, 300)
    start[::7] = 0
    program = Program(
        (Compute(2, 10**9), Arrivals(*ends, size, start), Arrivals(*ends, size, start, deps=(0,)), Send(1, 2, 5))
    )
    result = both(load("torus4x4"), program, nic_scheduler="fifo")
    assert result.message_started.max() > 10**9
