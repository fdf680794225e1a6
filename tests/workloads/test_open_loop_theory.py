"""Open-loop traffic against theory: closed forms, queueing, head-of-line blocking, and what links can carry."""

import numpy as np
import pytest
from workloads.open_loop_cases import case_of, execute, point_of

from collsim.network.message_time import lone_message
from collsim.network.paths import PathFinder
from collsim.program import Arrivals, Program
from collsim.workloads.open_loop import load_program
from collsim.workloads.open_loop_measures import expect


def test_apart_from_each_other_packets_take_their_closed_form():
    """Rule 26: latencies, a head flit for each inner hop and router, and the packet itself."""
    case = case_of("torus4x4", packet=6, latency="7ns", network={"router_delay": "3ns", "ejection_latency": "5ns"})
    (drawn,) = load_program(case, 0.1).operations
    apart = np.arange(200) * 1000 * case.cycle
    source, target = drawn.source[:200], drawn.target[:200]
    result = execute(case, Program((Arrivals(source, target, drawn.size[:200], apart),)))
    moved = np.abs(np.array(np.unravel_index(source, (4, 4))) - np.array(np.unravel_index(target, (4, 4))))
    hops = np.minimum(moved, 4 - moved).sum(axis=0)
    expected = 7 * hops + (hops - 1) * (3 + 1) + 6 + 5
    assert ((result.message_finish - apart) / case.cycle).tolist() == expected.tolist()
    assert result.message_started.tolist() == apart.tolist()


@pytest.mark.parametrize("routing", ["minimal", "valiant", "ugal"])
def test_the_mean_of_an_idle_network_is_that_of_the_closed_form(routing):
    case = case_of("dragonfly2x2x1", "uniform", packet=3, network={"routing": routing}, measure=20_000)
    point = point_of(case, 0.001)
    assert point.network_mean == pytest.approx(expect(case).zero_load, rel=0.1)
    assert point.latency_mean == pytest.approx(point.network_mean, rel=0.01)


def test_an_exact_expectation_is_the_mean_over_all_pairs():
    case = case_of("mesh3x3", packet=3)
    finder = PathFinder(case.topology, case.network, 0)
    ways = [finder.path(a, b) for a in range(9) for b in range(9) if a != b]
    alone = [lone_message(32, [(16 * 10**9, 10**6)] * len(way), case.network).arrival for way in ways]
    assert expect(case).zero_load == pytest.approx(np.mean(alone) / case.cycle)
    assert expect(case).zero_load == pytest.approx(2 * 2 + 2, abs=1e-12)  # mean distance 2 on this mesh


@pytest.mark.parametrize(("packet", "share"), [(4, 0.3), (8, 0.5), (8, 0.8), (1, 0.9)])
def test_the_queue_at_the_source_is_that_of_geo_d_1(packet, share):
    """One link, Bernoulli arrivals, service of P cycles: the mean wait is rho (P - 1) / (2 (1 - rho)), M/D/1 in slots."""
    case = case_of("switch2", "neighbor", packet=packet, warmup=2000, measure=200_000, drain=2000)
    point = point_of(case, share)
    wait = point.latency_mean - point.network_mean
    assert wait == pytest.approx(point.offered * (packet - 1) / (2 * (1 - point.offered)), rel=0.06, abs=1e-9)
    assert point.network_mean == pytest.approx(expect(case).zero_load)


def test_head_of_line_blocking_of_three_inputs_takes_a_quarter():
    """Three hosts behind one switch, each packet to one of the two others, all queues full.

    The packets in front aim at three different outputs with probability 1/4 in every slot: after any slot at least two of
    them are new, and exactly one of the four ways to draw two fits the third. So 1/4 x 3 + 3/4 x 2 of 3 leave: 3/4.
    """
    case = case_of("switch3", packet=1, warmup=2000, measure=30_000, drain=0)
    point = point_of(case, 1)
    assert point.saturated
    assert point.accepted == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize("pattern", ["uniform", "neighbor", "tornado", "transpose", "permutation"])
