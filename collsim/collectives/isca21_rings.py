"""The rings of the MULTITREE paper (Huang et al., ISCA 2021), so that its baseline RING can be run as it was.

On a torus or mesh it is the ring that `hamiltonian` finds by formula. On switch networks every hop leaves its switch, where
the order leaf by leaf keeps most hops inside one.
"""

from __future__ import annotations

from collections.abc import Sequence

from collsim.collectives.hamiltonian import grid_ring
from collsim.errors import AlgorithmUnsuitable
from collsim.topology.graph import Topology

__all__ = ["bigraph_ring", "isca21_order", "isca21_ring", "spread_ring"]


def isca21_order(topology: Topology, hosts: Sequence[int]) -> list[int]:
    """Return the ranks (rank r on node hosts[r]) in the paper's ring order; AlgorithmUnsuitable where it has none."""
    ring = isca21_ring(topology) if len(hosts) == topology.hosts else None
    if ring is None:
        raise AlgorithmUnsuitable(
            f"The ring order isca21 is not known for {len(hosts)} hosts of {topology.name}: it is that of a whole torus or "
            "mesh of two dimensions with an even number of columns, of a fat-tree of two levels such as fattree4x2, and of "
            "a BiGraph with at most as many hosts a switch as switches a half, such as bigraph4x8. "
            "Leave the option order out."
        )
    rank_of = {host: rank for rank, host in enumerate(hosts)}
    return [rank_of[host] for host in ring]


def isca21_ring(topology: Topology) -> list[int] | None:
    """Return the hosts of `topology` in the paper's ring order from host 0 on, None where the paper has none."""
    family, numbers = topology.family, topology.parameters
    if family in ("torus", "mesh") and len(topology.dims) == 2 and topology.dims[1] % 2 == 0:
        return grid_ring(topology.dims, wraps=family == "torus")
    if family == "fattree" and numbers.get("levels") == 2:
        return spread_ring(int(numbers["m"]))
    if family == "bigraph" and 2 * numbers["hosts_per_switch"] <= numbers["switches"]:
        return bigraph_ring(int(numbers["hosts_per_switch"]), int(numbers["switches"]))
    return None


def spread_ring(m: int) -> list[int]:
    """Return i + j m with i outer over an m-ary fat-tree of two levels: the i-th host of every leaf in turn."""
    return [i + j * m for i in range(m) for j in range(m)]


def bigraph_ring(each: int, switches: int) -> list[int]:
    """Return a ring over a BiGraph whose hops all change halves and share no link (`each` <= switches/2).

    In round p, host p of every upper switch u in turn is followed by host p of lower switch u + p. Down links then have
    the difference p, up links 1 - p, of which no two of `each` rounds are alike. The authors list an order for 4x8 alone;
    it begins with the same eight hosts and has the same two properties.
    """
    half = switches // 2
    uppers = [(u, (u + p) % half, p) for p in range(each) for u in range(half)]
    return [switch * each + p for u, v, p in uppers for switch in (u, half + v)]
