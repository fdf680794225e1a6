"""NIC tables: the paper's entries for trees, a meaning for other schedules, and nothing lost on the way there and back."""

import json
import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from conformance.cases import TOPOLOGIES, schedule, suitable, topology
from oracles.plans import plans, rows_of, with_rows
from oracles.replay import check, start
from oracles.table_nic import Tables

from collsim.collectives.nic_table import Entry, nic_tables
from collsim.collectives.nic_table_files import tables_from_dict, tables_to_csv, tables_to_dict
from collsim.collectives.nic_table_widths import entry_widths, table_widths
from collsim.collectives.verify import verify
from collsim.errors import FileFormatError, InvalidValue, ScheduleError

DIRECT = ("mesh2x2", "torus4x4", "mesh4x4", "torus3x3", "torus2x3x4", "hypercube8")


def tables(algorithm, topo, operation="all-reduce", size=64 * 1024):
    return nic_tables(schedule(algorithm, topo, operation), size)


def transfers(plan):
    """Every transfer with what it waits for, in an order of its own."""
    columns = zip(*(getattr(plan, c).tolist() for c in ("step", "src", "dst", "chunk", "count", "op")), strict=True)
    names = [(*row, tuple(plan.path_of(t).tolist())) for t, row in enumerate(columns)]
    return sorted((name, sorted(names[d] for d in plan.deps_of(t).tolist())) for t, name in enumerate(names))


def pairs():
    return [(a, t, c) for a, t, c in suitable() if t in TOPOLOGIES and schedule(a, t, c) is not None]


# Known answer: the paper's example network, tree 0 = (2,0,0)(1,0,0)(3,2,1), tree 1 = (3,1,0)(0,1,0)(2,3,1).


def test_the_table_of_rank_0_on_the_2x2_mesh_by_hand():
    piece = {"count": 1, "size": 100}
    north_west = [
        Entry("Reduce", 0, 3, parents=(1,), start=300, paths=((1,),), **piece),
        Entry("Reduce", 1, 1, parents=(1,), start=100, paths=((1,),), **piece),
        Entry("Reduce", 1, 2, parents=(2,), children=(1,), start=200, paths=((0,),), **piece),
        Entry("Reduce", 1, 0, children=(2, 1), start=0, **piece),
        Entry("Gather", 2, 0, children=(2, 1), start=0, paths=((0,), (1,)), **piece),
        Entry("Gather", 2, 1, parents=(1,), start=100, **piece),
        Entry("Gather", 3, 2, parents=(2,), children=(1,), start=200, paths=((1,),), **piece),
        Entry("Gather", 3, 3, parents=(1,), start=300, **piece),
    ]
    assert list(tables("multitree", "mesh2x2", size=400).of(0)) == north_west


@pytest.mark.parametrize("topo", [*DIRECT, "fattree4", "bigraph4x4", "switch8", "dgx1-v100"])
def test_trees_have_a_reduce_and_a_gather_for_every_flow_and_one_parent(topo):
    made = tables("multitree", topo)
    n = made.ranks
    for rank, table in enumerate(made.tables):
        real = [e for e in table if e.opcode != "NOP"]
        assert {(e.opcode, e.flow) for e in real} == {(op, flow) for op in ("Reduce", "Gather") for flow in range(n)}
        assert sum(e.opcode == "Reduce" for e in real) == n
        for e in real:
            assert len(e.parents) == (0 if e.flow == rank else 1)
        # More than 2 N only where a node serves children of one tree in several steps.
        later = Counter((e.flow, e.opcode) for e in real if e.targets)
        assert len(real) == 2 * n + sum(times - 1 for times in later.values())


@pytest.mark.parametrize(
    "topo, least, most, with_nops",
    [("mesh2x2", 8, 8, 8), ("torus4x4", 34, 34, 34), ("mesh4x4", 32, 36, 40), ("torus8x8", 144, 144, 144),
     ("mesh8x8", 128, 150, 176), ("fattree8x2", 183, 183, 183)],
)  # fmt: skip
def test_entries_of_a_node(topo, least, most, with_nops):
    made = tables("multitree", topo)
    real = [sum(e.opcode != "NOP" for e in table) for table in made.tables]
    assert (min(real), max(real), max(map(len, made.tables))) == (least, most, with_nops)


def test_nops_stand_in_exactly_the_steps_in_which_a_rank_sends_nothing():
    for algorithm, topo in (("multitree", "mesh4x4"), ("binomial-tree", "mesh3x5"), ("ring", "torus4x4")):
        plan = schedule(algorithm, topo, "all-reduce")
        for rank, table in enumerate(nic_tables(plan, 1000).tables):
            sends = set(plan.step[plan.src == rank].tolist())
            assert [e.step for e in table if e.opcode == "NOP"] == sorted(set(range(plan.steps)) - sends)
            assert {e.step for e in table if e.targets} == sends
            assert [e.step for e in table] == sorted(e.step for e in table)


