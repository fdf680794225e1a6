"""The forest: timetables without clashes, a choice that follows the size, and times near the bound."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from collsim.collectives.algorithm import ALGORITHMS, Hint
from collsim.collectives.arborescences import pack_out
from collsim.collectives.bounds import lower_bound
from collsim.collectives.collective import collective
from collsim.collectives.estimate import estimate_seconds
from collsim.collectives.forest_plans import Machine, shares_plan, spanning_plan
from collsim.collectives.packed_trees import Hop, PackedTree
from collsim.collectives.periodic import timetable
from collsim.collectives.verify import verify
from collsim.errors import AlgorithmUnsuitable, InvalidValue, UnknownName
from collsim.simulate import prepare
from collsim.topology import load

GIB = 2**30


def machine(name):
    topology = load(name)
    return Machine(topology.digest, tuple(range(topology.hosts)), topology)


def plan_of(name, kind):
    if kind == "spanning":
        return spanning_plan(machine(name), {"mesh4x4": 8, "mesh8x8": 16}[name])
    return shares_plan(machine(name), collective(kind), False)


@pytest.mark.parametrize(
    "name, kind",
    [("mesh4x4", "spanning"), ("mesh8x8", "spanning"), ("torus4x4", "all-gather"), ("dgx-a100-x2", "all-gather")],
)
def test_in_a_period_every_hop_has_slots_of_its_own_after_what_it_waits_for(name, kind):
    plan = plan_of(name, kind)
    topology, table = load(name), plan.table
    rooms = {link: Fraction(int(topology.bandwidth[link])) / plan.packing.unit for link in range(topology.links)}
    taken = set()
    for tree, starts in zip(plan.packing.trees, table.start, strict=True):
        ended = {}
        for hop, start in zip((*tree.up, *tree.down), starts, strict=True):
            lasts = [tree.weight * table.period // int(rooms[link]) for link in hop.path]
            assert start >= ended.get(hop.src, 0)
            ended[hop.dst] = max(ended.get(hop.dst, 0), start + max(lasts))
            for link, length in zip(hop.path, lasts, strict=True):
                slots = {(link, (start + k) % table.period) for k in range(length)}
                assert not slots & taken
                taken |= slots


def test_a_timetable_by_hand():
    """A chain of two hops and a tree that wants the first link too, two slots a period: it waits for its turn."""
    chain = PackedTree(2, 1, (Hop(0, 1, (0,)), Hop(1, 2, (1,))), ())
    other = PackedTree(1, 1, (Hop(0, 1, (0,)),), ())
    assert timetable([chain, other], [1, 1], 2).start == ((0, 1), (1,))
    assert timetable([chain, chain], [1, 1], 2).start == ((0, 1), (1, 2))
    assert (timetable([chain, chain], [1, 1], 2).span, timetable([chain], [1, 1], 1).depth) == (3, 2)


def test_a_tree_too_many_for_the_period_starts_at_once_and_makes_no_promise():
    one = PackedTree(1, 1, (Hop(0, 1, (0,)),), ())
    assert timetable([one, one, one], [1], 2).start == ((0,), (1,), (0,))


@pytest.mark.parametrize("algo", ["multitree", "forest:way=shares,segments=2", "forest:trees=3,segments=8"])
@pytest.mark.parametrize("size", [1024, 2**18])
def test_estimates_are_near_the_engine_where_messages_take_one_link(algo, size):
    run = prepare("torus4x4", engine="compiled").run(algo, size)
    assert estimate_seconds(run.schedule, load("torus4x4"), size) == pytest.approx(run.result.time / 1e15, rel=0.05)


@pytest.mark.slow
def test_the_variant_says_what_was_chosen_and_small_data_gets_short_trees():
    small, large = (prepare("torus8x8", engine="compiled").run("forest", size).schedule for size in (1024, 2**23))
    assert small.variant == "multitree's trees"
    assert small.algorithm == "forest"
    assert large.variant.startswith("spanning, trees=")
    assert large.segments > 1


@pytest.mark.parametrize(
    "name",
    [
        "mesh4x4",
        "dgx-a100-x2",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("mesh8x8", "torus8x8", "torus16x16")),
    ],
)
@pytest.mark.parametrize("size", [1024, 32768, 2**20])
def test_never_slower_than_multitree(name, size):
    case = prepare(name, engine="compiled")
    assert case.run("forest", size).result.time <= case.run("multitree", size).result.time


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, fail, percent",
    [
        ("mesh8x8", (), 90),
        ("mesh4x4", (), 90),
        ("torus8x8", (), 90),
        ("torus8x8", ("h0->h1",), 90),
        ("torus8x8", ("h27->h28", "h28->h27"), 90),
        ("dgx1-v100", (), 95),
        ("dgx-a100-x2", (), 95),
    ],
)
def test_a_gibibyte_is_reduced_within_a_tenth_of_the_bound(name, fail, percent):
    run = prepare(name, engine="compiled", fail=fail).run("forest", GIB)
    assert percent <= run.percent_of_bound <= 100


@pytest.mark.slow
@pytest.mark.parametrize("operation", ["all-gather", "reduce-scatter"])
def test_two_boxes_gather_and_scatter_at_95_percent_of_the_published_optimum(operation):
    run = prepare("dgx-a100-x2", engine="compiled", collective=operation).run("forest", GIB)
    assert GIB / (run.result.time / 1e15) >= 0.95 * 346.667e9


@pytest.mark.parametrize("operation", ["all-reduce", "reduce-scatter", "broadcast", "reduce"])
def test_a_cable_dead_in_one_direction_is_no_obstacle(operation):
    case = prepare("torus4x4", engine="analytic", collective=operation, fail=("h5->h6",))
    run = case.run("forest", 2**20)
    assert verify(run.schedule, case.topology).transfers == run.schedule.transfers


def test_packings_are_found_once_for_all_sizes():
    before = spanning_plan(machine("mesh4x4"), 8)
    assert spanning_plan(machine("mesh4x4"), 8) is before


def test_refusals_name_the_limit_and_the_cure():
    forest = ALGORITHMS.get("forest")
    torus = load("torus11x11")
    with pytest.raises(AlgorithmUnsuitable, match="up to 100 ranks and 100 switches, not for 121 and 0; multitree"):
        forest.schedule(torus, collective("all-gather"))
    with pytest.raises(AlgorithmUnsuitable, match="directly linked"):
        forest.schedule(load("switch8"), collective("all-reduce"), way="spanning")
    with pytest.raises(UnknownName, match="shares"):
        forest.schedule(torus, collective("all-reduce"), way="share")
    with pytest.raises(InvalidValue, match="at least 1"):
        forest.schedule(torus, collective("all-reduce"), trees=-1)


def test_large_grids_are_packed_for_an_all_reduce():
    torus = load("torus11x11")
    hint = Hint(GIB, 150_000_000, Fraction(10**15, 16 * 10**9))
    schedule = ALGORITHMS.get("forest").schedule(torus, collective("all-reduce"), hint=hint, trees=2, segments=4)
    assert verify(schedule, torus).transfers == 2 * 120 * 2 * 4


def test_rates_without_a_common_divisor_are_packed_within_a_thousandth():
    topology = load("fattree3x2")
    primes = np.array([10**17 + 3, 10**15, 46_000_000_007, 25 * 10**9 + 1, 999_999_999_989])
    odd = replace(topology, bandwidth=np.repeat(primes[np.arange(topology.links // 2) % 5], 2))
    hosts = range(topology.hosts)
    trees = pack_out(odd, hosts)
    assert trees is not None
    share = 10**9
    best = share / lower_bound(odd, collective("all-gather"), tuple(hosts), share * topology.hosts).parts[0].seconds
    assert 0.999 * best < trees.each * trees.rate <= best
    for operation in ("all-gather", "all-reduce"):
        verify(ALGORITHMS.get("forest").schedule(odd, collective(operation)), odd)
