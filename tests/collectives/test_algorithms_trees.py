"""The double binary tree: disjoint forwarders, two colours, pipelining, and the segments a hint asks for."""

from collections import Counter
from fractions import Fraction

import pytest
from oracles.replay import check

from collsim.collectives.algorithm import ALGORITHMS, Hint
from collsim.collectives.algorithms.double_binary_tree import two_trees
from collsim.collectives.collective import collective
from collsim.collectives.pipelining import choose_segments
from collsim.collectives.schedule import REDUCE
from collsim.errors import InvalidValue
from collsim.topology import load

MICROSECOND = 10**9


def build(n, operation="all-reduce", root=0, hint=None, **options):
    return ALGORITHMS.get("tree").schedule(load(f"switch{n}"), collective(operation, root), None, hint, **options)


@pytest.mark.parametrize("rooted", [False, True])
@pytest.mark.parametrize("n", [*range(2, 40), 64, 100, 127])
def test_both_trees_span_and_no_rank_forwards_in_both(n, rooted):
    edges = two_trees(n, rooted)
    for tree in (0, 1):
        parent = {e.child: e.parent for e in edges if e.tree == tree}
        roots = set(range(n)) - set(parent)
        assert len(parent) == n - 1
        assert len(roots) == 1
        for child in parent:
            rank, depth = child, 0
            while rank in parent:
                rank, depth = parent[rank], depth + 1
            assert {rank} == roots
            assert depth <= n.bit_length()
    children, parents = Counter(e.parent for e in edges), Counter(e.child for e in edges)
    assert max(children.values()) <= 2
    assert max(parents.values()) <= 2


@pytest.mark.parametrize("n", [*range(2, 20), 64])
@pytest.mark.parametrize("operation", ["all-reduce", "broadcast", "reduce"])
def test_a_rank_sends_and_receives_one_segment_a_step_in_each_phase(n, operation):
    plan = build(n, operation, segments=3)
    columns = (plan.step.tolist(), plan.src.tolist(), plan.dst.tolist(), plan.op.tolist())
    sends = Counter((step, src, op) for step, src, _, op in zip(*columns, strict=True))
    receipts = Counter((step, dst, op) for step, _, dst, op in zip(*columns, strict=True))
    assert set(sends.values()) == set(receipts.values()) == {1}


@pytest.mark.parametrize("n", [2, 3, 8, 13])
@pytest.mark.parametrize("phases", ["overlapped", "sequential"])
def test_phases_are_right_and_sequential_ones_do_not_meet(n, phases):
    plan = build(n, segments=3, phases=phases)
    check(plan)
    up, down = plan.step[plan.op == REDUCE], plan.step[plan.op != REDUCE]
    assert (down.min() > up.max()) == (phases == "sequential")


@pytest.mark.parametrize("n", [4, 16, 100, 1024])
def test_a_segment_more_takes_two_steps_a_phase_and_the_first_a_logarithmic_number(n):
    log = (n - 1).bit_length()
    for phases, more in (("sequential", 4), ("overlapped", 2)):
        latency = build(n, segments=1, phases=phases).steps
        assert latency <= 4 * log + 4
        assert build(n, segments=5, phases=phases).steps == latency + 4 * more
    assert build(n, "broadcast", segments=5).steps == build(n, "broadcast", segments=1).steps + 8


def test_the_hint_sets_the_segments_near_the_optimum():
    size, alpha, beta = 16 * 2**20, MICROSECOND, Fraction(10**15, 16 * 10**9)
    chosen = build(16, hint=Hint(size, alpha, beta)).segments
    fill = build(16, segments=1).steps - 4

    def time(m):
        return (fill + 4 * m) * (alpha + size * beta / (2 * m))

    best = min(range(1, 400), key=time)
    assert abs(chosen - best) <= 1
    assert time(chosen) <= time(best) * Fraction(101, 100)


def test_segments_stay_within_reason():
    assert choose_segments(Hint(0, 1, Fraction(1)), 0, fill=10) == 1
    assert choose_segments(Hint(4096 * 7, 0, Fraction(1)), 0, fill=10) == 7
    assert choose_segments(Hint(2**40, 0, Fraction(1)), 0, fill=10) == 1024
    assert choose_segments(Hint(2**40, 1, Fraction(1)), 3, fill=10) == 3
    assert choose_segments(None, 0, fill=10) == 4
    with pytest.raises(InvalidValue, match="segments"):
        choose_segments(None, -2, fill=10)


def test_chain_broadcast_takes_the_known_steps():
    for m in (1, 4, 9):
        plan = ALGORITHMS.get("ring").schedule(load("ring8"), collective("broadcast"), segments=m)
        assert plan.steps == 8 - 2 + m
        assert plan.segments == m
