"""The leaf-spine: leaves of hosts, each leaf with one uplink to each spine, oversubscribed when spines are few."""

from __future__ import annotations

from collsim.topology.family import FAMILIES, Family, LinkSpec, cables, impossible, refuse_above, uniform
from collsim.topology.graph import Level, Topology, build
from collsim.topology.layout import layers

ABOUT = "leaves of p hosts, one uplink from each leaf to each spine"


def leafspine(numbers: tuple[int, ...], links: LinkSpec) -> Topology:
    """Return leaves of `numbers[0]` hosts, `numbers[1]` leaves, `numbers[2]` spines; all links alike.

    Cables are numbered upwards: hosts in order, then uplinks in order of (leaf, spine). Uplinks of another rate are what
    a YAML file with `family: leafspine4x4x1` and a rule for `leaf*` to `spine*` gives.
    """
    if len(numbers) != 3 or min(numbers) < 1 or numbers[0] * numbers[1] < 2:
        cure = "it takes three numbers, hosts a leaf, leaves, spines, with 2 hosts or more, like leafspine4x4x2"
        raise impossible("leafspine", numbers, cure)
    each, leaves, spines = numbers
    hosts = each * leaves
    refuse_above("leafspine", numbers, 2 * (hosts + leaves * spines))
    ends = [(host, hosts + host // each) for host in range(hosts)]
    ends += [(hosts + i, hosts + leaves + j) for i in range(leaves) for j in range(spines)]
    names = [f"h{r}" for r in range(hosts)] + [f"leaf{i}" for i in range(leaves)] + [f"spine{j}" for j in range(spines)]
    return build(
        f"leafspine{each}x{leaves}x{spines}",
        hosts,
        uniform(cables(ends), links),
        family="leafspine",
        switches=leaves + spines,
        names=names,
        coordinates=layers(hosts, (hosts, leaves, spines)),
        parameters={"hosts_per_leaf": each, "leaves": leaves, "spines": spines},
        levels=(Level("leaf", tuple((*range(i * each, (i + 1) * each), hosts + i) for i in range(leaves))),),
        about=ABOUT,
    )


FAMILIES.add("leafspine", Family("leafspine", "leafspine<p>x<leaves>x<spines>", "leafspine4x4x2", ABOUT, leafspine))
