"""From objects to arrays: everything kernels need of one run, checked and laid out once (rule 3 and the tables of layout).

The order of checks and their words are those of the reference engine, whose functions say what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collsim.engines.compiled import codes
from collsim.engines.compiled.accounts import Accounts, accounts_of, cut_ticks
from collsim.engines.compiled.layout import (
    CHANGE,
    COUNTER,
    CREDIT,
    EVENT,
    FLOW,
    GRANT,
    HOP,
    HOST,
    JOB,
    LANE,
    LINK,
    MESSAGE,
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
from collsim.engines.reference.checks import check_buffers
from collsim.engines.reference.link import Link, buffer_bytes, head_fs
from collsim.engines.reference.message import Cut, Message
from collsim.network.config import NetworkConfig
from collsim.network.dead_links import DeadLinks, dead_links
from collsim.network.link_changes import LinkChange, check_changes, settled
from collsim.network.loss import threshold
from collsim.program import Program
from collsim.topology.graph import Topology
from collsim.units import FS_PER_SECOND, MAX_TIME, serialisation_fs

__all__ = ["LOG_LIMIT", "Machine", "build"]

IntArray = NDArray[np.int64]
Records = NDArray[Any]

LOG_LIMIT = 20_000_000
"""Grants that the log of the critical path holds at a time, a gigabyte; keeping states and running again costs more."""
POOL = 4096
"""Packets, credits and grants that a run has space for at its beginning, besides one a link."""

ARBITRATIONS = {"round-robin": codes.ROUND_ROBIN, "oldest": codes.OLDEST, "lowest-step": codes.LOWEST_STEP}
ORDERS = {
    "fifo": codes.BY_PLACE,
    "round-robin": codes.BY_PLACE,
    "lowest-step": codes.BY_STEP,
    "lockstep": codes.BY_STEP,
    "shortest-first": codes.BY_SIZE,
}
RATE_COLUMNS = ("full_ser", "full_head", "whole", "part", "divisor", "safe", "most")
"""The columns of LINK that follow from a link's rate."""
MULTIPATHS = {
    "single": codes.SINGLE,
    "ecmp": codes.ECMP,
    "spray": codes.SPRAY,
    "least-queued": codes.LEAST_QUEUED,
    "feedback": codes.FEEDBACK,
    "valiant": codes.VALIANT,
    "ugal": codes.UGAL,
}


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
    sample, capacity = _links(topology, network)
    check_buffers(_one_message(columns), list(sample.values()), network, cut)
    steps = settled(topology, network, changes)
    accounts = accounts_of(topology, network, columns, ways, steps)
    dead = DeadLinks(ways.routing, seed, dead_links(steps))
    rules = _rules(topology, network, ways, seed, cut, trains, accounts)._replace(cutting=int(bool(dead.since)))
    link, lane = _wire(topology, network, ways, rules, sample)
    tables = operations(topology, program, network, columns)
    reduction = _reduction(columns, network)
    message = _messages(columns, ways, tables.plan, reduction, tables.waits)
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
        packet=_pool(PACKET, topology.links + POOL),
        credit=_pool(CREDIT, topology.links + POOL),
        message=message,
        flow=np.zeros(0, dtype=FLOW),
        task=tables.task,
        host=_hosts(topology.hosts, units),
        job=_jobs(2 * len(message) if shared else 0),
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
        note=_pool(NOTE, notes),
        parcel=np.zeros(accounts.packets, dtype=PARCEL),
        score=np.zeros(accounts.ways, dtype=SCORE),
        gate=tables.gate,
        change=_changes(steps, rules),
        cut=cut_ticks(dead, columns, ways, accounts, program.first_message) if dead.since else np.zeros(0, dtype=np.int64),
        dead=dead.of_links() if dead.since else np.zeros(0, dtype=np.int64),
        hop=_hop(ways),
        flow_packets=np.zeros(0, dtype=np.int32),
        port_first=_first(np.bincount(topology.source, minlength=topology.nodes)),
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
        **_routing(ways),
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