def test_all_is_accepted_below_saturation_and_no_more_than_links_carry(pattern):
    case = case_of("torus4x4", pattern, packet=5, warmup=1000, measure=8000, drain=1000)
    bound = expect(case).bound
    below = point_of(case, 0.4 * min(bound, 1))
    assert not below.saturated
    assert below.accepted == pytest.approx(below.offered, rel=0.02)
    assert below.late == 0
    full = point_of(case, 1)
    # A host sends at most what arrives, and with several links may deliver from its queue in bursts of a window.
    assert full.accepted <= min(bound, 1) * 1.02
    assert full.saturated == (full.accepted < 0.95 * full.offered)


@pytest.mark.parametrize(
    ("topology", "pattern", "bound"),
    [
        ("torus8x8", "uniform", 63 / 80),  # 10/8 hops of 64/63 packets on the plus links of each row, ties included
        ("torus8x8", "tornado", 1 / 3),  # three hops in each dimension: three packets share each link
        ("torus8x8", "neighbor", 1),
        ("mesh8x8", "transpose", 1 / 7),  # of a row's hosts all but the one on the diagonal turn there
        ("dragonfly2x4x2", "adversarial", 1 / 8),  # a p = 8 hosts of a group share one global link
        ("dragonfly1x2x1", "adversarial", 1 / 2),
    ],
)
def test_the_load_that_fills_a_link(topology, pattern, bound):
    found = expect(case_of(topology, pattern))
    assert found.bound == pytest.approx(bound)
    assert found.link is not None


def test_a_routing_over_several_paths_has_no_such_bound():
    found = expect(case_of("dragonfly2x4x2", "adversarial", network={"routing": "valiant"}))
    assert (found.bound, found.link) == (None, None)


@pytest.mark.parametrize(
    ("routing", "least", "most"),
    [
        # All a p = 8 hosts of a group go over the one link to the next group.
        ("minimal", 0.124, 0.1255),
        # Each packet takes two global links, none of them the direct one: of the a h = 8 of a group 7 carry 8 + 8 packets a
        # cycle at load 1, so no more than 7 / 16 gets through.
        ("valiant", 0.37, 7 / 16),
        # The direct link may be taken as well: one eighth over it, and the others as before, make no more than one half.
        ("ugal", 0.42, 0.51),
    ],
)
def test_adversarial_traffic_on_a_dragonfly_needs_detours(routing, least, most):
    case = case_of(
        *("dragonfly2x4x2", "adversarial"), packet=4, latency="10ns", network={"routing": routing}, warmup=3000, measure=5000
    )
    point = point_of(case, 0.6)
    assert point.saturated
    assert least <= point.accepted <= most


@pytest.mark.slow
def test_adversarial_curves_on_a_larger_dragonfly():
    """Minimal stops at 1/18, Valiant under (a h - 1) / (2 a p) = 17/36 and UGAL under one half, given deep buffers."""
    accepted = {}
    for routing in ("minimal", "valiant", "ugal"):
        network = {"routing": routing, "buffer": "8KiB"}
        sizes = {"packet": 4, "warmup": 2000, "measure": 3000, "drain": 0}
        case = case_of("dragonfly3x6x3", "adversarial", latency="10ns", network=network, **sizes)
        accepted[routing] = [point_of(case, share).accepted for share in (0.05, 0.3, 0.6)]
    assert accepted["minimal"] == pytest.approx([0.05, 1 / 18, 1 / 18], rel=0.03)
    assert accepted["valiant"][:2] == pytest.approx([0.05, 0.3], rel=0.03)
    assert 0.42 < accepted["valiant"][2] <= 17 / 36
    assert accepted["ugal"][:2] == pytest.approx([0.05, 0.3], rel=0.03)
    assert 0.42 < accepted["ugal"][2] <= 0.505
