"""What hashing expects of the fullest link: by counting all throws, and as the routing ecmp throws them."""

from itertools import product
from math import sqrt

import numpy as np
import pytest

from collsim.engines.engine import ENGINES
from collsim.errors import InvalidValue
from collsim.network.config import NetworkConfig
from collsim.program import Program, Send
from collsim.topology import load
from collsim.topology.routing import route
from collsim.workloads.balls_in_bins import expected_fullest, fullest_law


@pytest.mark.parametrize(("flows", "links"), [(1, 1), (0, 3), (2, 2), (4, 4), (6, 3), (5, 2), (3, 7)])
def test_the_mean_is_that_of_all_throws(flows, links):
    throws = [max((throw.count(link) for link in range(links)), default=0) for throw in product(range(links), repeat=flows)]
    assert expected_fullest(flows, links) == pytest.approx(sum(throws) / len(throws), rel=1e-12)


def test_known_values_and_the_law():
    assert expected_fullest(4, 4) == pytest.approx(2.125)
    # The law is an asymptote: the ratio to it is between 1 and 2 and hardly moves over these sizes.
    ratios = [expected_fullest(m, m) / fullest_law(m) for m in (16, 32, 64, 128)]
    assert all(1 < ratio < 1.5 for ratio in ratios)
    assert ratios == sorted(ratios)


@pytest.mark.parametrize(("flows", "links"), [(-1, 2), (2, 0), (151, 2), (2, 151)])
def test_what_is_not_counted_is_refused(flows, links):
    with pytest.raises(InvalidValue, match="150"):
        expected_fullest(flows, links)


def test_ecmp_throws_flows_as_chance_does():
    fabric = load("leafspine16x2x16")
    routing, seeds, fullest = route(fabric, "ecmp"), 300, []
    for seed in range(seeds):
        ups = [routing.path(host, 16 + host, (seed, 0, host))[1][0] for host in range(16)]
        fullest.append(np.bincount(ups).max())
    error = np.std(fullest) / sqrt(seeds)
    assert abs(np.mean(fullest) - expected_fullest(16, 16)) < 4 * error
    assert error < 0.06


def test_the_fullest_link_sets_the_time_of_the_exchange():
    fabric, size = load("leafspine8x2x8"), 4096 * 256
    routing = route(fabric, "ecmp")
    for seed in range(4):
        program = Program(tuple(Send(host, 8 + host, size) for host in range(8)))
        ups = [routing.path(host, 8 + host, (seed, host, 0))[1][0] for host in range(8)]
        result = ENGINES.get("compiled")(fabric, program, NetworkConfig().with_settings({"routing": "ecmp"}), seed=seed)
        # size at 16 GB/s is 65.536 us; the pipeline of four links adds under 2 us.
        assert result.time / 65_536_000_000 == pytest.approx(np.bincount(ups).max(), abs=0.03)
