"""Distances: the search in Python and that of scipy find the same, zero costs and nodes out of reach included."""

import numpy as np
import pytest

from collsim.collectives.distance import _by_scipy, _from


@pytest.mark.parametrize("seed", range(30))
def test_both_searches_agree(seed):
    draw = np.random.default_rng(seed)
    nodes, links = int(draw.integers(2, 20)), int(draw.integers(1, 60))
    tail, head = draw.integers(0, nodes, (2, links))
    cost = draw.integers(0, 5, links) * draw.integers(1, 10**9, links)
    sources = np.arange(nodes)
    plain = [_from(source, nodes, (tail, head), cost) for source in range(nodes)]
    assert plain == _by_scipy(nodes, (tail, head), cost, sources).tolist()
