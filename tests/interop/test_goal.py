"""GOAL: what statements mean on a machine, by times added up by hand; round trips; and what is refused, with its line."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.collective import collective
from collsim.engines.engine import ENGINES
from collsim.errors import CollsimError, FileFormatError, InvalidValue
from collsim.interop.goal import parse_goal, to_goal
from collsim.interop.schedule_trace import schedule_trace
from collsim.interop.trace import CALC, COLLECTIVE, RECV, SEND, Trace, TraceOp
from collsim.network.config import NetworkConfig
from collsim.program import single_call
from collsim.sweep.traces import replay
from collsim.topology import load

NS, US = 10**6, 10**9


def goal(*blocks, ranks=None):
    lines = [f"num_ranks {ranks or len(blocks)}"]
    for rank, block in enumerate(blocks):
        lines += [f"rank {rank} {{", *block, "}"]
    return "\n".join([*lines, ""])


def run(*blocks, topology="switch2", **settings):
    """Replay on links of 1 GB/s and 100 ns: a message of n bytes takes 2 n ns and 200 ns to the far side of the switch."""
    network = settings.pop("network", {"switching": "store-and-forward", "packet_payload": "1MiB"})
    settings = {"bandwidth": "1GB/s", "latency": "100ns", "engine": "simpy", **settings}
    return replay(parse_goal(goal(*blocks)), topology, network=network, **settings)


def message(size):
    return (2 * size + 200) * NS


def test_a_message_and_what_waits_for_it():
    done = run(
        ["l1: calc 50", "l2: send 1000b to 1", "l2 requires l1"], ["l1: recv 1000b from 0", "l2: calc 30", "l2 requires l1"]
    )
    assert done.result.time == 50 * NS + message(1000) + 30 * NS
    assert done.rank_finish.tolist() == [50 * NS + message(1000), 80 * NS + message(1000)]
    assert done.computing.tolist() == [50 * NS, 30 * NS]
    # The sender computes first; from then on its message is under way. The receiver waits for it from the beginning.
    assert done.exposed.tolist() == [message(1000), 50 * NS + message(1000)]


def test_what_requires_a_send_goes_on_at_once_and_what_requires_a_receive_waits():
    sender = ["l1: send 1000b to 1", "l2: calc 10", "l2 requires l1"]
    done = run(sender, ["l1: recv 1000b from 0"])
    assert int(done.result.operation_finish[[o.label == "l2" for o in done.program.operations]][0]) == 10 * NS


def test_a_receive_posted_late_ends_late():
    done = run(["send 10b to 1"], ["c: calc 5000", "r: recv 10b from 0", "r requires c", "d: calc 1", "d requires r"])
    assert done.result.time == 5001 * NS


def test_irequires_waits_for_the_start_alone():
    together = run(["a: calc 100 cpu 0", "b: calc 70 cpu 1", "b irequires a"], [])
    after = run(["a: calc 100 cpu 0", "b: calc 70 cpu 1", "b requires a"], [])
    assert (together.result.time, after.result.time) == (100 * NS, 170 * NS)
    # What starts with a computation that waits for its turn waits for that turn.
    turns = run(["z: calc 40", "a: calc 100", "b: calc 70 cpu 1", "b irequires a"], [])
    assert turns.result.time == 140 * NS


def test_computations_of_one_cpu_take_turns_as_they_get_ready():
    assert run(["calc 100", "calc 100", "calc 100 cpu 1"], []).result.time == 200 * NS
    # The second in the file is ready first, and goes first.
    late = run(["w: calc 10 cpu 1", "a: calc 100", "a requires w", "b: calc 40"], [])
    ends = {o.label: int(end) for o, end in zip(late.program.operations, late.result.operation_finish, strict=True)}
    assert (ends["b"], ends["a"]) == (40 * NS, 140 * NS)


def test_the_unit_of_calc_can_be_said():
    assert replay(parse_goal(goal(["calc 3"], []), unit=US), "switch2", engine="simpy").result.time == 3 * US


def test_messages_match_in_order_by_source_destination_and_tag():
    sent = ["send 100b to 1 tag 1", "send 200b to 1 tag 2", "send 300b to 1 tag 1"]
    taken = ["recv 200b from 0 tag 2", "recv 100b from 0 tag 1", "recv 300b from 0 tag 1"]
    assert run(sent, taken).program.messages == 3
    # A wildcard gets what the others leave, wherever it stands.
    assert run(sent, ["recv 200b from -1 tag 2", "recv 300b from 0 tag -1", "recv 300b from 0 tag 1"]).program.messages == 3
    anyhow = run(sent, ["recv 300b from -1 tag -1"] * 3)
    assert anyhow.program.messages == 3
    assert anyhow.trace.notes[0].startswith("3 receives take any source or tag")
    assert not run(sent, taken).trace.notes


def test_comments_and_blank_lines_and_ranks_without_a_block():
    text = "// one\n/* two\nlines */ num_ranks 3\n\nrank 1 { // here\n  l1 : send 8 b to 0 tag 3 cpu 1 nic 0 /* x */\n}\n"
    trace = parse_goal(text + "rank 0 {\nrecv 8b from 1 tag 3\n}\n")
    assert [len(rank) for rank in trace.ranks] == [1, 1, 0]
    assert trace.ranks[1][0] == TraceOp(SEND, size=8, peer=0, tag=3, unit=1, label="l1")
    assert trace.ranks[1][0].line == 6


REFUSED = {
    "rank 0 {\n}\n": "line 1: 'rank 0 {' where 'num_ranks N' is expected",
    "num_ranks 0\n": "num_ranks is 0; it is 1 to",
    "num_ranks 99999999999\n": "num_ranks is 99999999999",
    "num_ranks 1\nrank 1 {\n}\n": "line 2: rank 1 is not below 1",
    "num_ranks 1\nrank 0 {\n}\nrank 0 {\n}\n": "line 4: rank 0 is there twice",
    "num_ranks 1\nrank 0 {\ncalc 5\n": "line 3: the block of rank 0 is not closed; the file is cut off",
    "num_ranks 1\n/* rank 0 {\n}\n": "line 2: the comment is not closed",
    goal(["calc nan"]): "line 3: 'calc nan' is no send, recv, calc or requires",
    goal(["calc -5"]): "line 3: 'calc -5' is no send",
    goal(["calc 1.5"]): "line 3: 'calc 1.5' is no send",
    goal(["calc 999999999999999999"]): "line 3: rank 0, calc 0 computes for",
    goal(["l1: calc 1", "l1: calc 2"]): "line 4: the label l1 is there twice in rank 0",
    goal(["l1: calc 1", "l1 requires l2"]): "line 4: rank 0 has no label l2",
    goal(["l1: calc 1", "l1 requires l1"]): "line 4: l1 waits for itself",
    goal(["l1: calc 1", "l2: calc 1", "l1 requires l2", "l2 requires l1"]): "wait for each other",
    goal(["send 5b to 7"]): "line 3: rank 0, send 0 names rank 7; ranks are 0..0",
    goal(["send 5b to -1"]): "line 3: 'send 5b to -1' is no send",
    goal(["send 5b to 0 tag -1"]): "only a recv takes any tag",
    goal(["send 5b to 0 tag 1 tag 2"]): "'tag 2' is there twice",
    goal(["calc 5 nic 1"]): "'nic 1' is there twice, or out of place",
    goal(["send 5b to 1"], []): "line 3: rank 0, send 0 is never received by rank 1",
    goal([], ["recv 5b from 0"]): "line 5: rank 1, recv 0 waits for a message that nobody sends",
    goal(["send 5b to 1"], ["recv 4b from 0"]): "line 6: rank 1, recv 0 takes 4 bytes, and rank 0 sends 5",
    goal(
        ["a: recv 1b from 1", "b: send 1b to 1", "b requires a"], ["a: recv 1b from 0", "b: send 1b to 0", "b requires a"]
    ): "wait for each other",
}


@pytest.mark.parametrize("text", REFUSED, ids=list(REFUSED.values()))
def test_what_cannot_be_is_refused_with_its_line(text):
    with pytest.raises(FileFormatError, match=re.escape(REFUSED[text])):
        replay(parse_goal(text, "x.goal"), "switch2", engine="simpy")


def test_more_ranks_than_hosts_are_refused():
    with pytest.raises(InvalidValue, match="has 3 ranks and the machine 2 hosts"):
        replay(parse_goal(goal([], [], [])), "switch2")


@st.composite
def traces(draw):
    """Traces that run: each operation waits for earlier ones, messages go from a rank that is at it to any other."""
    count = draw(st.integers(1, 4))
    ranks = [[] for _ in range(count)]

    def put(rank, kind, **fields):
        before = draw(st.lists(st.integers(0, len(ranks[rank]) - 1), max_size=2, unique=True)) if ranks[rank] else []
        cut = draw(st.integers(0, len(before)))
        fields |= {"ended": tuple(before[:cut]), "started": tuple(before[cut:]), "label": f"l{len(ranks[rank])}"}
        ranks[rank].append(TraceOp(kind, unit=draw(st.integers(0, 2)), **fields))

    for number in range(draw(st.integers(0, 12))):
        source, target = draw(st.integers(0, count - 1)), draw(st.integers(0, count - 1))
        if draw(st.booleans()):
            put(source, CALC, duration=draw(st.integers(0, 9000)) * NS)
        else:
            size, tag = draw(st.integers(0, 5000)), draw(st.sampled_from([0, number]))
            put(source, SEND, size=size, peer=target, tag=tag)
            put(target, RECV, size=9000, peer=draw(st.sampled_from([source, -1])), tag=tag)
    return Trace(tuple(map(tuple, ranks)))


@given(traces())
def test_a_trace_comes_back_as_it_was_written(trace):
    again = parse_goal(to_goal(trace))
    assert again.ranks == trace.ranks
    assert to_goal(again) == to_goal(trace)


@given(traces())
def test_both_engines_run_it_to_the_same_tick(trace):
    try:
        times = [replay(trace, "mesh2x2", engine=engine) for engine in ("compiled", "simpy")]
    except FileFormatError:
        # A wildcard in front may take what another needs; then both wait for each other.
        assume(False)
    assert times[0].result.time == times[1].result.time
    assert times[0].rank_finish.tolist() == times[1].rank_finish.tolist()
    assert times[0].result.time == max(times[0].rank_finish.tolist(), default=0)


@pytest.mark.parametrize(
    ("machine", "name", "kind"),
    [
        ("ring5", "ring", "all-reduce"),
        ("torus4x4", "2d-ring", "all-reduce"),
        ("switch6", "direct", "reduce-scatter"),
        ("torus4x4", "2d-ring", "all-gather"),
    ],
)
@pytest.mark.parametrize("rate", ["free", "8GB/s"])
def test_a_schedule_written_as_goal_takes_its_time(machine, name, kind, rate):
    net, network = load(machine), NetworkConfig().with_settings({"reduction_rate": rate})
    plan = ALGORITHMS.get(name).schedule(net, collective(kind))
    # 8,000 bytes a chunk: every reduction lasts whole nanoseconds.
    size = 8000 * plan.unit
    trace = parse_goal(to_goal(schedule_trace(plan, size, network)))
    assert sum(o.kind == CALC for rank in trace.ranks for o in rank) == (0 if rate == "free" else int(plan.op.sum()))
    alone = ENGINES.get("compiled")(net, single_call(plan, size), network).time
    assert replay(trace, machine).result.time == alone


def test_collectives_have_no_statement():
    with pytest.raises(InvalidValue, match="GOAL has no collectives"):
        to_goal(Trace(((TraceOp(COLLECTIVE, collective=collective("all-reduce")),),)))


def test_files_cut_anywhere_or_with_a_wrong_byte_never_fail_otherwise():
    text = goal(
        ["l1: calc 50 cpu 0", "l2: send 1000b to 1 tag 4", "l2 requires l1"], ["/* */ recv 1000b from 0 tag -1 // x"]
    )
    for cut in range(len(text)):
        attempt(text[:cut])
    for place in range(len(text)):
        for wrong in "9-{}\x7f\n":
            attempt(text[:place] + wrong + text[place + 1 :])


def attempt(text):
    try:
        replay(parse_goal(text), "switch2", engine="analytic")
    except CollsimError:
        return
