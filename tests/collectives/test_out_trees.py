"""Out-trees on any network: the published optimum throughputs, links never overloaded, every root served."""

from collections import Counter
from fractions import Fraction

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collsim.collectives.arborescences import pack_out
from collsim.collectives.collective import collective
from collsim.collectives.share_packing import pack_shares
from collsim.topology import load

# Total bytes over time of an all-gather; links of b bytes/s as named.
OPTIMA = [
    ("ring8", Fraction(16, 7) * 16),
    ("mesh4x4", Fraction(32, 15) * 16),
    ("torus4x4", Fraction(64, 15) * 16),
    ("dgx1-v100", Fraction(48, 7) * 25),
    ("dgx-a100", Fraction(2400, 7)),
    ("dgx-a100-x2", Fraction(1040, 3)),
    ("fattree4", Fraction(16, 15) * 16),
    ("mesh8x8", Fraction(128, 63) * 16),
]


def check(topology, trees, needs):
    """Trees span all ranks along existing links, as many of each root as are needed, and no link carries too many."""
    used, rooted = Counter(), Counter()
    for tree in trees.trees:
        rooted[tree.root] += tree.count
        joined = {tree.root}
        for hop in tree.hops:
            assert hop.src in joined
            assert hop.dst not in joined
            joined.add(hop.dst)
            assert topology.source[hop.path[0]] == hop.src
            assert topology.target[hop.path[-1]] == hop.dst
            for one, next_ in zip(hop.path, hop.path[1:], strict=False):
                assert topology.target[one] == topology.source[next_] >= topology.hosts
            used.update(dict.fromkeys(hop.path, tree.count))
        assert len(joined) == topology.hosts
    assert rooted == needs
    assert all(count * trees.rate <= int(topology.bandwidth[link]) for link, count in used.items())


@pytest.mark.parametrize("spread", [False, True])
@pytest.mark.parametrize(
    "name, best",
    [*OPTIMA, pytest.param("dragonfly2x4x2", Fraction(72, 71) * 16, marks=pytest.mark.slow)],
)
def test_all_gather_reaches_the_optimum(name, best, spread):
    topology = load(name)
    trees = pack_out(topology, range(topology.hosts), spread=spread)
    check(topology, trees, dict.fromkeys(range(topology.hosts), trees.each))
    assert trees.rate * trees.each * topology.hosts == best * 10**9


@pytest.mark.parametrize("name, best", [("mesh4x4", 32), ("dgx-a100-x2", 200), ("switch8", 16), ("hypercube8", 48)])
def test_broadcast_reaches_the_smallest_cut_around_its_root(name, best):
    topology = load(name)
    trees = pack_out(topology, range(topology.hosts), root=0)
    check(topology, trees, {0: trees.each})
    assert trees.rate * trees.each == best * 10**9


@given(st.integers(0, 2**32 - 1))
def test_edmonds_trees_of_random_graphs(seed):
    """With random directed rooms as many trees leave node 0 as its smallest cut to any node, found by networkx."""
    from collsim.collectives.kernels.arborescences import pack_out_trees

    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 8))
    room = rng.integers(0, 4, size=(n, n)) * (rng.random((n, n)) < 0.7)
    np.fill_diagonal(room, 0)
    graph = nx.DiGraph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from((u, v, {"capacity": int(room[u, v])}) for u in range(n) for v in range(n) if room[u, v])
    most = min(nx.maximum_flow_value(graph, 0, v) for v in range(1, n))
    for wanted in (most, most + 1):
        needs = np.where(np.arange(n) == 0, wanted, 0)
        bunches, root, count, parent, _, order = pack_out_trees(room.copy(), needs, 200)
        if wanted > most:
            assert bunches == -1
        elif wanted:
            left = room.copy()
            assert count[:bunches].sum() == wanted
            assert (root[:bunches] == 0).all()
            for bunch in range(bunches):
                for node in range(1, n):
                    assert order[bunch, parent[bunch, node]] < order[bunch, node]
                    left[parent[bunch, node], node] -= count[bunch]
            assert left.min() >= 0


def test_reduce_scatter_reads_trees_of_the_turned_machine_backwards():
    topology = load("dgx-a100-x2")
    packing = pack_shares(topology, range(16), collective("reduce-scatter"), spread=False)
    for tree in packing.trees:
        sent = [hop.src for hop in tree.up]
        assert sorted([*sent, tree.root]) == list(range(16))
        for k, hop in enumerate(tree.up):
            assert hop.dst not in sent[: k + 1], "a rank sends once it has what its children send"
            assert (topology.source[hop.path[0]], topology.target[hop.path[-1]]) == (hop.src, hop.dst)
    assert packing.parts * packing.unit == Fraction(1040, 3) * 10**9


def test_ways_up_and_down_with_different_trees_share_their_pieces():
    """Without one direction of a link the way up has trees of its own, with other counts."""
    from collsim.topology.faults import fail_links

    topology = fail_links(load("mesh3x3"), ["h0->h1"])
    packing = pack_shares(topology, range(9), collective("all-reduce"), spread=False)
    weight = Counter()
    for tree in packing.trees:
        weight[tree.root] += tree.weight
        assert len(tree.up) == len(tree.down) == 8
    assert len(set(weight.values())) == 1
    assert sum(weight.values()) == packing.parts
    used = Counter()
    for tree in packing.trees:
        for hop in (*tree.up, *tree.down):
            used.update(dict.fromkeys(hop.path, tree.weight))
    assert all(count * packing.unit <= int(topology.bandwidth[link]) for link, count in used.items())
