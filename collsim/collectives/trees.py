"""Spanning trees as data: one tree a rank, grown together so that no two edges of a step share a link.

Kept apart from schedules: whoever wants other trees (pipelined, weighted, of other authors) builds another Forest, and
whoever wants another use of trees reads one. How the trees of MULTITREE grow is in `tree_growth`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from collsim.errors import InvalidValue
from collsim.topology.graph import Topology

__all__ = ["Forest", "least_steps", "reverse_links", "scan_order", "transposed", "usable_links"]

IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Forest:
    """k spanning trees a rank over n ranks; E = k n (n-1) edges, by tree and then in order of insertion.

    Tree r k + c, c < k (k = `chunks`, usually 1), is rooted at rank r and serves piece c of its share of the data.
    Per edge (int64[E]): `tree`, `child`, `parent` (ranks), `step` >= 0 in which the parent hands to the child. The links
    from parent to child are `path_links[path_offsets[e]:path_offsets[e + 1]]` (path_offsets int64[E + 1]).
    """

    ranks: int
    tree: IntArray
    child: IntArray
    parent: IntArray
    step: IntArray
    path_offsets: IntArray
    path_links: IntArray
    chunks: int = 1

    @property
    def steps(self) -> int:
        """Steps of one phase, S."""
        return int(self.step.max(initial=-1)) + 1

    def edges_of(self, tree: int) -> list[tuple[int, int, int]]:
        """Return (child, parent, step) of the edges of one tree in order of insertion."""
        rows = slice(tree * (self.ranks - 1), (tree + 1) * (self.ranks - 1))
        columns = (column[rows].tolist() for column in (self.child, self.parent, self.step))
        return list(zip(*columns, strict=True))

    def new_edges(self) -> list[int]:
        """Return how many edges all trees together add in each step."""
        return [int(count) for count in np.bincount(self.step, minlength=self.steps)]

    def path_of(self, edge: int) -> list[int]:
        """Return the link ids from parent to child of an edge."""
        return [int(link) for link in self.path_links[self.path_offsets[edge] : self.path_offsets[edge + 1]]]


def scan_order(topology: Topology, neighbour_order: str) -> list[list[int]]:
    """Return the out-links of every node in the order in which trees look at them.

    "ascending" is the order of link ids (on torus and mesh axis 0 minus, axis 0 plus, axis 1 minus, ...: N, S, W, E),
    "descending" its reverse, "fastest" puts wide links first, and a permutation of "NSWE" holds for tori and meshes of
    two dimensions, where north is one row up and west one column back. InvalidValue for anything else.
    """
    if neighbour_order == "ascending":
        return [list(links) for links in topology.out_links]
    if neighbour_order == "descending":
        return [list(links[::-1]) for links in topology.out_links]
    if neighbour_order == "fastest":
        width = topology.bandwidth.tolist()
        return [sorted(links, key=lambda link: -width[link]) for links in topology.out_links]
    if sorted(neighbour_order) != sorted("NSWE"):
        raise InvalidValue(
            f"neighbour_order is ascending, descending, fastest, or an order of the letters NSWE, not '{neighbour_order}'."
        )
    if topology.family not in ("torus", "mesh") or len(topology.dims) != 2:
        raise InvalidValue(
            f"neighbour_order {neighbour_order} needs a torus or mesh of two dimensions; on {topology.name} use "
            "ascending, descending or fastest."
        )
    return [
        sorted(links, key=lambda link: neighbour_order.index(_direction(topology, link))) for links in topology.out_links
    ]


def _direction(topology: Topology, link: int) -> str:
    """Return N, S, W or E for a link of a two-dimensional torus or mesh; the one pair of a size-2 ring is not a wrap."""
    here, there = int(topology.source[link]), int(topology.target[link])
    columns = topology.dims[1]
    vertical = here % columns == there % columns
    size, letters = (topology.dims[0], "NS") if vertical else (columns, "WE")
    ahead = (there - here) // columns if vertical else there - here
    wraps = topology.family == "torus" and size > 2 and abs(ahead) == size - 1
    return letters[(ahead > 0) != wraps]


def reverse_links(topology: Topology) -> IntArray | None:
    """Return int64[L]: the link back of every link, k-th of parallel links to k-th; None if one has no way back."""
    back = np.empty(topology.links, dtype=np.int64)
    for link, (here, there) in enumerate(zip(topology.source.tolist(), topology.target.tolist(), strict=True)):
        links, returns = topology.links_between(here, there), topology.links_between(there, here)
        if len(returns) != len(links):
            return None
        back[link] = returns[links.index(link)]
    return back


def transposed(topology: Topology) -> Topology:
    """Return the topology with every link turned round, ids kept: its trees, read backwards, lead to the roots."""
    return replace(topology, source=topology.target, target=topology.source)


def usable_links(topology: Topology, hosts: Sequence[int]) -> NDArray[np.bool_]:
    """Return bool[L]: whether a tree over `hosts` may use the link; both its ends are in the group or forward."""
    opens = topology.forwards.copy()
    opens[list(hosts)] = True
    return np.asarray(opens[topology.source] & opens[topology.target])


def least_steps(topology: Topology, hosts: Sequence[int] | None = None, ports: int = 0, chunks: int = 1) -> int:
    """Return a lower bound on the steps a phase of `chunks` trees a rank that use a link (and `ports` ports) once a step.

    The largest of: what a host must receive over its links, all edges over all host links, and for every set of the
    topology's levels what must enter or leave over the links of its cut.
    """
    group = np.arange(topology.hosts) if hosts is None else np.asarray(list(hosts), dtype=np.int64)
    n, usable = len(group), usable_links(topology, group.tolist())
    source, target = topology.source[usable], topology.target[usable]
    limit = ports or topology.links
    sends = np.minimum(np.bincount(source, minlength=topology.nodes)[group], limit)
    receives = np.minimum(np.bincount(target, minlength=topology.nodes)[group], limit)
    most = max(_ceil(chunks * n * (n - 1), int(sends.sum())), _ceil(chunks * (n - 1), int(receives.min())))
    for level in topology.levels:
        for members in level.sets:
            inside = np.zeros(topology.nodes, dtype=np.bool_)
            inside[list(members)] = True
            within = int(inside[group].sum())
            if 0 < within < n:
                entering = int((~inside[source] & inside[target]).sum())
                leaving = int((inside[source] & ~inside[target]).sum())
                most = max(most, _ceil(chunks * (n - within), entering), _ceil(chunks * within, leaving))
    return most


def _ceil(total: int, a_step: int) -> int:
    return -(-total // a_step)
