"""2-D ring and hierarchical: phases along dimensions and groups, on grids, sub-grids and levels."""

from fractions import Fraction

import numpy as np
import pytest
from oracles.replay import check

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.collective import collective
from collsim.errors import AlgorithmUnsuitable, InvalidValue, UnknownName
from collsim.topology import load

PHASED = ("all-reduce", "reduce-scatter", "all-gather")


def build(name, topo, operation="all-reduce", hosts=None, **options):
    return ALGORITHMS.get(name).schedule(load(topo), collective(operation), hosts, **options)


@pytest.mark.parametrize("topo", ["torus4x4", "mesh3x5", "torus2x3x4", "mesh2x2"])
@pytest.mark.parametrize("operation", PHASED)
def test_every_number_of_parts_is_right(topo, operation):
    dims = load(topo).dims
    for parts in (1, len(dims), 2 * len(dims)):
        plan = build("2d-ring", topo, operation, parts=parts)
        check(plan)
        assert plan.steps == (2 if operation == "all-reduce" else 1) * sum(d - 1 for d in dims)
        assert plan.variant == f"parts={parts}"
        moved = sum(plan.message_bytes(plan.unit)[plan.src == 0].tolist())
        factor = 2 if operation == "all-reduce" else 1
        assert Fraction(moved, plan.unit) == factor * Fraction(plan.ranks - 1, plan.ranks)


def test_every_hop_is_one_link_of_the_torus_and_no_two_share_one_in_a_step():
    topology = load("torus4x4")
    plan = build("2d-ring", "torus4x4", parts=4)
    used = set()
    for step, a, b in zip(plan.step.tolist(), plan.src.tolist(), plan.dst.tolist(), strict=True):
        assert topology.links_between(a, b)
        assert (step, a, b) not in used
        used.add((step, a, b))
    assert len(used) == plan.steps * topology.links, "four parts use every link in every step"


