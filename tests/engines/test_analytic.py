from fractions import Fraction

import numpy as np
import pytest
from engines.tiny import finish, machine, plan, run

from collsim.collectives.algorithm import ALGORITHMS, Hint
from collsim.collectives.bounds import lower_bound
from collsim.collectives.collective import collective
from collsim.collectives.schedule import COPY, REDUCE, ScheduleBuilder
from collsim.engines.analytic_replay import replay
from collsim.engines.analytic_times import by_dependencies, disjoint
from collsim.engines.analytic_traffic import traffic_of
from collsim.engines.engine import ENGINES
from collsim.errors import AlgorithmUnsuitable, ClockOverflow, InvalidValue
from collsim.network.config import NetworkConfig
from collsim.network.paths import PathFinder
from collsim.network.prediction import predict
from collsim.program import Call, Compute, Program, Send, single_call
from collsim.topology import load

ANALYTIC, SIMPY = ENGINES.get("analytic"), ENGINES.get("simpy")
DEFAULT = NetworkConfig()
SLOW = DEFAULT.with_settings(
    {
        "header": 16,
        "packet_payload": 256,
        "router_delay": "20ns",
        "message_overhead": "300ns",
        "injection_latency": "10ns",
        "ejection_latency": "30ns",
        "reduction_rate": "100GB/s",
    }
)

FREE = [
    ("ring8", "ring", "all-reduce"),
    ("ring8", "ring", "broadcast"),
    ("ring5", "bidirectional-ring", "all-reduce"),
    ("ring8", "multitree", "all-reduce"),
    ("switch8", "ring", "all-gather"),
    ("switch8", "recursive-doubling", "all-reduce"),
    ("switch8", "halving-doubling", "all-reduce"),
    ("switch8", "binomial-tree", "all-reduce"),
    ("switch7", "bruck", "all-gather"),
    ("full8", "direct", "all-to-all"),
    ("full8", "direct", "all-reduce"),
    ("full6", "double-binary-tree", "broadcast"),
    ("hypercube8", "halving-doubling", "all-reduce"),
    ("hypercube8", "recursive-doubling", "all-reduce"),
    ("torus4x4", "2d-ring", "all-reduce"),
    ("torus4x4", "ring", "all-reduce"),
    ("mesh4x4", "bidirectional-ring", "all-reduce"),
    ("fattree4x2", "ring", "all-reduce"),
]


def schedule(topology, algorithm, operation, size):
    hint = Hint(size, 150_000_000, Fraction(62_500))
    return ALGORITHMS.get(algorithm).schedule(topology, collective(operation), hint=hint)


@pytest.mark.parametrize("network", [DEFAULT, SLOW], ids=["default", "slow"])
@pytest.mark.parametrize("size", [1000, 50_001])
@pytest.mark.parametrize(("name", "algorithm", "operation"), FREE)
def test_without_contention_engines_and_closed_form_agree_to_the_tick(name, algorithm, operation, size, network):
    topology = load(name)
    plan = schedule(topology, algorithm, operation, size)
    program = single_call(plan, size)
    packets, arrays = SIMPY(topology, program, network), ANALYTIC(topology, program, network)
    assert arrays.time == packets.time
    assert np.array_equal(arrays.message_finish, packets.message_finish)
    assert np.array_equal(arrays.message_ready, packets.message_ready)
    assert np.array_equal(arrays.link_bytes, packets.link_bytes)
    assert np.array_equal(arrays.link_busy, packets.link_busy)
    assert np.array_equal(arrays.host_exposed, packets.host_exposed)
    assert (arrays.packets, arrays.packet_hops) == (packets.packets, packets.packet_hops)
    assert arrays.critical_path == packets.critical_path
    form = predict(topology, plan, size, network)
    assert form.time == packets.time
    assert form.exact


@pytest.mark.parametrize("latency", ["0ns", "1ns", "5us"])
@pytest.mark.parametrize("bandwidth", ["1GB/s", "46GB/s"])
@pytest.mark.parametrize("size", [7, 64_000])
def test_agreement_at_other_rates_and_latencies(size, bandwidth, latency):
    topology = load("ring6", bandwidth=bandwidth, latency=latency)
    for algorithm in ("ring", "bidirectional-ring"):
        program = single_call(schedule(topology, algorithm, "all-reduce", size), size)
        assert ANALYTIC(topology, program, DEFAULT).time == SIMPY(topology, program, DEFAULT).time


