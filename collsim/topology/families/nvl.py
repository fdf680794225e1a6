"""NVLink racks in a Clos, and sites of them: nvl72x14 is 14 racks of 72 GPUs, nvl72x14x2 two such sites.

The rates are those of the hardware: NVIDIA GB200 NVL72 (topologies/nvl72.yaml) with one 800 Gb/s ConnectX-8 a GPU. Four
GPUs sit in a compute tray, each on a rail of its own: four planes. 500 ns a link of the fabric (from card to card through
a switch about 1 us) and a round trip of 60 ms between the coasts of the United States are assumptions.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import gcd

from collsim.topology.compose import Fabric, Wan, join_racks, join_sites
from collsim.topology.family import FAMILIES, Family, LinkSpec, cables, impossible, refuse_above, uniform
from collsim.topology.graph import Topology, build
from collsim.topology.layout import circle
from collsim.units import parse_bandwidth, parse_time

__all__ = ["FABRIC_LATENCY", "PORT", "SITE_WAN", "nvl", "rack"]

ABOUT = "NVLink racks of g GPUs in a Clos of four planes; with a third number as many sites, 16 x 800 Gb/s apart"
NVLINK = LinkSpec(parse_bandwidth("900GB/s"), parse_time("936.25ns"))
PORT, FABRIC_LATENCY = parse_bandwidth("800Gb/s"), parse_time("500ns")
SITE_WAN = Wan(parse_bandwidth("800Gb/s"), parse_time("30ms"), 16)
TRAY = 4


def rack(gpus: int) -> Topology:
    """Return one rack: `gpus` GPUs around an NVSwitch, as topologies/nvl72.yaml has it for 72."""
    ends = cables([(gpu, gpus) for gpu in range(gpus)])
    names = [*(f"gpu{i}" for i in range(gpus)), "nvswitch"]
    places = [*circle(gpus).tolist(), [0.0, 0.0]]
    return build(f"nvl{gpus}", gpus, uniform(ends, NVLINK), switches=1, names=names, coordinates=places)


def nvl(numbers: tuple[int, ...], links: LinkSpec) -> Topology:
    """Return `numbers[1]` racks of `numbers[0]` GPUs (non-blocking leaves and spines), `numbers[2]` times if stated.

    `links` is not used: every rate is the hardware's, and `Family.fixed` has another one refused.
    """
    if len(numbers) not in (2, 3) or min(numbers) < 2:
        cure = "it takes GPUs a rack, racks and, if wanted, sites, 2 or more each, like nvl72x14x2; one rack is nvl72"
        raise impossible("nvl", numbers, cure)
    gpus, racks = numbers[:2]
    planes = gcd(gpus, TRAY)
    spines = gpus // planes
    refuse_above("nvl", numbers, (4 * gpus + 2 * planes * spines) * racks * (numbers[2] if len(numbers) == 3 else 1))
    name = f"nvl{'x'.join(map(str, numbers))}"
    site = join_racks(rack(gpus), racks, Fabric(planes, PORT, FABRIC_LATENCY, spines, None, Fraction(1)), name)
    whole = site if len(numbers) == 2 else join_sites(site, numbers[2], SITE_WAN, name)
    return replace(whole, about=ABOUT)


FAMILIES.add("nvl", Family("nvl", "nvl<g>x<racks>[x<sites>]", "nvl72x14", ABOUT, nvl, fixed=True))
