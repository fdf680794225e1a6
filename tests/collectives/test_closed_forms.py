from fractions import Fraction

import numpy as np
import pytest

from collsim.collectives import closed_forms
from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.closed_forms import LAWS, Alone, closed_form, shares_links
from collsim.collectives.collective import collective
from collsim.collectives.schedule import COPY, ScheduleBuilder
from collsim.errors import ClockOverflow
from collsim.topology import load

A, B = Fraction(1, 10**6), Fraction(1, 10**9)


def equal_pairs(plan, size, alpha, beta):
    """Lone times where every pair has its own link: alpha + bytes beta, fs, one port a peer."""
    sizes = plan.message_bytes(size)
    pair = plan.src * plan.ranks + plan.dst
    return Alone(np.where(sizes > 0, alpha + sizes * beta, 0), pair, sizes * beta, pair, sizes * beta)


def by_hand(n, size, name):
    k = {2: 1, 4: 2, 8: 3, 16: 4}[n]
    return {
        "ring": 2 * (n - 1) * A + Fraction(2 * (n - 1), n) * size * B,
        "bidirectional-ring": 2 * (n - 1) * A + Fraction(n - 1, n) * size * B,
        "recursive-doubling": k * A + k * size * B,
        "halving-doubling": 2 * k * A + Fraction(2 * (n - 1), n) * size * B,
        "binomial-tree": 2 * k * (A + size * B),
        "direct": 2 * A + Fraction(2, n) * size * B,
    }[name]


@pytest.mark.parametrize("n", [2, 4, 8, 16])
@pytest.mark.parametrize(
    "name", ["ring", "bidirectional-ring", "recursive-doubling", "halving-doubling", "binomial-tree", "direct"]
)
def test_all_reduce_laws_are_the_table_of_known_answers(name, n):
    assert LAWS[name, "all-reduce"].time(n, 2**20, A, B) == by_hand(n, 2**20, name)


def test_ring_phases_are_half_of_all_reduce():
    for phase in ("reduce-scatter", "all-gather"):
        assert 2 * LAWS["ring", phase].time(6, 600, A, B) == LAWS["ring", "all-reduce"].time(6, 600, A, B)


def test_formulas_that_need_more_numbers():
    assert closed_forms.chain(5, 160, A, B, 4) == 4 * A + Fraction(7, 4) * 160 * B
    assert closed_forms.chain(5, 160, A, B, 1) == 4 * (A + 160 * B)
    assert closed_forms.two_dimensional_ring((4, 8), 1024, A, B) == 20 * A + 2 * 1024 * B * (
        Fraction(3, 4) + Fraction(7, 32)
    )
    assert closed_forms.hierarchical(4, 8, 1024, A, B) == closed_forms.two_dimensional_ring((4, 8), 1024, A, B)
    assert closed_forms.multitree(16, 1600, A, B, 5) == 10 * (A + 100 * B)
    assert closed_forms.double_tree(64, A, B, 4, 15) == 15 * (A + 8 * B)
    assert closed_forms.ONE_NIC["all-reduce"].time(8, 64, A, B) == 2 * A + 112 * B


@pytest.mark.parametrize(("phases", "times"), [("overlapped", 1), ("sequential", 2)])
def test_double_tree_in_many_segments_nears_its_asymptote(phases, times):
    m, size = 1000, 10**9
    plan = ALGORITHMS.get("double-binary-tree").schedule(load("full8"), collective("all-reduce"), segments=m, phases=phases)
    time = closed_forms.double_tree(size, Fraction(0), B, m, plan.steps)
    assert times * size * B <= time < Fraction(102, 100) * times * size * B


@pytest.mark.parametrize(("key", "law"), [pytest.param(k, v, id="-".join(k)) for k, v in LAWS.items() if v.time])
@pytest.mark.parametrize("n", [2, 4, 8])
def test_schedules_follow_their_laws_where_all_pairs_are_linked(key, law, n):
    name, operation = key
    machine = {2: "bigraph1x2", 4: "bigraph1x4", 8: "bigraph2x4"}[n] if name == "hdrm" else f"full{n}"
    plan = ALGORITHMS.get(name).schedule(load(machine), collective(operation))
    size, alpha, beta = 2**16, 150_000_000, 62_500
    form = closed_form(plan, size, equal_pairs(plan, size, alpha, beta))
    if name == "bidirectional-ring" and n == 2:
        assert form.time >= law.time(n, size, Fraction(alpha), Fraction(beta))  # both directions are one link
    else:
        assert form.time == law.time(n, size, Fraction(alpha), Fraction(beta))
    assert form.exact
    assert form.text == law.text


@pytest.mark.parametrize(("a", "b"), [(2, 3), (4, 4), (3, 5)])
def test_two_dimensional_ring_follows_its_law(a, b):
    plan = ALGORITHMS.get("2d-ring").schedule(load(f"torus{a}x{b}"), collective("all-reduce"))
    size = a * b * 1000
    form = closed_form(plan, size, equal_pairs(plan, size, 10**8, 10**5))
    laws = {closed_forms.two_dimensional_ring(d, size, Fraction(10**8), Fraction(10**5)) for d in ((a, b), (b, a))}
    assert form.time in laws


