"""Flows and steps: which message waits at which port (rule 11), and what lockstep opens when (rule 13).

Split from `build` because packets that go their own ways choose their first link by a kernel.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from collsim.engines.compiled import codes
from collsim.engines.compiled.build import Machine
from collsim.engines.compiled.layout import COUNTER, EVENT, FLOW, OPENING, QUEUED, pointed
from collsim.engines.reference.link import Link
from collsim.engines.reference.lockstep import _formula
from collsim.errors import RoutingError
from collsim.network.schedulers import StepLoad
from collsim.program import Call
from collsim.units import MAX_TIME, check_time

__all__ = ["add_flows", "add_steps"]

IntArray = NDArray[np.int64]


def add_flows(machine: Machine) -> None:
    """Give each travelling message its flows and each port room for its queue."""
    s, columns = machine.arrays, machine.columns
    owner, link, first, count = _settled(machine)
    indices = np.zeros(0, dtype=np.int64)
    own = np.flatnonzero(columns.travels & (s.message["hop"] < 0))
    if len(own):
        owners, links, indices, firsts, counts = _scattered(machine, own)
        owner, link = np.concatenate([owner, owners]), np.concatenate([link, links])
        first, count = np.concatenate([first, firsts]), np.concatenate([count, counts])
    order = np.lexsort((link, owner))
    flow = np.zeros(len(owner), dtype=FLOW)
    flow["message"], flow["link"], flow["packets"] = owner[order], link[order], first[order]
    flow["total"] = flow["left"] = count[order]
    flow["opened"] = flow["parked"] = flow["again"] = flow["noticed_at"] = -1
    flows = np.bincount(owner, minlength=len(s.message))
    s.message["flows"], s.message["flow"] = flows, np.cumsum(flows) - flows
    waiting = np.bincount(link, minlength=len(s.link))
    s.link["queue"] = np.cumsum(waiting) - waiting
    queue = np.zeros(len(owner), dtype=QUEUED)
    rejoining = np.empty(len(flow) if machine.rules.noting else 0, dtype=np.int64)
    machine.arrays = pointed(s._replace(flow=flow, queue=queue, flow_packets=indices.astype(np.int32), rejoining=rejoining))


def _settled(machine: Machine) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Return (message, link, -1, packets) of the flows of messages whose packets share a path."""
    s = machine.arrays
    owner = np.flatnonzero(s.message["hop"] >= 0)
    link = machine.ways.lane[s.message["hop"][owner]] // machine.ways.channels
    return owner, link, np.full(len(owner), -1, dtype=np.int64), s.message["packets"][owner]