def test_a_ring_is_a_chain_for_every_chunk():
    for rank, table in enumerate(tables("ring", "ring8").tables):
        for e in table:
            reduces = e.opcode == "Reduce"
            assert {*e.parents, *e.children} <= {(rank - 1) % 8, (rank + 1) % 8}
            assert e.parents in (((rank + 1) % 8,), ()) if reduces else e.parents in (((rank - 1) % 8,), ())


def test_halving_doubling_waits_for_every_part_of_its_range():
    table = tables("halving-doubling", "full8", size=800).of(0)
    plan = schedule("halving-doubling", "full8", "all-reduce")
    last = max((e for e in table if e.targets), key=lambda e: e.step)
    mine = np.flatnonzero((plan.src == 0) & (plan.step == last.step))
    assert last.count == int(plan.count[mine[0]]) == 4
    assert last.size == 400
    assert len(last.parents) == 2
    assert [e.sources for e in table if e.opcode == "Reduce" and not e.targets] != []


# Nothing is lost.


@pytest.mark.parametrize("algorithm, topo, operation", pairs())
def test_back_to_the_same_transfers(algorithm, topo, operation):
    plan = schedule(algorithm, topo, operation)
    again = nic_tables(plan, 12_345).to_schedule()
    assert transfers(again) == transfers(plan)
    assert verify(again, topology(topo)).collective == again.collective.name == plan.collective.name


@pytest.mark.parametrize("place", range(7))
def test_hand_made_schedules_and_files_come_back(place):
    plan, machine = plans()[place]
    made = nic_tables(plan, 1001)
    read = tables_from_dict(json.loads(json.dumps(tables_to_dict(made))))
    assert read.tables == made.tables
    assert transfers(read.to_schedule()) == transfers(plan)
    check(read.to_schedule())
    verify(read.to_schedule(), machine)


def test_addresses_and_sizes_are_those_of_the_schedule():
    plan = schedule("recursive-doubling", "full8", "all-reduce")
    for size in (0, 1, 7, 1001):
        made = nic_tables(plan, size)
        sent = sorted((r, e.step, e.size) for r, e in made.entries() for _ in e.targets)
        assert sent == sorted(zip(plan.src.tolist(), plan.step.tolist(), plan.message_bytes(size).tolist(), strict=True))
    places = {(e.flow, e.start) for _, e in tables("ring", "ring3", size=1001).entries() if e.opcode != "NOP"}
    assert places == {(0, 0), (1, 333), (2, 667)}


# A NIC that reads nothing but its table does the right thing, whatever the timing.


def contributions(plan):
    held = start(plan)
    return [{chunk: held[rank, chunk] for chunk in range(plan.chunks)} for rank in range(plan.ranks)]


def executed(plan, made, seed):
    """Run the tables with random message times and return what every (rank, chunk) holds in the end."""
    rng = random.Random(seed)

    def message(*_):
        inject = rng.randrange(20)
        return inject, inject + rng.randrange(200)

    nics = Tables(made, message, estimate=lambda step: rng.randrange(3), values=contributions(plan))
    nics.run()
    return {(r, c): node.value(c, made.steps) for r, node in enumerate(nics.nodes) for c in range(plan.chunks)}


def right(plan, held):
    everyone = Counter(range(plan.ranks))
    return all(value == everyone for value in held.values())


SMALL = ("ring3", "full5", "full8", "switch7", "torus3x3", "mesh2x2", "mesh3x5", "fattree2", "dragonfly1x2x1", "bigraph2x4")


@pytest.mark.parametrize("algorithm, topo", [(a, t) for a, t, c in pairs() if t in SMALL and c == "all-reduce"])
def test_the_tables_alone_sum_right_at_random_times(algorithm, topo):
    plan = schedule(algorithm, topo, "all-reduce")
    made = nic_tables(plan, 1000)
    for seed in range(3):
        assert right(plan, executed(plan, made, seed))


@pytest.mark.parametrize("algorithm, topo", [("multitree", "mesh2x2"), ("halving-doubling", "full8"), ("ring", "ring3")])
def test_no_wait_is_idle_talk(algorithm, topo):
    """Each source struck from an entry lets some timing compute a wrong sum, unless an entry beside it still waits."""
    plan = schedule(algorithm, topo, "all-reduce")
    made = nic_tables(plan, 1000)
    struck = [(rank, k) for rank, table in enumerate(made.tables) for k, e in enumerate(table) if e.sources and e.targets]
    caught = 0
    for rank, k in struck:
        table = list(made.tables[rank])
        gone = "children" if table[k].opcode == "Reduce" else "parents"
        table[k] = replace(table[k], **{gone: ()})
        worse = replace(made, tables=tuple(tuple(table) if r == rank else t for r, t in enumerate(made.tables)))
        caught += any(not right(plan, executed(plan, worse, seed)) for seed in range(40))
    assert caught == len(struck) > 0