def _rules(  # noqa: PLR0917
    topology: Topology, network: NetworkConfig, ways: Ways, seed: int, cut: Cut, trains: bool, accounts: Accounts
) -> Rules:
    nic, routing = network.nic, ways.routing
    table, turns = routing.table, routing.turns
    lockstep = nic.nic_scheduler == "lockstep"
    # Where no host has more links than its NIC may use at once the limit means nothing.
    ports = nic.ports if nic.ports < np.bincount(topology.source)[: topology.hosts].max(initial=0) else 0
    stays = nic.nic_scheduler != "round-robin" or cut.by_message
    return Rules(
        channels=ways.channels,
        full=cut.payload + (0 if cut.by_message else cut.header),
        payload=cut.payload,
        header=cut.header,
        cut_through=int(network.router.switching == "cut-through"),
        router_delay=network.router.router_delay,
        by_message=int(cut.by_message),
        arbitration=ARBITRATIONS[network.router.arbitration],
        scheduler=ORDERS[nic.nic_scheduler],
        stays=int(stays),
        ports=ports,
        watch_sent=int(ports > 0 or lockstep),
        overhead=nic.message_overhead,
        injection=nic.injection_latency,
        ejection=nic.ejection_latency,
        serial=int(nic.overhead_mode == "serial" and nic.message_overhead > 0),
        servers=int(nic.reduction_units > 0 and nic.reduction_rate is not None),
        lockstep=int(lockstep),
        oracle=int(lockstep and nic.lockstep_estimate == "oracle"),
        logging=1,
        trains=int(trains and stays and not ports and not accounts.lossy),
        noting=int(accounts.noted.any()),
        cutting=0,
        go_back=int(network.transport.recovery == "go-back-n"),
        in_order=int(network.transport.delivery == "in-order"),
        timeout=-1 if network.transport.retransmit_timeout == "auto" else network.transport.retransmit_timeout,
        most_room=int(network.router.vc_allocation == "most-room"),
        multipath=MULTIPATHS[routing.multipath],
        seed=_signed(seed),
        nodes=topology.nodes,
        hosts=topology.hosts,
        phases=table.phases,
        bias=table.bias,
        classes=table.classes,
        below=table.classes,
        restarts=int(turns is not None and turns.restarts),
        stops=turns.table.hosts if turns is not None else 0,
        has_turns=int(turns is not None),
    )


def _signed(word: int) -> int:
    word &= 2**64 - 1
    return word - 2**64 if word >= 2**63 else word


def _links(topology: Topology, network: NetworkConfig) -> tuple[dict[tuple[int, int], Link], IntArray]:
    """Return a link of each kind {(bandwidth, latency): link}, and the bytes of a channel of each link."""
    pairs = list(zip(topology.bandwidth.tolist(), topology.latency.tolist(), strict=True))
    sample = {pair: Link(0, 0, 0, *pair) for pair in dict.fromkeys(pairs)}
    bytes_of = {pair: min(buffer_bytes(link, network), MAX_TIME) for pair, link in sample.items()}
    return sample, np.array([bytes_of[pair] for pair in pairs], dtype=np.int64)


def _wire(
    topology: Topology, network: NetworkConfig, ways: Ways, rules: Rules, sample: dict[tuple[int, int], Link]
) -> tuple[Records, Records]:
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
    capacity = {pair: min(buffer_bytes(one, network), MAX_TIME) for pair, one in sample.items()}
    lane["room"] = np.repeat([capacity[pair] for pair in kinds], ways.channels)
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


def _changes(changes: Sequence[LinkChange], rules: Rules) -> Records:
    """Return the table of changes, as `settled` has them; no packet of any size can hold a link that has failed."""
    found = np.zeros(len(changes), dtype=CHANGE)
    for row, change in zip(found, changes, strict=True):
        assert change.loss is not None
        row["link"], row["fails"], row["loss"] = change.link, change.rate == 0, threshold(change.loss)
        times = _times(Link(0, 0, 0, change.rate, 0), rules) if change.rate else (-1, 0, 0, 0, 1, -1, -1)
        for name, time in zip(RATE_COLUMNS, times, strict=True):
            row[name] = time
    return found


def _one_message(columns: Columns) -> list[Message]:
    """Return the largest travelling message, in a list, for checks that look at nothing else."""
    sizes = np.where(columns.travels, columns.size, -1)
    if not len(sizes) or sizes.max() < 0:
        return []
    return [Message(0, 0, 0, 0, 0, 1, int(sizes.max()), False, 1)]


def _reduction(columns: Columns, network: NetworkConfig) -> IntArray:
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


def _messages(columns: Columns, ways: Ways, plan: IntArray, reduction: IntArray, waits: IntArray) -> Records:
    message = np.zeros(len(columns.size), dtype=MESSAGE)
    for name in ("step", "source", "target", "call", "size", "packets", "reduces", "delay"):
        message[name] = getattr(columns, name)
    for name in ("ready", "tail", "tail_record", "finish", "released", "started"):
        message[name] = -1
    message["unarrived"] = message["unsent"] = columns.packets
    message["hop"], message["hops"], message["plan"] = ways.hop, ways.hops, plan
    message["reduction"], message["waits"] = reduction, waits
    return message


def _hosts(hosts: int, units: int) -> Records:
    found = np.zeros(2 * hosts, dtype=HOST)
    for name in ("freed_at", "freed_record", "head", "tail", "ended_at", "ended_message"):
        found[name] = -1
    found["free"][:hosts], found["free"][hosts:] = 1, units
    return found


def _hop(ways: Ways) -> Records:
    found = np.zeros(len(ways.lane), dtype=HOP)
    found["lane"], found["span"] = ways.lane, ways.span
    return found


def _jobs(count: int) -> Records:
    found = np.zeros(count, dtype=JOB)
    found["start"] = found["after"] = found["arrival"] = found["next"] = -1
    return found


def _pool(kind: np.dtype[Any], count: int) -> Records:
    """Return `count` records in a list of free ones, the first being 0."""
    found = np.zeros(count, dtype=kind)
    found["next"] = np.arange(1, count + 1)
    found["next"][-1:] = -1
    return found


def _routing(ways: Ways) -> dict[str, NDArray[Any]]:
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


def _first(counts: IntArray) -> IntArray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
