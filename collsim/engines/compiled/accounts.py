"""What the two ends of each message keep account of in a run (rules 28 to 32), as columns for the kernels of ends.py.

Where nothing is lost a message whose packets share one way and cannot overtake one another needs no account: they arrive
in order, whatever recovery and delivery say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collsim.engines.compiled.paths import Ways
from collsim.engines.compiled.plans import Columns
from collsim.network.config import NetworkConfig
from collsim.network.loss import loss_thresholds
from collsim.topology.graph import Topology
from collsim.topology.routing.feedback import path_counts

__all__ = ["Accounts", "accounts_of"]

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Accounts:
    """`loss` uint64[L] as from `loss_thresholds`, `door` int64[L]: which it is of the links of its source.

    Of message m: whether it is `noted`, its first of all `packets` parcels, where its pair's `scores` begin among the
    `ways`, -1 where none are kept, and the `paths` behind each link.
    """

    loss: NDArray[np.uint64]
    door: IntArray
    noted: NDArray[np.bool_]
    parcels: IntArray
    scores: IntArray
    paths: IntArray
    packets: int
    ways: int


def accounts_of(topology: Topology, network: NetworkConfig, columns: Columns, ways: Ways) -> Accounts:
    """Return the accounts of a run; raises InvalidValue for losses under message-based flow control."""
    loss, transport = loss_thresholds(topology, network), network.transport
    order = np.argsort(topology.source, kind="stable")
    leaving = np.bincount(topology.source, minlength=topology.nodes)
    door = np.empty(topology.links, dtype=np.int64)
    door[order] = np.arange(topology.links) - np.repeat(np.cumsum(leaving) - leaving, leaving)
    own = columns.travels & (ways.hop < 0)
    feedback = own & (ways.routing.multipath == "feedback")
    ordered = transport.recovery == "go-back-n" or transport.delivery == "in-order"
    overtaking = own | ((ways.hops > 1) & (network.router.vc_allocation == "most-room"))
    noted = columns.travels if loss.any() else feedback | (overtaking & ordered)
    packets = np.where(noted, columns.packets, 0)
    scores, paths, count = _scores(topology, columns, ways, feedback, leaving)
    return Accounts(loss, door, noted, np.cumsum(packets) - packets, scores, paths, int(packets.sum()), count)


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
