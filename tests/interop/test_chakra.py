"""Chakra traces: bytes as the schema lays them out, what nodes mean on a machine, round trips, and what is refused where."""

import gzip
import json
import re
import struct
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from interop.test_goal import traces

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.collective import collective
from collsim.engines.engine import ENGINES
from collsim.errors import CollsimError, FileFormatError, InvalidValue
from collsim.interop.chakra import ChakraNode
from collsim.interop.chakra_files import dump_nodes, load_nodes, rank_files, read_nodes
from collsim.interop.chakra_schema import messages
from collsim.interop.chakra_trace import chakra_nodes, chakra_trace, read_chakra
from collsim.interop.program_trace import program_trace
from collsim.interop.trace import CALC, COLLECTIVE, RECV, SEND, Trace, TraceOp
from collsim.interop.trace_files import trace_files
from collsim.interop.trace_program import trace_program
from collsim.network.config import NetworkConfig
from collsim.program import Arrivals, Call, Compute, Program, Send
from collsim.sweep.traces import read_trace, replay
from collsim.topology import load
from collsim.workloads.accelerators.accelerator import ACCELERATORS
from collsim.workloads.layers import NETWORKS
from collsim.workloads.layerwise import Training, training_iteration

US = 10**9
COMP, SENDS, RECV_NODE, COLL = 4, 5, 6, 7


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number, content):
    """A field as protobuf lays it out: a varint, or bytes behind their length."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def framed(content):
    return varint(len(content)) + content


META = framed(field(1, b"0.0.4"))


def node(number, kind, *deps, micros=0, **attributes):
    return ChakraNode(number, f"n{number}", kind, deps, micros, attributes)


def run(*ranks, topology="switch2", groups=None, flops=None, algorithm="ring", **settings):
    trace = chakra_trace(ranks, groups or {}, flops)
    settings = {"bandwidth": "1GB/s", "latency": 0, "engine": "simpy", **settings}
    return replay(trace, topology, algorithm, network={"switching": "store-and-forward"}, **settings)


def test_bytes_are_those_of_the_schema():
    # Attribute values: int64 is field 9, uint64 13, bool 27, string 29, double 3 (fixed 64 bits), a list of bools 28.
    attributes = [
        field(1, b"comm_size") + field(9, 1 << 40),
        field(1, b"comm_tag") + field(13, 7),
        field(1, b"is_cpu_op") + field(27, 1),
        field(1, b"pg_name") + field(29, b"tp"),
        field(1, b"weight") + varint(3 << 3 | 1) + struct.pack("<d", 0.5),
        field(1, b"involved_dim") + field(28, field(1, bytes([1, 0]))),
        field(1, b"empty"),
    ]
    content = field(1, 300) + field(2, b"send") + field(3, SENDS) + field(4, bytes([1, 2])) + field(5, bytes([2, 3]))
    content += field(6, 999) + field(7, 12) + field(8, field(1, b"x")) + b"".join(field(10, one) for one in attributes)
    (found,) = load_nodes(META + framed(content))
    values = {"comm_size": 1 << 40, "comm_tag": 7, "is_cpu_op": True, "pg_name": "tp", "weight": 0.5}
    assert found == ChakraNode(300, "send", SENDS, (1, 2, 3), 12, values | {"involved_dim": (True, False)})
    assert found.place == f"byte {len(META)}"


def test_what_is_written_is_what_the_schema_says():
    data = dump_nodes([node(3, SENDS, 1, 2, comm_size=1 << 40, is_cpu_op=False, pg_name="0")])
    expected = field(1, 3) + field(2, b"n3") + field(3, SENDS) + field(5, bytes([1, 2]))
    expected += field(10, field(1, b"comm_size") + field(9, 1 << 40))
    expected += field(10, field(1, b"is_cpu_op") + field(27, 0)) + field(10, field(1, b"pg_name") + field(29, b"0"))
    assert data == META + framed(expected)


def test_computations_take_turns_on_a_unit_and_units_run_side_by_side():
    done = run([node(0, COMP, micros=5), node(1, COMP, micros=7), node(2, COMP, micros=9, is_cpu_op=True)], [])
    assert done.result.time == 12 * US
    assert run([node(0, COMP, micros=5), node(1, COMP, 0, num_ops=3000)], [], flops=10**9).result.time == 8 * US


def test_messages_end_for_the_sender_when_they_are_delivered():
    sender = [node(0, SENDS, comm_size=1000, comm_dst=1, comm_tag=4), node(1, COMP, 0, micros=3)]
    receiver = [node(7, RECV_NODE, comm_size=1000, comm_src=0, comm_tag=4, comm_dst=1), node(9, COMP, 7, micros=1)]
    done = run(sender, receiver)
    assert done.rank_finish.tolist() == [2 * US + 3 * US, 2 * US + US]


def test_collectives_are_matched_by_turn_within_their_group_and_sized_as_astra_sim_does():
    def rank(number):
        group = str(number // 2)
        return [
            node(1, COLL, comm_type=0, comm_size=4000, pg_name=group),
            node(2, COLL, 1, comm_type=2, comm_size=1000, pg_name=group),
            node(3, COLL, 2, comm_type=9),
        ]

    done = run(*(rank(r) for r in range(4)), topology="full4", groups={"0": (0, 1), "1": (2, 3)})
    calls = [o for o in done.program.operations if isinstance(o, Call)]
    assert sorted((c.schedule.collective.name, c.size, c.schedule.ranks) for c in calls) == [
        ("all-gather", 2000, 2),
        ("all-gather", 2000, 2),
        ("all-reduce", 0, 4),
        ("all-reduce", 4000, 2),
        ("all-reduce", 4000, 2),
    ]
    # Ring of two at 1 GB/s: two steps of 2,000 bytes, then one of 1,000; the barrier costs nothing and waits for all.
    assert done.result.time == 5 * US


def test_a_root_is_a_rank_of_the_trace():
    ranks = [[node(0, COLL, comm_type=5, comm_size=100, pg_name="a", root_rank=2)] if r else [] for r in range(3)]
    done = run(*ranks, topology="switch3", groups={"a": (1, 2)})
    (call,) = done.program.operations
    assert call.schedule.collective.root == 1
    assert call.schedule.src.tolist() == [1]


def test_what_takes_no_time_is_counted():
    done = run([node(0, 1), node(1, 2, 0), node(2, 2, 1, micros=4), node(3, 3, 2)], [])
    assert done.result.time == 4 * US
    assert [note.split(":")[0] for note in done.trace.notes] == [
        "1 nodes of kind MEM_LOAD_NODE take no time",
        "1 nodes of kind MEM_STORE_NODE take no time",
    ]


def test_the_json_of_the_feeder(tmp_path):
    entries = [
        {"Id": 1, "Name": "c", "NodeType": 4, "is_cpu_op": 0, "runtime": 6, "data_deps": []},
        {
            "Id": 2,
            "Name": "s",
            "NodeType": "COMM_SEND_NODE",
            "data_deps": [1],
            "comm_size": 1000,
            "comm_dst": 1,
            "comm_tag": 0,
        },
    ]
    other = [{"Id": 1, "Name": "r", "NodeType": 6, "data_deps": [], "comm_size": 1000, "comm_src": 0}]
    for rank, graph in enumerate((entries, other)):
        (tmp_path / f"t.{rank}.json").write_text(json.dumps({"workload_graph": graph}))
    done = replay(read_trace(tmp_path / "t.0.json"), "ring2", bandwidth="1GB/s", latency=0, engine="analytic")
    assert done.rank_finish.tolist() == [7 * US, 7 * US]


def write(folder, ranks, ending=".et"):
    for rank, nodes in enumerate(ranks):
        (folder / f"t.{rank}{ending}").write_bytes(dump_nodes(nodes, gzip=ending.endswith("gz")))
    return folder / f"t.0{ending}"


def test_files_of_all_ranks_are_found(tmp_path):
    path = write(tmp_path, [[node(0, COMP, micros=r)] for r in range(11)])
    (tmp_path / "other.0.et").write_bytes(META)
    for one in (path, tmp_path / "t.10.et", tmp_path / "t.et", tmp_path / "t"):
        assert [f.name for f in rank_files(one)] == [f"t.{r}.et" for r in range(11)]
    (tmp_path / "t.4.et").unlink()
    with pytest.raises(FileFormatError, match=r"t\.4\.et is missing; there are 10 other ranks"):
        rank_files(path)
    with pytest.raises(FileFormatError, match=r"There is no file .*u\.0\.et\. Did you mean"):
        rank_files(tmp_path / "u.et")


def test_packed_files(tmp_path):
    path = write(tmp_path, [[node(0, COMP, micros=3)]], ".et.gz")
    assert read_nodes(path) == [node(0, COMP, micros=3)]
    # Packed or not is seen from the content, whatever the name.
    (tmp_path / "u.0.et").write_bytes(gzip.compress(dump_nodes([node(0, COMP)])))
    assert read_nodes(tmp_path / "u.0.et") == [node(0, COMP)]
    data = path.read_bytes()
    for broken, says in (
        (data[:-3], "the gzip is cut off"),
        (data + b"x", "followed by something"),
        (data[:12] + b"\xff" * 9, "gzip"),
    ):
        path.write_bytes(broken)
        with pytest.raises(FileFormatError, match=says):
            read_nodes(path)


def test_a_file_that_blows_up_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("collsim.interop.chakra_files.MOST_BYTES", 1 << 16)
    (tmp_path / "t.0.et").write_bytes(gzip.compress(bytes(1 << 20)))
    with pytest.raises(FileFormatError, match="more than 65,536 bytes once unpacked"):
        read_nodes(tmp_path / "t.0.et")


BYTES = {
    b"": "is empty; a trace begins with its metadata",
    META + b"\x85": f"byte {len(META)}: the length of a message is cut off",
    META + b"\xff" * 6: f"byte {len(META)}: the length of a message takes more than five bytes",
    META + b"\x05ab": f"byte {len(META)}: a message of 5 bytes, of which 2 are there",
    META + framed(b"\xff\xff"): f"byte {len(META)}: no node of a Chakra trace",
    framed(b"\x0a\x7f"): "byte 0: no GlobalMetadata",
}


@pytest.mark.parametrize("data", BYTES, ids=list(BYTES.values()))
def test_broken_bytes_are_told_by_their_place(data):
    with pytest.raises(FileFormatError, match=re.escape(BYTES[data])):
        load_nodes(data, "t.0.et")


NODES = {
    "the id 1 is there twice": [node(1, COMP), node(1, COMP)],
    "it waits for itself": [node(1, COMP, 1)],
    "it waits for node 9, which is not there": [node(1, COMP, 9)],
    "wait for each other": [node(1, COMP, 2), node(2, COMP, 1)],
    "the kind 12 is not known": [node(1, 12)],
    "it states 5 operations and no duration; say how fast with --flops": [node(1, COMP, num_ops=5)],
    "beyond the clock of 2.56 hours": [node(1, COMP, micros=1 << 40)],
    "it has no comm_size": [node(1, SENDS, comm_dst=1)],
    "its comm_size is -1, and not a whole number": [node(1, SENDS, comm_dst=1, comm_size=-1)],
    "its comm_size is nan, and not a whole number": [node(1, SENDS, comm_dst=1, comm_size=float("nan"))],
    "its comm_size is 1.5, and not a whole number": [node(1, SENDS, comm_dst=1, comm_size=1.5)],
    "its comm_dst is 2; ranks are 0..1": [node(1, SENDS, comm_dst=2, comm_size=1)],
    "its comm_src is 1, in the file of rank 0": [node(1, SENDS, comm_dst=1, comm_src=1, comm_size=1)],
    "is never received by rank 1": [node(1, SENDS, comm_dst=1, comm_size=1)],
    "waits for a message that nobody sends": [node(1, RECV_NODE, comm_src=1, comm_size=1)],
    "GATHER has no algorithm here": [node(1, COLL, comm_type=3, comm_size=1)],
    "comm_type 10 has no algorithm here": [node(1, COLL, comm_type=10, comm_size=1)],
    "it has no comm_type": [node(1, COLL, comm_size=1)],
    "is a collective of 2 ranks, and rank 1 has none now": [node(1, COLL, comm_type=0, comm_size=1)],
    "its process group 'x' is not known; known are a, b": [node(1, COLL, comm_type=0, comm_size=1, pg_name="x")],
    "rank 0 is not in its process group 'b'": [node(1, COLL, comm_type=0, comm_size=1, pg_name="b")],
    "its root_rank 1 is not in its group": [node(1, COLL, comm_type=5, comm_size=1, pg_name="a", root_rank=1)],
    "involved_dim leaves dimensions out": [node(1, COLL, comm_type=0, comm_size=1, involved_dim=(True, False))],
    "it moves 9,223,372,036,854,775,804 bytes in all": [node(1, COLL, comm_type=2, comm_size=(1 << 62) - 2)],
}


@pytest.mark.parametrize("says", NODES)
def test_nodes_that_cannot_be_are_refused(says):
    with pytest.raises(FileFormatError, match=re.escape(says)):
        run(NODES[says], [], groups={"a": (0,), "b": (1,)})


def test_ranks_that_disagree_on_a_collective():
    ranks = [[node(1, COLL, comm_type=kind, comm_size=10)] for kind in (0, 7)]
    with pytest.raises(
        FileFormatError, match="reduce-scatter of 10 bytes, while rank 0 has all-reduce of 10 bytes at this turn"
    ):
        run(*ranks)


@pytest.mark.parametrize(
    "text",
    ["", "[", "[]", '{"workload_graph": 1}', '{"workload_graph": [3]}', '{"workload_graph": [{"Id": -1, "NodeType": 4}]}'],
)
def test_json_that_is_no_trace(tmp_path, text):
    (tmp_path / "t.0.json").write_text(text)
    with pytest.raises(FileFormatError):
        read_nodes(tmp_path / "t.0.json")


@pytest.mark.parametrize("text", ["[]", "{", '{"a": 3}', '{"a": [true]}', '{"a": [7]}', '{"a": [0, 0]}'])
def test_groups_that_are_none(tmp_path, text):
    path = write(tmp_path, [[], []])
    (tmp_path / "g.json").write_text(text)
    with pytest.raises(FileFormatError):
        read_chakra(path, tmp_path / "g.json")


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


def test_groups_are_written_beside(tmp_path):
    wanted = collective("all-gather")
    op = TraceOp(COLLECTIVE, size=100, collective=wanted, group="x", label="g")
    trace = Trace(((op,), (op,), (op,), ()), eager=False, groups={"x": (0, 1, 2)})
    for path, content in trace_files(trace, tmp_path / "t.et"):
        path.write_bytes(content)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["t.0.et", "t.1.et", "t.2.et", "t.3.et", "t.groups.json"]
    assert read_trace(tmp_path / "t.et").ranks == trace.ranks


def test_files_cut_anywhere_or_with_a_wrong_byte_never_fail_otherwise():
    ranks = [
        [node(1, COMP, micros=5), node(2, SENDS, 1, comm_size=9, comm_dst=1), node(3, COLL, 2, comm_type=0, comm_size=8)],
        [node(1, RECV_NODE, comm_size=9, comm_src=0), node(3, COLL, 1, comm_type=0, comm_size=8)],
    ]
    first, second = (dump_nodes(nodes) for nodes in ranks)
    for cut in range(len(first)):
        attempt(first[:cut], second)
    for place in range(len(first)):
        for wrong in (0, 127, 128, 255, first[place] ^ 1, first[place] ^ 8):
            attempt(first[:place] + bytes([wrong]) + first[place + 1 :], second)


def attempt(*files):
    try:
        replay(chakra_trace([load_nodes(data) for data in files], {}), "switch2", "ring", engine="analytic")
    except CollsimError:
        return


def test_without_protobuf_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.protobuf", None)
    with pytest.raises(
        InvalidValue, match=r"need protobuf; install it with 'pip install protobuf' \(the extra collsim\[chakra\]\)"
    ):
        messages.__wrapped__()
