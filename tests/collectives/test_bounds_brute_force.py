"""On small random graphs the bounds equal the best of all node sets and of all families of disjoint node sets."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import brute_bounds as brute

from collsim.collectives.bounds import lower_bound
from collsim.collectives.collective import collective
from collsim.topology import Level, Link, build


@st.composite
def graphs(draw, *, mirrored):
    """Return (topology, group): up to six nodes, a ring for connection and random chords, parallel links included."""
    hosts = draw(st.integers(2, 5))
    switches = draw(st.integers(0, 6 - hosts))
    nodes = hosts + switches
    chords = st.tuples(st.integers(0, nodes - 1), st.integers(0, nodes - 1)).filter(lambda p: p[0] != p[1])
    pairs = [(v, (v + 1) % nodes) for v in range(nodes)] + draw(st.lists(chords, max_size=5))
    rates, times = st.integers(1, draw(st.sampled_from((3, 12, 10**17)))), st.integers(0, 5)
    links = []
    for a, b in pairs:
        rate = draw(rates)
        links += [Link(a, b, rate, draw(times)), Link(b, a, rate if mirrored else draw(rates), draw(times))]
    forwards = [True] * nodes
    group = draw(st.permutations(range(hosts)))[: draw(st.integers(2, hosts))]
    idle = [h for h in range(hosts) if h not in group]
    if idle and draw(st.booleans()):
        forwards[idle[0]] = False
        skip = (idle[0] - 1) % nodes, (idle[0] + 1) % nodes
        if skip[0] != skip[1]:
            rate = draw(rates)
            links += [Link(*skip, rate, 0), Link(*skip[::-1], rate, 0)]
    cut = draw(st.integers(1, nodes - 1))
    levels = (Level("half", (tuple(range(cut)), tuple(range(cut, nodes)))),)
    return build("random", hosts, links, switches=switches, forwards=forwards, levels=levels), tuple(group)


SIZE = 60


def parts(topology, name, group, root=0):
    found = lower_bound(topology, collective(name, root), group, SIZE)
    values = {True: Fraction(0), False: Fraction(0)}
    for part in found.parts:
        if part.kind != "latency":
            values[part.kind == "link volume"] = max(values[part.kind == "link volume"], part.seconds)
    return found, values[False]


@settings(max_examples=120)
@given(graphs(mirrored=True))
def test_graphs_with_equal_capacity_both_ways(case):
    topology, group = case
    found, value = parts(topology, "all-reduce", group)
    assert value == brute.all_reduce_partition(topology, group, SIZE)
    assert value >= brute.all_reduce_cut(topology, group, SIZE)
    assert found.exact
    for name, oracle in (("all-gather", brute.all_gather), ("reduce-scatter", brute.reduce_scatter)):
        found, value = parts(topology, name, group)
        assert value == oracle(topology, group, SIZE)
        assert found.exact
    for name, oracle in (("broadcast", brute.broadcast), ("reduce", brute.reduce)):
        found, value = parts(topology, name, group, root=len(group) - 1)
        assert value == oracle(topology, group, SIZE, group[-1])
        assert found.exact
    found, value = parts(topology, "all-to-all", group)
    assert value == brute.all_to_all(topology, group, SIZE)
    assert found.exact


@settings(max_examples=120)
@given(graphs(mirrored=False))
def test_graphs_with_unequal_directions(case):
    """Cuts stay exact; counting copies is a candidate search there, so it stays under the brute force and says so."""
    topology, group = case
    found, value = parts(topology, "all-reduce", group)
    cut, most = brute.all_reduce_cut(topology, group, SIZE), brute.all_reduce_partition(topology, group, SIZE)
    assert cut <= value <= max(cut, most)
    for name, oracle in (("all-gather", brute.all_gather), ("reduce-scatter", brute.reduce_scatter)):
        found, value = parts(topology, name, group)
        exact = oracle(topology, group, SIZE)
        assert exact <= value <= max(exact, most / 2)
        assert value == exact or not found.exact
    for name, oracle in (("broadcast", brute.broadcast), ("reduce", brute.reduce)):
        found, value = parts(topology, name, group)
        exact = oracle(topology, group, SIZE, group[0])
        assert exact <= value <= max(exact, most / 2)
        assert value == exact or not found.exact
    assert parts(topology, "all-to-all", group)[1] == brute.all_to_all(topology, group, SIZE)


@settings(max_examples=50)
@given(graphs(mirrored=False))
def test_latency_is_the_longest_shortest_path(case):
    topology, group = case
    found = lower_bound(topology, collective("all-reduce"), group, 1)
    latency = next(part.seconds for part in found.parts if part.kind == "latency")
    assert latency * 10**15 == brute.latency(topology, group)
