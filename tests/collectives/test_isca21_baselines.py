"""The baselines of the MULTITREE paper as it maps them: ring orders, DBTREE, 2D-RING and HDRM, by the literal replay."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from oracles.replay import check

from collsim.collectives.algorithm import ALGORITHMS, parse_algorithm
from collsim.collectives.algorithms.hdrm import mapped_hosts
from collsim.collectives.collective import collective
from collsim.collectives.isca21_rings import isca21_ring
from collsim.collectives.schedule import REDUCE
from collsim.errors import AlgorithmUnsuitable, InvalidValue, UnknownName
from collsim.network.config import NetworkConfig
from collsim.network.paths import PathFinder
from collsim.topology import load
from collsim.topology.faults import fail_links

TABLE_4X8 = "0 16 20 4 24 8 12 28 17 5 9 21 13 25 29 1 18 10 14 22 2 26 30 6 15 19 23 3 27 7 11 31"


def build(way, topo, hosts=None, operation="all-reduce"):
    entry, options = parse_algorithm(way)
    machine = load(topo) if isinstance(topo, str) else topo
    return entry.schedule(machine, collective(operation), hosts, **options)


def crossings(plan, topo):
    """Return {(step, link): messages} of the schedule as the topology routes it by default."""
    paths = PathFinder(load(topo), NetworkConfig()).schedule(plan)
    step = np.repeat(plan.step, np.diff(paths.offsets))
    return Counter(zip(step.tolist(), paths.links.tolist(), strict=True))


def test_the_ring_of_the_paper_on_torus_and_mesh():
    order = [0, 1, 2, 3, 7, 11, 15, 14, 10, 6, 5, 9, 13, 12, 8, 4]
    assert isca21_ring(load("torus4x4")) == isca21_ring(load("mesh4x4")) == order
    for topo in ("torus4x4", "mesh8x8", "torus3x4"):
        ours, theirs = build("ring", topo), build("ring:order=isca21", topo)
        assert (ours.src.tolist(), ours.dst.tolist()) == (theirs.src.tolist(), theirs.dst.tolist())


def test_the_ring_of_the_paper_on_a_fat_tree():
    assert isca21_ring(load("fattree4x2")) == [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15]


@pytest.mark.parametrize(
    "topo, each", [("fattree4x2", 4), ("fattree8x2", 8), ("bigraph4x8", 4), ("bigraph4x16", 4), ("bigraph1x2", 1)]
)
def test_on_switch_networks_every_hop_leaves_its_switch_and_none_share_a_link(topo, each):
    plan = build("ring:order=isca21", topo)
    check(plan)
    assert (plan.src // each != plan.dst // each).all()
    assert set(crossings(plan, topo).values()) == {1}


def test_hops_on_a_bigraph_change_halves_and_begin_like_the_list_of_the_authors():
    ring = isca21_ring(load("bigraph4x8"))
    assert ring[:8] == [0, 16, 4, 20, 8, 24, 12, 28]
    assert sorted(ring) == list(range(32))
    assert all((a < 16) != (b < 16) for a, b in zip(ring, ring[1:] + ring[:1], strict=True))


def test_the_order_serves_every_collective_of_the_ring_and_any_placement():
    shuffled = [int(h) for h in np.random.default_rng(1).permutation(16)]
    for operation in ALGORITHMS.get("ring").collectives:
        for hosts in (None, shuffled):
            plan = build("ring:order=isca21", "fattree4x2", hosts, operation)
            check(plan)
            assert plan.variant == "order=isca21"
            at = plan.ranks_to_hosts
            assert (at[plan.src] // 4 != at[plan.dst] // 4).all()


@pytest.mark.parametrize("topo", ["ring8", "torus4x3", "torus2x2x2", "fattree4", "bigraph4x4", "switch8"])
def test_where_the_paper_has_no_ring_the_order_is_refused(topo):
    with pytest.raises(AlgorithmUnsuitable, match=f"{topo}.*fattree4x2"):
        build("ring:order=isca21", topo)


def test_a_group_a_broken_link_and_a_misspelt_order_are_refused():
    with pytest.raises(AlgorithmUnsuitable, match="4 hosts of torus4x4"):
        build("ring:order=isca21", "torus4x4", [0, 1, 2, 3])
    with pytest.raises(AlgorithmUnsuitable, match="torus4x4"):
        build("ring:order=isca21", fail_links(load("torus4x4"), ["h0-h1"]))
    with pytest.raises(UnknownName, match="isca21"):
        build("ring:order=isca12", "torus4x4")


@pytest.mark.parametrize("n, stages", [(4, 4), (16, 8), (32, 10), (64, 12)])
def test_dbtree_takes_twice_its_chunks_a_tree_less_one_and_its_stages_a_phase(n, stages):
    plan = build("double-binary-tree:cut=ranks", f"switch{n}")
    check(plan)
    assert (plan.chunks, plan.segments, set(plan.weights.tolist())) == (n, n // 2, {1})
    up = plan.step[plan.op == REDUCE]
    assert up.max() + 1 <= 2 * (n // 2 - 1) + stages
    columns = (plan.step.tolist(), plan.src.tolist(), plan.dst.tolist())
    assert set(Counter((step, src) for step, src, _ in zip(*columns, strict=True)).values()) == {1}
    assert set(Counter((step, dst) for step, _, dst in zip(*columns, strict=True)).values()) == {1}


def test_dbtree_mirrors_its_tree_on_even_and_shifts_it_on_odd_ranks():
    for n, twin in ((16, lambda r: 15 - r), (9, lambda r: (r + 1) % 9)):
        plan = build("double-binary-tree:cut=ranks", f"switch{n}")
        up, first = plan.op == REDUCE, plan.chunk < plan.chunks // 2
        trees = [
            set(zip(plan.src[up & part].tolist(), plan.dst[up & part].tolist(), strict=True)) for part in (first, ~first)
        ]
        assert trees[1] == {(twin(a), twin(b)) for a, b in trees[0]}


def test_dbtree_on_two_and_three_ranks_and_its_options():
    for n in (2, 3, 5):
        check(build("double-binary-tree:cut=ranks", f"switch{n}"))
    with pytest.raises(InvalidValue, match="segments=3"):
        build("double-binary-tree:cut=ranks,segments=3", "switch8")
    with pytest.raises(UnknownName, match="ranks"):
        build("double-binary-tree:cut=rank", "switch8")


@pytest.mark.parametrize("topo, a, b", [("torus4x4", 4, 4), ("mesh4x4", 4, 4), ("torus2x3", 2, 3), ("mesh3x5", 3, 5)])
def test_two_full_sweeps_are_right_and_move_the_data_twice(topo, a, b):
    plan = build("2d-ring-isca21", topo)
    check(plan)
    assert plan.steps == 4 * (max(a, b) - 1)
    moved = np.bincount(plan.src, weights=plan.message_bytes(plan.unit)).tolist()
    assert {Fraction(int(m), plan.unit) for m in moved} == {Fraction(2 * (a - 1), a) + Fraction(2 * (b - 1), b)}


@pytest.mark.parametrize("topo", ["torus4x4", "torus8x8"])
def test_two_full_sweeps_keep_every_link_of_a_torus_busy_in_every_step(topo):
    plan = build("2d-ring-isca21", topo)
    used = crossings(plan, topo)
    assert set(used.values()) == {1}
    assert len(used) == plan.steps * load(topo).links


def test_on_a_mesh_the_closing_hop_travels_back_over_links_of_the_other_direction():
    used = crossings(build("2d-ring-isca21", "mesh4x4"), "mesh4x4")
    assert set(used.values()) == {2}
    assert len(used) == 12 * load("mesh4x4").links


@pytest.mark.parametrize("topo", ["torus4x4", "torus8x8", "mesh3x5", "torus4x6", "mesh2x7", "torus5x5"])
def test_a_rank_starts_its_second_sweep_with_what_came_last_in_the_first(topo):
    plan = build("2d-ring-isca21", topo)
    sweep, pieces = plan.steps // 2, plan.chunks // 4
    quarter = plan.chunk // pieces
    last = Counter()
    for t in np.flatnonzero(plan.step < sweep).tolist():
        key = int(plan.dst[t]), int(quarter[t])
        last[key] = max(last[key], int(plan.step[t]))
    begins = np.flatnonzero(plan.step == sweep).tolist()
    assert len(begins) == 4 * plan.ranks
    for t in begins:
        key = int(plan.src[t]), int(quarter[t])
        assert max(plan.step[plan.deps_of(t)]) == last[key]


def test_two_full_sweeps_on_sub_grids_and_where_there_is_no_grid():
    for hosts in ([0, 1, 2, 3], [10, 5, 6, 9], [3, 0], [4, 0, 12, 8], [0, 1, 2, 4, 5, 6]):
        check(build("2d-ring-isca21", "torus4x4", hosts))
    with pytest.raises(AlgorithmUnsuitable, match="sub-grid"):
        build("2d-ring-isca21", "torus4x4", [0, 1, 4])
    for topo in ("ring8", "torus2x2x2", "fattree4x2"):
        with pytest.raises(AlgorithmUnsuitable, match=f"{topo}.*two dimensions"):
            build("2d-ring-isca21", topo)


def test_the_mapping_of_hdrm_is_the_table_of_the_paper():
    assert mapped_hosts(4, 8).tolist() == [int(x) for x in TABLE_4X8.split()]


@pytest.mark.parametrize("each, switches", [(1, 2), (1, 8), (2, 4), (2, 8), (4, 8), (4, 16), (8, 16)])
def test_partners_of_hdrm_sit_in_opposite_halves_and_share_no_link(each, switches):
    topo = f"bigraph{each}x{switches}"
    plan = build("hdrm", topo)
    check(plan)
    n = each * switches
    assert sorted(mapped_hosts(each, switches).tolist()) == list(range(n))
    assert ((plan.src < n // 2) != (plan.dst < n // 2)).all()
    assert set(Counter(zip(plan.step.tolist(), plan.src.tolist(), strict=True)).values()) == {1}
    used = crossings(plan, topo)
    assert set(used.values()) == {1}
    assert plan.steps == 2 * (n.bit_length() - 1)


def test_hdrm_on_4x8_uses_every_link_in_every_step():
    used = crossings(build("hdrm", "bigraph4x8"), "bigraph4x8")
    assert len(used) == 10 * load("bigraph4x8").links


def test_the_mapping_of_hdrm_follows_the_hosts_whatever_their_ranks():
    shuffled = [int(h) for h in np.random.default_rng(2).permutation(32)]
    plan = build("hdrm", "bigraph4x8", shuffled)
    check(plan)
    assert set(crossings(plan, "bigraph4x8").values()) == {1}


@pytest.mark.parametrize(
    "topo, hosts, why",
    [
        ("fattree4x2", None, "fattree4x2: it is no BiGraph"),
        ("bigraph4x8", list(range(16)), "all 32 hosts, and the group has 16"),
        ("bigraph3x8", None, "3 hosts on each of 8 switches are not both powers of 2"),
        ("bigraph4x12", None, "4 hosts on each of 12 switches are not both powers of 2"),
        ("bigraph4x4", None, "8 messages each way between the halves, which 4 links join each way"),
    ],
)
def test_hdrm_is_refused_elsewhere_with_the_reason(topo, hosts, why):
    with pytest.raises(AlgorithmUnsuitable, match=why):
        build("hdrm", topo, hosts)
