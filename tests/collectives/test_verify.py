from dataclasses import replace

import numpy as np
import pytest
from oracles import plans
from oracles.proof import fault

from collsim.collectives.collective import collective
from collsim.collectives.schedule import COPY, REDUCE, ScheduleBuilder
from collsim.collectives.verify import verify
from collsim.errors import InvalidValue, ScheduleError, UnknownName
from collsim.topology import Link, build

METHODS = ("exact", "fingerprint")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", range(len(plans.plans())))
def test_right_schedules_pass(case, method):
    plan, topology = plans.plans()[case]
    assert fault(plan, topology) is None
    proof = verify(plan, topology, method=method)
    assert (proof.method, proof.transfers, proof.ranks, proof.chunks) == (method, plan.transfers, plan.ranks, plan.chunks)
    assert (proof.miss_probability == 0) == (method == "exact")
    assert proof.miss_probability < 2**-60
    assert f"{plan.transfers:,} transfers" in proof.line


def test_auto_chooses_by_size():
    assert verify(plans.ring_all_reduce(65), plans.ring_topology(65)).method == "exact"
    n = 513
    star = ScheduleBuilder(collective("reduce"), "star", range(n), [1])
    star.add_many(0, np.arange(1, n), 0, 0, REDUCE)
    assert verify(star.finish(), plans.ring_topology(n)).method == "fingerprint"


def refused(plan, topology, *words, method="exact"):
    with pytest.raises(ScheduleError) as caught:
        verify(plan, topology, method=method)
    for word in words:
        assert word in str(caught.value), str(caught.value)


@pytest.mark.parametrize("method", METHODS)
def test_a_missing_contribution_is_named(method):
    plan, topology = plans.star_reduce(4), plans.ring_topology(4)
    broken = plans.with_rows(plan, plans.without(plans.rows_of(plan), 1))
    refused(broken, topology, "rank 0", "chunk 0", "lacks the contribution of rank 2", method=method)


@pytest.mark.parametrize("method", METHODS)
def test_a_doubled_contribution_is_named(method):
    plan, topology = plans.star_reduce(4), plans.ring_topology(4)
    rows = plans.rows_of(plan)
    refused(plans.with_rows(plan, [*rows, dict(rows[1])]), topology, "has twice that of rank 2", "step 1", method=method)


@pytest.mark.parametrize("method", METHODS)
def test_a_foreign_contribution_is_named(method):
    plan, topology = plans.ring_all_gather(3), plans.ring_topology(3)
    wrong = replace(plan, chunk_src=np.array([0, 2, 1]))
    assert fault(wrong, topology) is not None
    refused(wrong, topology, "does not hold", method=method)
    one = ScheduleBuilder(collective("reduce-scatter"), "x", range(2), [1, 1], chunk_dst=[0, 1])
    one.add(0, 1, 0, 0, COPY)
    one.add(0, 0, 1, 1, REDUCE)
    refused(one.finish(), plans.ring_topology(2), "rank 0", "lacks the contribution of rank 0", method=method)


def test_balanced_errors_do_not_cancel_in_fingerprints():
    """Rank 1 counted twice and rank 2 never: the number of contributions is right, the contributions are not."""
    plan = plans.star_reduce(4)
    rows = plans.rows_of(plan)
    rows[1]["src"] = 1
    refused(plans.with_rows(plan, rows), plans.ring_topology(4), "rank 2", "twice that of rank 1", method="fingerprint")


def test_two_deliveries_with_a_copy_in_one_step_are_refused():
    b = ScheduleBuilder(collective("broadcast"), "x", range(3), [1])
    b.add(0, 0, 1, 0, COPY)
    b.add(1, 0, 2, 0, COPY)
    b.add(1, 1, 2, 0, COPY)
    refused(b.finish(), plans.ring_topology(3), "transfer 1", "transfer 2", "chunk 0 of rank 2", "alone")


