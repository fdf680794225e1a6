"""What is to be done: tasks, messages and servers as their dependencies complete (rules 4 and 6; reference/tasks.py).

Delays of nothing go through the heap like all others, but for the two steps that every message takes: getting ready and,
where ejection and reduction are free, completing.
"""

from __future__ import annotations

from typing import Any

from collsim.engines.compiled.access import (
    duration_of,
    follower_first_of,
    followers_of,
    gate_at,
    gate_first_of,
    host_at,
    job_at,
    message_at,
    message_first_of,
    number_at,
    plan_gates_of,
    plan_set_first_of,
    plan_sets_of,
    plan_waiting_first_of,
    plan_waiting_of,
    released_first_of,
    released_of,
    task_at,
    task_first_of,
    task_full_of,
)
from collsim.engines.compiled.codes import (
    COMPLETE,
    COMPUTED,
    DUE,
    PREPARED,
    READY,
    REDUCE,
    SERVED,
    START,
)
from collsim.engines.compiled.events import after, push, sort
from collsim.engines.compiled.lockstep import completed, readied, started
from collsim.jit.compile import small_kernel

__all__ = ["complete", "computed", "delivered", "met", "prepared", "ready", "reduce", "served", "settle_servers", "start"]

OVERHEAD, REDUCTION = 0, 1


@small_kernel
def _task_of(s: Any, operation: int, host: int) -> int:
    """Return the task of an operation on a host; a lone send has tasks at its two ends only."""
    first = task_first_of(s, operation)
    if task_full_of(s, operation):
        return first + host
    return first if task_at(s, first).host == host else first + 1


@small_kernel
def start(s: Any, task: int) -> None:
    """Start a task: its messages here are released, its computation runs."""
    t, now = task_at(s, task), s.now
    t.start = now
    if s.lockstep:
        started(s, t.operation, t.host)
    for k in range(released_first_of(s, task), released_first_of(s, task + 1)):
        message = released_of(s, k)
        if message_at(s, message).delay:
            push(s, after(s, now, message_at(s, message).delay), DUE, message)
        else:
            met(s, message)
    if duration_of(s, task) >= 0:
        push(s, after(s, now, duration_of(s, task)), COMPUTED, task)
    computed(s, task)


@small_kernel
def computed(s: Any, task: int) -> None:
    """One of the things that a task waits to end has ended."""
    t = task_at(s, task)
    t.unfinished -= 1
    if t.unfinished:
        return
    t.finish = s.now
    for k in range(follower_first_of(s, t.operation), follower_first_of(s, t.operation + 1)):
        follower = task_first_of(s, followers_of(s, k)) + t.host
        task_at(s, follower).waits -= 1
        if task_at(s, follower).waits == 0:
            push(s, t.finish, START, follower)


@small_kernel
def met(s: Any, message: int) -> None:
    """One of the conditions of a message is met; after the last its overhead begins (rule 4)."""
    m = message_at(s, message)
    m.waits -= 1
    if m.waits:
        return
    m.released = s.now
    if s.serial:
        _arrive(s, OVERHEAD * s.messages + message, s.overhead)
        return
    time = after(s, after(s, m.released, s.overhead), s.injection)
    if time == m.released and m.flows > 0:
        ready(s, message)
    else:
        push(s, time, READY, message)


@small_kernel
def prepared(s: Any, message: int) -> None:
    """Its turn of the host's serial overhead is over."""
    _end(s, OVERHEAD, message_at(s, message).source, message)
    push(s, after(s, s.now, s.injection), READY, message)


@small_kernel
def ready(s: Any, message: int) -> None:
    """A message that travels joins the queue of its first link in this tick; note when."""
    m = message_at(s, message)
    m.ready = m.tail = s.now
    if m.flows > 0:
        number_at(s.at_joining, s.joins).value = message
        s.joins += 1
        return
    if s.lockstep:
        readied(s, message)
    if m.packets > 0:
        delivered(s, message)
    else:
        push(s, m.ready, COMPLETE, message)


