"""How the trees of MULTITREE grow: step by step, all trees in turn, a link and a port used once a step.

This is the order of play; what a tree adds when its turn comes is in `tree_growers`, both compiled in `kernels`.
Source: Huang et al., ISCA 2021, sections III and IV, algorithm 1.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from collsim.collectives.plays import Columns, Play
from collsim.collectives.tree_growers import Neighbours, Search
from collsim.collectives.trees import Forest, scan_order
from collsim.errors import InvalidValue
from collsim.topology.graph import Topology

__all__ = ["TERMINATIONS", "TURNS", "grow"]

TERMINATIONS = ("any-tree", "authors")
TURNS = ("roots", "smallest")

# Edges from which on kernels are faster though numba has to be imported and they to be read from the cache (half a second).
DIRECT_EDGES = 250_000
SEARCHED_EDGES = 40_000


def grow(
    topology: Topology,
    hosts: Sequence[int],
    *,
    termination: str = "any-tree",
    neighbour_order: str = "ascending",
    ports: int = 0,
    chunks: int = 1,
    turns: str = "roots",
    compiled: bool | None = None,
) -> Forest:
    """Return MULTITREE's forest over `hosts` (rank -> host node), edges directed from the roots outwards.

    A step opens with all links and ports free. Trees take turns; each adds the host outside it that is nearest to any node
    that was its member before the step, over free links, ties to the parent inserted first and then to `neighbour_order`
    (see `scan_order`). Paths lead through switches, and through hosts outside the group, where they forward.
    `termination`: a step ends when in a round no tree ("any-tree") or not the last tree ("authors") could add. `ports` > 0:
    a host sends and receives at most so many edges a step. `chunks`: trees a root. `turns`: "roots" are rank after rank,
    first piece first; "smallest" puts at the opening of each step the trees with the fewest members first, else as "roots".
    `compiled`: whether kernels do it, which give the same forest; None leaves it to the number of edges.
    Raises InvalidValue (an option).
    """
    for option, value, values in (("termination", termination, TERMINATIONS), ("turns", turns, TURNS)):
        if value not in values:
            raise InvalidValue(f"{option} is {' or '.join(values)}, not '{value}'.")
    if ports < 0:
        raise InvalidValue(f"ports is 0 (all) or a positive number of ports a host, not {ports}.")
    if chunks < 1:
        raise InvalidValue(f"chunks is a positive number of pieces of a rank's share, not {chunks}.")
    play = _play(topology, hosts, scan_order(topology, neighbour_order), ports, chunks)
    play = replace(play, any_tree=termination == "any-tree", smallest=turns == "smallest")
    worth = len(play.roots) * play.edges >= (DIRECT_EDGES if play.direct else SEARCHED_EDGES)
    if worth if compiled is None else compiled:
        from collsim.collectives.kernels.growth import play_compiled

        return _forest(topology, hosts, chunks, play_compiled(topology, play))
    return _forest(topology, hosts, chunks, _play_plainly(topology, play))


def _play(topology: Topology, hosts: Sequence[int], order: list[list[int]], ports: int, chunks: int) -> Play:
    passes = topology.forwards.copy()
    passes[list(hosts)] = False
    return Play(
        hosts=hosts,
        roots=[host for host in hosts for _ in range(chunks)],
        # Piece after piece, not rank after rank: a root's own trees want the same links first.
        first=[rank * chunks + piece for piece in range(chunks) for rank in range(len(hosts))],
        edges=len(hosts) - 1,
        order=order,
        passes=passes,
        direct=not any(passes[topology.target[link]] for host in hosts for link in order[host]),
        ports=ports,
        any_tree=True,
        smallest=False,
    )


class _Grower(Protocol):
    """What the construction asks of a grower: open a step for some trees, and give one tree its next path."""

    def open(self, trees: list[int]) -> None:
        """Free all links and ports; the present members of `trees` are the parents of this step."""

    def add(self, tree: int) -> tuple[int, ...]:
        """Add the nearest host to `tree` and return the links that lead to it, () when none can be added."""


def _play_plainly(topology: Topology, play: Play) -> Columns:
    """Return the columns as plain Python grows them, tree by tree and turn by turn."""
    grower: _Grower = Neighbours(topology, play) if play.direct else Search(topology, play)
    first, edges, any_tree, smallest = play.first, play.edges, play.any_tree, play.smallest
    links, lengths, steps = ([array("q") for _ in first] for _ in range(3))
    step, growing = 0, first
    while growing:
        if smallest:
            growing = sorted(growing, key=lambda tree: len(steps[tree]))
        grower.open(growing)
        turns = growing
        while turns:
            added: list[int] = []
            path: tuple[int, ...] = ()
            for tree in turns:
                path = grower.add(tree)
                if path:
                    links[tree].extend(path)
                    lengths[tree].append(len(path))
                    steps[tree].append(step)
                    added.append(tree)
            # A tree that could not add cannot later in this step, so only the authors' rule needs to ask it again.
            turns = [tree for tree in (added if any_tree else turns) if len(steps[tree]) < edges]
            if not any_tree and not path:
                break
        growing = [tree for tree in (first if smallest else growing) if len(steps[tree]) < edges]
        step += 1
    flat = [np.concatenate([np.frombuffer(c, dtype=np.int64) for c in columns]) for columns in (links, lengths, steps)]
    return flat[0], flat[1], flat[2]


def _forest(topology: Topology, hosts: Sequence[int], chunks: int, columns: Columns) -> Forest:
    links, lengths, steps = columns
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    rank = np.full(topology.nodes, -1, dtype=np.int64)
    rank[list(hosts)] = np.arange(len(hosts))
    return Forest(
        ranks=len(hosts),
        tree=np.repeat(np.arange(chunks * len(hosts), dtype=np.int64), len(hosts) - 1),
        child=rank[topology.target[links[offsets[1:] - 1]]],
        parent=rank[topology.source[links[offsets[:-1]]]],
        step=steps,
        path_offsets=offsets,
        path_links=links,
        chunks=chunks,
    )
