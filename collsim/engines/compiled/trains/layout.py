"""What a run of trains consists of: arrays of records, filled by `tables`, read and written by the kernels.

A row is a transfer of a schedule, kept once however often the schedule is called, or a point-to-point message. A path is a
way over links that rows share. A shape is all that decides how a train moves, (bytes, kinds of links, whether it reduces),
so that everything about packets is worked out once a shape and never once a message. Times in fs, -1 while unknown; a list
is linked by indices and ends with -1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Kinds", "Rules", "Trains", "empty", "pointed"]

COMPUTE, CALL, SEND, ARRIVALS = range(4)
BY_PLACE, BY_STEP, BY_SIZE = range(3)
ENDED, CONFLICT, OVERFLOW, PAUSED = range(4)
LIMIT = 2**61
"""Times and durations stay below this, so that no sum of three overflows; beyond it packets have to say what is wrong."""


class Rules(NamedTuple):
    """Numbers of a run."""

    hosts: int
    links: int
    lanes: int  # of all links
    lead: int  # overhead and injection latency, fs
    ports: int  # rule 14's limit, 0 for none
    order: int  # BY_*
    alone: int  # whether a message must not meet another one in the NIC
    payload: int
    header: int
    later: int  # header bytes of a packet that is not the first
    cut_through: int
    router_delay: int
    largest: int  # bytes of the largest packet of the run
    finite: int  # whether buffers are
    tight: int  # whether some message needs a buffer to itself


class Kinds(NamedTuple):
    """Kinds of links: ser(n) = n `whole` + ceil(n `part` / `divisor`), `latency`, `capacity` of a channel in bytes, `rate`
    in bytes a fs, rounded up; and kinds of paths: the kinds of links `link[first[k]:first[k + 1]]`.
    """

    whole: NDArray[np.int64]
    part: NDArray[np.int64]
    divisor: NDArray[np.int64]
    latency: NDArray[np.int64]
    capacity: NDArray[np.int64]
    rate: NDArray[np.float64]
    first: NDArray[np.int64]
    link: NDArray[np.int32]


def _record(**columns: str) -> np.dtype[Any]:
    return np.dtype(list(columns.items()), align=True)


MESSAGE = _record(
    ready="i8",
    started="i8",  # when its train began
    finish="i8",
    operation="i4",
    shape="i4",
    before="i4",  # the message for whose end on its port it waited, -1 if it did not wait
)
ROW = _record(
    source="i4",
    target="i4",
    step="i4",
    set="i4",  # of dependencies
    path="i4",  # -1: crosses no link
    host_next="i4",  # list of the rows that start at a host
    set_next="i4",  # list of the rows that wait for a set
    entry="i4",  # first of the places in sets that it takes
)
ENTRY = _record(set="i4", next="i4")  # a place in a set, and the next place of its row
SET = _record(head="i4", left="i4")  # first row that waits for it, number of members
PLACE = _record(head="i4", touches="i4")  # a plan on a host: first row that starts there, rows with either end there
OPERATION = _record(
    kind="i1",
    full="i1",  # whether it has a task on every host, else on its own
    plan="i4",
    row="i8",  # of its first message
    gate="i8",  # of the plan's first set; of arrivals: the row of the first delay
    set="i8",  # the plan's first
    duration="i8",
    task="i8",  # first of its tasks and messages: up to those of the next operation
    message="i8",
)
TASK = _record(start="i8", finish="i8", operation="i4", host="i4", waits="i4", unfinished="i4")
PATH = _record(first="i8", hops="i4", kind="i4")  # first of its hops, kind of its links in their order
HOP = _record(link="i4", lane="i4", span="i4")  # first lane (link * channels + channel) and how many it may take there
SHAPE = _record(
    size="i8",  # payload bytes of a message
    kind="i4",  # of path, -1: crosses no link
    first="i8",  # of its legs
    packets="i8",
    wire="i8",  # bytes with headers
    hold="i8",  # for how long the NIC sends
    arrive="i8",  # from the start until the last tail arrives
    after="i8",  # from then to completion
    tight="i1",  # whether it has room for certain only where its buffers are empty
)
LEG = _record(begin="i8", end="i8", busy="i8")  # a shape on one of its links, fs after the start; sending in between
LINK = _record(
    busy="i8",  # in all
    bytes="i8",
    latency="i8",
    until="i8",  # as a port: when its train ends
    queue="i8",  # where the messages waiting there are, as a heap
    queued="i4",  # and how many
    last="i4",  # the message that began last
    wake="i1",  # an event for the end of its train is due
    marked="i1",  # as one to look at in this tick
    transit="i1",  # whether any path has it as second link or later
)
TICK = _record(time="i8", bucket="i4")  # in the heap, and among the ticks pushed latest
BUCKET = _record(head="i4", free="i4")
LIST = _record(head="i4", tail="i4")  # of the intervals of a link; links + a lane: of its FIFO; and lanes more: its buffer
INTERVAL = _record(begin="i8", end="i8", previous="i4", next="i4")
QUEUED = _record(key="i8", ready="i8", message="i4")  # a message in the heap of a port, and what orders it there
NUMBER, LONG = _record(value="i4"), _record(value="i8")


class Trains(NamedTuple):
    """The arrays of a run, records of the above; `root`: one ROOT record, all that kernels are handed.

    `gate`: members that each set of each call still lacks. `event`: per message, link and task the one after it in its
    list. `delay`: from start to release, for each row of arrivals. `queue`: messages waiting at ports. `port`, `port_first`:
    outgoing links of nodes. `follow`: per task the first of those that wait for it in `followers`, tasks as well.
    """

    root: NDArray[Any]
    message: NDArray[Any]
    row: NDArray[Any]
    entry: NDArray[Any]
    set: NDArray[Any]
    place: NDArray[Any]
    operation: NDArray[Any]
    task: NDArray[Any]
    follow: NDArray[np.int64]
    followers: NDArray[np.int32]
    path: NDArray[Any]
    hop: NDArray[Any]
    shape: NDArray[Any]
    leg: NDArray[Any]
    link: NDArray[Any]
    port_first: NDArray[np.int32]
    port: NDArray[np.int32]
    dirty: NDArray[np.int32]
    gate: NDArray[np.int32]
    delay: NDArray[np.int64]
    event: NDArray[np.int32]
    queue: NDArray[Any]
    heap: NDArray[Any]
    bucket: NDArray[Any]
    cache: NDArray[Any]
    list: NDArray[Any]
    interval: NDArray[Any]


COUNTERS = (
    "now",  # the tick
    "fault",  # a status
    "begun",  # whether the first tasks are started
    "until",  # pause when so many ticks and looks at ports have passed
    "todo",  # first node of this tick's list
    "dirties",  # ports to look at in this tick
    "events",  # buckets in the heap
    "free",  # buckets to be used again, and how many were ever used
    "used",
    "spare",  # first interval to be used again, and how many were ever used
    "intervals",
    "done",  # messages complete
    "packets",  # sent, and the links they crossed
    "packet_hops",
    "messages",  # of these there are so many
    "tasks",
)
ROOT = np.dtype(
    [(name, np.int64) for name in (*COUNTERS, *Rules._fields)]
    + [(f"at_{name}", np.int64) for name in Trains._fields if name != "root"]
)
"""What kernels are handed: numbers that change, the rules, and where each array lies."""


def pointed(trains: Trains, rules: Rules) -> Trains:
    """Write rules, sizes and addresses into the root of `trains`, all else of it 0, and return them."""
    root = trains.root
    for name, value in rules._asdict().items():
        root[name] = value
    for name in Trains._fields[1:]:
        root[f"at_{name}"] = getattr(trains, name).ctypes.data
    root["messages"], root["tasks"], root["todo"], root["spare"] = len(trains.message), len(trains.task), -1, -1
    return trains


def empty(kind: np.dtype[Any], count: int, /, **values: int) -> NDArray[Any]:
    """Return `count` records of which only the columns of `values` are set."""
    found = np.empty(count, dtype=kind)
    for name, value in values.items():
        found[name] = value
    return found