@pytest.mark.parametrize("side", [2, 3, 4, 8])
def test_two_full_sweeps_follow_their_law(side):
    plan = ALGORITHMS.get("2d-ring-isca21").schedule(load(f"torus{side}x{side}"), collective("all-reduce"))
    size = 4 * side * 1000
    # Two sweeps of 2(k-1) messages of S/(4k), each quarter on a link of its own: the port is the pair and the quarter.
    quarter = plan.chunk // side
    sizes = plan.message_bytes(size)
    port = (plan.src * plan.ranks + plan.dst) * 4 + quarter
    form = closed_form(plan, size, Alone(10**8 + sizes * 10**5, port, sizes * 10**5, port, sizes * 10**5))
    assert form.time == closed_forms.two_full_sweeps(side, size, Fraction(10**8), Fraction(10**5))
    assert form.exact


@pytest.mark.parametrize("m", [1, 2, 7])
def test_chain_pipelines_through_its_ports(m):
    n, size, alpha, beta = 5, 7 * 2 * 100, 10**6, 10**3
    plan = ALGORITHMS.get("ring").schedule(load(f"ring{n}"), collective("broadcast"), segments=m)
    form = closed_form(plan, size, equal_pairs(plan, size, alpha, beta))
    assert form.time == closed_forms.chain(n, size, Fraction(alpha), Fraction(beta), m)
    assert form.exact


def test_ring_over_one_slow_pair_is_paced_by_it():
    # Pair 2 -> 3 takes 10 times as long a byte: 2(n-1) chunks pass it one after another.
    n, size = 8, 8000
    plan = ALGORITHMS.get("ring").schedule(load("ring8"), collective("all-reduce"))
    pair = plan.src * n + plan.dst
    sizes = plan.message_bytes(size)
    cost = sizes * np.where(plan.src == 2, 10_000, 1_000)
    form = closed_form(plan, size, Alone(cost, pair, cost, pair, cost))
    first_arrivals = 0
    assert form.time >= 2 * (n - 1) * 1000 * 10_000 + first_arrivals
    assert form.time <= 2 * (n - 1) * 1000 * 10_000 + n * 1000 * 1_000


def test_ring_with_unequal_delays_takes_the_worst_rotation():
    # Delays differ, ports are free: chunk c visits every pair but two twice; the slowest rotation decides.
    n, size = 5, 5
    delays = np.array([3, 1, 4, 1, 5]) * 10**6
    plan = ALGORITHMS.get("ring").schedule(load("ring5"), collective("all-reduce"))
    order = {int(s): int(d) for s, d in zip(plan.src, plan.dst, strict=True)}
    cost = delays[plan.src]
    pair = plan.src * n + plan.dst
    form = closed_form(plan, size, Alone(cost, pair, np.ones_like(cost), pair, np.ones_like(cost)))
    rotations = []
    for start in range(n):
        time, rank = 0, start
        for _ in range(2 * (n - 1)):
            time, rank = time + int(delays[rank]), order[rank]
        rotations.append(time)
    assert form.time == max(rotations)


def test_unrounded_chunks_take_the_largest_chunk_along_the_ring():
    n, size, alpha, beta = 8, 8 * 100 + 3, 10**9, 1000
    plan = ALGORITHMS.get("ring").schedule(load("ring8"), collective("all-reduce"))
    form = closed_form(plan, size, equal_pairs(plan, size, alpha, beta))
    assert form.time == 2 * (n - 1) * (alpha + 101 * beta)


def test_shared_links_leave_no_form():
    builder = ScheduleBuilder(collective("broadcast"), "ring", [0, 1, 2], [1])
    builder.add(0, 0, 1, 0, COPY)
    builder.add(0, 0, 2, 0, COPY)
    plan = builder.finish()
    assert shares_links(plan, 10, np.array([0, 1, 3]), np.array([4, 4, 5]))
    assert not shares_links(plan, 10, np.array([0, 1, 3]), np.array([3, 4, 5]))
    assert not shares_links(plan, 0, np.array([0, 1, 3]), np.array([4, 4, 5])), "empty messages cross nothing"
    assert closed_form(plan, 10, equal_pairs(plan, 10, 1, 1), shared=True) is None
    assert closed_form(plan, 10, equal_pairs(plan, 10, 1, 1)).time == 11


def test_messages_out_of_step_order_are_not_promised():
    # Rank 0 forwards what it gets from 1 in step 1, and in step 2 sends to the same rank what it has had all along.
    builder = ScheduleBuilder(collective("all-gather"), "ring", [0, 1, 2], [1, 1, 1], chunk_src=[0, 1, 2])
    builder.add(0, 1, 0, 1, COPY)
    builder.add(1, 0, 2, 1, COPY)
    builder.add(2, 0, 2, 0, COPY)
    plan = builder.finish()
    form = closed_form(plan, 30, equal_pairs(plan, 30, 100, 1))
    assert not form.exact


def test_unknown_algorithms_have_no_form():
    builder = ScheduleBuilder(collective("broadcast"), "mine", [0, 1], [1])
    builder.add(0, 0, 1, 0, COPY)
    plan = builder.finish()
    assert closed_form(plan, 10, equal_pairs(plan, 10, 1, 1)) is None


def test_overflow_is_told():
    builder = ScheduleBuilder(collective("all-gather"), "ring", [0, 1, 2], [1], chunk_src=[0])
    builder.add(0, 0, 1, 0, COPY)
    builder.add(1, 1, 2, 0, COPY)
    plan = builder.finish()
    huge = np.full(2, 2**62, dtype=np.int64)
    pair = plan.src * 3 + plan.dst
    with pytest.raises(ClockOverflow):
        closed_form(plan, 10, Alone(huge, pair, huge, pair, huge))


def test_every_registered_algorithm_has_its_laws():
    for name, entry in ALGORITHMS.items():
        for operation in entry.collectives:
            assert (name, operation) in LAWS, (name, operation)
