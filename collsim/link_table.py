"""What a run did to each link, as columns that JSON holds: enough for the page of a saved run to draw its machine.

The machine is kept as far as a drawing takes it: nodes with their names and places, links with their ends and rates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collsim.topology.graph import Topology, build

__all__ = ["MOST_LINKS", "LinkTable", "link_columns", "read_links"]

MOST_LINKS = 4000
"""Links of the largest machine that is kept, which is the largest that a page draws."""
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class LinkTable:
    """A machine and what a run did to its links: `busy` fs that each was sending, `sent` bytes, int64[links] each."""

    topology: Topology
    busy: IntArray
    sent: IntArray


def link_columns(topology: Topology, busy: IntArray, sent: IntArray) -> dict[str, Any] | None:
    """Return the columns of a run; None for more than 4,000 links."""
    if topology.links > MOST_LINKS:
        return None
    return {
        "nodes": list(topology.names),
        "hosts": topology.hosts,
        "forwards": topology.forwards.tolist(),
        "coordinates": topology.coordinates.tolist(),
        "source": topology.source.tolist(),
        "target": topology.target.tolist(),
        "bandwidth_bytes_per_s": topology.bandwidth.tolist(),
        "latency_fs": topology.latency.tolist(),
        "busy_fs": busy.tolist(),
        "bytes": sent.tolist(),
    }


def read_links(name: str, columns: Mapping[str, Any]) -> LinkTable:
    """Return what `link_columns` wrote of the machine `name`. Raises KeyError, ValueError, TypeError or TopologyError."""
    ends = ("source", "target", "bandwidth_bytes_per_s", "latency_fs")
    links = np.array([columns[end] for end in ends], dtype=np.int64).T
    names, hosts = [str(node) for node in columns["nodes"]], int(columns["hosts"])
    made = build(
        name,
        hosts,
        links,
        switches=len(names) - hosts,
        names=names,
        forwards=[bool(one) for one in columns["forwards"]],
        coordinates=np.array(columns["coordinates"], dtype=np.float64),
    )
    busy, sent = (np.array(columns[what], dtype=np.int64) for what in ("busy_fs", "bytes"))
    if not len(busy) == len(sent) == made.links:
        raise ValueError(
            f"{len(busy)} busy times and {len(sent)} counts of bytes are not one for each of {made.links} links"
        )
    return LinkTable(made, busy, sent)
