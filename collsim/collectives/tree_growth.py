"""How the trees of MULTITREE grow: step by step, all trees in turn, a link and a port used once a step.

This is the order of play; what a tree adds when its turn comes is in `tree_growers`.
Source: Huang et al., ISCA 2021, sections III and IV, algorithm 1.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from collsim.collectives.tree_growers import Neighbours, Search
from collsim.collectives.trees import Forest, scan_order
from collsim.errors import InvalidValue
from collsim.topology.graph import Topology

__all__ = ["TERMINATIONS", "grow"]

TERMINATIONS = ("any-tree", "authors")


def grow(
    topology: Topology,
    hosts: Sequence[int],
    *,
    termination: str = "any-tree",
    neighbour_order: str = "ascending",
    ports: int = 0,
) -> Forest:
    """Return MULTITREE's forest over `hosts` (rank -> host node), edges directed from the roots outwards.

    A step opens with all links and ports free. Trees take turns in the order of roots; each adds the host outside it
    that is nearest to any node that was its member before the step, over free links, ties to the parent inserted first
    and then to `neighbour_order` (see `scan_order`). Paths lead through switches, and through hosts outside the group,
    where they forward. `termination`: a step ends when in a round no tree ("any-tree") or not the last tree ("authors")
    could add. `ports` > 0: a host sends and receives at most so many edges a step. Raises InvalidValue (an option).
    """
    if termination not in TERMINATIONS:
        raise InvalidValue(f"termination is {' or '.join(TERMINATIONS)}, not '{termination}'.")
    if ports < 0:
        raise InvalidValue(f"ports is 0 (all) or a positive number of ports a host, not {ports}.")
    order = scan_order(topology, neighbour_order)
    passes = topology.forwards.copy()
    passes[list(hosts)] = False
    direct = not any(passes[topology.target[link]] for host in hosts for link in order[host])
    grower = Neighbours(topology, hosts, order, ports) if direct else Search(topology, hosts, order, ports, passes)
    return _grow(topology, hosts, grower, termination == "any-tree")


class _Grower(Protocol):
    """What the construction asks of a grower: open a step for some trees, and give one tree its next path."""

    def open(self, trees: list[int]) -> None:
        """Free all links and ports; the present members of `trees` are the parents of this step."""

    def add(self, tree: int) -> tuple[int, ...]:
        """Add the nearest host to `tree` and return the links that lead to it, () when none can be added."""


def _grow(topology: Topology, hosts: Sequence[int], grower: _Grower, any_tree: bool) -> Forest:
    edges = len(hosts) - 1
    links, lengths, steps = ([array("q") for _ in hosts] for _ in range(3))
    step, growing = 0, list(range(len(hosts)))
    while growing:
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
        growing = [tree for tree in growing if len(steps[tree]) < edges]
        step += 1
    return _forest(topology, hosts, links, lengths, steps)


def _forest(
    topology: Topology, hosts: Sequence[int], links: list[array[int]], lengths: list[array[int]], steps: list[array[int]]
) -> Forest:
    flat_links, flat_lengths, flat_steps = (
        np.concatenate([np.frombuffer(column, dtype=np.int64) for column in columns]) for columns in (links, lengths, steps)
    )
    offsets = np.concatenate([[0], np.cumsum(flat_lengths)]).astype(np.int64)
    rank = np.full(topology.nodes, -1, dtype=np.int64)
    rank[list(hosts)] = np.arange(len(hosts))
    return Forest(
        ranks=len(hosts),
        tree=np.repeat(np.arange(len(hosts), dtype=np.int64), len(hosts) - 1),
        child=rank[topology.target[flat_links[offsets[1:] - 1]]],
        parent=rank[topology.source[flat_links[offsets[:-1]]]],
        step=flat_steps,
        path_offsets=offsets,
        path_links=flat_links,
    )