# What cannot be a table is refused.


def knotted(change):
    plan, _ = plans()[0]
    rows = rows_of(plan)
    return with_rows(plan, change(rows) or rows)


def test_a_wait_for_an_own_send_is_refused():
    def own_send(rows):
        later = next(r for r in rows if r["step"] == 1 and r["src"] == 0)
        later["deps"].append(next(k for k, r in enumerate(rows) if r["src"] == 0 and r["step"] == 0))

    with pytest.raises(ScheduleError, match="does not end at rank 0"):
        nic_tables(knotted(own_send), 100)


def test_a_wait_for_a_chunk_that_is_not_carried_is_refused():
    def other_chunk(rows):
        later = next(r for r in rows if r["step"] == 2 and r["src"] == 0)
        later["deps"].append(next(k for k, r in enumerate(rows) if r["dst"] == 0 and r["step"] == 0))

    with pytest.raises(ScheduleError, match="brings none of its chunks"):
        nic_tables(knotted(other_chunk), 100)


def test_a_wait_for_a_later_step_is_refused():
    def later_step(rows):
        for row in rows:
            row["step"] = 9 - row["step"]

    with pytest.raises(ScheduleError, match="a table is worked off by step"):
        nic_tables(knotted(later_step), 100)


def test_requests_that_make_no_sense():
    made = tables("ring", "ring3")
    with pytest.raises(InvalidValue, match="ranks are 0 to 2"):
        made.of(3)
    with pytest.raises(InvalidValue, match="-1 B"):
        nic_tables(schedule("ring", "ring3", "all-reduce"), -1)
    with pytest.raises(FileFormatError, match="'unit' is missing"):
        tables_from_dict({k: v for k, v in tables_to_dict(made).items() if k != "unit"})


# Size.


def test_the_papers_size_of_a_table():
    """About 200 bits, 2 N entries, 3.2 KB at 64 nodes: 192 bits when every id is a byte, address and size 64 bits."""
    torus = nic_tables(schedule("multitree", "torus8x8", "all-reduce"), 64 * 2**20)
    assert 2 * 64 * 200 // 8 == 3200
    words = table_widths(torus, words=True)
    fields = (words.opcode, words.flow, words.parents, words.children, words.step, words.start, words.size)
    assert fields == (8, 8, 8, 4 * 8, 8, 64, 64)
    assert words.total == 192
    assert words.table_bytes(2 * 64) == 3072
    least = table_widths(torus)
    # 3 opcodes; 64 trees; 64 nodes or none, once and for 4 children; 34 steps; 2^26 bytes; messages of 2^20 bytes.
    assert (least.opcode, least.flow, least.parents, least.children) == (2, 6, 7, 28)
    assert (least.step, least.start, least.size) == (6, 26, 21)
    assert least.total == 96
    assert least.table_bytes(144) == 1728


@pytest.mark.parametrize("ranks, bits", [(1, 1), (2, 2), (3, 2), (4, 3), (255, 8), (256, 9)])
def test_a_rank_field_has_room_for_none(ranks, bits):
    assert entry_widths(ranks, 1, 1, 1, 0, buffer=1, largest=0).total == 2 + bits


def test_every_value_fits_its_field():
    for algorithm, topo in (("multitree", "mesh4x4"), ("recursive-doubling", "full8"), ("direct", "switch7")):
        made = tables(algorithm, topo, size=99_999)
        w = table_widths(made)
        for _, e in made.entries():
            for name in ("flow", "step", "start", "size"):
                assert getattr(e, name) < 2 ** getattr(w, name)
            rank_bits = made.ranks.bit_length()
            assert len(e.parents) * rank_bits <= w.parents
            assert len(e.children) * rank_bits <= w.children


def test_csv_has_the_papers_fields():
    lines = tables_to_csv(tables("multitree", "mesh2x2", size=400)).splitlines()
    assert lines[:4] == [
        "rank,opcode,flow,parent,children,step,start,size",
        "0,Reduce,3,1,,0,300,100",
        "0,Reduce,1,1,,1,100,100",
        "0,Reduce,2,2,1,1,200,100",
    ]
    assert any(",NOP,,,,13,," in line for line in tables_to_csv(tables("multitree", "mesh4x4")).splitlines())
