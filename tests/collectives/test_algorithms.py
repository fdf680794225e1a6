"""Every classic algorithm, proved by the literal replay on every rank count, with the steps and volume it claims."""

from fractions import Fraction

import numpy as np
import pytest
from oracles.replay import check

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.collective import collective
from collsim.collectives.verify import verify
from collsim.errors import AlgorithmUnsuitable, InvalidValue, UnknownName
from collsim.topology import load

MINE = (
    "ring",
    "bidirectional-ring",
    "binomial-tree",
    "double-binary-tree",
    "direct",
    "bruck",
    "recursive-doubling",
    "halving-doubling",
)
POWERS_ONLY = ("recursive-doubling", "halving-doubling")
EVERYWHERE = tuple(name for name in MINE if name not in POWERS_ONLY)


def build(name, topo, operation, root=0, **options):
    return ALGORITHMS.get(name).schedule(load(topo), collective(operation, root), **options)


def busiest(plan):
    sent = np.zeros(plan.ranks, dtype=np.int64)
    np.add.at(sent, plan.src, plan.message_bytes(plan.unit))
    return Fraction(int(sent.max()), plan.unit)


def claims(plan, topo):
    entry = ALGORITHMS.get(plan.algorithm)
    return tuple(formula.value(load(topo), plan.collective, plan.ranks) for formula in (entry.steps, entry.volume))


@pytest.mark.parametrize("n", range(2, 18))
@pytest.mark.parametrize("name", MINE)
def test_right_on_every_rank_count(name, n):
    for operation in ALGORITHMS.get(name).collectives:
        if name in POWERS_ONLY and n & (n - 1):
            with pytest.raises(AlgorithmUnsuitable, match="power of 2"):
                build(name, f"switch{n}", operation)
            continue
        plan = build(name, f"switch{n}", operation)
        check(plan)
        assert (plan.steps, busiest(plan)) == claims(plan, f"switch{n}")


@pytest.mark.parametrize("n", [2, 5, 8])
@pytest.mark.parametrize("name", ["ring", "bidirectional-ring", "binomial-tree", "double-binary-tree", "direct"])
def test_any_rank_can_be_root_with_any_segments(name, n):
    pipelined = "segments" in ALGORITHMS.get(name).options
    for operation in ("broadcast", "reduce"):
        for root in range(n):
            for options in [{"segments": m} for m in (1, 2, 5)] if pipelined else [{}]:
                check(build(name, f"ring{n}", operation, root, **options))


TOPOLOGIES = ("full5", "hypercube8", "torus3x3", "torus2x3x4", "mesh3x5", "fattree4", "dragonfly2x2x1", "dgx1-v100")


@pytest.mark.parametrize("topo", TOPOLOGIES)
@pytest.mark.parametrize("name", EVERYWHERE)
def test_runs_on_every_kind_of_topology(name, topo):
    for operation in ALGORITHMS.get(name).collectives:
        plan = build(name, topo, operation)
        check(plan)
        assert (plan.steps, busiest(plan)) == claims(plan, topo)


@pytest.mark.parametrize("hosts", [[3, 0], [5, 2, 9, 14], [15, 1, 14, 2, 13, 3, 12, 4]])
def test_groups_in_any_order(hosts):
    for name in MINE:
        for operation in ALGORITHMS.get(name).collectives:
            plan = ALGORITHMS.get(name).schedule(load("torus4x4"), collective(operation), hosts)
            assert plan.ranks_to_hosts.tolist() == hosts
            check(plan)


def test_every_collective_is_served_everywhere():
    for operation in ("all-reduce", "reduce-scatter", "all-gather", "broadcast", "reduce", "all-to-all"):
        assert any(operation in ALGORITHMS.get(name).collectives for name in EVERYWHERE)


@pytest.mark.parametrize("n", [2, 4, 8, 32])
def test_known_step_counts(n):
    log = n.bit_length() - 1
    expected = {
        "ring": 2 * (n - 1),
        "bidirectional-ring": 2 * (n - 1),
        "recursive-doubling": log,
        "halving-doubling": 2 * log,
        "binomial-tree": 2 * log,
        "direct": 2,
    }
    for name, steps in expected.items():
        assert build(name, f"full{n}", "all-reduce").steps == steps


def test_ring_and_halving_move_the_least_volume_and_recursive_doubling_log_n():
    assert busiest(build("ring", "ring8", "all-reduce")) == Fraction(14, 8)
    assert busiest(build("halving-doubling", "full8", "all-reduce")) == Fraction(14, 8)
    assert busiest(build("recursive-doubling", "full8", "all-reduce")) == 3


def test_halving_doubling_swaps_the_largest_half_with_the_nearest_rank():
    for order, distance in (("near", 1), ("far", 4)):
        plan = build("halving-doubling", "full8", "all-reduce", order=order)
        first = plan.step == 0
        assert set(np.abs(plan.src - plan.dst)[first].tolist()) == {distance}
        assert set(plan.count[first].tolist()) == {4}
        check(plan)


def test_partners_of_recursive_doubling_swap_in_one_step():
    plan = build("recursive-doubling", "full2", "all-reduce")
    assert plan.step.tolist() == [0, 0]
    assert {(0, 1), (1, 0)} == set(zip(plan.src.tolist(), plan.dst.tolist(), strict=True))


def test_direct_lists_targets_so_that_the_kth_sends_of_all_ranks_meet_nowhere():
    plan = build("direct", "switch5", "all-to-all")
    targets = [plan.dst[plan.src == rank].tolist() for rank in range(5)]
    for kth in zip(*targets, strict=True):
        assert len(set(kth)) == 5


def test_bruck_all_to_all_takes_few_messages():
    plan = build("bruck", "switch8", "all-to-all")
    assert np.bincount(plan.src[plan.step == 0]).tolist() == [1] * 8
    assert plan.transfers == 8 * (1 + 2 + 4)


@pytest.mark.parametrize(
    "name, options, error",
    [
        ("ring", {"segments": -1}, InvalidValue),
        ("double-binary-tree", {"phases": "parallel"}, UnknownName),
        ("halving-doubling", {"order": "nearest"}, UnknownName),
        ("ring", {"parts": 2}, UnknownName),
    ],
)
def test_wrong_options_are_answered(name, options, error):
    with pytest.raises(error):
        build(name, "ring8", ALGORITHMS.get(name).collectives[0 if name != "ring" else 3], **options)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ring", "halving-doubling", "double-binary-tree", "2d-ring"])
def test_a_thousand_ranks_are_built_and_proved(name):
    plan = build(name, "torus32x32", "all-reduce")
    verify(plan, load("torus32x32"), method="fingerprint")
    assert (plan.steps, busiest(plan)) == claims(plan, "torus32x32")
