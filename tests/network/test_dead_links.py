"""Which packets dead links cut off: what is worked out for all packets of a run is what a search for each of them finds."""

from time import perf_counter

import numpy as np
import pytest

from collsim.network.dead_links import NEVER, DeadLinks
from collsim.topology import load
from collsim.topology.routing import route

CASES = [
    ("leafspine4x2x2", "spray"),
    ("leafspine4x2x2", "feedback"),
    ("fattree4", "least-queued"),
    ("fattree4", "feedback"),
    ("nvl2x4", "spray"),
    ("nvl2x4", "feedback"),
    ("dragonfly2x4x2", "spray"),
    ("torus4x4", "least-queued"),
]


def all_pairs(topology):
    return np.array([(a, b) for a in range(topology.hosts) for b in range(topology.hosts) if a != b])


@pytest.mark.parametrize(("name", "routing"), CASES)
@pytest.mark.parametrize("seed", [0, 7])
def test_ticks_of_all_packets_are_those_that_a_search_for_each_finds(name, routing, seed):
    topology = load(name)
    choice = np.random.default_rng(seed).choice(topology.links, topology.links // 3, replace=False).tolist()
    since = {link: 10 * (n % 3) for n, link in enumerate(choice)}
    dead = DeadLinks(route(topology, routing, 8), seed, since)
    ends = all_pairs(topology)[:: max(topology.hosts // 4, 1)]
    keys = np.stack([np.arange(len(ends)) % 2, np.arange(len(ends)) // 2], axis=1)
    packets = 1 + np.arange(len(ends)) % 5
    found, wanted = dead.of_packets(ends, keys, packets), []
    for pair, key, count in zip(ends.tolist(), keys.tolist(), packets.tolist(), strict=True):
        for packet in range(count):
            cut = (t for t in (0, 10, 20) if dead.blocking(tuple(pair), tuple(key), packet, t))
            wanted.append(next(cut, NEVER))
    assert found.tolist() == wanted
    assert len({*wanted}) > 1


def test_a_million_packets_are_asked_in_a_moment():
    topology = load("leafspine4x4x4")
    dead = DeadLinks(route(topology, "spray", 8), 0, {topology.links - 1: 5})
    ends = all_pairs(topology)
    started = perf_counter()
    found = dead.of_packets(ends, np.zeros_like(ends), np.full(len(ends), 4096))
    assert len(found) == 4096 * len(ends)
    assert perf_counter() - started < 5  # one after the other they take a dozen
