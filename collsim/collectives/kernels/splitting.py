"""Edge splitting, compiled: a switch's links become links past it, and every cut stays large enough.

A pair (u -> w, w -> t) with a switch w between is replaced by u -> t as often as every set of nodes keeps the capacity
out that its ranks' trees need (Bang-Jensen, Frank and Jackson 1995; Zhao et al., ForestColl, 2024).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from collsim.collectives.kernels.flow import push
from collsim.jit.compile import kernel, small_kernel

__all__ = ["shortfall", "split_off"]

Array = Any


@small_kernel
def _shortfall(room: Array, needs: Array, ranks: int, total: int) -> Any:
    """Return by how much the worst set of nodes lacks capacity out for the trees rooted in it, 0 if none does.

    A set that leaves rank v outside is a cut between v and a source that feeds needs[u] to every rank u; it lacks what the
    flow lacks of `total`. Ranks asked about before join the sources: sets without one of them have been judged.
    """
    n = len(room)
    network, sources, worst = np.empty((n + 1, n + 1), np.int64), np.zeros(n + 1, np.bool_), 0
    sources[n] = True
    for rank in range(ranks):
        network[:n, :n] = room
        network[n, :n] = needs
        network[:, n] = 0
        worst = max(worst, total - push(network, sources, rank, total))
        sources[rank] = True
    return worst


@kernel
def shortfall(room: Array, needs: Array, ranks: int) -> Any:
    """Return by how much the worst set of nodes lacks capacity out for the trees rooted in it.

    `room` int64[n, n] between nodes, ranks first; `needs` int64[n]: trees rooted at each, 0 at switches.
    """
    return _shortfall(room, needs, ranks, needs.sum())


@kernel
def split_off(room: Array, needs: Array, ranks: int, pairs: Array, together: int) -> Array:
    """Split links of switches off, pair by pair, as far as no set comes to lack capacity; return int64[P], how often.

    `pairs` int64[P, 4]: node before the switch, the switch, node behind it, at most how often; the first `together` of them
    are tried at once. `room` is changed; what a pair leads back to where it came from is dropped. Cuts never grow by
    splitting, so no pair needs to be tried twice.
    """
    total, done = needs.sum(), np.zeros(len(pairs), np.int64)
    for k in range(together):
        before, switch, behind, most = pairs[k]
        done[k] = max(0, min(most, room[before, switch], room[switch, behind]))
        _move(room, before, switch, behind, done[k])
    first = together
    if _shortfall(room, needs, ranks, total) > 0:
        first = 0
        for k in range(together):
            _move(room, pairs[k, 0], pairs[k, 1], pairs[k, 2], -done[k])
            done[k] = 0
    for k in range(first, len(pairs)):
        before, switch, behind, most = pairs[k]
        amount = min(most, room[before, switch], room[switch, behind])
        if amount <= 0:
            continue
        _move(room, before, switch, behind, amount)
        lack = min(amount, _shortfall(room, needs, ranks, total))
        _move(room, before, switch, behind, -lack)
        done[k] = amount - lack
    return done


@small_kernel
def _move(room: Array, before: int, switch: int, behind: int, amount: int) -> None:
    room[before, switch] -= amount
    room[switch, behind] -= amount
    if before != behind:
        room[before, behind] += amount
