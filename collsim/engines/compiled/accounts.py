"""What the two ends of each message keep account of in a run (rules 28 to 32), as columns for the kernels of ends.py.

Where nothing is lost a message whose packets share one way and cannot overtake one another needs no account: they arrive
in order, whatever recovery and delivery say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collsim.engines.compiled.paths import Ways
from collsim.engines.compiled.plans import Columns
from collsim.network.config import NetworkConfig
from collsim.network.dead_links import NEVER, DeadLinks
from collsim.network.link_changes import LinkChange
from collsim.network.loss import loses_any, loss_thresholds
from collsim.topology.graph import Topology
from collsim.topology.routing.feedback import path_counts

__all__ = ["Accounts", "accounts_of", "cut_ticks"]

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Accounts:
    """`loss` uint64[L] as from `loss_thresholds`, `door` int64[L]: which it is of the links of its source.

    `lossy`: whether any link ever loses packets. Of message m: whether it is `noted`, its first of all `packets` parcels,
    where its pair's `scores` begin among the `ways`, -1 where none are kept, and the `paths` behind each link.
    """

    loss: NDArray[np.uint64]
    lossy: bool
    door: IntArray
    noted: NDArray[np.bool_]
    parcels: IntArray
    scores: IntArray
    paths: IntArray
    packets: int
    ways: int


def accounts_of(
    topology: Topology, network: NetworkConfig, columns: Columns, ways: Ways, changes: Sequence[LinkChange]
) -> Accounts:
    """Return the accounts of a run with `changes` as `settled` has them.

    Raises InvalidValue for losses under message-based flow control.
    """
    lossy, transport = loses_any(topology, network, changes), network.transport
    order = np.argsort(topology.source, kind="stable")
    leaving = np.bincount(topology.source, minlength=topology.nodes)
    door = np.empty(topology.links, dtype=np.int64)
    door[order] = np.arange(topology.links) - np.repeat(np.cumsum(leaving) - leaving, leaving)
    own = columns.travels & (ways.hop < 0)
    feedback = own & (ways.routing.multipath == "feedback")
    ordered = transport.recovery == "go-back-n" or transport.delivery == "in-order"
    overtaking = own | ((ways.hops > 1) & (network.router.vc_allocation == "most-room"))
    noted = columns.travels if lossy else feedback | (overtaking & ordered)
    packets = np.where(noted, columns.packets, 0)
    scores, paths, count = _scores(topology, columns, ways, feedback, leaving)
    parcels, loss = np.cumsum(packets) - packets, loss_thresholds(topology, network)
    return Accounts(loss, lossy, door, noted, parcels, scores, paths, int(packets.sum()), count)


def cut_ticks(dead: DeadLinks, columns: Columns, ways: Ways, accounts: Accounts, first_message: IntArray) -> IntArray:
    """Return int64[parcels], the tick from which each packet gets through no more if it is sent then, NEVER for most.

    Packets that draw a stop have none here: whoever loses one walks its ways (attempts.py).
    """
    found = np.full(accounts.packets, NEVER, dtype=np.int64)
    fixed = np.flatnonzero(accounts.noted & (ways.hop >= 0))
    if len(fixed):
        _, at = _run(ways.hop[fixed], ways.hops[fixed])
        since, first = dead.of_links()[ways.lane[at] // ways.channels], np.cumsum(ways.hops[fixed]) - ways.hops[fixed]
        owner, parcel = _run(accounts.parcels[fixed], columns.packets[fixed])
        found[parcel] = np.minimum.reduceat(since, first)[owner]
    own = np.flatnonzero(accounts.noted & (ways.hop < 0))
    if len(own) and ways.routing.turns is None:
        ends = np.stack([columns.source[own], columns.target[own]], axis=1)
        keys = np.stack([columns.call[own], own - first_message[columns.call[own]]], axis=1)
        _, parcel = _run(accounts.parcels[own], columns.packets[own])
        found[parcel] = dead.of_packets(ends, keys, columns.packets[own])
    return found


def _run(first: IntArray, count: IntArray) -> tuple[IntArray, IntArray]:
    """Return (owner, number) of count[k] numbers from first[k] on, for each k in turn."""
    owner = np.repeat(np.arange(len(count)), count)
    return owner, first[owner] + np.arange(len(owner)) - (np.cumsum(count) - count)[owner]


def _scores(
    topology: Topology, columns: Columns, ways: Ways, feedback: NDArray[np.bool_], leaving: IntArray
) -> tuple[IntArray, IntArray, int]:
    """Return (scores, paths) of each message and how many scores there are: one for each pair, first link and path."""
    scores, paths = np.full(len(feedback), -1, dtype=np.int64), np.zeros(len(feedback), dtype=np.int64)
    if not feedback.any():
        return scores, paths, 0
    code = columns.source[feedback] * topology.hosts + columns.target[feedback]
    pairs, number = np.unique(code, return_inverse=True)
    ends = np.stack(np.divmod(pairs, topology.hosts), axis=1)
    counts = path_counts(ways.routing, ends)
    each = leaving[ends[:, 0]] * counts
    scores[feedback], paths[feedback] = (np.cumsum(each) - each)[number], counts[number]
    return scores, paths, int(each.sum())
