"""BiGraph (EFLOPS, HPCA 2020): hosts on two rows of switches, every upper switch linked to every lower one."""

from __future__ import annotations

import numpy as np

from collsim.topology.family import FAMILIES, Family, LinkSpec, cables, impossible, refuse_above, uniform
from collsim.topology.graph import Level, Topology, build

ABOUT = "p hosts a switch, half the switches upper, half lower, complete between the halves"


def bigraph(numbers: tuple[int, ...], links: LinkSpec) -> Topology:
    """Return BiGraph with `numbers[0]` hosts on each of `numbers[1]` switches (even, 2 or more).

    Host r hangs on switch r // hosts-a-switch; the first half of the switches is upper. Cables are numbered: hosts in
    order, then (upper, lower) pairs in order.
    """
    if len(numbers) != 2 or numbers[0] < 1 or numbers[1] < 2 or numbers[1] % 2:
        cure = "it takes two numbers, hosts a switch (1 or more) and an even number of switches, like bigraph4x8"
        raise impossible("bigraph", numbers, cure)
    each, switches = numbers
    hosts, half = each * switches, switches // 2
    refuse_above("bigraph", numbers, 2 * (hosts + half * half))
    ends = [(host, hosts + host // each) for host in range(hosts)]
    ends += [(hosts + u, hosts + half + v) for u in range(half) for v in range(half)]
    sets = tuple((*range(s * each, (s + 1) * each), hosts + s) for s in range(switches))
    halves = (tuple(n for s in sets[:half] for n in s), tuple(n for s in sets[half:] for n in s))
    names = [f"h{r}" for r in range(hosts)] + [f"upper{s}" for s in range(half)] + [f"lower{s}" for s in range(half)]
    side = np.repeat([1.0, -1.0], half)
    column = (np.tile(np.arange(half), 2) + 0.5) * each
    host_x = np.tile(np.arange(half * each) + 0.5, 2)
    height = max(1.0, half * each / 4)
    coordinates = np.concatenate(
        [
            np.stack([host_x, np.repeat([1.0, -1.0], half * each) * height], axis=1),
            np.stack([column, side * height / 2], axis=1),
        ]
    )
    return build(
        f"bigraph{each}x{switches}",
        hosts,
        uniform(cables(ends), links),
        family="bigraph",
        switches=switches,
        names=names,
        coordinates=coordinates,
        parameters={"hosts_per_switch": each, "switches": switches},
        levels=(Level("switch", sets), Level("half", halves)),
        about=ABOUT,
    )


FAMILIES.add("bigraph", Family("bigraph", "bigraph<p>x<switches>", "bigraph4x8", ABOUT, bigraph))
