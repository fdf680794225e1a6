import numpy as np
import pytest

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.collective import collective
from collsim.collectives.schedule import COPY, ScheduleBuilder
from collsim.network.config import NetworkConfig
from collsim.network.paths import PathFinder, Paths
from collsim.topology import load


def direct(topology):
    return ALGORITHMS.get("direct").schedule(topology, collective("all-to-all"))


@pytest.mark.parametrize(
    ("name", "routing"),
    [
        ("ring8", "auto"),
        ("torus3x4", "auto"),
        ("hypercube16", "auto"),
        ("fattree4", "auto"),
        ("leafspine4x4x2", "auto"),
        ("dragonfly2x2x1", "auto"),
        ("bigraph4x4", "auto"),
        ("dgx1-v100", "auto"),
        ("mesh3x3", "ecmp"),
        ("torus3x3", "up-star-down-star"),
    ],
)
def test_walking_all_at_once_is_walking_one_by_one(name, routing):
    topology = load(name)
    finder = PathFinder(topology, NetworkConfig().with_settings({"routing": routing}), seed=5)
    plan = direct(topology)
    paths = finder.schedule(plan, call=3)
    assert len(paths) == plan.transfers
    for t in range(plan.transfers):
        source, target = int(plan.src[t]), int(plan.dst[t])
        assert paths[t].tolist() == [link for link, _ in finder.routing.path(source, target, (5, 3, t))]


@pytest.mark.parametrize("routing", ["valiant", "spray"])
def test_packet_routings_give_the_path_of_packet_0(routing):
    topology = load("dragonfly2x4x2" if routing == "valiant" else "leafspine4x4x2")
    finder = PathFinder(topology, NetworkConfig().with_settings({"routing": routing}))
    plan = direct(topology)
    paths = finder.schedule(plan)
    for t in range(0, plan.transfers, 97):
        ends = int(topology.source[paths[t][0]]), int(topology.target[paths[t][-1]])
        assert ends == (int(plan.src[t]), int(plan.dst[t]))


def test_explicit_paths_stay():
    ring = load("ring4")
    around = [ring.links_between(a, b)[0] for a, b in ((0, 3), (3, 2), (2, 1))]
    builder = ScheduleBuilder(collective("broadcast"), "mine", range(4), [1])
    builder.add(0, 0, 2, 0, COPY)
    builder.add(0, 0, 1, 0, COPY, path=around)
    builder.add(0, 0, 3, 0, COPY)
    paths = PathFinder(ring, NetworkConfig()).schedule(builder.finish())
    assert paths[1].tolist() == around
    assert [len(paths[t]) for t in range(3)] == [2, 3, 1]


def test_joined_paths_keep_their_order():
    joined = Paths.join([Paths.of([[1, 2], []]), Paths.of([]), Paths.of([[3]])])
    assert [joined[m].tolist() for m in range(len(joined))] == [[1, 2], [], [3]]
    assert len(Paths.join([])) == 0
    assert np.array_equal(Paths.join([]).offsets, [0])