def _scattered(machine: Machine, own: IntArray) -> tuple[IntArray, IntArray, IntArray, IntArray, IntArray]:
    """Return (message, link, packet indices, where those of a flow begin, how many) of messages whose packets part."""
    from collsim.engines.compiled.drive import first_links

    s, topology = machine.arrays, machine.topology
    doors = np.bincount(topology.source, minlength=topology.nodes)[machine.columns.source[own]]
    one, many = own[doors == 1], own[doors > 1]
    link = s.port_links[s.port_first[machine.columns.source[one]]].astype(np.int64)
    packets = s.message["packets"]
    found = np.zeros(int(packets[many].sum()), dtype=np.int32)
    first_links(s.root, many, found)
    raise_fault(machine)
    owners = np.repeat(many, packets[many])
    rank = np.arange(len(owners)) - np.repeat(np.cumsum(packets[many]) - packets[many], packets[many])
    code, begin, count = np.unique(owners * topology.links + found, return_index=True, return_counts=True)
    order = np.argsort(owners * topology.links + found, kind="stable")
    del begin
    owner = np.concatenate([one, code // topology.links])
    links = np.concatenate([link, code % topology.links])
    first = np.concatenate([np.full(len(one), -1, dtype=np.int64), np.cumsum(count) - count])
    return owner, links, rank[order], first, np.concatenate([packets[one], count])


def add_steps(machine: Machine) -> None:
    """Give each call its steps on each host, where the scheduler is lockstep."""
    if not machine.rules.lockstep:
        return
    calls = [k for k, o in enumerate(machine.program.operations) if isinstance(o, Call)]
    hosts, columns, oracle = machine.topology.hosts, machine.columns, machine.rules.oracle
    counter = np.zeros(len(machine.program.operations) * hosts, dtype=COUNTER)
    counter["open"] = -1
    estimates: list[list[int]] = []
    left: list[IntArray] = []
    rows = 0
    for call, estimate in zip(calls, _estimates(machine, calls), strict=True):
        begin, end = machine.program.first_message[call : call + 2].tolist()
        steps = len(estimate)
        source = np.zeros(end - begin, dtype=np.int64) if oracle else columns.source[begin:end]
        sends = np.zeros((hosts, steps), dtype=np.int64)
        np.add.at(sends, (source, columns.step[begin:end]), 1)
        exists = sends.any(axis=1)
        mine = counter[call * hosts : (call + 1) * hosts]
        mine["exists"], mine["steps"], mine["call"], mine["host"] = exists, steps, call, np.arange(hosts)
        mine["first"] = rows + (np.cumsum(exists) - exists) * steps
        mine["estimates"] = sum(len(e) for e in estimates)
        rows += int(exists.sum()) * steps
        estimates.append(estimate)
        left.append(sends[exists].reshape(-1))
    opening = np.zeros(rows, dtype=OPENING)
    for name in ("time", "index", "latest", "by", "parked", "reason", "why"):
        opening[name] = -1
    opening["left"] = np.concatenate([np.zeros(0, dtype=np.int64), *left])
    flat = np.array([value for estimate in estimates for value in estimate], dtype=np.int64)
    s = machine.arrays
    event = np.empty(len(s.event) + len(counter), dtype=EVENT)
    event[: len(s.event)] = s.event
    machine.arrays = pointed(s._replace(counter=counter, opening=opening, estimates=flat, event=event))


def _estimates(machine: Machine, calls: list[int]) -> Iterator[list[int]]:
    """Yield the estimate of each step of each call, in fs, -1 for more than the clock counts."""
    formula, cut = _formula(machine.network.nic.lockstep_estimate), machine.cut
    s = machine.arrays
    for call in calls:
        operation = machine.program.operations[call]
        assert isinstance(operation, Call)
        loads = [StepLoad(0, 0, cut.by_message)] * operation.schedule.steps
        if not machine.rules.oracle:
            begin, end = machine.program.first_message[call : call + 2].tolist()
            flows = s.flow[(s.flow["message"] >= begin) & (s.flow["message"] < end)]
            m = s.message[flows["message"]]
            rows = np.unique(np.stack([m["step"], machine.topology.bandwidth[flows["link"]], m["size"]], axis=1), axis=0)
            links = {rate: Link(0, 0, 0, rate, 0) for rate in set(rows[:, 1].tolist())}
            for step, rate, size in rows.tolist():
                old, time = loads[step], cut.serialisation(links[rate], size)
                loads[step] = StepLoad(max(old.serialisation, time), max(old.packets, cut.packets(size)), old.by_message)
        times = [0 if machine.rules.oracle else formula(load) for load in loads]
        yield [time if time <= MAX_TIME else -1 for time in times]


def raise_fault(machine: Machine) -> None:
    """Raise the error that a kernel has met, if any."""
    root, topology = machine.arrays.root[0], machine.topology
    if root["fault"] == codes.OVERFLOW:
        check_time(MAX_TIME + 1)
    if root["fault"] == codes.NO_ROUTE:
        node, target = divmod(int(root["where"]), topology.hosts)
        names = topology.names
        raise RoutingError(
            f"{machine.ways.routing.name} finds no way from {names[node]} to {names[target]} on '{topology.name}'."
        )
