"""Bounds by trying everything: all node sets and all families of disjoint node sets of a graph of at most seven nodes.

Reads the links of a topology and nothing of collsim's bounds. All results are seconds for `size` bytes.
"""

from fractions import Fraction
from itertools import combinations


def usable(topology, hosts):
    """Return (nodes, {(u, v): bytes/s}) without hosts outside of the group that do not forward."""
    nodes = [v for v in range(topology.nodes) if v in hosts or topology.forwards[v]]
    capacity = {}
    for link in range(topology.links):
        ends = int(topology.source[link]), int(topology.target[link])
        if ends[0] in nodes and ends[1] in nodes:
            capacity[ends] = capacity.get(ends, 0) + int(topology.bandwidth[link])
    return nodes, capacity


def out(capacity, inside):
    return sum(rate for (u, v), rate in capacity.items() if u in inside and v not in inside)


def into(capacity, inside):
    return sum(rate for (u, v), rate in capacity.items() if u not in inside and v in inside)


def subsets(nodes):
    for k in range(1, len(nodes)):
        yield from (frozenset(c) for c in combinations(nodes, k))


def split(topology, hosts):
    """Yield (A, hosts inside, out, in) for every node set with hosts on both sides."""
    nodes, capacity = usable(topology, hosts)
    for a in subsets(nodes):
        inside = len(a & set(hosts))
        if 0 < inside < len(hosts):
            yield a, inside, out(capacity, a), into(capacity, a)


def all_gather(topology, hosts, size):
    return max(Fraction(size * inside, len(hosts) * o) for _, inside, o, _ in split(topology, hosts))


def reduce_scatter(topology, hosts, size):
    return max(Fraction(size * inside, len(hosts) * i) for _, inside, _, i in split(topology, hosts))


def broadcast(topology, hosts, size, root):
    return max(Fraction(size, o) for a, _, o, _ in split(topology, hosts) if root in a)


def reduce(topology, hosts, size, root):
    return max(Fraction(size, i) for a, _, _, i in split(topology, hosts) if root in a)


def all_to_all(topology, hosts, size):
    n = len(hosts)
    return max(Fraction(size * k * (n - k), n * o) for _, k, o, _ in split(topology, hosts))


def all_reduce_cut(topology, hosts, size):
    return max(Fraction(size, min(o, i)) for _, _, o, i in split(topology, hosts))


def families(nodes):
    """Yield every list of disjoint node sets; nodes may be left out."""
    if not nodes:
        yield []
        return
    first, rest = nodes[0], nodes[1:]
    for family in families(rest):
        yield family
        yield [*family, [first]]
        for k in range(len(family)):
            yield [*family[:k], [first, *family[k]], *family[k + 1 :]]


def all_reduce_partition(topology, hosts, size):
    nodes, capacity = usable(topology, hosts)
    best, group = Fraction(0), set(hosts)
    for family in families(nodes):
        holding = [set(a) for a in family if group & set(a)]
        if len(holding) >= 2 and set().union(*holding) >= group:
            total = min(sum(out(capacity, a) for a in holding), sum(into(capacity, a) for a in holding))
            best = max(best, Fraction(2 * (len(holding) - 1) * size, total))
    return best


def latency(topology, hosts):
    """Return fs of the longest of the cheapest paths between two hosts (Floyd, Warshall)."""
    nodes, _ = usable(topology, hosts)
    far = {(u, v): 0 if u == v else 10**18 for u in nodes for v in nodes}
    for link in range(topology.links):
        ends = int(topology.source[link]), int(topology.target[link])
        if ends in far:
            far[ends] = min(far[ends], int(topology.latency[link]))
    for k in nodes:
        for u in nodes:
            for v in nodes:
                far[u, v] = min(far[u, v], far[u, k] + far[k, v])
    return max(far[u, v] for u in hosts for v in hosts)
