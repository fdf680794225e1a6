"""What kernels see: one structured array for each kind of thing, the settings as plain numbers, the state of one run.

Objects end at this border. A record keeps what is used together in one or two cache lines; passing a few arrays of records
instead of a hundred columns keeps the kernels' arguments, and with them compile time, small. Indices are -1 for "none".
Rule numbers are those of docs/network-model.md.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ROOT",
    "NUMBER",
    "GATE",
    "QUEUED",
    "HOP",
    "CHANGE",
    "EVENT",
    "COUNTER",
    "CREDIT",
    "FLOW",
    "GRANT",
    "HOST",
    "JOB",
    "LANE",
    "LINK",
    "MESSAGE",
    "NOTE",
    "OPENING",
    "PACKET",
    "PARCEL",
    "SCORE",
    "TASK",
    "UNBOUNDED",
    "Arrays",
    "Rules",
    "pointed",
]

Records = NDArray[Any]
IntArray = NDArray[np.int64]

UNBOUNDED = 2**62
"""Bytes of a buffer under flow_control = none."""


def _record(**columns: str) -> np.dtype[Any]:
    return np.dtype(list(columns.items()), align=True)


LINK = _record(
    free_at="i8",  # when the latest packet's tail has left
    record="i8",  # its grant
    full_ser="i8",  # fs that a packet of `Rules.full` bytes holds the link
    full_head="i8",  # fs until its head has left
    latency="i8",
    pointer="i4",  # rule 16
    inputs="i4",
    askers="i4",  # list of lanes whose first packet asks for this link
    host="i4",  # the host whose NIC feeds it, -1 at switches
    current="i4",  # the flow its NIC stays with
    queued="i4",  # flows in the NIC's heap besides
    queue="i8",  # where that heap begins
    sent="i4",  # flow whose packet is on the link, where departures are watched
    dirty="i1",  # it is in the list of this tick; 2 while it has failed (rule 27), so that it never joins that list
    woken="i1",  # an event for the end of the packet is on its way
    busy="i8",
    bytes="i8",
    whole="i8",  # ser(n) = n whole + ceil(n part / divisor) (rule 1)
    part="i8",
    divisor="i8",
    safe="i8",  # the largest n for which n part fits 63 bits
    most="i8",  # the largest n that holds the link for no longer than the clock counts
    target="i4",
    train="i4",  # the flow of the latest train (lone_trains.py), -1 where the latest grant was of one packet or it was split
    train_lane="i4",
    train_packets="i8",
    train_at="i8",  # when it was granted
    void_sent="i8",  # when a departure is told that a split has made void, -1 if none
    last_at="i8",  # when its NIC's latest packet was granted, or the last of a train will be, where departures are watched
    loss="u8",  # it loses the packets whose draw is below this, all of them if it is ALL (network/loss.py)
    door="i4",  # which it is of the links of its source
    again="i1",  # whether the latest packet from its NIC had been sent before, where departures are watched
    restored_at="i8",  # when it latest came back from a failure, -1 for never
)
CHANGE = _record(  # what becomes of a link at a time (rule 27): its loss, and the columns of LINK that its rate decides
    full_ser="i8",
    full_head="i8",
    whole="i8",
    part="i8",
    divisor="i8",
    safe="i8",
    most="i8",
    loss="u8",
    link="i4",
    fails="i1",
)
LANE = _record(  # one channel of one link: the sender's account of its buffer and the FIFO at its far end
    room="i8",
    head="i4",  # first and last packet of the FIFO that are not yet granted further
    tail="i4",
    left_at="i8",  # when the packet granted last from this FIFO has left it, and by which grant
    left_record="i8",
    credit_head="i4",  # bytes under way back to the sender, in order of time
    credit_tail="i4",
    credited_at="i8",
    credited_record="i8",
    ask_next="i4",  # next in the list of askers of a link
    rank="i4",  # among the inputs of its node
    link="i4",
    holder="i4",  # message that has reserved it (rule 21)
    starved="i1",  # somebody waits for room that nobody has promised yet
    wake_at="i8",  # when a wake-up for room is due
)
PACKET = _record(
    asks_from="i8",  # rule 9's e
    record="i8",
    tail="i8",  # when its tail comes to the node it is on its way to
    message="i4",
    index="i8",
    size="i8",
    next="i4",
    at="i4",  # hop to be granted next
    lane="i4",  # the first of `span` lanes it may take there, -1 while adaptive routing has not chosen
    span="i4",
    final="i1",
    leg="i1",
    stop="i4",  # routing state of a packet on its own way
    counter="i4",
    previous="i4",
    note="i4",  # -1 where the ends keep no account of its message
    pick="u8",
)
CREDIT = _record(time="i8", bytes="i8", record="i8", next="i4")
MESSAGE = _record(
    ready="i8",
    tail="i8",
    tail_record="i8",
    finish="i8",
    released="i8",
    size="i8",
    unarrived="i8",
    unsent="i8",
    packets="i8",
    hop="i8",  # where its path begins; -1 where packets go their own ways
    hops="i4",
    step="i4",
    source="i4",
    target="i4",
    call="i4",
    plan="i4",  # transfer in the tables of shared schedules, -1 for a send
    flow="i4",
    flows="i4",
    waits="i4",
    reduces="i1",
    reduction="i8",
    delay="i8",  # from the start of its operation to its release
    started="i8",  # its first grant
    noted="i1",  # whether the ends keep account of its packets (ends.py)
    parcels="i8",  # where its packets begin among the parcels
    in_order="i8",  # packets delivered in order
    scores="i8",  # where the scores of its paths begin, -1 where its packets are not sent by them, and paths behind a link
    paths="i4",
    split="i1",  # a train of it was split: 1 until the delivery that was foreseen has come up, then 2
)
FLOW = _record(  # packets of one message at one port
    key="i8",
    second="i8",
    opened="i8",
    packets="i8",  # where its packet indices begin, -1 for all of the message
    message="i4",
    link="i4",
    total="i8",
    left="i8",
    parked="i4",
    again="i4",  # list of notes of packets to be sent again
    expected="i8",  # the place that a receiver under go-back-n takes next
    noticed_at="i8",  # when the sender latest learnt of a loss, and the grant of what was lost
    noticed_record="i8",
)
TASK = _record(start="i8", finish="i8", waits="i4", unfinished="i4", operation="i4", host="i4", part="i1")
HOST = _record(
    freed_at="i8",
    freed_record="i8",
    sending="i4",
    free="i4",
    head="i4",
    tail="i4",
    woken="i1",
    ended_at="i8",
    ended_message="i4",
    held="i8",  # bytes that wait for earlier ones of their message, and the most there were
    peak="i8",
)
JOB = _record(arrival="i8", start="i8", duration="i8", after="i4", next="i4")
COUNTER = _record(
    opened="i8", first="i8", estimates="i8", steps="i4", open="i4", exists="i1", elapsed="i1", call="i4", host="i4"
)
OPENING = _record(
    time="i8",
    index="i8",
    latest="i8",  # when the latest send was injected (oracle: completed), and by what; a grant: when, on which link
    by="i8",
    by_at="i8",
    by_link="i4",
    left="i4",
    parked="i4",
    reason="i1",
    why="i1",
)
EVENT = _record(time="i8", code="i8")
HOP = _record(lane="i4", span="i4")  # the first of `span` lanes that a packet may take
NOTE = _record(  # of a packet under way, of what its sender is to learn, or of what it is to send again
    flow="i4",
    kind="i1",
    next="i4",
    index="i8",
    place="i8",  # in its flow
    attempt="i4",
    path="i4",  # its score, -1 for none
    sent="i8",
    way="i8",  # latencies of its links so far
    waited="i8",
    record="i8",
)
# A packet of a message: how often it was sent, and how many of these attempts have ended, where links drop everything;
# arrived before its turn.
PARCEL = _record(attempts="i4", ended="i4", held="i1")
SCORE = _record(waited="i8", out="i8")
QUEUED = _record(flow="i4")
GATE = _record(left="i4")  # members of a dependency set that are not complete
NUMBER = _record(value="i8")
# As reference/grants.py has it; a train is one grant, and `last` is when the last of its packets would be granted. `size`:
# bytes of a packet that goes alone, of 2^32 bytes or more their rest.
GRANT = _record(time="i8", link="i4", message="i4", previous="i8", cause="i4", size="u4", by="i8", last="i8")


class Rules(NamedTuple):
    """The settings of a run as numbers; booleans are 0 or 1."""

    channels: int
    full: int
    payload: int
    header: int
    cut_through: int
    router_delay: int
    by_message: int
    arbitration: int
    scheduler: int
    stays: int
    ports: int
    watch_sent: int
    overhead: int
    injection: int
    ejection: int
    serial: int
    servers: int
    lockstep: int
    oracle: int
    logging: int
    trains: int
    noting: int
    cutting: int
    go_back: int
    in_order: int
    timeout: int
    most_room: int
    # Routing of packets that go their own ways.
    multipath: int
    seed: int
    nodes: int
    hosts: int
    phases: int
    bias: int
    classes: int
    below: int
    restarts: int
    stops: int
    has_turns: int


class Arrays(NamedTuple):
    """The state of a run and the tables it reads; kernels reach each through its address in `root`, one ROOT record."""

    root: Records
    event: Records
    link: Records
    lane: Records
    packet: Records
    credit: Records
    message: Records
    flow: Records
    task: Records
    host: Records
    job: Records
    counter: Records
    opening: Records
    grant: Records
    queue: Records
    gate: Records
    note: Records
    parcel: Records
    score: Records
    # Lists of a tick.
    dirty: IntArray
    joining: IntArray
    choosing: IntArray
    arriving: IntArray
    woken: IntArray
    heard: IntArray
    rejoining: IntArray
    # Tables that are only read.
    change: Records
    cut: IntArray
    dead: IntArray
    hop: Records
    flow_packets: NDArray[np.int32]
    port_first: IntArray
    port_links: NDArray[np.int32]
    task_first: IntArray
    task_full: NDArray[np.int8]
    duration: IntArray
    released_first: IntArray
    released: NDArray[np.int32]
    follower_first: IntArray
    followers: NDArray[np.int32]
    gate_first: IntArray
    plan_gates: IntArray
    plan_set_first: IntArray
    plan_sets: NDArray[np.int32]
    plan_waiting_first: IntArray
    plan_waiting: NDArray[np.int32]
    message_first: IntArray
    capacity: IntArray
    estimates: IntArray
    forwards: NDArray[np.int8]
    class_first: NDArray[np.int32]
    class_span: NDArray[np.int32]
    row_first: IntArray
    row_links: NDArray[np.int32]
    turn_first: IntArray
    turn_links: NDArray[np.int32]
    turn_home: NDArray[np.int32]
    stage: NDArray[np.int32]
    bump: NDArray[np.int32]


CHANGING = (
    "now",  # the tick
    "events",  # in the heap
    "until",  # pause when this many events more have happened
    "stop_at",  # or when as many grants have been made
    "grants",  # made so far, a train being one
    "hops",  # packet-hops made so far, and how many of them in trains
    "trained",
    "logged",  # of them in the log, the first being grant `log_from`
    "log_from",
    "free_packet",  # first of the list of free records, and how many there are
    "free_packets",
    "free_credit",
    "free_credits",
    "free_note",
    "free_notes",
    "dirties",  # lengths of the lists of this tick
    "joins",
    "choices",
    "arrivals",
    "wakes",
    "heards",
    "rejoins",
    "done",  # messages complete
    "lost",  # packets, by links; sent again; thrown away by receivers
    "repeated",
    "discarded",
    "places",  # given in NIC queues
    "fault",  # a status (codes), and where it arose
    "where",
)
SIZES = ("links", "messages", "log_size")
ROOT = np.dtype(
    [(name, np.int64) for name in (*CHANGING, *SIZES, *Rules._fields)]
    + [(f"at_{name}", np.int64) for name in Arrays._fields if name != "root"]
)
"""What kernels are handed: the numbers that change, the sizes, the rules, and where everything else lies."""


def pointed(arrays: Arrays) -> Arrays:
    """Write the addresses and sizes of `arrays` into their root, and return them; whoever replaces an array calls this."""
    for name in Arrays._fields[1:]:
        arrays.root[f"at_{name}"] = getattr(arrays, name).ctypes.data
    arrays.root["links"], arrays.root["messages"] = len(arrays.link), len(arrays.message)
    arrays.root["log_size"] = len(arrays.grant)
    return arrays
