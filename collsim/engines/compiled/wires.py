"""Links and their lanes at rest, and how links change: rates as the terms by which kernels count ser (rule 1)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collsim.engines.compiled.layout import CHANGE, LANE, LINK, Rules
from collsim.engines.compiled.paths import Ways
from collsim.engines.reference.link import Link, buffer_bytes, head_fs
from collsim.network.config import NetworkConfig
from collsim.network.link_changes import LinkChange
from collsim.network.loss import threshold
from collsim.topology.graph import Topology
from collsim.units import FS_PER_SECOND, MAX_TIME

__all__ = ["changes_of", "links_of", "wire"]

IntArray = NDArray[np.int64]
Records = NDArray[Any]

RATE_COLUMNS = ("full_ser", "full_head", "whole", "part", "divisor", "safe", "most")
"""The columns of LINK that follow from a link's rate."""


def links_of(topology: Topology, network: NetworkConfig) -> tuple[dict[tuple[int, int], Link], IntArray]:
    """Return a link of each kind {(bandwidth, latency): link}, and the bytes of a channel of each link."""
    pairs = list(zip(topology.bandwidth.tolist(), topology.latency.tolist(), strict=True))
    sample = {pair: Link(0, 0, 0, *pair) for pair in dict.fromkeys(pairs)}
    bytes_of = {pair: min(buffer_bytes(link, network), MAX_TIME) for pair, link in sample.items()}
    return sample, np.array([bytes_of[pair] for pair in pairs], dtype=np.int64)


def wire(
    topology: Topology, ways: Ways, rules: Rules, sample: dict[tuple[int, int], Link], capacity: IntArray
) -> tuple[Records, Records]:
    """Return LINK[L] and LANE[L C] at rest, `sample` and `capacity` being what `links_of` returns."""
    link, lane = np.zeros(topology.links, dtype=LINK), np.zeros(topology.links * ways.channels, dtype=LANE)
    for name in ("free_at", "record", "askers", "current", "sent", "train", "void_sent", "restored_at"):
        link[name] = -1
    link["latency"], link["target"] = topology.latency, topology.target
    link["host"] = np.where(topology.source < topology.hosts, topology.source, -1)
    kinds = list(zip(topology.bandwidth.tolist(), topology.latency.tolist(), strict=True))
    known = {pair: _times(one, rules) for pair, one in sample.items()}
    for column, name in enumerate(RATE_COLUMNS):
        link[name] = [known[pair][column] for pair in kinds]
    for name in ("head", "tail", "left_at", "left_record", "credit_head", "credit_tail", "credited_at", "credited_record"):
        lane[name] = -1
    for name in ("ask_next", "holder", "wake_at"):
        lane[name] = -1
    lane["link"] = np.repeat(np.arange(topology.links), ways.channels)
    lane["room"] = np.repeat(capacity, ways.channels)
    order = np.argsort(topology.target, kind="stable")
    entering = np.bincount(topology.target, minlength=topology.nodes)
    rank = np.empty(topology.links, dtype=np.int64)
    rank[order] = np.arange(topology.links) - np.repeat(np.cumsum(entering) - entering, entering)
    lane["rank"] = np.repeat(rank, ways.channels) * ways.channels + np.tile(np.arange(ways.channels), topology.links)
    link["inputs"] = entering[topology.source] * ways.channels + 1
    return link, lane


def _times(link: Link, rules: Rules) -> tuple[int, int, int, int, int, int, int]:
    """Return (ser and head of a full packet, saturated, and the terms of ser by rule 1) of a link."""
    rate = Fraction(FS_PER_SECOND, link.bandwidth)
    whole, part = divmod(rate.numerator, rate.denominator)
    safe = (MAX_TIME - rate.denominator) // part if part else MAX_TIME
    head = head_fs(link, max(rules.full, rules.header), rules.header, True)
    most = min(MAX_TIME * link.bandwidth // FS_PER_SECOND, MAX_TIME)
    full = link.ser(rules.full)
    return full if full <= MAX_TIME else -1, min(head, MAX_TIME), whole, part, rate.denominator, safe, most


def changes_of(changes: Sequence[LinkChange], rules: Rules) -> Records:
    """Return the table of changes, as `settled` has them; no packet of any size can hold a link that has failed."""
    found = np.zeros(len(changes), dtype=CHANGE)
    for row, change in zip(found, changes, strict=True):
        assert change.loss is not None
        row["link"], row["fails"], row["loss"] = change.link, change.rate == 0, threshold(change.loss)
        times = _times(Link(0, 0, 0, change.rate, 0), rules) if change.rate else (-1, 0, 0, 0, 1, -1, -1)
        for name, time in zip(RATE_COLUMNS, times, strict=True):
            row[name] = time
    return found
