"""Files of Chakra traces: bytes as the schema lays them out, packed or not, JSON, all ranks; and broken ones."""

import gzip
import json
import re
import struct
import sys

import pytest
from interop.chakra_bytes import COLL, COMP, META, RECV_NODE, SENDS, US, field, framed, node, varint

from collsim.collectives.collective import collective
from collsim.errors import CollsimError, FileFormatError, InvalidValue
from collsim.interop.chakra import ChakraNode
from collsim.interop.chakra_files import dump_nodes, load_nodes, rank_files, read_nodes
from collsim.interop.chakra_schema import messages
from collsim.interop.chakra_trace import chakra_trace, read_chakra
from collsim.interop.trace import COLLECTIVE, Trace, TraceOp
from collsim.interop.trace_files import trace_files
from collsim.sweep.traces import read_trace, replay


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


def test_ends_and_tags_stand_where_the_feeder_looks_for_them():
    # Chakra's et_feeder_node.cpp asks attr.int32_val() for them: in int64_val every message would be of rank 0 to rank 0.
    data = dump_nodes([node(3, SENDS, comm_src=0, comm_dst=300, comm_tag=(1 << 31) - 1, comm_size=8, comm_type=2)])
    expected = field(1, 3) + field(2, b"n3") + field(3, SENDS)
    for name, kind, value in (
        (b"comm_src", 7, 0),
        (b"comm_dst", 7, 300),
        (b"comm_tag", 7, (1 << 31) - 1),
        (b"comm_size", 9, 8),
        (b"comm_type", 9, 2),
    ):
        expected += field(10, field(1, name) + field(kind, value))
    assert data == META + framed(expected)


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
