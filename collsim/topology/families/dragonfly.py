"""The canonical dragonfly (Kim, Dally, Scott, Abts, ISCA 2008): groups of routers, one global link a pair of groups.

Absolute arrangement: group i numbers its a h global ports 0, 1, ... over its routers in order, h a router; port q leads
to group q when q < i and to group q + 1 otherwise. Cables are numbered: hosts in order, then the links inside groups in
order of (group, router, router), then the global links in order of (group, group).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collsim.topology.family import FAMILIES, Family, LinkSpec, cables, impossible, refuse_above, uniform
from collsim.topology.graph import Level, Topology, build

ABOUT = "groups of routers: p hosts a router, a routers a group, h global links a router, a h + 1 groups"


def dragonfly(numbers: tuple[int, ...], links: LinkSpec) -> Topology:
    """Return the dragonfly of p hosts a router, a routers a group and h global links a router; g = a h + 1 groups.

    Host r hangs on router r // p; router q is in group q // a; `parameters` has p, a, h and groups.
    """
    if len(numbers) != 3 or min(numbers) < 1:
        cure = "it takes hosts a router, routers a group and global links a router, each 1 or more, like dragonfly2x4x2"
        raise impossible("dragonfly", numbers, cure)
    p, a, h = numbers
    groups = a * h + 1
    routers = a * groups
    hosts = p * routers
    refuse_above("dragonfly", numbers, 2 * hosts + groups * a * (a - 1) + groups * (groups - 1))
    ends = [(host, hosts + host // p) for host in range(hosts)]
    ends += [(hosts + g * a + i, hosts + g * a + j) for g in range(groups) for i in range(a) for j in range(i + 1, a)]
    ends += [(hosts + i * a + (j - 1) // h, hosts + j * a + i // h) for i in range(groups) for j in range(i + 1, groups)]
    sets = [(*range(q * p, (q + 1) * p), hosts + q) for q in range(routers)]
    grouped = tuple(tuple(node for q in range(g * a, (g + 1) * a) for node in sets[q]) for g in range(groups))
    return build(
        f"dragonfly{p}x{a}x{h}",
        hosts,
        uniform(cables(ends), links),
        family="dragonfly",
        switches=routers,
        names=[f"h{r}" for r in range(hosts)] + [f"r{q}" for q in range(routers)],
        coordinates=_circles(p, a, groups),
        parameters={"p": p, "a": a, "h": h, "groups": groups},
        levels=(Level("router", tuple(sets)), Level("group", grouped)),
        about=ABOUT,
    )


def _circles(p: int, a: int, groups: int) -> NDArray[np.float64]:
    """Return groups on a circle, the routers of a group on an arc, their hosts on an arc outside of them."""

    def arc(each: int, radius: float) -> NDArray[np.float64]:
        share = 0.8 * 2 * np.pi / groups
        offset = ((np.arange(each) + 0.5) / each - 0.5) * share
        angle = (2 * np.pi * np.arange(groups)[:, None] / groups + offset).reshape(-1)
        return radius * np.stack([np.sin(angle), np.cos(angle)], axis=1)

    routers = arc(a, 1.0)
    routers[1::2] *= 0.88
    return np.concatenate([arc(a * p, 1.3), routers])


FAMILIES.add("dragonfly", Family("dragonfly", "dragonfly<p>x<a>x<h>", "dragonfly2x4x2", ABOUT, dragonfly))
