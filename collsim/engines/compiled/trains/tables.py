"""From a program to the arrays of a run of trains (layout.py): whatever is equal for many messages is kept once.

Nothing is refused here with words: where a run does not fit trains, or is wrong, the answer is None, and the packet engine,
which is asked next, says what is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.schedule import REDUCE
from collsim.engines.compiled.trains import layout
from collsim.engines.compiled.trains.buckets import CACHE
from collsim.engines.compiled.trains.intern import intern
from collsim.engines.compiled.trains.lay import lay_messages, lay_rows
from collsim.engines.compiled.trains.layout import empty
from collsim.engines.compiled.trains.operations import Plans, operations_of
from collsim.engines.compiled.trains.shapes import move
from collsim.engines.compiled.trains.ways import LONGEST, kinds_of, paths_of_rows, ways_differ
from collsim.network.config import NetworkConfig
from collsim.program import Arrivals, Call, Compute, Program, Send
from collsim.topology.graph import Topology
from collsim.units import serialisation_fs

__all__ = ["Work", "work_of"]

IntArray = NDArray[np.int64]
Records = NDArray[Any]

ORDERS = {
    "fifo": layout.BY_PLACE,
    "round-robin": layout.BY_PLACE,
    "lowest-step": layout.BY_STEP,
    "shortest-first": layout.BY_SIZE,
}
MOST = 2**31 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """All tables of a run."""

    rules: layout.Rules
    kinds: layout.Kinds
    trains: layout.Trains


def work_of(topology: Topology, program: Program, network: NetworkConfig, seed: int) -> Work | None:
    """Return the tables of a run, None where it cannot run as trains; may raise what the packet engine would."""
    if not _suits(network) or topology.loss.any() or not _numbers_fit(topology, program):
        return None
    plans = Plans(program, topology.hosts, ways_differ(topology, network))
    rows, entries, sets, places = _rows(topology, program, plans)
    found = paths_of_rows(topology, program, network, seed, plans, rows)
    if found is None:
        return None
    paths, hops, transit, kind_of, lanes = found
    operations, tasks, gates = operations_of(topology, program, sets, places, plans)
    links = empty(layout.LINK, topology.links, busy=0, bytes=0, until=0, queue=0, queued=0, last=-1, wake=0, marked=0)
    links["transit"], links["latency"] = transit, topology.latency
    width = int(paths["kind"].max(initial=-1)) + 2
    found_messages = _messages(program, network, operations, (rows, paths, hops, links), width)
    if found_messages is None:
        return None
    messages, shown, slots = found_messages
    links["queue"] = np.cumsum(links["queue"]) - links["queue"]
    shapes = _shapes(shown, width, network)
    sent = shapes["size"][shapes["kind"] >= 0]
    payload = network.packet.packet_payload
    rules = _rules(topology, network, min(int(sent.max(initial=0)), payload), lanes)
    kinds = kinds_of(topology, network, paths, hops, kind_of, payload + rules.header)
    if kinds is None or (shapes["after"] >= layout.LIMIT).any() or (len(sent) and kinds.capacity.min() < rules.largest):
        return None
    legs = _legs(shapes, kinds)
    if not move(shapes, legs, kinds, rules):
        return None
    rules = rules._replace(tight=int(shapes["tight"].any()))
    order = np.argsort(topology.source, kind="stable").astype(np.int32)
    events = len(messages) + topology.links + len(tasks.records)
    delays = [o.start for o in program.operations if isinstance(o, Arrivals)]
    trains = layout.Trains(
        root=np.zeros(1, dtype=layout.ROOT),
        message=messages,
        row=rows,
        entry=entries,
        set=sets,
        place=places,
        operation=operations,
        task=tasks.records,
        follow=tasks.first,
        followers=tasks.followers,
        path=paths,
        hop=hops,
        shape=shapes,
        leg=legs,
        link=links,
        port_first=np.searchsorted(topology.source[order], np.arange(topology.nodes + 1)).astype(np.int32),
        port=order,
        dirty=np.empty(topology.links, dtype=np.int32),
        gate=gates,
        delay=np.concatenate([np.zeros(0, dtype=np.int64), *delays]),
        event=np.empty(events, dtype=np.int32),
        queue=np.empty(len(messages), dtype=layout.QUEUED),
        heap=np.empty(events + 1, dtype=layout.TICK),
        bucket=np.empty(events + 1, dtype=layout.BUCKET),
        cache=empty(layout.TICK, CACHE, time=-1),
        list=empty(layout.LIST, topology.links + 2 * lanes if slots else 0, head=-1, tail=-1),
        interval=np.empty(slots, dtype=layout.INTERVAL),
    )
    return Work(rules, kinds, layout.pointed(trains, rules))


def _suits(network: NetworkConfig) -> bool:
    """Tell whether a configuration may run as trains at all: no shared servers, a scheduler that stays with a message."""
    nic = network.nic
    serial = nic.overhead_mode == "serial" and nic.message_overhead > 0
    servers = nic.reduction_units > 0 and nic.reduction_rate is not None
    delays = network.router.router_delay, nic.message_overhead, nic.injection_latency
    return (
        nic.nic_scheduler in ORDERS and not network.transport.loss and not serial and not servers and max(delays) < LONGEST
    )


def _numbers_fit(topology: Topology, program: Program) -> bool:
    """Tell whether hosts exist and all numbers fit the arrays."""
    hosts, sizes = [0], [0]
    for operation in program.operations:
        if isinstance(operation, Compute):
            hosts.append(operation.host)
            sizes.append(operation.duration)
        elif isinstance(operation, Send):
            hosts += (operation.source, operation.target)
            sizes.append(operation.size)
        elif isinstance(operation, Arrivals):
            if len(operation.source):
                hosts += (int(f(column)) for f in (np.min, np.max) for column in (operation.source, operation.target))
                sizes += (int(operation.start.max()), int(operation.size.max()) * len(operation.size))
        else:
            sizes.append(operation.size * (int(operation.schedule.cumulative[-1]) // operation.schedule.unit + 1))
    for plan in {id(o.schedule): o.schedule for o in program.operations if isinstance(o, Call)}.values():
        hosts += (int(plan.ranks_to_hosts.min()), int(plan.ranks_to_hosts.max()))
    events = program.messages + topology.links + len(program.operations) * topology.hosts
    known = min(hosts) >= 0 and max(hosts) < topology.hosts
    return known and max(sizes) < layout.LIMIT and events < MOST


def _rules(topology: Topology, network: NetworkConfig, largest: int, lanes: int) -> layout.Rules:
    nic, header = network.nic, network.packet.header
    by_message = network.transport.flow_control == "message"
    return layout.Rules(
        hosts=topology.hosts,
        links=topology.links,
        lanes=lanes,
        lead=nic.message_overhead + nic.injection_latency,
        ports=min(nic.ports, topology.links),
        order=ORDERS[nic.nic_scheduler],
        alone=int(nic.nic_scheduler == "round-robin" and not by_message),
        payload=network.packet.packet_payload,
        header=header,
        later=0 if by_message else header,
        cut_through=int(network.router.switching == "cut-through"),
        router_delay=network.router.router_delay,
        largest=largest + header,
        finite=int(network.transport.flow_control != "none"),
        tight=0,
    )


def _rows(topology: Topology, program: Program, plans: Plans) -> tuple[Records, Records, Records, Records]:
    """Return (rows, entries of sets, sets, places of schedules on hosts)."""
    sends = [(o.source, o.target, o.step) for o in program.operations if isinstance(o, Send)]
    at = int(plans.row[-1])
    rows = empty(layout.ROW, at + len(sends))
    entries = empty(layout.ENTRY, int(plans.entry[-1]))
    sets = empty(layout.SET, int(plans.set[-1]), head=-1)
    places = empty(layout.PLACE, len(plans.plans) * topology.hosts, head=-1, touches=0)
    for number, s in enumerate(plans.plans):
        first = int(plans.set[number]), int(plans.entry[number])
        plan = (s.src, s.dst, s.hosts, s.step, s.dep_set, s.set_offsets, s.set_members, *first)
        lay_rows((rows, entries, sets, places), plan, int(plans.row[number]), number, topology.hosts)
    rows["source"][at:], rows["target"][at:], rows["step"][at:] = np.array(sends, dtype=np.int64).reshape(-1, 3).T
    return rows, entries, sets, places


def _messages(
    program: Program, network: NetworkConfig, operations: Records, tables: tuple[Records, ...], width: int
) -> tuple[Records, IntArray, int] | None:
    """Return (messages at rest, what each shape is, intervals needed at most); None where the numbers grow too large."""
    messages, slots = np.empty(program.messages, dtype=layout.MESSAGE), 0
    keys = np.empty(len(messages), dtype=np.int64)
    none, one = np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.int64)
    bounds: dict[tuple[int, int], IntArray] = {}
    slow = network.nic.reduction_rate is not None
    for k, operation in enumerate(program.operations):
        if isinstance(operation, Compute):
            continue
        if isinstance(operation, Arrivals):
            each = np.arange(len(operation.size))
            columns = each, np.ones_like(each), np.concatenate([[0], np.cumsum(operation.size)]), each < 0
        elif isinstance(operation, Call):
            s, known = operation.schedule, (id(operation.schedule), operation.size)
            if known not in bounds:
                bounds[known] = _boundaries(s.cumulative, *s.scale(operation.size))
            columns = s.chunk, s.count, bounds[known], s.op == REDUCE
        else:
            columns = none, one, np.array([0, operation.size], dtype=np.int64), none > 0
        if int(columns[2][-1]) * 2 * width >= layout.LIMIT:
            return None
        call = (k, int(operations["message"][k]), int(operations["row"][k]), *columns, width, slow)
        slots += lay_messages((messages, *tables), call, keys)
    shape = np.empty(len(messages), dtype=np.int32)
    shown = keys[intern(keys, shape)]
    messages["shape"] = shape
    return messages, shown, slots


def _boundaries(cumulative: IntArray, size: int, unit: int) -> IntArray:
    """Return the byte offsets of the chunks, in arrays where the products fit."""
    if size * int(cumulative[-1]) < 2**63:
        return np.asarray(size * cumulative // unit)
    return np.array([size * weight // unit for weight in cumulative.tolist()], dtype=np.int64)


def _shapes(shown: IntArray, width: int, network: NetworkConfig) -> Records:
    """Return the shapes, without their moves, from what `lay_messages` says they are."""
    nic = network.nic
    shapes = empty(layout.SHAPE, len(shown), packets=0, wire=0, hold=0, arrive=0, first=0, tight=0)
    what, reduces = np.divmod(shown, 2)
    size, kind = np.divmod(what, width)
    after = np.where(size > 0, min(nic.ejection_latency, layout.LIMIT), 0)
    if nic.reduction_rate is not None:
        quantum = nic.reduction_quantum
        for k in np.flatnonzero((reduces > 0) & (size > 0)).tolist():
            time = serialisation_fs(-(-int(size[k]) // quantum) * quantum, nic.reduction_rate)
            after[k] += min(time, layout.LIMIT)
    shapes["size"], shapes["kind"], shapes["after"] = size, np.where(size > 0, kind - 1, -1), after
    return shapes


def _legs(shapes: Records, kinds: layout.Kinds) -> Records:
    """Give each shape its legs, one a hop."""
    hops = np.zeros(len(shapes), dtype=np.int64)
    crossing = shapes["kind"] >= 0
    hops[crossing] = np.diff(kinds.first)[shapes["kind"][crossing]]
    shapes["first"] = np.cumsum(hops) - hops
    return np.empty(int(hops.sum()), dtype=layout.LEG)
