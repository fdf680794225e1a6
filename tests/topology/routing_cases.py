"""Small graphs and helpers that the tests of routing share."""

from itertools import pairwise

import numpy as np

from collsim.topology import Link, build, load

FAMILY_NAMES = (
    "ring2", "ring3", "ring8", "ring9", "full8", "switch16", "hypercube2", "hypercube16", "torus2x3", "torus4x4",
    "torus2x2x2", "torus3x4x5", "mesh2x2", "mesh8x8", "fattree2", "fattree4", "fattree8", "fattree4x2", "leafspine4x4x2",
    "leafspine3x5x4", "dragonfly1x1x1", "dragonfly1x2x1", "dragonfly2x4x2", "bigraph1x2", "bigraph4x8",
)  # fmt: skip


def cable(a, b):
    return [Link(a, b, 10**9, 1000), Link(b, a, 10**9, 1000)]


def graph(hosts, cables, switches=0, forwards=None, name="graph"):
    links = [link for ends in cables for link in cable(*ends)]
    return build(name, hosts, links, switches=switches, forwards=forwards)


def random_graph(seed, hosts=6, switches=5, extra=4):
    """A random connected graph: a tree of switches, extra cables among them, hosts on one or two switches."""
    rng = np.random.default_rng(seed)
    cables = [(hosts + s, hosts + int(rng.integers(s))) for s in range(1, switches)]
    for _ in range(extra):
        a, b = rng.choice(switches, 2, replace=False)
        cables.append((hosts + int(a), hosts + int(b)))
    for host in range(hosts):
        cables += [(host, hosts + int(s)) for s in rng.choice(switches, 1 + int(rng.integers(2)), replace=False)]
    return graph(hosts, cables, switches)


def faulted(name, link=0):
    """The topology without the cable of `link`, its family forgotten."""
    whole = load(name)
    ends = int(whole.source[link]), int(whole.target[link])
    lost = {*whole.links_between(*ends), *whole.links_between(*ends[::-1])}
    return whole.with_links([k for k in range(whole.links) if k not in lost], whole.bandwidth)


def pairs(topology):
    return [(s, d) for s in range(topology.hosts) for d in range(topology.hosts) if s != d]


def nodes_of(topology, path):
    """The nodes that a path of link ids visits; fails when its links do not join."""
    for before, after in pairwise(path):
        assert topology.target[before] == topology.source[after]
    return [int(topology.source[path[0]]), *(int(topology.target[k]) for k in path)]


def link(topology, source, target):
    return topology.links_between(source, target)[0]
