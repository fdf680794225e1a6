"""Traces parsed back: what the file says is what the result says, to the femtosecond."""

import json
import re
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest
from oracles.perfetto import imported

from collsim.crossings import Recorder
from collsim.engines.engine import ENGINES
from collsim.errors import InvalidValue
from collsim.network.config import NetworkConfig
from collsim.program import Arrivals, Call, Compute, Program, Send
from collsim.report import trace
from collsim.report.trace_tracks import lanes
from collsim.simulate import prepare, simulate
from collsim.topology import load

US = 10**9
TRANSFER = ("send", "receive")


def read(path):
    """Return (metadata, events) of a trace, its times as fs: exact where decimals are kept as text."""
    text = path.read_text()
    assert not re.search(r'"(ts|dur)":-', text)
    value = json.loads(text, parse_float=lambda digits: round(float(digits) * US) if "." in digits else float(digits))
    exact = json.loads(text, parse_float=str)
    for event, plain in zip(exact["traceEvents"], value["traceEvents"], strict=True):
        for key in {"ts", "dur"} & event.keys():
            whole, _, part = event[key].partition(".")
            assert int(whole) * US + int(part) == plain[key]  # doubles tell femtoseconds apart
    return value["otherData"], value["traceEvents"]


def slices(events, *kinds):
    return [e for e in events if e["ph"] == "X" and e["cat"] in kinds]


