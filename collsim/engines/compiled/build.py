"""From objects to arrays: everything kernels need of one run, checked and laid out once (rule 3 and the tables of layout).

The order of checks and their words are those of the reference engine, whose functions say what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collsim.engines.compiled import codes
from collsim.engines.compiled.accounts import accounts_of, cut_ticks
from collsim.engines.compiled.layout import (
    COUNTER,
    CREDIT,
    EVENT,
    FLOW,
    GRANT,
    NOTE,
    OPENING,
    PACKET,
    PARCEL,
    QUEUED,
    ROOT,
    SCORE,
    Arrays,
    Rules,
    pointed,
)
from collsim.engines.compiled.operations import operations
from collsim.engines.compiled.paths import Ways, ways_of
from collsim.engines.compiled.plans import Columns, check, columns_of
from collsim.engines.compiled.records import (
    first_of,
    hops_of,
    hosts_at_rest,
    jobs,
    messages_of,
    pool,
    reduction_of,
    routing_tables,
)
from collsim.engines.compiled.rules import rules_of
from collsim.engines.compiled.wires import changes_of, links_of, wire
from collsim.engines.reference.checks import check_buffers
from collsim.engines.reference.message import Cut, Message
from collsim.network.config import NetworkConfig
from collsim.network.dead_links import DeadLinks, dead_links
from collsim.network.link_changes import LinkChange, check_changes, settled
from collsim.program import Program
from collsim.topology.graph import Topology

__all__ = ["LOG_LIMIT", "Machine", "build"]

IntArray = NDArray[np.int64]
Records = NDArray[Any]

LOG_LIMIT = 20_000_000
"""Grants that the log of the critical path holds at a time, a gigabyte; keeping states and running again costs more."""
POOL = 4096
"""Packets, credits and grants that a run has space for at its beginning, besides one a link."""


@dataclass(slots=True, eq=False)
class Machine:
    """One run: its inputs, what they became, and the arrays, whose pools are replaced by larger ones as needed.

    `changes` are as given, `dead` the links that drop everything to the end of the run.
    """

    topology: Topology
    program: Program
    network: NetworkConfig
    seed: int
    cut: Cut
    columns: Columns
    ways: Ways
    rules: Rules
    arrays: Arrays
    dead: DeadLinks
    changes: tuple[LinkChange, ...] = ()


def build(
    topology: Topology,
    program: Program,
    network: NetworkConfig,
    seed: int,
    trains: bool = False,
    changes: Sequence[LinkChange] = (),
) -> Machine:
    """Return the machine at rest, its first events due; raises what the reference engine refuses before a run.

    Links that change have no trains, whose packets are granted ahead of their time.
    """
    cut = Cut(network.packet, network.transport.flow_control == "message")
    check(program, topology)
    columns = columns_of(program, cut)
    changes = check_changes(topology, changes)
    trains = trains and not changes
    ways = ways_of(topology, network, seed, columns)
    sample, capacity = links_of(topology, network)
    check_buffers(_one_message(columns), list(sample.values()), network, cut)
    steps = settled(topology, network, changes)
    accounts = accounts_of(topology, network, columns, ways, steps)
    dead = DeadLinks(ways.routing, seed, dead_links(steps))
    rules = rules_of(topology, network, ways, seed, cut, trains, accounts)._replace(cutting=int(bool(dead.since)))
    link, lane = wire(topology, ways, rules, sample, capacity)
    tables = operations(topology, program, network, columns)
    reduction = reduction_of(columns, network)
    message = messages_of(columns, ways, tables.plan, reduction, tables.waits)
    link["loss"], link["door"] = accounts.loss, accounts.door
    for name in ("noted", "parcels", "scores", "paths"):
        message[name] = getattr(accounts, name)
    notes = topology.links + POOL if rules.noting else 0
    units = min(network.nic.reduction_units, len(message))
    expected = int((columns.packets * ways.hops).sum())
    shared = bool(rules.serial or rules.servers)
    # What may be due at once. A message: its next change, and a delivery foreseen before its train was split. A link: the
    # end of its packet (FREE) and its departure from the NIC (SENT), and either once more, void since a split; the NIC stays
    # with a split message until after that time, so there is no third. A void FREE clears `woken`, so that the end of the
    # packet then on the link may be due twice, in its place. A lane: a packet's asking, and the first of its credits.
    # A task: start and end. Estimates of lockstep are added with its counters (flows.py).
    # A note is an event at most once.
    events = notes + 2 * len(message) + 4 * topology.links + 2 * len(lane) + 2 * len(tables.task) + len(changes) + 16
    arrays = Arrays(
        root=np.zeros(1, dtype=ROOT),
        event=np.empty(events, dtype=EVENT),
        link=link,
        lane=lane,
        packet=pool(PACKET, topology.links + POOL),
        credit=pool(CREDIT, topology.links + POOL),
        message=message,
        flow=np.zeros(0, dtype=FLOW),
        task=tables.task,
        host=hosts_at_rest(topology.hosts, units),
        job=jobs(2 * len(message) if shared else 0),
        counter=np.zeros(0, dtype=COUNTER),
        opening=np.zeros(0, dtype=OPENING),
        grant=np.empty(topology.links + min(max(POOL, expected), LOG_LIMIT), dtype=GRANT),
        queue=np.zeros(0, dtype=QUEUED),
        dirty=np.empty(topology.links, dtype=np.int64),
        joining=np.empty(len(message), dtype=np.int64),
        choosing=np.empty(len(lane), dtype=np.int64),
        arriving=np.empty(2 * len(message) if shared else 0, dtype=np.int64),
        woken=np.empty(2 * topology.hosts, dtype=np.int64),
        heard=np.empty(notes, dtype=np.int64),
        rejoining=np.empty(0, dtype=np.int64),
        note=pool(NOTE, notes),
        parcel=np.zeros(accounts.packets, dtype=PARCEL),
        score=np.zeros(accounts.ways, dtype=SCORE),
        gate=tables.gate,
        change=changes_of(steps, rules),
        cut=cut_ticks(dead, columns, ways, accounts, program.first_message) if dead.since else np.zeros(0, dtype=np.int64),
        dead=dead.of_links() if dead.since else np.zeros(0, dtype=np.int64),
        hop=hops_of(ways),
        flow_packets=np.zeros(0, dtype=np.int32),
        port_first=first_of(np.bincount(topology.source, minlength=topology.nodes)),
        port_links=np.argsort(topology.source, kind="stable").astype(np.int32),
        task_first=tables.task_first,
        task_full=tables.task_full,
        duration=tables.duration,
        released_first=tables.released_first,
        released=tables.released,
        follower_first=tables.follower_first,
        followers=tables.followers,
        gate_first=tables.gate_first,
        plan_gates=tables.plan_gates,
        plan_set_first=tables.plan_set_first,
        plan_sets=tables.plan_sets,
        plan_waiting_first=tables.plan_waiting_first,
        plan_waiting=tables.plan_waiting,
        message_first=program.first_message,
        capacity=capacity,
        estimates=np.zeros(0, dtype=np.int64),
        forwards=topology.forwards.astype(np.int8),
        class_first=ways.class_first.astype(np.int32),
        class_span=ways.class_span.astype(np.int32),
        **routing_tables(ways),
    )
    root, begun = arrays.root, np.flatnonzero(tables.task["waits"] == 0)
    arrays.event["time"][: len(begun)] = 0
    arrays.event["code"][: len(begun)] = (codes.START << 40) + begun
    due = slice(len(begun), len(begun) + len(changes))  # in order of time, behind the starts at 0: that is a heap
    arrays.event["time"][due] = [change.time for change in changes]
    arrays.event["code"][due] = (codes.CHANGED << 40) + np.arange(len(changes))
    root["events"] = due.stop
    root["free_packets"], root["free_credits"] = len(arrays.packet), len(arrays.credit)
    root["free_notes"] = notes
    for name, value in rules._asdict().items():
        root[name] = value
    return Machine(topology, program, network, seed, cut, columns, ways, rules, pointed(arrays), dead, changes)


def _one_message(columns: Columns) -> list[Message]:
    """Return the largest travelling message, in a list, for checks that look at nothing else."""
    sizes = np.where(columns.travels, columns.size, -1)
    if not len(sizes) or sizes.max() < 0:
        return []
    return [Message(0, 0, 0, 0, 0, 1, int(sizes.max()), False, 1)]
