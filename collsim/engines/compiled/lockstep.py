"""Lockstep injection: which step of a call is open on a host, and the flows parked until theirs is (rule 13).

The same bookkeeping as reference/lockstep.py: a counter for each call and host (one for all hosts under `oracle`, kept with
host 0), and for each of its steps how many sends are left, which was the latest, when it was opened and by what.
"""

from __future__ import annotations

from typing import Any

from collsim.engines.compiled.access import (
    counter_at,
    estimates_of,
    flow_at,
    link_at,
    message_at,
    opening_at,
)
from collsim.engines.compiled.codes import (
    BY_COMPLETE,
    BY_ESTIMATE,
    BY_GRANT,
    BY_READY,
    BY_START,
    ELAPSED,
)
from collsim.engines.compiled.events import after, push
from collsim.engines.compiled.nic import enqueue
from collsim.jit.compile import small_kernel

__all__ = ["completed", "elapsed", "injected", "parked", "readied", "started"]


@small_kernel
def _counter_of(s: Any, call: int, host: int) -> int:
    """Return the counter of a call on a host, -1 where it sends nothing there or is no call."""
    counter = call * s.hosts + (0 if s.oracle else host)
    return counter if counter_at(s, counter).exists else -1


@small_kernel
def started(s: Any, call: int, host: int) -> None:
    """A call starts on a host."""
    counter = _counter_of(s, call, host)
    if counter >= 0 and counter_at(s, counter).open < 0:
        _open(s, counter, s.now, BY_START, -1)


@small_kernel
def injected(s: Any, message: int, link: int) -> None:
    """The last tail of a message has left the NIC over `link`."""
    if not s.oracle:
        _sent(s, message, BY_GRANT, link_at(s, link).record, link_at(s, link).last_at, link)


@small_kernel
def readied(s: Any, message: int) -> None:
    """A message that crosses no link is ready."""
    if not s.oracle:
        _sent(s, message, BY_READY, message, 0, 0)


@small_kernel
def completed(s: Any, message: int) -> None:
    """A message is complete."""
    if s.oracle:
        _sent(s, message, BY_COMPLETE, message, 0, 0)


@small_kernel
def _sent(s: Any, message: int, reason: int, index: int, at: int, link: int) -> None:
    """Count a send; the last is kept and, among those of a tick, the one whose packet was granted first.

    That is told by tick and link, not by the number of the grant, which for a train is that of its first packet.
    """
    m, now = message_at(s, message), s.now
    counter = _counter_of(s, m.call, m.source)
    if counter < 0:
        return
    o = opening_at(s, counter_at(s, counter).first + m.step)
    o.left -= 1
    earlier = (at, link, index) < (o.by_at, o.by_link, o.by)
    if now > o.latest or (now == o.latest and (reason > o.why or (reason == o.why and earlier))):
        o.latest, o.why, o.by, o.by_at, o.by_link = now, reason, index, at, link
    _advance(s, counter)


@small_kernel
def elapsed(s: Any, counter: int) -> None:
    """The estimate of the open step has passed."""
    counter_at(s, counter).elapsed = 1
    _advance(s, counter)


@small_kernel
def _advance(s: Any, counter: int) -> None:
    """Open the next step if nothing is left of this one and its estimate has elapsed."""
    c, now = counter_at(s, counter), s.now
    if not c.elapsed or c.open + 1 >= c.steps or opening_at(s, c.first + c.open).left > 0:
        return
    o = opening_at(s, c.first + c.open)
    if estimates_of(s, c.estimates + c.open) == now - c.opened or o.latest < 0:
        _open(s, counter, now, BY_ESTIMATE, -1)
    else:
        _open(s, counter, o.latest, o.why, o.by)


@small_kernel
def _open(s: Any, counter: int, time: int, reason: int, index: int) -> None:
    c = counter_at(s, counter)
    c.open += 1
    c.opened, c.elapsed = time, 0
    o = opening_at(s, c.first + c.open)
    o.time, o.reason, o.index = time, reason, index
    flow = o.parked
    o.parked = -1
    while flow >= 0:
        f = flow_at(s, flow)
        following = f.parked
        f.opened, f.parked = time, -1
        enqueue(s, flow)
        flow = following
    push(s, after(s, time, estimates_of(s, c.estimates + c.open)), ELAPSED, counter)


@small_kernel
def parked(s: Any, flow: int) -> bool:
    """Keep `flow` out of its queue until its step is open; return whether it has to wait."""
    f = flow_at(s, flow)
    m = message_at(s, f.message)
    counter = _counter_of(s, m.call, m.source)
    if counter < 0 or m.step <= counter_at(s, counter).open:
        return False
    o = opening_at(s, counter_at(s, counter).first + m.step)
    f.parked = o.parked
    o.parked = flow
    return True
