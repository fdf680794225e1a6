"""The loop over ticks: all state changes of a tick, then servers, choices and joins, then one arbitration a link (rule 18).

`run` comes back with a status when nothing is left, when something has to grow, to let Python look around, or on a fault;
all of its state is in the arrays, so it goes on where it stopped when called again.
"""

from __future__ import annotations

from typing import Any

from collsim.engines.compiled.access import (
    event_at,
    flow_at,
    host_at,
    lane_at,
    link_at,
    message_at,
    number_at,
    port_first_of,
    port_links_of,
)
from collsim.engines.compiled.changes import change_link
from collsim.engines.compiled.codes import (
    ASK,
    CHANGED,
    COMPLETE,
    COMPUTED,
    CUT_OFF,
    DELIVERED,
    DUE,
    ELAPSED,
    ENDED,
    FREE,
    MORE_CREDITS,
    MORE_LOG,
    MORE_NOTES,
    MORE_PACKETS,
    NOTED,
    PAUSED,
    PREPARED,
    READY,
    REDUCE,
    ROOM,
    SENT,
    SERVED,
)
from collsim.engines.compiled.ends import hear, heard, rejoin
from collsim.engines.compiled.events import poke, pop, sort
from collsim.engines.compiled.fabric import arbitrate, ask, choose_ways
from collsim.engines.compiled.lockstep import elapsed, injected, parked
from collsim.engines.compiled.nic import enqueue
from collsim.engines.compiled.tasks import (
    complete,
    computed,
    delivered,
    met,
    prepared,
    ready,
    reduce,
    served,
    settle_servers,
    start,
)
from collsim.engines.compiled.ways import launch
from collsim.jit.compile import kernel, small_kernel

__all__ = ["first_links", "run"]


@kernel
def run(root: Any) -> int:
    """Process ticks until none is left or something comes up; return a status (codes)."""
    s = root[0]
    links = s.links
    while s.events > 0:
        if s.until <= 0 or s.grants >= s.stop_at:
            return PAUSED
        if s.free_packets < links:
            return MORE_PACKETS
        if s.free_credits < links:
            return MORE_CREDITS
        if s.noting and s.free_notes < links:
            return MORE_NOTES
        if s.logging and s.log_size - s.logged < links:
            return MORE_LOG
        _tick(s)
        if s.fault:
            return s.fault
    return ENDED


@small_kernel
def _tick(s: Any) -> None:
    now = s.now = event_at(s, 0).time
    while True:
        while s.events > 0 and event_at(s, 0).time == now:
            s.until -= 1
            _happen(s, pop(s))
        if s.heards == 0:
            break
        hear(s)
        if s.fault == CUT_OFF:
            return
    if s.arrivals > 0 or s.wakes > 0:
        settle_servers(s)
    if s.choices > 0:
        choose_ways(s)
    if s.rejoins > 0:
        sort(s.at_rejoining, s.rejoins)
        rejoin(s, s.at_rejoining)
    if s.joins > 0:
        _join(s)
    if s.dirties > 1:
        sort(s.at_dirty, s.dirties)
    for k in range(s.dirties):
        link = number_at(s.at_dirty, k).value
        link_at(s, link).dirty = 0
        arbitrate(s, link)
    s.dirties = 0


@small_kernel
def _happen(s: Any, code: int) -> None:
    kind, index = code >> 40, code & ((1 << 40) - 1)
    if kind == ASK:
        ask(s, index)
    elif kind == FREE:
        link_at(s, index).woken = 0
        poke(s, index)
    elif kind == ROOM:
        poke(s, lane_at(s, index).link)
    elif kind == SENT:
        _sent(s, index)
    elif kind == NOTED:
        heard(s, index)
    else:
        _progress(s, kind, index)


@small_kernel
def _progress(s: Any, kind: int, index: int) -> None:
    if kind == DELIVERED:
        m = message_at(s, index)
        if m.split == 1:
            m.split = 2
        elif s.ejection == 0 and m.reduction == 0:
            complete(s, index)
        else:
            delivered(s, index)
    elif kind == COMPLETE:
        complete(s, index)
    elif kind == READY:
        ready(s, index)
    elif kind == REDUCE:
        reduce(s, index)
    elif kind == SERVED:
        served(s, index)
    elif kind == PREPARED:
        prepared(s, index)
    elif kind == DUE:
        met(s, index)
    elif kind == COMPUTED:
        computed(s, index)
    elif kind == ELAPSED:
        elapsed(s, index)
    elif kind == CHANGED:
        change_link(s, index)
    else:
        start(s, index)


@small_kernel
def _sent(s: Any, link: int) -> None:
    """The tail of a packet has left the NIC: a port of its host is free (rule 14), its message may be injected (rule 13)."""
    record, now = link_at(s, link), s.now
    host = host_at(s, record.host)
    host.sending -= 1
    if record.void_sent == now:
        record.void_sent = -1
        return
    host.freed_record = min(host.freed_record, record.record) if host.freed_at == now else record.record
    host.freed_at = now
    if s.ports:
        for k in range(port_first_of(s, record.host), port_first_of(s, record.host + 1)):
            port = link_at(s, port_links_of(s, k))
            if port.current >= 0 or port.queued > 0:
                poke(s, port_links_of(s, k))
    message = flow_at(s, record.sent).message
    if record.again:
        return
    message_at(s, message).unsent -= record.train_packets if record.train >= 0 else 1
    if s.lockstep and message_at(s, message).unsent == 0:
        injected(s, message, link)


@small_kernel
def _join(s: Any) -> None:
    """Messages ready in this tick join the queues of their first links, in ascending id, or wait for their step."""
    sort(s.at_joining, s.joins)
    for k in range(s.joins):
        message = message_at(s, number_at(s.at_joining, k).value)
        for flow in range(message.flow, message.flow + message.flows):
            if not (s.lockstep and parked(s, flow)):
                enqueue(s, flow)
    s.joins = 0


@kernel
def first_links(root: Any, messages: Any, found: Any) -> None:
    """Fill `found` with the first link of each packet of `messages`, one message after another."""
    s, at = root[0], 0
    for k in range(len(messages)):
        for index in range(message_at(s, messages[k]).packets):
            found[at] = launch(s, messages[k], index)[0]
            at += 1
