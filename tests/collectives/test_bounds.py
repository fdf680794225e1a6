"""Published and derived bounds, and what a caller relies on: units, rounding, groups, detail, cache, errors."""

from fractions import Fraction
from time import perf_counter

import numpy as np
import pytest

from collsim.collectives.bounds import lower_bound
from collsim.collectives.candidates import best_partition
from collsim.collectives.capacities import capacities
from collsim.collectives.collective import COLLECTIVES, collective
from collsim.collectives.cuts import separating_cut
from collsim.errors import InvalidValue
from collsim.topology import Level, Link, build, load
from collsim.units import FS_PER_SECOND

GB = 10**9
UNIT = 16 * GB


def both(pairs, rate, latency=0):
    return [Link(u, v, rate, latency) for a, b in pairs for u, v in ((a, b), (b, a))]


def bound(topology, name, size, hosts=None, root=0, **delays):
    group = range(topology.hosts) if hosts is None else hosts
    return lower_bound(topology, collective(name, root), group, size, **delays)


def algbw(topology, name="all-gather", unit=1):
    """Return bytes over the largest bound in units of `unit` bytes/s, at a size that every rank count here divides."""
    size = 10**6 * 720 * GB
    return size / bound(topology, name, size).parts[0].seconds / unit


def a100_boxes(boxes):
    gpus = range(8 * boxes)
    links = both([(g, 8 * boxes + g // 8) for g in gpus], 300 * GB)
    links += both([(g, 9 * boxes) for g in gpus], 25 * GB) if boxes > 1 else []
    return build(f"{boxes} boxes", 8 * boxes, links, switches=boxes + (boxes > 1))


def leaf_spine(uplink):
    links = both([(h, 16 + h // 4) for h in range(16)], 2 * GB) + both([(16 + i, 20) for i in range(4)], uplink)
    leaves = tuple((*range(4 * i, 4 * i + 4), 16 + i) for i in range(4))
    return build("leafspine", 16, links, switches=5, levels=(Level("leaf", leaves),))


@pytest.mark.parametrize("boxes", [a100_boxes(1), "dgx-a100"])
def test_all_gather_on_one_a100_box(boxes):
    assert algbw(load(boxes), unit=GB) == Fraction(300 * 8, 7)
    assert round(float(algbw(load(boxes), unit=GB)), 3) == 342.857


@pytest.mark.parametrize("boxes", [a100_boxes(2), "dgx-a100-x2"])
def test_all_gather_on_two_a100_boxes(boxes):
    assert algbw(load(boxes), unit=GB) == Fraction(325 * 16, 15)
    assert round(float(algbw(load(boxes), unit=GB)), 3) == 346.667


@pytest.mark.parametrize(
    ("name", "unit", "published"),
    [
        ("dgx1-v100", 25 * GB, Fraction(48, 7)),
        ("ring8", UNIT, Fraction(16, 7)),
        ("mesh4x4", UNIT, 2.1333),
        ("torus4x4", UNIT, 4.2667),
        ("dragonfly2x4x2", UNIT, 1.0141),
    ],
)
def test_all_gather_reaches_the_published_optimum(name, unit, published):
    found = algbw(load(name), unit=unit)
    assert found == published if isinstance(published, Fraction) else round(float(found), 4) == published
    assert algbw(load(name), "reduce-scatter", unit) == found
    assert bound(load(name), "all-gather", GB).exact


def test_an_inner_cut_binds_where_uplinks_are_thin():
    found = bound(leaf_spine(GB), "all-gather", 16 * GB)
    assert found.parts[0].seconds == 12
    assert (found.kind, found.exact) == ("cut", True)
    assert "12 of 16 ranks" in found.detail


def test_all_reduce_of_an_8x8_mesh():
    found = bound(load("mesh8x8", bandwidth=GB), "all-reduce", 64 * GB)
    assert found.time == 36 * FS_PER_SECOND
    assert found.exact


def test_all_reduce_of_a_leaf_spine_takes_the_partition_into_leaves():
    """With b a host's link: the thinnest cut gives 2.0 M/b, the hosts' capacity 1.875, the partition into leaves 3.0."""
    topology = leaf_spine(GB)
    caps, b = capacities(topology, range(16)), 2 * GB
    assert separating_cut(caps).load / caps.unit * b == 2
    assert Fraction(2 * 15, sum(caps.node_out[h] for h in range(16)) * caps.unit) * b == Fraction(15, 8)
    found = bound(topology, "all-reduce", b)
    assert found.parts[0].seconds == 3
    assert (found.kind, found.exact) == ("partition (tree packing)", True)
    assert "4 sets" in found.detail


def test_mixtures_of_levels_beat_every_single_level():
    """A leaf of fast hosts and thin uplink stays whole while leaves of slow hosts and thick uplinks are split."""
    links = both([(0, 6), (1, 6), (6, 9)], 4)[:4] + both([(6, 9)], 1)
    links += both([(h, 6 + h // 2) for h in range(2, 6)], 1) + both([(7, 9), (8, 9)], 100)
    leaves = tuple((2 * i, 2 * i + 1, 6 + i) for i in range(3))
    topology = build("mixed", 6, links, switches=4, levels=(Level("leaf", leaves),))
    found = bound(topology, "all-reduce", 1)
    assert found.parts[0].seconds == Fraction(2 * 4, 5)
    assert found.exact
    candidate = best_partition(capacities(topology, range(6)), topology)
    assert candidate.load == Fraction(4, 5)
    assert len(candidate.sets) == 5


@pytest.mark.parametrize("name", ["ring2", "ring7", "torus3x4", "torus2x3x4", "hypercube16", "full6"])
def test_vertex_transitive_families_agree_with_the_general_way(name):
    """The same links under a family that promises nothing go through the flows."""
    topology = load(name)
    columns = (topology.source, topology.target, topology.bandwidth, topology.latency)
    links = [Link(*map(int, row)) for row in zip(*columns, strict=True)]
    plain = build("plain", topology.hosts, links, forwards=topology.forwards)
    for operation in COLLECTIVES:
        known, searched = bound(topology, operation, 24 * GB), bound(plain, operation, 24 * GB)
        assert searched.time <= known.time
        assert operation == "all-to-all" or (known.time, known.exact) == (searched.time, True)


@pytest.mark.parametrize("name", ["ring5", "mesh3x4", "fattree4x2", "switch5", "gaudi3"])
def test_collectives_are_bounded_consistently(name):
    topology = load(name)
    size = 60 * topology.hosts * 10**6
    time = {operation: bound(topology, operation, size).parts[0].seconds for operation in COLLECTIVES}
    assert time["reduce-scatter"] == time["all-gather"]
    assert time["reduce"] == time["broadcast"]
    assert time["all-reduce"] >= time["broadcast"]
    assert time["all-reduce"] <= 2 * time["all-gather"]


def test_all_to_all_on_a_ring_meets_both_its_bounds():
    found = bound(load("ring8", bandwidth=GB), "all-to-all", 8 * GB)
    seconds = {part.kind: part.seconds for part in found.parts}
    assert seconds["cut"] == seconds["link volume"] == 8
    assert found.exact


def test_latency_rules_small_sizes():
    topology = load("ring8", latency="100ns")
    found = bound(topology, "all-reduce", 8)
    assert (found.kind, found.time) == ("latency", 4 * 10**8)
    assert "h4" in found.detail
    assert bound(topology, "all-reduce", 8, overhead=3, hop=1000).time == 4 * 10**8 + 3 + 3 * 3
    assert bound(topology, "broadcast", 8, root=3, overhead=7, hop=2).time == 4 * 10**8 + 7 + 3 * 2
    assert bound(topology, "reduce", 8, root=3, overhead=7, hop=2).time == 4 * 10**8 + 7 + 3 * 2


def test_latency_follows_the_direction_of_a_rooted_collective():
    links = [Link(0, 1, GB, 5), Link(1, 0, GB, 900), Link(1, 2, GB, 5), Link(2, 1, GB, 900)]
    topology = build("slope", 3, links, forwards=[True] * 3)
    assert bound(topology, "broadcast", 1, hop=1, overhead=10).parts[0].seconds * FS_PER_SECOND == 10**6
    latency = {
        c: next(p for p in bound(topology, c, 1, hop=1, overhead=10).parts if p.kind == "latency") for c in COLLECTIVES
    }
    assert latency["broadcast"].seconds * FS_PER_SECOND == 10 + 1 + 10
    assert latency["reduce"].seconds * FS_PER_SECOND == 1800 + 1 + 10
    assert latency["all-reduce"].seconds * FS_PER_SECOND == 1800 + 1 + 10


def test_huge_latencies_are_rounded_down_never_up():
    hour = FS_PER_SECOND * 3600
    topology = build("far", 3, both([(0, 1), (1, 2)], GB, hour), forwards=[True] * 3)
    found = bound(topology, "all-reduce", 1)
    assert 2 * hour * (1 - 2**-40) < found.time <= 2 * hour


def test_fewer_bytes_than_ranks_never_overstate():
    """Only the last rank of four has a byte to give; from the middle of a chain it is two hops at most away."""
    topology = build("chain", 4, both([(0, 1), (1, 2), (2, 3)], GB, 1000), forwards=[True] * 4)
    assert bound(topology, "all-gather", 1).time == 2000
    assert bound(topology, "all-gather", 4).time > 2000
    assert bound(topology, "reduce-scatter", 1).time == 2000
    assert bound(topology, "all-to-all", 1).time == 0
    for name in COLLECTIVES:
        assert bound(topology, name, 0).time == 0


def test_shares_are_counted_in_whole_bytes():
    topology = load("full4", bandwidth=GB, latency=0)
    assert bound(topology, "all-gather", 7).parts[0].seconds == bound(topology, "all-gather", 4).parts[0].seconds


def test_time_is_rounded_up_to_the_femtosecond():
    topology = build("third", 2, both([(0, 1)], 3 * GB))
    found = bound(topology, "broadcast", 1)
    assert found.parts[0].seconds == Fraction(1, 3 * GB)
    assert found.time == 333334


def test_hosts_outside_of_the_group_relay_only_if_they_forward():
    links = both([(0, 1), (1, 2), (2, 3), (3, 0)], GB)
    ring = build("ring", 4, links, forwards=[True] * 4)
    assert bound(ring, "broadcast", GB, hosts=[0, 2]).parts[0].seconds == Fraction(1, 2)
    dead = build("half", 4, links + both([(0, 2)], GB), forwards=[True, False, True, True])
    assert bound(dead, "broadcast", GB, hosts=[0, 2]).parts[0].seconds == Fraction(1, 2)
    assert bound(dead, "broadcast", GB, hosts=[0, 1, 2]).parts[0].seconds == Fraction(1, 2)
    assert bound(dead, "reduce", GB, hosts=[2, 0], root=1).parts[0].seconds == Fraction(1, 2)


def test_parallel_and_unequal_links_add_up():
    topology = build("fat", 2, [Link(0, 1, GB, 0), Link(0, 1, 3 * GB, 0), Link(1, 0, 2 * GB, 0)])
    assert bound(topology, "broadcast", 4 * GB).parts[0].seconds == 1
    assert bound(topology, "reduce", 4 * GB).parts[0].seconds == 2
    assert bound(topology, "all-reduce", 4 * GB).parts[0].seconds == 2


def test_switches_do_not_multicast():
    """Hosts receive at 100 and send at 1: a cut sees one share leave each host, but three copies of it have to."""
    links = [link for h in range(4) for link in (Link(h, 4, 1, 0), Link(4, h, 100, 0))]
    found = bound(build("star", 4, links, switches=1), "all-gather", 4)
    assert [(part.kind, part.seconds) for part in found.parts] == [
        ("host capacity", 3),
        ("host capacity", 1),
        ("latency", 0),
    ]
    assert not found.exact


def test_capacities_that_share_no_divisor_stay_exact():
    rates = [10**18 - k for k in range(12)]
    pairs = [(a, b) for a in range(5) for b in range(a + 1, 5)][: len(rates)]
    links = [link for rate, pair in zip(rates, pairs, strict=False) for link in both([pair], rate)]
    found = bound(build("odd", 5, links, forwards=[True] * 5), "all-reduce", GB)
    assert found.exact
    total = 2 * sum(rates[: len(pairs)])
    assert found.parts[0].seconds == Fraction(2 * 4 * GB, total)


def test_large_graphs_get_certified_candidates():
    found = bound(load("mesh20x20", bandwidth=GB), "all-gather", 400 * GB)
    assert found.parts[0].seconds == Fraction(399, 2)
    assert not found.exact
    assert bound(load("torus20x20"), "all-gather", 400 * GB).exact
    uneven = bound(load("leafspine32x16x4", bandwidth=GB), "all-reduce", GB)
    assert uneven.parts[0].seconds == Fraction(2 * 511, 512)
    assert not uneven.exact


def test_details_name_nodes_of_the_topology_at_hand():
    """Names are no part of the digest under which cuts are cached."""
    pairs = both([(0, 1), (1, 2)], GB)
    one = build("one", 3, pairs, forwards=[True] * 3, names=["a", "b", "c"])
    two = build("two", 3, pairs, forwards=[True] * 3, names=["x", "y", "z"])
    assert one.digest == two.digest
    assert "{a}" in bound(one, "broadcast", GB).detail
    assert "{x}" in bound(two, "broadcast", GB).detail


def test_parts_are_all_bounds_largest_first():
    found = bound(load("bigraph4x8"), "all-to-all", 32 * GB)
    assert [part.seconds for part in found.parts] == sorted((p.seconds for p in found.parts), reverse=True)
    assert {part.kind for part in found.parts} == {"link volume", "host capacity", "latency"}
    assert found.kind == found.parts[0].kind == "link volume"


@pytest.mark.parametrize(
    "arguments",
    [{"size": -1}, {"hosts": [0]}, {"hosts": [0, 0]}, {"hosts": [0, 8]}, {"overhead": -1}, {"hop": -1}],
)
def test_impossible_requests_are_refused(arguments):
    with pytest.raises(InvalidValue):
        bound(load("ring8"), "all-reduce", **{"size": 8} | arguments)


@pytest.mark.parametrize("name", ["torus8x8", "dragonfly2x4x2", "fattree4", "bigraph4x8"])
def test_bounds_come_at_once_on_the_named_topologies(name):
    topology = load(name, bandwidth=int(np.random.default_rng(1).integers(GB, 2 * GB)))
    for operation in COLLECTIVES:
        started = perf_counter()
        bound(topology, operation, GB)
        assert perf_counter() - started < 1
