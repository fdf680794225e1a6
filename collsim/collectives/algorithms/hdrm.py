"""HDRM: halving-doubling on a BiGraph, ranks placed so that no two exchanges of a step share a link.

A rank with an even number of ones in its binary number sits in the upper half, others in the lower: partners, which differ
in one digit, are always in opposite halves. With s switches, rank r is host p = r // s of its switch. It shares the pair
b = r mod s // 2 with one rank of the other half; the lower one sits at switch b, the upper one at switch b + p, modulo
s/2. An exchange within p crosses from b + p to a lower switch that is b with a digit changed, one that changes p stays
between b + p and b: either way the p and b of a crossing can be told from its two switches, so each crossing has its link.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from collsim.collectives.algorithm import Formula, Hint, algorithm
from collsim.collectives.algorithms.halving_doubling import bit_reversed
from collsim.collectives.collective import Collective
from collsim.collectives.patterns import HALVING, Lines, all_gather_and_reduce, finish, is_power_of_2
from collsim.collectives.schedule import IntArray, Schedule
from collsim.topology.graph import Topology

__all__ = ["hdrm", "mapped_hosts"]


@algorithm(
    "hdrm",
    title="halving-doubling with ranks mapped so that partners sit in opposite halves of a BiGraph and share no link",
    source="Dong et al., EFLOPS, HPCA 2020; Huang et al., MULTITREE, ISCA 2021, baseline HDRM",
    needs="a whole BiGraph, its switches and the hosts on each powers of 2, and no more hosts a switch than switches a half",
    collectives=("all-reduce",),
    steps=Formula("2 log2 n", lambda topology, collective, n: 2 * (n.bit_length() - 1)),
    volume=Formula("2(n-1)/n", lambda topology, collective, n: Fraction(2 * (n - 1), n)),
    size_free=True,
    suits=("bigraph4x8", "bigraph4x16", "eflops-bigraph"),
)
def hdrm(topology: Topology, collective: Collective, hosts: Sequence[int], hint: Hint | None) -> Schedule:
    """Return the schedule: partners at mapped distance 1 swap halves first, then 2, 4, ..., and back.

    Raises AlgorithmUnsuitable where the mapping does not exist or the group is not the whole BiGraph.
    """
    if topology.family != "bigraph":
        raise hdrm.refuse(topology, "it is no BiGraph.")
    if len(hosts) != topology.hosts:
        raise hdrm.refuse(topology, f"the mapping places all {topology.hosts} hosts, and the group has {len(hosts)}.")
    each, switches = int(topology.parameters["hosts_per_switch"]), int(topology.parameters["switches"])
    if not is_power_of_2(each) or not is_power_of_2(switches):
        raise hdrm.refuse(topology, f"{each} hosts on each of {switches} switches are not both powers of 2.")
    half = switches // 2
    if each > half:
        crossings = f"{each * half} messages each way between the halves, which {half * half} links join each way"
        raise hdrm.refuse(topology, f"a step sends {crossings}.")
    rank_of = np.empty(len(hosts), dtype=np.int64)
    rank_of[list(hosts)] = np.arange(len(hosts))
    members = rank_of[mapped_hosts(each, switches)[bit_reversed(len(hosts))]]
    rows = all_gather_and_reduce(collective, [(HALVING, Lines(members[None], np.arange(len(hosts))[None]))])
    return finish(collective, "hdrm", hosts, rows, members)


def mapped_hosts(each: int, switches: int) -> IntArray:
    """Return int64[each * switches]: the host of each mapped rank, `each` hosts on each of `switches` switches."""
    rank = np.arange(each * switches, dtype=np.int64)
    place, pair, half = rank // switches, rank % switches // 2, switches // 2
    lower = np.array([r.bit_count() % 2 == 1 for r in rank.tolist()])
    return np.where(lower, half + pair, (pair + place) % half) * each + place
