"""Links that packets may cross: all that draws ever take, no others, and counts that are known."""

import numpy as np
import pytest
from topology.routing_cases import faulted

from collsim.topology import load
from collsim.topology.paths import hops_to
from collsim.topology.routing import fitting, route
from collsim.topology.routing.reach import routed_links, shortest_links

MACHINES = ("torus3x4", "mesh3x3", "hypercube8", "fattree4", "leafspine3x2x2", "dragonfly2x4x2", "bigraph2x4", "nvl2x3x2")
BROKEN = "torus4x4 without a cable"


def machine_of(name):
    return faulted("torus4x4") if name == BROKEN else load(name)


def some_pairs(machine, seed=1, count=5):
    drawn = np.random.default_rng(seed).integers(machine.hosts, size=(count, 2))
    return drawn[drawn[:, 0] != drawn[:, 1]]


def drawn_links(routing, pairs, draws=400):
    """Every link that some packet of some draw takes where nothing queues: the oracle, one path at a time."""
    used = np.zeros(routing.topology.links, dtype=bool)
    for source, target in pairs.tolist():
        for draw in range(1 if routing.multipath == "single" else draws):
            used[[link for link, _ in routing.path(source, target, (draw, 0, 0))]] = True
    return used


CASES = [(name, way) for name in (*MACHINES, BROKEN) for way in fitting(machine_of(name)) if way != "ugal"]


@pytest.mark.parametrize(("name", "way"), CASES)
def test_it_is_what_draws_find(name, way):
    machine = machine_of(name)
    routing, pairs = route(machine, way), some_pairs(machine)
    assert np.array_equal(routed_links(routing, pairs), drawn_links(routing, pairs))


@pytest.mark.parametrize("name", ["dragonfly2x4x2", "bigraph2x4"])
def test_ugal_takes_minimal_ways_and_those_of_valiant(name):
    machine = machine_of(name)
    pairs = some_pairs(machine)
    ugal, valiant = (routed_links(route(machine, way), pairs) for way in ("ugal", "valiant"))
    minimal = drawn_links(route(machine, "ugal"), pairs)
    assert np.array_equal(ugal, valiant | minimal)


@pytest.mark.parametrize("name", [*MACHINES, BROKEN])
def test_shortest_paths_are_those_whose_lengths_add_up(name):
    """A link lies on a shortest path of a pair if what is before it, itself and what is behind it make the distance."""
    machine, pairs = machine_of(name), some_pairs(machine_of(name))
    hops = hops_to(machine, [(node,) for node in range(machine.nodes)]).astype(int)
    expected = np.zeros(machine.links, dtype=bool)
    for link, (u, v) in enumerate(zip(machine.source.tolist(), machine.target.tolist(), strict=True)):
        for a, b in pairs.tolist():
            passable = (u == a or machine.forwards[u]) and (v == b or machine.forwards[v])
            known = min(hops[a, u], hops[v, b]) >= 0
            expected[link] |= bool(passable and known and hops[a, u] + 1 + hops[v, b] == hops[a, b])
    assert np.array_equal(shortest_links(machine, pairs), expected)


def test_numbers_that_are_known():
    torus = load("torus4x4")
    assert shortest_links(torus, np.array([[0, 1]])).sum() == 1
    # Two away in both dimensions, both ways around in each: of every cable the direction that leads away from 0.
    assert shortest_links(torus, np.array([[0, 10]])).sum() == 32
    assert routed_links(route(torus), np.array([[0, 10]])).sum() == 4
    tree = load("fattree4")
    assert shortest_links(tree, np.array([[0, 15]])).sum() == 1 + 2 + 4 + 4 + 2 + 1
    assert routed_links(route(tree, "up-down"), np.array([[0, 15]])).sum() == 6
    assert shortest_links(tree, np.array([[0, 1]])).sum() == 2
    assert not shortest_links(tree, np.zeros((0, 2), dtype=np.int64)).any()


@pytest.mark.parametrize("way", ["ecmp", "up-star-down-star", "valiant"])
def test_all_pairs_of_a_mesh_may_use_all_of_it(way):
    mesh = load("mesh4x4")
    pairs = np.argwhere(~np.eye(16, dtype=bool))
    assert routed_links(route(mesh, way), pairs).all()
