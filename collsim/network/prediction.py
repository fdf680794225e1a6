"""The closed form of a schedule on a real network: lone times of its transfers on the paths that routing gives them.

Here the laws of collsim.collectives.closed_forms, which know no network, meet paths, packets and rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.closed_forms import ONE_NIC, Alone, ClosedForm, Turns, closed_form, shares_links
from collsim.collectives.schedule import REDUCE, Schedule
from collsim.network.buffers import auto_buffer
from collsim.network.config import NetworkConfig
from collsim.network.lone_messages import lone_messages, number_rows
from collsim.network.message_time import message_time, reduction_fs
from collsim.network.paths import PathFinder, Paths, one_group_at_a_time
from collsim.network.schedulers import SCHEDULERS
from collsim.topology.graph import Topology

__all__ = ["lone_message_time", "predict"]

TURNS: dict[str, Turns] = {"lowest-step": "step", "lockstep": "step", "fifo": "arrival"}
"""What the ports of each NIC scheduler send first, where that is an order that laws know."""


def predict(topology: Topology, plan: Schedule, size: int, network: NetworkConfig, *, seed: int = 0) -> ClosedForm | None:
    """Return the closed form of `plan` on buffers of `size` bytes; None where contention leaves none."""
    finder = PathFinder(topology, network, seed)
    paths = finder.schedule(plan)
    sharers = _through_one_nic(topology, plan, size, paths)
    if sharers == 1 and shares_links(plan, size, paths.offsets, paths.links):
        return None
    sizes = plan.message_bytes(size)
    alone, kind = lone_messages(topology, paths, sizes, network)
    ends = np.where(sizes > 0, network.nic.ejection_latency, 0)
    hops = np.diff(paths.offsets)
    first, free = (_of_links([getattr(train, name) for train in alone], kind, paths) for name in ("first", "free"))
    slowest = np.array([train.bottleneck for train in alone], dtype=np.int64)[kind]
    arrival = np.array([train.arrival for train in alone], dtype=np.int64)[kind]
    first_gap = np.array([train.serial[0] if train.serial else 0 for train in alone], dtype=np.int64)[kind]
    others = (sharers - 1) * slowest

    def clear(start: NDArray[np.int64]) -> bool:
        base = np.repeat(start, hops)
        return one_group_at_a_time(
            paths.links, np.repeat(plan.step, hops), base + first, base + free + np.repeat(others, hops)
        )

    times = Alone(
        duration=arrival + others + ends + _reductions(plan, sizes, network),
        port=_link_at(paths, 0, topology.links),
        port_gap=first_gap + others,
        path=number_rows(*(_link_at(paths, hop, topology.links) for hop in range(max(int(hops.max(initial=0)), 1)))),
        path_gap=slowest + others,
        delay=network.nic.message_overhead + network.nic.injection_latency,
    )
    form = closed_form(plan, size, times, clear=clear, turns=TURNS.get(network.nic.nic_scheduler, "any"))
    if form is None:
        return None
    if sharers > 1:
        form = replace(form, text=ONE_NIC[plan.collective.whole.name].text, exact=form.exact and len(np.unique(sizes)) == 1)
    if plan.collective.channels:
        form = replace(form, text=f"{form.text}, S what is summed")
    without = _unknown_to_laws(finder, plan, paths)
    return replace(form, exact=form.exact and not without, without=without)


def _of_links(values: Sequence[Sequence[int]], kind: NDArray[np.int64], paths: Paths) -> NDArray[np.int64]:
    """Return `values` (of each class, one a link of its path) laid out as `paths.links`; message m is of kind[m]."""
    length = np.array([len(each) for each in values], dtype=np.int64)
    begin = np.cumsum(length) - length
    flat = np.array([value for each in values for value in each], dtype=np.int64)
    offset = np.repeat(begin[kind] - paths.offsets[:-1], length[kind])
    return np.asarray(flat[offset + np.arange(len(offset))], dtype=np.int64)


def _link_at(paths: Paths, hop: int, none: int) -> NDArray[np.int64]:
    """Return the link that each message crosses as number `hop`, and `none` for paths that end before."""
    there = np.diff(paths.offsets) > hop
    found = np.full(len(there), none, dtype=np.int64)
    found[there] = paths.links[paths.offsets[:-1][there] + hop]
    return found


def _reductions(plan: Schedule, sizes: NDArray[np.int64], network: NetworkConfig) -> NDArray[np.int64]:
    """Return what reducing the message of each transfer takes, fs; 0 for copies."""
    if network.nic.reduction_rate is None:
        return np.zeros(len(sizes), dtype=np.int64)
    known, kind = np.unique(sizes, return_inverse=True)
    times = np.array([reduction_fs(size, network) for size in known.tolist()], dtype=np.int64)
    return np.where(plan.op == REDUCE, times[kind], 0)


def _unknown_to_laws(finder: PathFinder, plan: Schedule, paths: Paths) -> tuple[str, ...]:
    """Return the settings under which a message may take longer, or another way, than it does alone."""
    topology, network, nic = finder.topology, finder.network, finder.network.nic
    first = paths.links[paths.offsets[:-1][np.diff(paths.offsets) > 0]]
    ports = np.bincount(topology.source[np.unique(first)]).max(initial=0)
    found = {
        "buffer": _small_buffers(topology, network, paths),
        "nic_scheduler": SCHEDULERS.get(nic.nic_scheduler).lockstep,
        "overhead_mode": nic.overhead_mode == "serial" and nic.message_overhead > 0,
        "ports": 0 < nic.ports < ports,
        "reduction_units": bool(nic.reduction_units and nic.reduction_rate and (plan.op == REDUCE).any()),
        "routing": finder.routing.per_packet and bool((np.diff(plan.path_offsets) == 0).any()),
    }
    return tuple(name for name, matters in found.items() if matters)


def _small_buffers(topology: Topology, network: NetworkConfig, paths: Paths) -> bool:
    """Say whether some link that packets leave again has less room than `auto` gives, so that they may wait for credit."""
    room = network.router.buffer
    if room == "auto" or network.transport.flow_control == "none":
        return False
    inner = np.setdiff1d(np.arange(len(paths.links)), paths.offsets[1:] - 1)
    rates = {(int(topology.bandwidth[k]), int(topology.latency[k])) for k in np.unique(paths.links[inner]).tolist()}
    return any(room < auto_buffer(*rate, network) for rate in rates)


def _through_one_nic(topology: Topology, plan: Schedule, size: int, paths: Paths) -> int:
    """Return n - 1 where all peers of a direct exchange are reached through one link of a host and nothing else is shared.

    Everybody then sends to one peer after another, each time a permutation: n - 1 equal turns. 1 in all other cases, those
    with unequal links included, where the turns of fast hosts run ahead.
    """
    hops = np.diff(paths.offsets)
    if (
        plan.algorithm != "direct"
        or not len(hops)
        or hops.max() > 2
        or hops.min() < 1
        or (plan.message_bytes(size) == 0).any()
    ):
        return 1
    place = np.arange(len(paths.links)) - np.repeat(paths.offsets[:-1], hops)
    kinds = np.stack([place, topology.bandwidth[paths.links], topology.latency[paths.links]], axis=1)
    if len(np.unique(kinds, axis=0)) > hops.max():
        return 1
    key = np.repeat(plan.step, hops) * (int(paths.links.max()) + 1) + paths.links
    _, index, count = np.unique(key, return_inverse=True, return_counts=True)
    most = np.maximum.reduceat(count[index], paths.offsets[:-1])
    return plan.ranks - 1 if (most == plan.ranks - 1).all() else 1


def lone_message_time(topology: Topology, network: NetworkConfig, source: int, target: int, size: int) -> int:
    """Return complete(m), fs, of a message of `size` bytes alone from host `source` to host `target` on its default path."""
    links = PathFinder(topology, network).path(source, target)
    return message_time(size, [(int(topology.bandwidth[k]), int(topology.latency[k])) for k in links], network)
