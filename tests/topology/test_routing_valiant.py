from collections import Counter

import numpy as np
import pytest
from topology.routing_cases import nodes_of, pairs

from collsim.errors import RoutingError
from collsim.topology import load
from collsim.topology.routing import route
from collsim.topology.routing.splitmix import fold
from collsim.topology.routing.walk import HOME, OUT, UNDECIDED


def groups_of(dragonfly, path):
    a, p = dragonfly.parameters["a"], dragonfly.parameters["p"]
    return [
        (node - dragonfly.hosts) // a if node >= dragonfly.hosts else node // (a * p) for node in nodes_of(dragonfly, path)
    ]


def test_valiant_passes_one_other_group_of_the_dragonfly():
    dragonfly = load("dragonfly2x4x2")
    routing = route(dragonfly, "valiant")
    seen = Counter()
    for packet in range(400):
        hops = routing.path(0, 71, (1, 0, 0), packet)
        visited = groups_of(dragonfly, [k for k, _ in hops])
        order = list(dict.fromkeys(visited))
        assert (order[0], order[-1], len(order)) == (0, 8, 3)
        assert len(hops) <= 7
        assert [cls for _, cls in hops[1:-1]] == list(range(len(hops) - 2))
        seen[order[1]] += 1
    assert sorted(seen) == list(range(1, 8))
    assert min(seen.values()) > 30


def test_valiant_draws_by_seed_call_transfer_and_packet_and_skips_the_ends():
    dragonfly = load("dragonfly2x4x2")
    routing = route(dragonfly, "valiant")
    state = routing.start(0, 30, (4, 5, 6), 7)
    number = fold(4, 5, 6, 7)
    others = [group for group in range(9) if group not in (0, 3)]
    assert (state.stop, state.pick, state.leg) == (others[number % 7], number // 7, OUT)


def test_a_group_keeps_its_own_traffic():
    dragonfly = load("dragonfly2x4x2")
    routing, minimal = route(dragonfly, "valiant"), route(dragonfly)
    assert routing.start(0, 7, (0, 0, 0)).leg == HOME
    assert [k for k, _ in routing.path(0, 7, (0, 0, 0))] == [k for k, _ in minimal.path(0, 7, (0, 0, 0))]


@pytest.mark.parametrize("name", ["torus4x4", "ring6", "mesh3x3", "hypercube8"])
def test_valiant_on_a_grid_is_two_dimension_ordered_legs(name):
    topology = load(name)
    routing, plain = route(topology, "valiant"), route(topology)
    half = plain.classes
    assert routing.classes == 2 * half
    for source, target in pairs(topology):
        for packet in range(3):
            stop = routing.start(source, target, (0, 0, 0), packet).stop
            path = routing.path(source, target, (0, 0, 0), packet)
            out = plain.path(source, stop, (0, 0, 0))
            on_the_way = nodes_of(topology, [k for k, _ in out])
            if target in on_the_way:  # a packet that meets its destination stays there
                assert path == out[: on_the_way.index(target)]
            else:
                assert path == out + [(k, half + cls) for k, cls in plain.path(stop, target, (0, 0, 0))]


def test_valiant_stops_are_uniform_on_a_torus():
    routing = route(load("torus4x4"), "valiant")
    seen = Counter(routing.start(0, 5, (0, 0, t)).stop for t in range(7000))
    assert sorted(seen) == [s for s in range(16) if s not in (0, 5)]
    assert sum((c - 500) ** 2 / 500 for c in seen.values()) < 34.6  # 13 degrees of freedom, one in a thousand


def test_ugal_weighs_the_two_paths_at_the_first_router():
    dragonfly = load("dragonfly2x4x2")
    routing, minimal, valiant = route(dragonfly, "ugal"), route(dragonfly), route(dragonfly, "valiant")
    for packet in range(20):
        state = routing.start(0, 71, (2, 0, 0), packet)
        assert state.leg == UNDECIDED
        (first,) = routing.choices(0, 71, state)
        short, long = routing.choices(dragonfly.hosts, 71, first.state)
        direct = minimal.path(0, 71, (0, 0, 0))
        around = valiant.path(0, 71, (2, 0, 0), packet)
        assert (short.link, short.weight, short.state.leg) == (direct[1][0], len(direct) - 2, HOME)
        assert (long.link, long.weight, long.state.leg) == (around[1][0], len(around) - 2, OUT)
        assert len(routing.choices(int(dragonfly.target[short.link]), 71, short.state)) == 1
        assert len(routing.choices(int(dragonfly.target[long.link]), 71, long.state)) == 1


def test_ugal_of_an_idle_network_is_minimal_and_within_a_group_always():
    dragonfly = load("dragonfly2x4x2")
    routing, minimal = route(dragonfly, "ugal"), route(dragonfly)
    for target in range(1, 72):
        links = [k for k, _ in routing.path(0, target, (0, 0, target))]
        assert links == [k for k, _ in minimal.path(0, target, (0, 0, 0))]
    assert routing.start(0, 5, (0, 0, 0)).leg == HOME
    assert routing.adaptive


@pytest.mark.parametrize("name", ["dragonfly1x1x1", "bigraph2x2", "ring2"])
def test_too_few_stops_are_refused(name):
    with pytest.raises(RoutingError, match="turn at"):
        route(load(name), "valiant")


@pytest.mark.parametrize("name", ["switch8", "full8", "fattree4"])
def test_valiant_does_not_fit_where_nothing_lies_beside_the_way(name):
    with pytest.raises(RoutingError, match="does not fit"):
        route(load(name), "valiant")


def test_picks_stay_within_64_bits():
    routing = route(load("fattree8"), "spray")
    huge = max((fold(0, 0, 127, 0, t), t) for t in range(2000))[1]
    state = routing.start(0, 127, (0, 0, huge), 2**63 - 1)
    assert 0 <= state.pick < 2**64
    assert np.uint64(state.pick) == state.pick
