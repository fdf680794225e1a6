"""One training iteration: what the program says, and the laws of its time."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.collective import collective
from collsim.engines.engine import ENGINES
from collsim.errors import InvalidValue
from collsim.network.config import NetworkConfig
from collsim.program import Call, Compute, single_call
from collsim.topology import load
from collsim.workloads.accelerators.accelerator import ACCELERATORS, pass_times
from collsim.workloads.layers import NETWORKS, Network, dense, product
from collsim.workloads.layerwise import Training, distinct_buckets, training_iteration

US = 10**9
WIDTH = 64
TINY = Network(
    "tiny",
    "four layers, one of them without weights",
    "this test",
    "all",
    (dense("first", WIDTH, 128), product("between", 4, 32, 8), dense("middle", 128, WIDTH), dense("last", WIDTH, WIDTH)),
)
BYTES = [4 * 128 * WIDTH, 0, 4 * 128 * WIDTH, 4 * WIDTH * WIDTH]


@dataclass(frozen=True)
class Fixed:
    """An accelerator that takes as long as it is told, whatever the layer: the interface, without a systolic array."""

    forward_us: int = 3
    input_us: int = 4
    weight_us: int = 5
    name: str = "fixed"
    about: str = "told times"
    source: str = "this test"

    def forward(self, layer, samples):
        return self.forward_us * samples * US

    def input_gradient(self, layer, samples):
        return self.input_us * samples * US

    def weight_gradient(self, layer, samples):
        return self.weight_us * samples * US


def plan_on(topology, algorithm="ring"):
    schedule = ALGORITHMS.get(algorithm).schedule(load(topology), collective("all-reduce"))
    return lambda size: schedule


def iteration(topology="ring4", algorithm="ring", network=TINY, accelerator=None, **training):
    chosen = Training(**{"samples": 1} | training)
    return training_iteration(network, accelerator or Fixed(), plan_on(topology, algorithm), chosen)


def run(program, topology="ring4", engine="compiled", **network):
    return ENGINES.get(engine)(load(topology), program, NetworkConfig().with_settings(network))


def alone(schedule, size, topology="ring4", engine="compiled", **network):
    return run(single_call(schedule, size), topology, engine, **network).time


def calls_of(program):
    return [operation for operation in program.operations if isinstance(operation, Call)]


def test_the_program_of_an_iteration_in_order():
    made = iteration(by_layer=True)
    names = [operation.label for operation in made.program.operations if isinstance(operation, Call) or operation.host == 0]
    assert names == [
        "first forward",
        "between forward",
        "middle forward",
        "last forward",
        "last input gradient",
        "last weight gradient",
        "all-reduce last",
        "middle input gradient",
        "middle weight gradient",
        "all-reduce middle",
        "between input gradient",
        "between weight gradient",
        "first input gradient",
        "first weight gradient",
        "all-reduce first",
    ]
    assert [call.size for call in calls_of(made.program)] == [BYTES[3], BYTES[2], BYTES[0]]
    for host in range(4):
        own = [k for k, o in enumerate(made.program.operations) if isinstance(o, Compute) and o.host == host]
        assert [made.program.operations[k].deps for k in own] == [(), *((k,) for k in own[:-1])]


def test_calls_wait_for_their_gradients_and_in_series_for_one_another():
    for serial in (True, False):
        made = iteration(serial=serial)
        for number, (index, bucket) in enumerate(zip(made.calls, made.buckets, strict=True)):
            deps = made.program.operations[index].deps
            before = [made.program.operations[d] for d in deps]
            assert sorted(o.host for o in before if isinstance(o, Compute)) == [0, 1, 2, 3]
            assert [d for d in deps if d in made.calls] == ([made.calls[number - 1]] if serial and number else [])
            assert made.program.operations[index].size == bucket.size


def test_times_of_a_node_and_when_buckets_are_ready():
    made = iteration(samples=2)
    assert (made.forward, made.backward, made.compute) == (4 * 6 * US, 4 * 18 * US, 96 * US)
    assert [bucket.ready for bucket in made.buckets] == [(24 + 18) * US, (24 + 36) * US, 96 * US]
    assert made.gradient_bytes == sum(BYTES)
    assert [b.ready for b in iteration(samples=2, overlap=False).buckets] == [96 * US] * 3


def test_the_first_input_gradient_may_be_left_out():
    made = iteration(first_input_gradient=False, by_layer=True)
    assert made.compute == (4 * 12 - 4) * US
    assert not any(operation.label == "first input gradient" for operation in made.program.operations)
    assert run(iteration(first_input_gradient=False).program).time == run(made.program).time


@pytest.mark.parametrize(
    ("bucket", "layers"),
    [
        (0, [(3,), (2,), (0,)]),
        (1, [(3,), (2,), (0,)]),
        (BYTES[3], [(3,), (2,), (0,)]),
        (BYTES[3] + 1, [(3, 2), (0,)]),
        (BYTES[3] + BYTES[2] + 1, [(3, 2, 0)]),
        (None, [(3, 2, 0)]),
    ],
)
def test_buckets_are_filled_from_the_last_layer(bucket, layers):
    made = iteration(bucket=bucket)
    assert [b.layers for b in made.buckets] == layers
    assert [b.size for b in made.buckets] == [sum(BYTES[k] for k in ks) for ks in layers]


def test_bucket_sizes_that_lead_to_the_same_buckets_are_tried_once():
    sizes = [0, 1, BYTES[3], BYTES[3] + 1, 3 * BYTES[3], 10**9, 10**10]
    assert distinct_buckets(TINY, reversed(sizes)) == [0, BYTES[3] + 1, 10**9]


def test_schedules_are_planned_once_a_size_and_shared():
    asked = []
    give = plan_on("ring4")

    def plan(size):
        asked.append(size)
        return replace(give(size))

    made = training_iteration(TINY, Fixed(), plan, Training(bucket=0))
    assert asked == [BYTES[3], BYTES[2]]
    last, middle, first = (call.schedule for call in calls_of(made.program))
    assert middle is first
    assert last is not first


@pytest.mark.parametrize("engine", ["compiled", "simpy", "analytic"])
@pytest.mark.parametrize(("topology", "algorithm"), [("ring4", "ring"), ("mesh2x3", "direct"), ("torus3x3", "multitree")])
def test_without_overlap_an_iteration_is_computing_plus_one_all_reduce(topology, algorithm, engine):
    """With contention too: all nodes begin together, as in a run of the all-reduce alone."""
    made = iteration(topology, algorithm, overlap=False, bucket=None)
    result = run(made.program, topology, engine)
    (call,) = calls_of(made.program)
    parts = made.breakdown(result)
    assert result.time == made.compute + alone(call.schedule, sum(BYTES), topology, engine)
    assert (parts.exposed, parts.communication, parts.hidden) == (result.time - made.compute, parts.exposed, 0)


@pytest.mark.parametrize("engine", ["compiled", "simpy"])
@pytest.mark.parametrize("bucket", [0, BYTES[3] + 1, None])
@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("weight_us", [0, 1, 5, 40])
def test_in_series_on_a_ring_each_all_reduce_begins_when_ready_and_the_one_before_has_ended(
    weight_us, overlap, bucket, engine
):
    """Equal chunks on a ring of its own links: all nodes end an all-reduce together, so each takes as long as alone."""
    made = iteration(accelerator=Fixed(weight_us=weight_us), overlap=overlap, bucket=bucket)
    end = 0
    for part, call in zip(made.buckets, calls_of(made.program), strict=True):
        end = max(end, part.ready) + alone(call.schedule, call.size)
    assert run(made.program, engine=engine).time == end


def test_where_all_reduces_take_as_long_as_alone_overlap_costs_nothing():
    """Follows from the law above: ready times are earlier, everything else is equal."""
    for bucket in (0, BYTES[3] + 1, None):
        after, during = (run(iteration(overlap=o, bucket=bucket).program).time for o in (False, True))
        assert during <= after
        assert (during == after) == (bucket is None)


@settings(max_examples=20)
@given(
    machine=st.sampled_from([("ring4", "ring"), ("mesh2x3", "direct"), ("torus3x3", "multitree"), ("switch5", "ring")]),
    times=st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)),
    overlap=st.booleans(),
    serial=st.booleans(),
    bucket=st.sampled_from([0, BYTES[3] + 1, None]),
)
def test_what_holds_for_every_iteration(machine, times, overlap, serial, bucket):
    topology, algorithm = machine
    made = iteration(topology, algorithm, accelerator=Fixed(*times), overlap=overlap, serial=serial, bucket=bucket)
    result = run(made.program, topology)
    parts = made.breakdown(result)
    assert parts.time == parts.compute + parts.exposed
    assert parts.compute == made.compute
    assert 0 < parts.exposed <= parts.communication <= parts.time - made.forward
    layered = iteration(
        topology, algorithm, accelerator=Fixed(*times), overlap=overlap, serial=serial, bucket=bucket, by_layer=True
    )
    same = run(layered.program, topology)
    assert same.time == result.time
    assert same.message_finish.tolist() == result.message_finish.tolist()
    assert same.host_exposed.tolist() == result.host_exposed.tolist()


@pytest.mark.parametrize("serial", [True, False])
def test_both_packet_engines_give_the_same_iteration(serial):
    made = iteration("mesh2x3", "direct", serial=serial)
    compiled, simpy = (run(made.program, "mesh2x3", engine, header=16) for engine in ("compiled", "simpy"))
    for name in ("time", "packets", "packet_hops"):
        assert getattr(compiled, name) == getattr(simpy, name)
    for name in ("operation_finish", "message_ready", "message_finish", "link_busy", "host_exposed"):
        assert getattr(compiled, name).tolist() == getattr(simpy, name).tolist()


@pytest.mark.parametrize("name", list(NETWORKS))
def test_every_network_trains(name):
    network, accelerator = NETWORKS.get(name), ACCELERATORS.get("multitree-isca21")
    made = training_iteration(network, accelerator, plan_on("ring4"), Training(bucket=2**20))
    parts = made.breakdown(run(made.program))
    assert made.compute == sum(pass_times(accelerator, layer, 16).total for layer in network.layers)
    assert made.gradient_bytes == 4 * network.parameters
    assert parts.time == made.compute + parts.exposed
    assert sorted(k for bucket in made.buckets for k in bucket.layers) == [
        k for k, layer in enumerate(network.layers) if layer.parameters
    ]


def test_a_group_of_some_hosts_computes_and_the_others_do_not():
    schedule = ALGORITHMS.get("ring").schedule(load("switch6"), collective("all-reduce"), [4, 1, 2])
    made = training_iteration(TINY, Fixed(), schedule)
    assert {o.host for o in made.program.operations if isinstance(o, Compute)} == {1, 2, 4}
    result = run(made.program, "switch6")
    assert result.host_exposed[[0, 3, 5]].tolist() == [0, 0, 0]
    assert made.breakdown(result).exposed == result.time - made.compute


def test_what_cannot_be_trained_is_refused():
    for wrong in ({"samples": 0}, {"word": 0}, {"bucket": -1}):
        with pytest.raises(InvalidValue):
            Training(**wrong)
    with pytest.raises(InvalidValue, match="no weights"):
        iteration(network=Network("bare", "", "", "", (product("p", 2, 2, 2),)))
    groups = iter(([0, 1], [1, 2], [2, 3]))
    split = [ALGORITHMS.get("ring").schedule(load("ring4"), collective("all-reduce"), group) for group in groups]
    with pytest.raises(InvalidValue, match="one group"):
        training_iteration(TINY, Fixed(), lambda size: split[size % 3], Training())


def test_biases_and_normalisation_travel_where_asked_for():
    network, accelerator = NETWORKS.get("resnet50"), ACCELERATORS.get("h100")
    weights, everything = (
        training_iteration(network, accelerator, plan_on("ring4"), Training(bucket=None, others=others))
        for others in (False, True)
    )
    assert weights.gradient_bytes == 4 * network.parameters
    assert everything.gradient_bytes == 4 * network.all_parameters == 102_228_128
    assert weights.compute == everything.compute