def test_volume_by_dimension_is_the_known_one():
    plan = build("2d-ring", "torus4x4")
    weight = {0: Fraction(0), 1: Fraction(0)}
    for a, b, moved in zip(plan.src.tolist(), plan.dst.tolist(), plan.message_bytes(plan.unit).tolist(), strict=True):
        if a == 5:
            weight[int(a // 4 == b // 4)] += Fraction(moved, plan.unit)
    assert weight == {0: 2 * Fraction(3, 4), 1: 2 * Fraction(3, 16)}


def test_sub_grids_run_and_other_groups_are_refused():
    for hosts in ([0, 1, 2, 3, 4, 5, 6, 7], [10, 5, 6, 9], [3, 0], [0, 2, 8, 10]):
        for operation in PHASED:
            check(build("2d-ring", "torus4x4", operation, hosts=hosts, parts=2))
    with pytest.raises(AlgorithmUnsuitable, match="sub-grid"):
        build("2d-ring", "torus4x4", hosts=[0, 1, 4])
    with pytest.raises(AlgorithmUnsuitable, match="not a grid"):
        build("2d-ring", "ring8")
    with pytest.raises(InvalidValue, match="parts=1, 2"):
        build("2d-ring", "torus4x4", parts=3)


@pytest.mark.parametrize("topo", ["fattree4", "bigraph4x4", "dragonfly2x2x1", "mesh4x4"])
@pytest.mark.parametrize("inner", ["ring", "direct", "halving-doubling"])
def test_hierarchical_is_right_with_every_inner_and_outer(topo, inner):
    for operation in PHASED:
        for outer in ("ring", "direct"):
            plan = build("hierarchical", topo, operation, inner=inner, outer=outer)
            check(plan)


def test_hierarchical_crosses_groups_with_its_share_only():
    plan = build("hierarchical", "fattree4x2")
    crossing = plan.src // 4 != plan.dst // 4
    moved = plan.message_bytes(plan.unit)
    assert sum(moved[crossing & (plan.src == 6)].tolist()) * 16 == 2 * 3 * plan.unit
    assert plan.steps == 2 * (3 + 3)


def test_hierarchical_takes_a_level_a_size_or_refuses():
    assert build("hierarchical", "fattree4", group="pod").variant.startswith("group=4 ")
    assert build("hierarchical", "fattree4").variant.startswith("group=2 ")
    assert build("hierarchical", "ring8", group="2").steps == 2 * (1 + 3)
    for group in ("3", "1", "8"):
        with pytest.raises(AlgorithmUnsuitable, match=r"groups of|divide"):
            build("hierarchical", "ring8", group=group)
    with pytest.raises(AlgorithmUnsuitable, match="switch7"):
        build("hierarchical", "switch7")
    with pytest.raises(UnknownName, match="leaf"):
        build("hierarchical", "fattree4", group="leave")
    with pytest.raises(UnknownName, match="inner"):
        build("hierarchical", "fattree4", inner="rings")
    with pytest.raises(AlgorithmUnsuitable, match="outer=halving-doubling"):
        build("hierarchical", "fattree4", group="leaf", hosts=[0, 1, 2, 3, 4, 5], outer="halving-doubling")


def test_hierarchical_rings_follow_links_inside_a_box():
    topology = load("torus4x4")
    plan = build("hierarchical", "torus4x4", group="8", outer="direct")
    inside = plan.src // 8 == plan.dst // 8
    pairs = zip(plan.src[inside].tolist(), plan.dst[inside].tolist(), strict=True)
    assert all(topology.links_between(a, b) for a, b in pairs)


def _crossing(plan, net, size):
    """Bytes that leave each site, by site."""
    site = np.full(net.nodes, -1)
    for index, members in enumerate(next(v.sets for v in net.levels if v.name == "site")):
        site[list(members)] = index
    ends = (site[plan.ranks_to_hosts[plan.src]], site[plan.ranks_to_hosts[plan.dst]])
    crosses = ends[0] != ends[1]
    return np.bincount(ends[0][crosses], weights=plan.message_bytes(size)[crosses], minlength=site.max() + 1).tolist()


@pytest.mark.parametrize("pattern", ["ring", "direct", "halving-doubling"])
@pytest.mark.parametrize("sites", [2, 4])
def test_hierarchical_over_levels_sends_the_least_over_the_wide_area(sites, pattern):
    net = load(f"nvl4x2x{sites}")
    size = 3 * 2**20
    plan = build("hierarchical", f"nvl4x2x{sites}", group="rack+site", inner=pattern, middle=pattern, outer=pattern)
    assert plan.variant == f"group=4+8 inner={pattern} middle={pattern} outer={pattern}"
    assert _crossing(plan, net, size) == [2 * (sites - 1) * size // sites] * sites
    check(plan)


@pytest.mark.parametrize("sites", [2, 3])
def test_swap_crosses_the_wide_area_once(sites):
    net = load(f"nvl4x2x{sites}")
    size = 3 * 2**20
    ring, swap = (build("hierarchical", net.name, group="all", outer=outer) for outer in ("ring", "swap"))
    check(swap)
    assert _crossing(swap, net, size) == [(sites - 1) * size] * sites
    assert swap.steps == ring.steps - 2 * (sites - 1) + 1
    with pytest.raises(AlgorithmUnsuitable, match="half of an all-reduce"):
        build("hierarchical", net.name, "all-gather", outer="swap")


def test_levels_must_divide_the_ranks_and_nest():
    assert build("hierarchical", "fattree4", group="all").variant.startswith("group=2+4 ")
    assert build("hierarchical", "nvl4x2x2", "all-gather", group="all").variant.startswith("group=4+8 ")
    assert build("hierarchical", "ring8", group="2+4").steps == 2 * 3
    with pytest.raises(AlgorithmUnsuitable, match="not made of the groups of 4"):
        build("hierarchical", "ring8", group="4+2")
    with pytest.raises(AlgorithmUnsuitable, match="no two levels"):
        build("hierarchical", "fattree4x2", group="all")
    with pytest.raises(UnknownName, match="rack"):
        build("hierarchical", "nvl4x2x2", group="rack+sight")
