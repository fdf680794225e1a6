import pytest
from topology.routing_cases import FAMILY_NAMES, faulted, graph, link, pairs

from collsim.topology import load
from collsim.topology.routing import channels_of, route


def classes(routing, source, target, packet=0):
    return [cls for _, cls in routing.path(source, target, (0, 0, 0), packet)]


def test_a_torus_moves_to_class_one_with_the_wrap_and_back_in_the_next_dimension():
    routing = route(load("torus5x5"))
    assert classes(routing, 3 * 5 + 3, 0 * 5 + 4) == [0, 1, 0]  # 3, 4, wrap to 0, then one column on
    assert classes(routing, 4 * 5 + 4, 1 * 5 + 1) == [1, 1, 1, 1]
    assert classes(routing, 1 * 5 + 0, 4 * 5 + 0) == [0, 1]  # minus direction
    assert routing.classes == 2


def test_mesh_hypercube_and_fat_trees_need_one_class():
    for name in ("mesh8x8", "hypercube16", "torus2x2", "fattree4", "fattree4x2", "leafspine4x4x2"):
        assert route(load(name)).classes == 1


def test_bigraph_class_is_the_index_of_the_switch_to_switch_hop():
    routing = route(load("bigraph4x8"))
    assert classes(routing, 0, 6)[:-1] == [0, 0, 1]
    assert classes(routing, 0, 20)[:-1] == [0, 0]
    assert classes(routing, 0, 1)[:-1] == [0]
    assert routing.classes == 2


def test_dragonfly_class_is_the_position_among_router_hops():
    dragonfly = load("dragonfly2x4x2")
    routing = route(dragonfly)
    assert routing.classes == 3
    assert classes(routing, 0, 71)[:-1] == [0, 0, 1, 2]
    assert route(dragonfly, "valiant").classes == 5


def test_a_graph_counts_hops_and_the_last_one_only_for_message_flow_control():
    long_ring = faulted("torus4x4")
    ordinary, messages = route(long_ring), route(long_ring, last_counts=True)
    assert messages.classes == ordinary.classes + 1
    longest = max((ordinary.path(s, d, (0, 0, 0)) for s, d in pairs(long_ring)), key=len)
    assert [cls for _, cls in longest][:-1] == list(range(len(longest) - 1))


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_inner_hops_of_routed_paths_are_never_clamped(name):
    topology = load(name)
    routing = route(topology, "ecmp")
    if routing.classes < routing.enough:
        return
    for source, target in pairs(topology)[:: max(1, topology.hosts // 8)]:
        path = [k for k, _ in routing.path(source, target, (0, 0, 0))]
        assert routing.covering([path]) is routing


def test_explicit_paths_get_classes_by_the_same_rule():
    torus = load("torus4x4")
    routing = route(torus)
    for source, target in pairs(torus):
        hops = routing.path(source, target, (0, 0, 0))
        assert routing.classes_of([k for k, _ in hops]) == [cls for _, cls in hops]


def test_classes_grow_with_explicit_paths():
    ring = load("ring6")
    around_twice = [link(ring, k % 6, (k + 1) % 6) for k in range(1, 14)]  # passes the wrap link at hops 5 and 11
    routing = route(ring)
    assert routing.classes == 2
    grown = routing.covering([around_twice])
    assert grown.classes == 3
    assert grown.classes_of(around_twice) == [0] * 4 + [1] * 6 + [2] * 3
    assert routing.path(5, 1, (0, 0, 0)) == grown.path(5, 1, (0, 0, 0))


def test_a_tree_keeps_one_class_until_explicit_paths_close_a_cycle():
    # Four switches of two hosts around a fifth one, then three switches that are all joined.
    star = graph(8, [(i, 8 + i // 2) for i in range(8)] + [(8 + i, 12) for i in range(4)], switches=5)
    routing = route(star)
    assert (routing.name, routing.classes) == ("ecmp", 1)
    up_and_down = [link(star, 0, 8), link(star, 8, 12), link(star, 12, 9), link(star, 9, 2)]
    assert routing.covering([up_and_down]) is routing
    ring = graph(3, [(i, 3 + i) for i in range(3)] + [(3, 4), (4, 5), (5, 3)], switches=3)
    routing = route(ring)
    assert routing.classes == 1  # every pair of switches is joined: no packet makes two hops between switches
    around = [[link(ring, i, 3 + i), link(ring, 3 + i, 3 + j), link(ring, 3 + j, 3 + k), link(ring, 3 + k, k)]
              for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1))]  # fmt: skip
    grown = routing.covering(around)
    assert grown.classes == 2
    assert [grown.classes_of(path)[:3] for path in around] == [[0, 0, 1]] * 3


def test_channels_are_divided_evenly():
    assert [channels_of(c, 2, 4) for c in range(2)] == [(0, 2), (2, 4)]
    assert [channels_of(c, 3, 8) for c in range(3)] == [(0, 2), (2, 5), (5, 8)]
    assert [channels_of(c, 4, 2) for c in range(4)] == [(0, 1), (0, 1), (1, 2), (1, 2)]
    assert [channels_of(c, 5, 1) for c in range(5)] == [(0, 1)] * 5


@pytest.mark.parametrize("classes_count", range(1, 7))
@pytest.mark.parametrize("channels", range(1, 9))
def test_channels_cover_all_and_overlap_only_when_scarce(classes_count, channels):
    ranges = [range(*channels_of(c, classes_count, channels)) for c in range(classes_count)]
    assert all(ranges)
    assert {k for r in ranges for k in r} == set(range(channels))
    if channels >= classes_count:
        assert [k for r in ranges for k in r] == list(range(channels))