def test_a_step_sees_only_smaller_steps():
    """Both ranks send their old value although each also receives in that step; one step later it would be doubled."""
    exchange = ScheduleBuilder(collective("all-reduce"), "x", range(2), [1])
    exchange.add(0, 0, 1, 0, REDUCE)
    exchange.add(0, 1, 0, 0, REDUCE)
    verify(exchange.finish(), plans.ring_topology(2))
    late = ScheduleBuilder(collective("all-reduce"), "x", range(2), [1])
    late.add(0, 0, 1, 0, REDUCE)
    late.add(1, 1, 0, 0, REDUCE)
    refused(late.finish(), plans.ring_topology(2), "rank 0 ends", "has twice that of rank 0")


def test_a_chain_of_dependencies_counts():
    """Rank 1 forwards after two reduces; it may name the last send, which itself waited, instead of every delivery."""
    b = ScheduleBuilder(collective("all-reduce"), "x", range(3), [1])
    b.add(0, 0, 1, 0, REDUCE)
    b.add(1, 2, 1, 0, REDUCE)
    b.add(2, 1, 0, 0, COPY)
    b.add(2, 1, 2, 0, COPY)
    plan, topology = b.finish(), plans.ring_topology(3)
    rows = plans.rows_of(plan)
    assert rows[3]["deps"] == [0, 1]
    rows[3]["deps"] = [2]
    verify(plans.with_rows(plan, rows), topology)
    rows[2]["deps"] = [1]
    refused(plans.with_rows(plan, rows), topology, "transfer 2", "before transfer 0", "rank 1")


def test_dependencies_unknown_at_the_source_are_refused():
    plan, topology = plans.chain_broadcast(5, 2), plans.ring_topology(5)
    rows = plans.rows_of(plan)
    rows[2]["deps"] = [*rows[2]["deps"], 0]
    refused(plans.with_rows(plan, rows), topology, "rank 2", "knows nothing")


def test_a_cycle_of_dependencies_is_named():
    plan, topology = plans.recursive_doubling(1), plans.ring_topology(2)
    rows = plans.rows_of(plan)
    rows[0]["deps"], rows[1]["deps"] = [1], [0]
    refused(plans.with_rows(plan, rows), topology, "lead back", "[0, 1]")


def test_a_wait_for_a_later_step_is_legal_without_a_cycle():
    plan, topology = plans.star_reduce(4), plans.ring_topology(4)
    rows = plans.rows_of(plan)
    rows.append({"step": 0, "src": 0, "dst": 1, "chunk": 0, "count": 1, "op": COPY, "deps": [1], "path": []})
    changed = plans.with_rows(plan, rows)
    assert fault(changed, topology) == "an end is wrong"
    rows[-1] |= {"step": 2, "deps": [0, 1, 2]}
    verify(plans.with_rows(plan, rows), topology)
    rows[1]["deps"] = []
    rows.append({"step": 2, "src": 0, "dst": 2, "chunk": 0, "count": 1, "op": COPY, "deps": [3], "path": []})
    rows[3]["step"] = 3
    verify(plans.with_rows(plan, rows), topology)


@pytest.mark.parametrize(
    ("path", "words"),
    [([], None), ([99], "does not have"), ([2], "start"), ([1], "end"), ([0, 0], "where the one before ends")],
)
def test_explicit_paths_must_exist(path, words):
    topology = plans.ring_topology(5)
    b = ScheduleBuilder(collective("broadcast"), "x", range(5), [1])
    for rank in range(4):
        b.add(rank, rank, rank + 1, 0, COPY, path=path if rank == 0 else ())
    if words is None:
        verify(b.finish(), topology)
    else:
        refused(b.finish(), topology, "transfer 0", words)


def test_paths_pass_through_forwarders_only():
    links = [Link(a, b, 1, 0) for a, b in ((0, 1), (1, 2), (0, 3), (3, 2), (2, 3), (3, 0), (3, 1), (1, 3))]
    topology = build("detour", 3, links, switches=1)
    for path, right in (([0, 1], False), ([2, 3], True)):
        b = ScheduleBuilder(collective("broadcast"), "x", range(3), [1])
        b.add(0, 0, 2, 0, COPY, path=path)
        b.add(0, 0, 1, 0, COPY)
        if right:
            verify(b.finish(), topology)
        else:
            refused(b.finish(), topology, "does not forward")