@pytest.mark.parametrize("name", ["ring8", "switch7", "torus4x4", "mesh3x3", "fattree4", "dragonfly2x2x1", "bigraph4x4"])
def test_no_result_beats_the_bound_and_parts_sum_to_the_time(name):
    topology = load(name)
    for algorithm, entry in ALGORITHMS.items():
        for operation in entry.collectives:
            for size in (100, 2**20):
                try:
                    plan = schedule(topology, algorithm, operation, size)
                except AlgorithmUnsuitable:
                    continue
                result = ANALYTIC(topology, single_call(plan, size), DEFAULT)
                hosts = tuple(range(topology.hosts))
                bound = lower_bound(topology, collective(operation), hosts, size)
                assert result.time >= bound.time, (algorithm, operation, size)
                assert sum(result.critical_path.values()) == result.time


def test_sharers_of_one_step_multiply_the_bytes_term():
    # Hosts 0 and 1 reach 2 through one link; c = 2 on it, alpha = 2 x 5 + 1.
    merge = machine(3, 1, (0, 3, 5), (1, 3, 5), (3, 2, 5))
    both = Call(plan(3, (0, 0, 2, COPY), (0, 1, 2, COPY)), 60)
    assert finish(merge, both, engine="analytic") == [11 + 60, 11 + 60]
    alone = Call(plan(3, (0, 0, 2, COPY), (0, 2, 1, COPY)), 60)
    assert finish(merge, alone, engine="analytic")[0] == 11 + 30


def test_sharers_count_where_their_share_is_slowest():
    # Two share a link that is ten times as fast as the rest: their 2 x 3 fs hide behind the 30 of the slow ones.
    merge = machine(3, 1, (0, 3, 0, 10), (1, 3, 0, 10), (3, 2))
    both = Call(plan(3, (0, 0, 2, COPY), (0, 1, 2, COPY)), 60)
    assert finish(merge, both, engine="analytic") == finish(merge, Call(plan(3, (0, 0, 2, COPY)), 30), engine="analytic") * 2


def test_empty_messages_share_nothing():
    merge = machine(3, 1, (0, 3, 5), (1, 3, 5), (3, 2, 5))
    builder = ScheduleBuilder(collective("all-reduce"), "by hand", range(3), [1, 9])
    builder.add(0, 0, 2, 0, COPY)
    builder.add(0, 1, 2, 1, COPY)
    assert finish(merge, Call(builder.finish(), 9), engine="analytic") == [0, 20]


def test_steps_of_one_port_follow_each_other_without_a_barrier():
    wire = machine(2, 0, (0, 1, 7))
    three = Call(plan(2, (0, 0, 1, COPY), (1, 0, 1, COPY), (5, 0, 1, COPY)), 30)
    assert finish(wire, three, engine="analytic") == [17, 27, 37]


def test_the_lowest_waiting_step_goes_first():
    wire = machine(2, 0, (0, 1))
    waiting = (Send(0, 1, 30, step=9), Compute(0, 5), Send(0, 1, 10, step=3, deps=(1,)), Compute(0, 6))
    assert finish(wire, *waiting, Send(0, 1, 10, step=0, deps=(3,)), engine="analytic") == [30, 50, 40]


def test_a_slow_link_on_the_way_paces_a_pipeline():
    # 10 fs a byte behind a fast port: the second message follows the first at the slow link, not at the port.
    path = machine(2, 1, (0, 2, 5), (2, 1, 5, 10))
    two = Call(plan(2, (0, 0, 1, COPY), (1, 0, 1, COPY)), 20)
    assert finish(path, two, engine="analytic") == finish(path, two) == [5 + 1 + 100 + 5, 5 + 1 + 200 + 5]


def test_a_gap_before_a_reserved_link_is_used():
    # Message 0 reaches link s->2 at 1001 only; message 1 of another step crosses it long before.
    merge = machine(3, 1, (0, 3, 1000), (1, 3), (3, 2))
    both = Call(plan(3, (0, 0, 2, COPY), (1, 1, 2, COPY)), 20)
    assert finish(merge, both, engine="analytic") == [1011, 11]


def test_overheads_and_reductions_are_delays():
    wire = machine(2, 0, (0, 1, 5))
    settings = {"message_overhead": 100, "injection_latency": 20, "ejection_latency": 40, "reduction_rate": 5 * 10**14}
    result = run(wire, Call(plan(2, (0, 0, 1, REDUCE)), 30), engine="analytic", **settings)
    assert result.time == 100 + 20 + 30 + 5 + 40 + 60
    parts = {k: v for k, v in result.critical_path.items() if v}
    assert parts == {"overhead": 100, "latency": 20 + 5 + 40, "serialisation": 30, "reduction": 60}


def test_critical_path_names_waiting_and_its_link():
    merge = machine(3, 1, (0, 3, 5), (1, 3, 5), (3, 2, 5))
    result = run(merge, Call(plan(3, (0, 0, 2, COPY), (0, 1, 2, COPY)), 60), engine="analytic", router_delay=4)
    assert {k: v for k, v in result.critical_path.items() if v} == {
        "serialisation": 31,
        "latency": 10,
        "router": 4,
        "link_wait": 30,
    }
    assert result.critical_links == {2: 60}


