"""Chakra nodes: what they mean on a machine, by times added up by hand, and what is refused where."""

import re

import pytest
from interop.chakra_bytes import COLL, COMP, RECV_NODE, SENDS, US, node

from collsim.errors import FileFormatError
from collsim.interop.chakra_trace import chakra_trace
from collsim.program import Call
from collsim.sweep.traces import replay


def run(*ranks, topology="switch2", groups=None, flops=None, algorithm="ring", **settings):
    trace = chakra_trace(ranks, groups or {}, flops)
    settings = {"bandwidth": "1GB/s", "latency": 0, "engine": "simpy", **settings}
    return replay(trace, topology, algorithm, network={"switching": "store-and-forward"}, **settings)


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
