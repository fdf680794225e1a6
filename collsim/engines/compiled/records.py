"""Messages, hosts, jobs, hops and tables of routing at rest, as records that kernels read."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collsim.engines.compiled.layout import HOP, HOST, JOB, MESSAGE
from collsim.engines.compiled.paths import Ways
from collsim.engines.compiled.plans import Columns
from collsim.network.config import NetworkConfig
from collsim.units import MAX_TIME, serialisation_fs

__all__ = ["first_of", "hops_of", "hosts_at_rest", "jobs", "messages_of", "pool", "reduction_of", "routing_tables"]

IntArray = NDArray[np.int64]
Records = NDArray[Any]


def reduction_of(columns: Columns, network: NetworkConfig) -> IntArray:
    """Return int64[M]: fs that each message's reduction takes, -1 for more than the clock counts."""
    nic, found = network.nic, np.zeros(len(columns.size), dtype=np.int64)
    if nic.reduction_rate is None:
        return found
    where = np.flatnonzero((columns.reduces > 0) & (columns.packets > 0))
    sizes, number = np.unique(columns.size[where], return_inverse=True)
    quantum = nic.reduction_quantum
    times = [serialisation_fs(-(-size // quantum) * quantum, nic.reduction_rate) for size in sizes.tolist()]
    found[where] = np.array([time if time <= MAX_TIME else -1 for time in times], dtype=np.int64)[number]
    return found


def messages_of(columns: Columns, ways: Ways, plan: IntArray, reduction: IntArray, waits: IntArray) -> Records:
    """Return MESSAGE[M], none of them begun: `reduction` in fs, `waits` the number of things each waits for."""
    message = np.zeros(len(columns.size), dtype=MESSAGE)
    for name in ("step", "source", "target", "call", "size", "packets", "reduces", "delay"):
        message[name] = getattr(columns, name)
    for name in ("ready", "tail", "tail_record", "finish", "released", "started"):
        message[name] = -1
    message["unarrived"] = message["unsent"] = columns.packets
    message["hop"], message["hops"], message["plan"] = ways.hop, ways.hops, plan
    message["reduction"], message["waits"] = reduction, waits
    return message


def hosts_at_rest(hosts: int, units: int) -> Records:
    """Return HOST[2 H]: every NIC, free, and behind them the reduction units, `units` a host."""
    found = np.zeros(2 * hosts, dtype=HOST)
    for name in ("freed_at", "freed_record", "head", "tail", "ended_at", "ended_message"):
        found[name] = -1
    found["free"][:hosts], found["free"][hosts:] = 1, units
    return found


def hops_of(ways: Ways) -> Records:
    """Return HOP of all ways, one after another."""
    found = np.zeros(len(ways.lane), dtype=HOP)
    found["lane"], found["span"] = ways.lane, ways.span
    return found


def jobs(count: int) -> Records:
    """Return `count` jobs of NICs and reduction units, none of them there yet."""
    found = np.zeros(count, dtype=JOB)
    found["start"] = found["after"] = found["arrival"] = found["next"] = -1
    return found


def pool(kind: np.dtype[Any], count: int) -> Records:
    """Return `count` records in a list of free ones, the first being 0."""
    found = np.zeros(count, dtype=kind)
    found["next"] = np.arange(1, count + 1)
    found["next"][-1:] = -1
    return found


def routing_tables(ways: Ways) -> dict[str, NDArray[Any]]:
    """Return the routing's tables for packets that go their own ways, empty where none does."""
    table, turns = ways.routing.table, ways.routing.turns
    none = np.zeros(0, dtype=np.int64)
    own = ways.routing.per_packet
    return {
        "row_first": table.offsets if own else none,
        "row_links": table.links.astype(np.int32) if own else none.astype(np.int32),
        "turn_first": turns.table.offsets if turns is not None else none,
        "turn_links": (turns.table.links if turns is not None else none).astype(np.int32),
        "turn_home": (turns.home if turns is not None else none).astype(np.int32),
        "stage": table.stage.astype(np.int32),
        "bump": table.bump.astype(np.int32),
    }


def first_of(counts: IntArray) -> IntArray:
    """Return int64[len + 1]: where each of runs of `counts` begins when they lie one behind another, and the end."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