def test_programs_of_computations_calls_and_sends():
    wire = machine(3, 0, (0, 1, 5), (1, 2, 5), (0, 2, 5))
    operations = (
        Compute(0, 100),
        Call(plan(3, (0, 0, 1, COPY), (0, 1, 2, COPY)), 20, deps=(0,)),
        Send(1, 2, 10, deps=(1,)),
        Compute(2, 50, deps=(2,)),
        Compute(2, 40),
    )
    for engine in ("analytic", "simpy"):
        result = run(wire, *operations, engine=engine)
        # Transfer 1 of the call starts at host 1, where the computation of host 0 is no hindrance.
        assert result.message_finish.tolist() == [115, 15, 130]
        assert result.operation_finish.tolist() == [100, 115, 130, 180, 40]
        assert result.time == 180
        assert sum(result.critical_path.values()) == 180
        assert result.critical_path["compute"] == 150
        assert result.host_exposed.tolist() == [15, 130, 90]


def test_both_passes_agree_where_both_apply():
    topology = load("torus3x4")
    for algorithm in ("2d-ring", "bidirectional-ring", "recursive-doubling", "direct"):
        try:
            program = single_call(schedule(topology, algorithm, "all-reduce", 12_345), 12_345)
        except AlgorithmUnsuitable:
            continue
        traffic = traffic_of(
            topology, program, PathFinder(topology, DEFAULT).schedule(program.operations[0].schedule), DEFAULT
        )
        swept, replayed = by_dependencies(program, traffic, 12), replay(program, traffic, 12)
        assert disjoint(traffic, swept)
        for field in ("ready", "start", "finish", "begin", "end"):
            assert np.array_equal(getattr(swept, field), getattr(replayed, field)), (algorithm, field)


def test_a_long_chain_of_operations_needs_no_deep_stack():
    wire = machine(2, 0, (0, 1))
    chain = [Send(0, 1, 1)] + [Compute(1, 1, deps=(k,)) for k in range(3000)]
    parallel = [Send(0, 1, 5, step=3), Send(0, 1, 5, step=1)]
    assert run(wire, *chain, *parallel, engine="analytic").time == 3001


def test_dependencies_within_a_step_are_followed():
    # A schedule from a file may let a transfer wait for one of its own step.
    wire = machine(3, 0, (0, 1, 5), (1, 2, 5), (0, 2))
    plain = ScheduleBuilder(collective("all-gather"), "by hand", range(3), [1], chunk_src=[0])
    plain.add(0, 0, 1, 0, COPY)
    plain.add(1, 1, 2, 0, COPY)
    chain = plain.finish()
    chain.step[:] = 0
    assert finish(wire, Call(chain, 10), engine="analytic") == finish(wire, Call(chain, 10)) == [15, 30]


def test_an_empty_program_takes_no_time():
    for engine in ("analytic", "simpy"):
        result = run(machine(2, 0, (0, 1)), engine=engine)
        assert result.time == 0
        assert result.message_finish.tolist() == []


def test_overflow_and_impossible_hosts_are_told():
    wire = machine(2, 0, (0, 1))
    day = 24 * 3600 * 10**15
    with pytest.raises(ClockOverflow):
        run(wire, Compute(0, day), engine="analytic")
    with pytest.raises(ClockOverflow):
        run(wire, Send(0, 1, 10, deps=()), engine="analytic", message_overhead=2**63 - 5)
    with pytest.raises(InvalidValue, match="host 7"):
        run(wire, Send(0, 7, 10), engine="analytic")
    with pytest.raises(InvalidValue, match="host -1"):
        run(wire, Compute(-1, 10), engine="analytic")


def test_an_explicit_path_must_lead_to_its_target():
    line = machine(3, 0, (0, 1), (1, 2), (0, 2))
    for path in ([0], [1, 0], [9]):
        builder = ScheduleBuilder(collective("all-gather"), "by hand", range(3), [1], chunk_src=[0])
        builder.add(0, 0, 2, 0, COPY, path=path)
        for engine in ("analytic", "simpy"):
            with pytest.raises(InvalidValue, match="path"):
                run(line, Call(builder.finish(), 10), engine=engine)


@pytest.mark.slow
def test_two_million_transfers_take_seconds():
    from time import perf_counter

    n = 1024
    topology = load(f"ring{n}")
    program = single_call(ALGORITHMS.get("ring").schedule(topology, collective("all-reduce")), 2**30)
    started = perf_counter()
    result = ANALYTIC(topology, program, DEFAULT)
    assert perf_counter() - started < 30
    train = 2**20 * 62_500 + 150_000_000
    assert result.time == 2 * (n - 1) * train
    assert Program(program.operations).messages == 2 * n * (n - 1)
