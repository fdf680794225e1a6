"""Whether every host can reach every other through nodes that forward, which each topology is asked when it is built.

Most are answered by two searches in plain Python, from which scipy, a third of a second to import, is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collsim.topology.graph import Topology

__all__ = ["first_cut_off"]

FEW_LINKS = 50_000
"""Up to here the searches in Python take less than the import of scipy."""


def first_cut_off(t: Topology) -> tuple[int, int] | None:
    """Return the first (host, host) without a way through forwarding nodes from the one to the other, or None.

    The usual graph has one strong component of forwarding nodes with which every host talks both ways; only where that
    fails is each host searched for itself.
    """
    if t.forwards.any() and t.links <= FEW_LINKS:
        start = int(np.flatnonzero(t.forwards)[0])
        if _serves_all(t, _reached(t, start, t.source, t.target) & _reached(t, start, t.target, t.source)):
            return None
    return _searched(t)


def _serves_all(t: Topology, core: NDArray[np.bool_]) -> bool:
    """Tell whether every host is in `core`, a strong component of forwarding nodes, or has links to and from it."""
    sends, receives = core.copy(), core.copy()
    sends[t.source[core[t.target]]] = True
    receives[t.target[core[t.source]]] = True
    return bool((sends & receives)[: t.hosts].all())


def _reached(t: Topology, start: int, tail: NDArray[np.int64], head: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return bool[nodes]: the forwarding nodes that links from `tail` to `head` lead to from `start`, itself included."""
    inner = t.forwards[tail] & t.forwards[head]
    after: list[list[int]] = [[] for _ in range(t.nodes)]
    for a, b in zip(tail[inner].tolist(), head[inner].tolist(), strict=True):
        after[a].append(b)
    reached = np.zeros(t.nodes, dtype=np.bool_)
    seen, left = {start}, [start]
    while left:
        fresh = [node for node in after[left.pop()] if node not in seen]
        seen.update(fresh)
        left += fresh
    reached[list(seen)] = True
    return reached


def _searched(t: Topology) -> tuple[int, int] | None:
    """Return what `first_cut_off` does: by the largest strong component, else from a copy of each host that only sends."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import breadth_first_order, connected_components

    passed = t.forwards[t.source] & t.forwards[t.target]
    shape = 2 * t.nodes
    ones = np.ones(t.links)
    inner = csr_matrix((ones[passed], (t.source[passed], t.target[passed])), shape=(t.nodes, t.nodes))
    _, component = connected_components(inner, directed=True, connection="strong")
    if t.forwards.any():
        core = t.forwards & (component == np.bincount(component[t.forwards]).argmax())
        if _serves_all(t, core):
            return None
    start = np.where(t.forwards[t.source], t.source, t.nodes + t.source)
    split = csr_matrix((ones, (start, t.target)), shape=(shape, shape))
    for host in range(t.hosts):
        first = host if t.forwards[host] else t.nodes + host
        reached = np.zeros(shape, dtype=np.bool_)
        reached[breadth_first_order(split, first, return_predecessors=False)] = True
        reached[host] = True
        if not reached[: t.hosts].all():
            return host, int(np.flatnonzero(~reached[: t.hosts])[0])
    return None
