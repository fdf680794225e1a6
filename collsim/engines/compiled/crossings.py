"""The crossings of a run of packets, read from its log of grants when the run has ended.

A grant in the log says when and where; for how long follows from the size of the packet and the rate of the link then, and
on a link that has become faster from the tail (rule 27). It takes every grant, so a run that made more than the log holds
(build.py) has none to tell.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collsim.crossings import Crossings, crossings_of
from collsim.engines.compiled.build import Machine
from collsim.engines.compiled.recording import Recording
from collsim.units import serialisation_fs

__all__ = ["packet_crossings"]

IntArray = NDArray[np.int64]
MOST_BYTES = 2**32 - 1
"""What the log's column of sizes holds."""


def packet_crossings(machine: Machine, recording: Recording) -> Crossings | None:
    """Return all crossings of a run without trains, None where the log does not hold every grant or packet's size."""
    root, packet = recording.arrays.root, machine.network.packet
    if root["log_from"][0] or packet.packet_payload + packet.header > MOST_BYTES:
        return None
    log = recording.arrays.grant[: int(root["logged"][0])]
    link, previous = log["link"].astype(np.int64), log["previous"]
    end = log["time"] + _holds(machine, log["time"], link, log["size"].astype(np.int64))
    if machine.changes:
        end = _not_before_tails(end, link, previous, machine.topology.latency)
    return crossings_of(log["message"].astype(np.int64), link, log["time"], end)


def _holds(machine: Machine, time: IntArray, link: IntArray, size: IntArray) -> IntArray:
    """Return the serialisation of packets of `size` bytes granted `link` at `time`, fs."""
    rate = machine.topology.bandwidth[link]
    for change in machine.changes:  # in the order of time
        if change.rate is not None:
            rate[(link == change.link) & (time >= change.time)] = change.rate
    kinds, which = np.unique(np.stack([size, rate]), axis=1, return_inverse=True)
    known = np.array([serialisation_fs(bytes_, speed) for bytes_, speed in kinds.T.tolist()], dtype=np.int64)
    return known[which.reshape(-1)]


def _not_before_tails(end: IntArray, link: IntArray, previous: IntArray, latency: IntArray) -> IntArray:
    """Return `end`, no packet's tail leaving a node before it has come there; as many rounds as a packet has links."""
    later = previous >= 0
    before = previous[later]
    while True:
        moved = end.copy()
        moved[later] = np.maximum(end[later], end[before] + latency[link[before]])
        if np.array_equal(moved, end):
            return end
        end = moved
