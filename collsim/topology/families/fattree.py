"""Fat-trees: the k-ary one of three levels (Al-Fares et al., SIGCOMM 2008) and the m-ary one of two levels.

Two levels are what the MULTITREE paper calls a 16-node or 64-node fat-tree: as many roots as leaves, one link from each
leaf to each root. Cables are numbered upwards: hosts in order, then each switch's uplinks in order of (switch, parent).
"""

from __future__ import annotations

from collsim.topology.family import FAMILIES, Family, LinkSpec, cables, impossible, refuse_above, uniform
from collsim.topology.graph import Level, Topology, build
from collsim.topology.layout import layers

ABOUT = "k pods in three levels, k^3/4 hosts; or with x2 two levels, m leaves of m hosts and m roots"
SIZES = "fattree<k> takes an even k (fattree4: 16 hosts), fattree<m>x2 any m from 2 on (fattree4x2: 16 hosts)"


def fattree(numbers: tuple[int, ...], links: LinkSpec) -> Topology:
    """Return fattree<k> (k even, 2 or more) or fattree<m>x2 (m 2 or more)."""
    if len(numbers) == 2 and numbers[1] == 2 and numbers[0] >= 2:
        return _two_levels(numbers[0], links)
    if len(numbers) == 1 and numbers[0] >= 2 and numbers[0] % 2 == 0:
        return _three_levels(numbers[0], links)
    raise impossible("fattree", numbers, SIZES)


def _two_levels(m: int, links: LinkSpec) -> Topology:
    refuse_above("fattree", (m, 2), 4 * m * m)
    hosts = m * m
    leaf, root = hosts, hosts + m
    ends = [(host, leaf + host // m) for host in range(hosts)]
    ends += [(leaf + i, root + j) for i in range(m) for j in range(m)]
    leaves = tuple((*range(i * m, (i + 1) * m), leaf + i) for i in range(m))
    return build(
        f"fattree{m}x2",
        hosts,
        uniform(cables(ends), links),
        family="fattree",
        switches=2 * m,
        names=[f"h{r}" for r in range(hosts)] + [f"leaf{i}" for i in range(m)] + [f"root{j}" for j in range(m)],
        coordinates=layers(hosts, (hosts, m, m)),
        parameters={"levels": 2, "m": m},
        levels=(Level("leaf", leaves),),
        about=ABOUT,
    )


def _three_levels(k: int, links: LinkSpec) -> Topology:
    half = k // 2
    hosts = k * half * half
    refuse_above("fattree", (k,), 6 * hosts)
    edge, aggregation, core = hosts, hosts + k * half, hosts + 2 * k * half
    ends = [(host, edge + host // half) for host in range(hosts)]
    ends += [(edge + i, aggregation + i // half * half + j) for i in range(k * half) for j in range(half)]
    ends += [(aggregation + i, core + i % half * half + j) for i in range(k * half) for j in range(half)]
    leaves = tuple((*range(i * half, (i + 1) * half), edge + i) for i in range(k * half))
    pods = tuple(
        tuple(node for i in range(p * half, (p + 1) * half) for node in leaves[i])
        + tuple(aggregation + i for i in range(p * half, (p + 1) * half))
        for p in range(k)
    )
    names = [f"h{r}" for r in range(hosts)] + [f"edge{i}" for i in range(k * half)]
    names += [f"aggr{i}" for i in range(k * half)] + [f"core{i}" for i in range(half * half)]
    return build(
        f"fattree{k}",
        hosts,
        uniform(cables(ends), links),
        family="fattree",
        switches=2 * k * half + half * half,
        names=names,
        coordinates=layers(hosts, (hosts, k * half, k * half, half * half)),
        parameters={"levels": 3, "k": k},
        levels=(Level("leaf", leaves), Level("pod", pods)),
        about=ABOUT,
    )


FAMILIES.add("fattree", Family("fattree", "fattree<k> | fattree<m>x2", "fattree4", ABOUT, fattree))