@pytest.mark.parametrize(
    ("field", "value", "words", "cure"),
    [
        ("dst", 7, "destination rank 7", "more hosts"),
        ("src", -1, "source rank -1", "more hosts"),
        ("chunk", 4, "chunk 4", "weights="),
        ("count", 0, "count of chunks 0", "at least one chunk"),
        ("count", 5, "count of chunks 5", "at least one chunk"),
        ("op", 2, "op 2", "COPY or REDUCE"),
        ("step", -1, "step -1", "from 0"),
        ("dep_set", 99, "set of dependencies 99", "ScheduleBuilder"),
    ],
)
def test_indices_out_of_range_are_refused_with_a_cure(field, value, words, cure):
    plan = plans.ring_all_reduce(4)
    column = getattr(plan, field).copy()
    column[3] = value
    refused(replace(plan, **{field: column}), plans.ring_topology(4), "transfer 3", words, cure)


def test_arrays_that_do_not_fit_are_refused():
    plan, topology = plans.ring_all_reduce(4), plans.ring_topology(4)
    refused(replace(plan, step=plan.step[:-1]), topology, "lengths")
    refused(replace(plan, weights=np.array([1, 1, 0, 1])), topology, "positive")
    refused(replace(plan, unit=5), topology, "weigh 4")
    refused(replace(plan, ranks_to_hosts=np.array([0, 1, 1, 2])), topology, "distinct")
    refused(replace(plan, ranks_to_hosts=np.array([0, 1, 2, 4])), topology, "distinct hosts")
    refused(replace(plan, set_members=plan.set_members + 100), topology, "a dependency names")
    refused(replace(plan, path_offsets=plan.path_offsets + 1), topology, "offsets of paths")
    twice = plans.with_rows(plan, [row | {"deps": row["deps"] * 2} for row in plans.rows_of(plan)])
    refused(twice, topology, "twice in a set")
    loop = plan.dst.copy()
    loop[5] = plan.src[5]
    refused(replace(plan, dst=loop), topology, "transfer 5", "differ")


def test_shares_are_equal():
    gather = plans.ring_all_gather(4)
    refused(replace(gather, weights=np.array([2, 1, 1, 1]), unit=5), plans.ring_topology(4), "share of rank 0")
    refused(replace(gather, chunk_src=np.array([0, 1, 2, -1])), plans.ring_topology(4), "chunk 3", "chunk_src -1")
    exchange = plans.direct_all_to_all(3)
    refused(replace(exchange, unit=4), plans.ring_topology(3), "share of rank 0 for rank 0")
    own = [c for c in range(9) if c not in (0, 4, 8)]
    b = ScheduleBuilder(
        collective("all-to-all"),
        "x",
        range(3),
        [1] * 6,
        unit=3,
        chunk_src=[c // 3 for c in own],
        chunk_dst=[c % 3 for c in own],
    )
    b.add_many(0, [c // 3 for c in own], [c % 3 for c in own], np.arange(6), COPY)
    verify(b.finish(), plans.ring_topology(3))


def test_method_and_seed_are_checked():
    plan, topology = plans.ring_all_reduce(3), plans.ring_topology(3)
    with pytest.raises(UnknownName, match="fingerprint"):
        verify(plan, topology, method="fingerprnt")
    with pytest.raises(InvalidValue, match="-1"):
        verify(plan, topology, seed=-1)
    assert verify(plan, topology, method="fingerprint", seed=1) == verify(plan, topology, method="fingerprint", seed=2)


def test_a_schedule_without_transfers_needs_no_data_to_move():
    refused(
        ScheduleBuilder(collective("all-reduce"), "x", range(2), [1]).finish(),
        plans.ring_topology(2),
        "nothing is delivered",
    )


@pytest.mark.slow
def test_a_ring_of_1024_ranks_takes_seconds():
    from time import perf_counter

    plan, topology = plans.ring_all_reduce(1024), plans.ring_topology(1024)
    started = perf_counter()
    assert verify(plan, topology).transfers == 2_095_104
    assert perf_counter() - started < 10
