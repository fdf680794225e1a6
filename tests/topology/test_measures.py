"""Measures: distances against networkx, bisection formulas against a search of all halves, bounds that are bounds."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collsim.topology import Link, build, load, machines
from collsim.topology.bisection import best_cut, bisection, exhaustive, formula
from collsim.topology.faults import degrade_links, fail_links
from collsim.topology.measures import host_distances, measure

SMALL = [
    "ring2",
    "ring3",
    "ring5",
    "ring8",
    "full2",
    "full5",
    "full6",
    "switch2",
    "switch5",
    "hypercube2",
    "hypercube8",
    "mesh2",
    "mesh7",
    "mesh2x3",
    "mesh3x3",
    "mesh4x3",
    "mesh3x5",
    "mesh2x2x2",
    "mesh3x2x2",
    "torus2",
    "torus2x2",
    "torus2x2x2",
    "torus3x3",
    "torus4x3",
    "torus5x3",
    "torus4x4",
    "leafspine2x2x1",
    "leafspine3x2x1",
    "leafspine2x3x1",
    "leafspine2x4x1",
    "leafspine1x5x2",
    "leafspine3x3x2",
    "leafspine1x2x4",
    "leafspine5x1x1",
    "bigraph1x2",
    "bigraph2x2",
    "bigraph3x2",
    "bigraph2x4",
    "bigraph1x4",
    "bigraph1x6",
    "fattree2",
    "fattree2x2",
    "fattree3x2",
]


@pytest.mark.parametrize("name", SMALL)
def test_bisection_formula_equals_the_search_of_all_halves(name):
    topology = load(name, bandwidth=7)
    assert formula(topology) == exhaustive(topology)
    assert best_cut(topology) >= exhaustive(topology)


def test_known_bisections():
    links = {
        "torus8x8": 16,
        "mesh8x8": 8,
        "hypercube16": 8,
        "full8": 16,
        "fattree4": 8,
        "fattree4x2": 8,
        "leafspine4x4x1": 2,
    }
    for name, width in links.items():
        found = bisection(load(name, bandwidth="1GB/s"))
        assert (found.bandwidth, found.exact, found.how) == (width * 10**9, True, "formula")


@pytest.mark.parametrize("name", ["torus2x4", "torus2x3x2"])
def test_torus_of_mixed_dimensions_is_searched(name):
    found = bisection(load(name))
    assert (found.exact, found.how) == (True, "all halves")


def test_bisection_of_unequal_links_is_searched_or_bounded():
    slow = degrade_links(load("ring6"), {"h0-h1": 0.5, "h3-h4": 0.25})
    assert bisection(slow).bandwidth == 12 * 10**9
    assert bisection(slow).how == "all halves"
    fly = bisection(load("dragonfly2x4x2"))
    assert (fly.exact, fly.how) == (False, "best cut found")
    assert fly.bandwidth <= 36 * 16 * 10**9


def test_bisection_takes_the_weaker_direction():
    links = [Link(0, 2, 3, 0), Link(2, 0, 5, 0), Link(1, 2, 4, 0), Link(2, 1, 9, 0)]
    star = build("star", 2, links, switches=1)
    assert formula(star) == exhaustive(star) == 3


@st.composite
def unequal(draw):
    hosts, switches = draw(st.integers(2, 5)), draw(st.integers(0, 2))
    nodes = hosts + switches
    ring = [(n, (n + 1) % nodes) for n in range(nodes)] + [((n + 1) % nodes, n) for n in range(nodes)]
    more = draw(st.lists(st.sampled_from([(a, b) for a in range(nodes) for b in range(nodes) if a != b]), max_size=8))
    return build(
        "g",
        hosts,
        [Link(a, b, draw(st.integers(1, 20)) * 10**9, 0) for a, b in ring + more],
        switches=switches,
        forwards=[True] * nodes,
    )


@given(unequal())
def test_best_cut_never_falls_below_the_exact_bisection(topology):
    assert best_cut(topology) >= exhaustive(topology)
    assert host_distances(topology) == pytest.approx(by_networkx(topology))


def by_networkx(topology):
    distances = []
    for host in range(topology.hosts):
        graph = nx.DiGraph()
        graph.add_nodes_from(range(topology.nodes))
        for a, b in zip(topology.source.tolist(), topology.target.tolist(), strict=True):
            if a == host or topology.forwards[a]:
                graph.add_edge(a, b)
        lengths = nx.single_source_shortest_path_length(graph, host)
        distances += [lengths[other] for other in range(topology.hosts) if other != host]
    return max(distances), float(np.mean(distances))


@pytest.mark.parametrize("name", [*SMALL, *(n for n in machines() if n != "cray-dragonfly"), "torus3x4x5", "fattree4"])
def test_distances_agree_with_networkx(name):
    topology = load(name)
    assert host_distances(topology) == pytest.approx(by_networkx(topology))


def test_distances_of_a_broken_torus_are_searched():
    broken = fail_links(load("torus4x4"), ["h0-h1", "h5-h6"])
    assert host_distances(broken) == pytest.approx(by_networkx(broken))


def test_non_forwarding_hosts_are_not_passed_through():
    # h0 and h1 are joined by a detour over two switches and by a short cut through h2, which does not forward.
    ends = [(0, 3), (3, 4), (4, 1), (0, 2), (2, 1)]
    links = [Link(*e, 1, 0) for a, b in ends for e in ((a, b), (b, a))]
    assert host_distances(build("g", 3, links, switches=2))[0] == 3
    assert host_distances(build("g", 3, links, switches=2, forwards=[True] * 5))[0] == 2


def test_more_hosts_than_a_block_add_up():
    leafspine = load("leafspine40x30x2")
    n, near, far = 1200, 39, 1160
    assert host_distances(leafspine) == (4, pytest.approx((2 * near + 4 * far) / (n - 1)))


def test_capacity_and_degrees():
    found = measure(load("dgx-a100-x2"))
    assert found.capacity == 32 * 325 * 10**9
    assert found.host_degree == (2, 2)
    assert found.switch_degree == (8, 16)
    assert measure(load("ring4")).switch_degree is None
    assert (found.diameter, found.average_distance) == (2, 2.0)
