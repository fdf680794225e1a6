"""Traces and programs written as Chakra come back the same, and take the same time."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from interop.test_goal import traces

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.collective import collective
from collsim.engines.engine import ENGINES
from collsim.errors import InvalidValue
from collsim.interop.chakra_files import dump_nodes, load_nodes
from collsim.interop.chakra_trace import chakra_nodes, chakra_trace
from collsim.interop.program_trace import program_trace
from collsim.interop.trace import CALC, RECV, SEND, Trace, TraceOp
from collsim.interop.trace_program import trace_program
from collsim.network.config import NetworkConfig
from collsim.program import Arrivals, Call, Compute, Program, Send
from collsim.sweep.traces import replay
from collsim.topology import load
from collsim.workloads.accelerators.accelerator import ACCELERATORS
from collsim.workloads.layers import NETWORKS
from collsim.workloads.layerwise import Training, training_iteration


def comes_back(trace):
    again = chakra_trace([load_nodes(dump_nodes(nodes)) for nodes in chakra_nodes(trace)], trace.groups)
    assert again.ranks == trace.ranks
    assert chakra_nodes(again) == chakra_nodes(trace)


@given(traces())
def test_a_trace_comes_back_as_it_was_written(drawn):
    comes_back(Trace(tuple(tuple(map(said, rank)) for rank in drawn.ranks), eager=False))


def said(operation):
    """The operation without what Chakra cannot say: waits for starts, receives from anybody, units of messages."""
    changed = replace(operation, ended=operation.ended + operation.started, started=(), peer=max(operation.peer, 0))
    return replace(changed, peer=-1) if changed.kind == CALC else replace(changed, unit=0)


@st.composite
def programs(draw):
    """Programs on the hosts of a full4: computations, sends and calls, entangled."""
    net = load("full4")
    made = []
    for _ in range(draw(st.integers(0, 9))):
        deps = tuple(sorted(draw(st.sets(st.integers(0, len(made) - 1), max_size=3)))) if made else ()
        kind = draw(st.sampled_from(["compute", "send", "call"]))
        if kind == "compute":
            made.append(Compute(draw(st.integers(0, 3)), draw(st.integers(0, 10**11)), deps))
        elif kind == "send":
            made.append(Send(draw(st.integers(0, 3)), draw(st.integers(0, 3)), draw(st.integers(0, 9000)), deps))
        else:
            name = draw(st.sampled_from(["all-reduce", "all-gather", "broadcast", "all-to-all"]))
            hosts = draw(st.permutations(range(4)))[: draw(st.integers(2, 4))]
            wanted = collective(name, draw(st.integers(0, len(hosts) - 1)))
            plan = ALGORITHMS.get("direct").schedule(net, wanted, hosts)
            made.append(Call(plan, draw(st.integers(0, 9000)), deps))
    return Program(tuple(made))


@given(programs())
def test_a_program_comes_back_with_the_same_operations_and_time(program):
    net = load("full4")
    trace = program_trace(program, range(4))
    comes_back(trace)
    again = trace_program(trace, range(4), lambda wanted, hosts, size: ALGORITHMS.get("direct").schedule(net, wanted, hosts))
    kinds = [[type(o).__name__ for o in p.operations if not isinstance(o, Compute) or o.duration] for p in (program, again)]
    assert sorted(kinds[0]) == sorted(kinds[1])
    # Where messages meet, their numbers decide, which are others now; of empty messages only what waits for what matters.
    times = [ENGINES.get("analytic")(net, emptied(p), NetworkConfig()).time for p in (program, again)]
    assert times[0] == times[1]


def emptied(program):
    return Program(tuple(o if isinstance(o, Compute) else replace(o, size=0) for o in program.operations))


@pytest.mark.parametrize("bucket", [0, 1 << 20, None])
def test_a_training_iteration_takes_its_time_as_a_trace(bucket):
    net = load("ring4")
    plan = ALGORITHMS.get("ring").schedule(net, collective("all-reduce"))
    training = Training(samples=4, bucket=bucket, overlap=True)
    work = training_iteration(NETWORKS.get("alexnet"), ACCELERATORS.get("v100"), lambda size: plan, training)
    trace = program_trace(work.program, range(4))
    comes_back(trace)
    files = [load_nodes(dump_nodes(nodes)) for nodes in chakra_nodes(trace)]
    times = [
        ENGINES.get("compiled")(net, work.program, NetworkConfig()).time,
        replay(chakra_trace(files, {}), "ring4", "ring").result.time,
    ]
    assert times[0] == times[1]


def test_a_partial_all_reduce_is_an_all_reduce_of_the_part():
    net = load("ring4")
    plan = ALGORITHMS.get("ring").schedule(net, collective("partial-all-reduce:p=0.5,h=8"))
    trace = program_trace(Program((Call(plan, 8000),)), range(4))
    assert {(o.collective.name, o.size) for rank in trace.ranks for o in rank} == {("all-reduce", 4000)}


def test_a_program_that_no_trace_can_say():
    one = Arrivals(*(np.zeros(1, dtype=np.int64) for _ in range(4)))
    with pytest.raises(InvalidValue, match="operation 0 is made of arrivals"):
        program_trace(Program((one,)), range(2))
    with pytest.raises(InvalidValue, match="operation 0 is on host 5, which is no rank"):
        program_trace(Program((Compute(5, 1),)), range(2))


def test_what_waits_for_an_eager_send_waits_for_what_it_waited_for():
    eager = Trace(
        (
            (
                TraceOp(CALC, 5),
                TraceOp(SEND, size=1, peer=0, ended=(0,)),
                TraceOp(CALC, 1, ended=(1,)),
                TraceOp(RECV, size=1, peer=0),
            ),
        )
    )
    assert [n.deps for n in chakra_nodes(eager)[0]] == [(), (0,), (0,), ()]
    for odd, says in ((TraceOp(CALC, started=(0,)), "waits for a start"), (TraceOp(RECV, size=1), "receives from anybody")):
        with pytest.raises(InvalidValue, match=f"operation 1 of rank 0 {says}; a Chakra node cannot"):
            chakra_nodes(Trace(((TraceOp(CALC, 5), odd),)))