def assert_sound(events):
    """Every event is on a named track, and no two slices of a track overlap."""
    named = {(e["pid"], e["tid"]) for e in events if e["ph"] == "M" and e["name"] == "thread_name"}
    tracks = defaultdict(list)
    for event in events:
        assert (event["pid"], event["tid"]) in named
        if event["ph"] == "X":
            tracks[event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    for spans in tracks.values():
        assert all(end <= start for (_, end), (start, _) in pairwise(spans))


def assert_span(event, start, end):
    """A slice begins exactly at `start` and lasts until `end`, or where that would be rounded up, less than 1 ns less."""
    assert event["ts"] == start
    assert 0 <= end - start - event["dur"] < 10**6


def assert_flows(events):
    """Every arrow leaves a send and comes to the receive of the same message, where those slices begin."""
    at = {(e["tid"], e["ts"], e["args"]["message"]): e["cat"] for e in slices(events, *TRANSFER)}
    ends = defaultdict(list)
    for event in events:
        if event["ph"] in "sf":
            ends[event["id"]].append((event["ph"], at[event["tid"], event["ts"], event["id"]], event["ts"]))
    for found in ends.values():
        (start, sent, left), (finish, received, came) = sorted(found, reverse=True)
        assert (start, sent, finish, received) == ("s", "send", "f", "receive")
        assert left <= came
    return ends


@pytest.mark.parametrize("engine", ["compiled", "simpy"])
@pytest.mark.parametrize(
    "topo, algorithm", [("torus3x3", "multitree"), ("switch5", "double-binary-tree"), ("mesh3x3", "ring")]
)
def test_a_run_parsed_back(tmp_path, topo, algorithm, engine):
    outcome = simulate(topo, algorithm, size=100_001, engine=engine, crossings=True)
    path = tmp_path / "out.json"
    assert trace.write_trace(outcome, path) == ()
    about, events = read(path)
    plan, result = outcome.schedule, outcome.result
    assert about["time_fs"] == result.time
    assert about["topology"] == result.provenance["topology"]
    assert_sound(events)
    sizes = plan.message_bytes(outcome.size)
    for kind in TRANSFER:
        own = slices(events, kind)
        assert sorted(e["args"]["transfer"] for e in own) == list(range(plan.transfers))
        for event in own:
            args = event["args"]
            k = args["transfer"]
            assert (args["step"], args["src"], args["dst"]) == (plan.step[k], plan.src[k], plan.dst[k])
            assert (args["chunk"], args["count"], args["bytes"]) == (plan.chunk[k], plan.count[k], sizes[k])
            assert (args["ready_fs"], args["finish_fs"]) == (result.message_ready[k], result.message_finish[k])
            assert args["started_fs"] == result.message_started[k]
            span = ("started_fs", "left_fs") if kind == "send" else ("came_fs", "finish_fs")
            assert_span(event, *(args[name] for name in span))
            assert span == ("started_fs", "left_fs") or args["came_fs"] >= args["started_fs"]
            assert args.get("left_fs", 0) <= args["finish_fs"]
    assert len(assert_flows(events)) == plan.transfers
    busy, hops = Counter(), Counter()
    names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    for event in slices(events, "link"):
        link = int(re.match(r"link (\d+): ", names[event["tid"]])[1])
        assert_span(event, event["args"]["first_fs"], event["args"]["end_fs"])
        busy[link] += event["args"]["busy_fs"]
        hops[link] += event["args"]["packets"]
    assert [busy[link] for link in range(outcome.topology.links)] == result.link_busy.tolist()
    assert sum(hops.values()) == result.packet_hops


def test_tracks_are_named_and_in_order(tmp_path):
    case = prepare("ring4", placement=[3, 1, 0, 2])
    trace.write_trace(case.run("ring", 4096, crossings=True), tmp_path / "out.json")
    _, events = read(tmp_path / "out.json")
    rows = {e["tid"]: (e["pid"], e["args"]["name"]) for e in events if e["name"] == "thread_name"}
    order = {e["tid"]: e["args"]["sort_index"] for e in events if e["name"] == "thread_sort_index"}
    names = [name for _, (_, name) in sorted(rows.items(), key=lambda item: order[item[0]])]
    assert names[:4] == ["rank 0 (h3) sends", "rank 0 (h3) receives", "rank 1 (h1) sends", "rank 1 (h1) receives"]
    assert [name.split(":")[0] for name in names[8:]] == sorted(
        (name.split(":")[0] for name in names[8:]), key=lambda text: int(text.split()[1])
    )
    assert {e["args"]["name"] for e in events if e["name"] == "process_name"} == {"ranks", "links"}


def test_any_program_has_a_trace(tmp_path):
    case = prepare("ring4")
    plan, _ = case.plan("ring", 4096)
    late = Arrivals(*(np.array(column) for column in ([0, 1], [2, 1], [70, 0], [5, 9])))
    program = Program((Compute(0, 10**9 + 1, label="think"), Call(plan, 4096, (0,), "sum"), Send(0, 2, 10, (1,)), late))
    keep = Recorder()
    result = ENGINES.get("compiled")(case.topology, program, NetworkConfig(), observers=[keep])
    trace.trace_program(tmp_path / "out.json", case.topology, program, result, keep.found)
    _, events = read(tmp_path / "out.json")
    assert_sound(events)
    assert_flows(events)
    (think,) = slices(events, "compute")
    assert (think["name"], think["ts"], think["dur"]) == ("think", 0, 10**9 + 1)
    assert len(slices(events, "send")) == program.messages
    assert Counter(e["name"].split()[0] for e in slices(events, "send")) == {"sum:": plan.transfers, "send": 1, "message": 2}


def test_without_crossings_links_have_no_tracks(tmp_path):
    outcome = simulate("ring4", "ring", size="4KiB", engine="analytic", crossings=True)
    (sentence,) = trace.write_trace(outcome, tmp_path / "out.json")
    assert "analytic engine" in sentence
    about, events = read(tmp_path / "out.json")
    assert about["left_out"] == [sentence]
    assert {e["args"]["name"] for e in events if e["name"] == "process_name"} == {"ranks"}
    assert_sound(events)


def test_traces_that_nothing_could_open_are_refused(tmp_path, monkeypatch):
    outcome = simulate("ring4", "ring", size="4KiB", crossings=True)
    monkeypatch.setattr(trace, "MOST_SLICES", 3)
    assert "24 slices are more than 3" in trace.write_trace(outcome, tmp_path / "out.json")[0]
    monkeypatch.setattr(trace, "MOST_MESSAGES", 3)
    with pytest.raises(InvalidValue, match="24 messages"):
        trace.write_trace(outcome, tmp_path / "out.json")


def test_lanes_are_as_few_as_overlaps_allow():
    assert lanes([(0, 4), (1, 3), (2, 5), (3, 4), (4, 6), (5, 5)]) == [0, 1, 2, 1, 0, 1]
    assert lanes([]) == []


def test_a_run_twice_gives_the_same_file(tmp_path):
    for name in ("one", "two"):
        outcome = simulate("torus3x3", "ring", size="64KiB", crossings=True)
        trace.write_trace(outcome, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_names_are_escaped(tmp_path):
    machine = load("ring4")
    object.__setattr__(machine, "names", ('a"b', "<script>", "c\\d", "e\nf"))
    trace.write_trace(simulate(machine, "ring", size="4KiB", crossings=True), tmp_path / "out.json")
    _, events = read(tmp_path / "out.json")
    assert any('(a"b)' in e["args"].get("name", "") for e in events if e["ph"] == "M")


@pytest.mark.parametrize(
    "topo, algorithm, size, settings",
    [
        ("torus4x4", "multitree", 100_001, {}),
        ("torus4x4", "multitree", 100_001, {"engine": "analytic"}),
        ("switch5", "double-binary-tree", 70_007, {"engine": "simpy"}),
        # Messages of less than a nanosecond over links of no latency: whole steps fall into one of them.
        ("ring8", "ring", 999, {"bandwidth": "1111GB/s", "latency": "0ns"}),
        ("ring8", "ring", 999, {"bandwidth": "1111GB/s", "latency": "0ns", "engine": "analytic"}),
        ("mesh3x3", "direct", 77_777, {"bandwidth": "77.7GB/s", "latency": "333.333ns", "placement": "random:3"}),
        ("nvl4x2", "direct", 300_007, {}),
    ],
)
def test_perfetto_drops_nothing(tmp_path, topo, algorithm, size, settings):
    outcome = simulate(topo, algorithm, size=size, crossings=True, **settings)
    trace.write_trace(outcome, tmp_path / "out.json")
    dropped, flows = imported(tmp_path / "out.json")
    assert not dropped
    assert len(flows) == np.count_nonzero(outcome.schedule.message_bytes(outcome.size))
    assert all(sent["message"] == came["message"] for sent, came in flows)