@small_kernel
def delivered(s: Any, message: int) -> None:
    """The last tail has arrived: ejection and, where it reduces, reduction follow (rule 6)."""
    m = message_at(s, message)
    arrival = after(s, m.tail, s.ejection)
    if s.servers and m.reduces:
        push(s, arrival, REDUCE, message)
    else:
        push(s, after(s, arrival, m.reduction), COMPLETE, message)


@small_kernel
def reduce(s: Any, message: int) -> None:
    """A message comes to the reduction servers of its target."""
    _arrive(s, REDUCTION * s.messages + message, message_at(s, message).reduction)


@small_kernel
def served(s: Any, message: int) -> None:
    """The reduction of a message has ended."""
    _end(s, REDUCTION, message_at(s, message).target, message)
    complete(s, message)


@small_kernel
def complete(s: Any, message: int) -> None:
    """A message is complete: whoever depends on it may go on."""
    m = message_at(s, message)
    m.finish = s.now
    s.done += 1
    if s.lockstep:
        completed(s, message)
    if m.plan >= 0:
        first = message_first_of(s, m.call)
        for k in range(plan_set_first_of(s, m.plan), plan_set_first_of(s, m.plan + 1)):
            number = plan_sets_of(s, k)
            gate = gate_first_of(s, m.call) + number
            gate_at(s, gate).left -= 1
            if gate_at(s, gate).left == 0:
                row = plan_gates_of(s, m.call) + number
                for j in range(plan_waiting_first_of(s, row), plan_waiting_first_of(s, row + 1)):
                    met(s, first + plan_waiting_of(s, j))
    computed(s, _task_of(s, m.call, m.source))
    if m.target != m.source:
        computed(s, _task_of(s, m.call, m.target))


# Servers: jobs and hosts of kind OVERHEAD come first in their arrays, those of kind REDUCTION behind.


@small_kernel
def _arrive(s: Any, job: int, duration: int) -> None:
    """Queue a service, to be sorted in with all that come in this tick."""
    job_at(s, job).arrival, job_at(s, job).duration, job_at(s, job).next = s.now, duration, -1
    number_at(s.at_arriving, s.arrivals).value = job
    s.arrivals += 1


@small_kernel
def _end(s: Any, kind: int, host: int, message: int) -> None:
    """A service of a host has ended: its place is free, given out in the settling of this tick."""
    place = kind * (s.hosts) + host
    server, now = host_at(s, place), s.now
    server.ended_message = min(server.ended_message, message) if server.ended_at == now else message
    server.ended_at = now
    server.free += 1
    _wake(s, place)


@small_kernel
def _wake(s: Any, place: int) -> None:
    if not host_at(s, place).woken:
        host_at(s, place).woken = 1
        number_at(s.at_woken, s.wakes).value = place
        s.wakes += 1


@small_kernel
def settle_servers(s: Any) -> None:
    """Queue the jobs of this tick by id and give free places to the first in (arrival, id)."""
    sort(s.at_arriving, s.arrivals)
    messages, hosts = s.messages, s.hosts
    for k in range(s.arrivals):
        job = number_at(s.at_arriving, k).value
        kind, message = job // messages, job % messages
        m = message_at(s, message)
        place = kind * hosts + (m.source if kind == OVERHEAD else m.target)
        server = host_at(s, place)
        if server.head < 0:
            server.head = job
        else:
            job_at(s, server.tail).next = job
        server.tail = job
        _wake(s, place)
    s.arrivals = 0
    for k in range(s.wakes):
        _serve(s, number_at(s.at_woken, k).value, messages, hosts)
    s.wakes = 0


@small_kernel
def _serve(s: Any, place: int, messages: int, hosts: int) -> None:
    server, now = host_at(s, place), s.now
    server.woken = 0
    while server.free > 0 and server.head >= 0:
        job = job_at(s, server.head)
        kind = SERVED if place >= hosts else PREPARED
        push(s, after(s, now, job.duration), kind, server.head % messages)
        server.free -= 1
        server.head = job.next
        job.start = now
        if job.arrival < now:
            job.after = server.ended_message
