"""The kernels that find which tasks wait for which: host by host, so that what they remember is one number an operation."""

from __future__ import annotations

from typing import Any

from collsim.jit.compile import kernel, small_kernel

__all__ = ["weave"]


@kernel
def weave(plan: Any, work: Any, out: Any, hosts: int, turn: int) -> tuple[int, int]:
    """Return (relays, edges between tasks); turn 0 only counts, 1 fills waits, relays and how many follow, 2 the followers.

    `plan`: operations that wait or are waited for, in order; dependencies and followers of each operation (first, list); its
    own hosts, -1 for none; whether it has a task on every host; its first task. `work`: per operation the one whose task
    stands for it on the host at hand, a mark, whether a task there may ask for it, its relay. `out`: tasks, per task how
    many follow it (turn 1, at the next index) or where the next goes (turn 2), followers.
    """
    bound, full, first = plan[0], plan[6], plan[7]
    stands, stamp, needed, relay = work
    relays, total, mark = 0, 0, 0
    stamp[:] = 0
    for host in range(hosts):
        for n in range(len(bound) - 1, -1, -1):
            needed[bound[n]] = _asked(plan, needed, bound[n], host)
        for k in bound:
            stands[k] = -1
            here = _here(plan, k, host)
            if not here and not needed[k]:
                continue
            mark += 1
            distinct, last = _before(plan, stands, stamp, k, mark)
            if not here and distinct < 2:
                stands[k] = last
                continue
            stands[k] = k
            if not here:
                relay[k] = first[len(full)] + relays
                relays += 1
            total += distinct
            if turn > 0:
                mark += 1
                _tie(plan, work, out, (k, host, mark, turn))
    return relays, total


@small_kernel
def _here(plan: Any, k: int, host: int) -> bool:
    """Tell whether operation `k` has a task of its own on `host`."""
    own, full = plan[5], plan[6]
    return bool(full[k] or own[k, 0] == host or own[k, 1] == host)


@small_kernel
def _asked(plan: Any, needed: Any, k: int, host: int) -> bool:
    """Tell whether any task on `host` waits for `k`, straight or through operations that do nothing there."""
    first, followers = plan[3], plan[4]
    asked = False
    for n in range(first[k], first[k + 1]):
        asked = asked or needed[followers[n]] or _here(plan, followers[n], host)
    return bool(asked)


@small_kernel
def _before(plan: Any, stands: Any, stamp: Any, k: int, mark: int) -> tuple[int, int]:
    """Return how many tasks stand for the dependencies of `k` on the host at hand, and the operation of the last, or -1."""
    first, deps = plan[1], plan[2]
    distinct, last = 0, -1
    for n in range(first[k], first[k + 1]):
        r = stands[deps[n]]
        if r >= 0 and stamp[r] != mark:
            stamp[r] = mark
            distinct += 1
            last = r
    return distinct, last


@small_kernel
def _task(plan: Any, relay: Any, k: int, host: int) -> int:
    """Return the task of `k` on `host`: its own, or its relay there."""
    own, full, first = plan[5], plan[6], plan[7]
    if full[k]:
        return int(first[k] + host)
    if own[k, 0] == host:
        return int(first[k])
    return int(first[k] + 1) if own[k, 1] == host else int(relay[k])


@small_kernel
def _tie(plan: Any, work: Any, out: Any, what: Any) -> None:
    """Let the task of an operation on a host wait for those that stand for its dependencies there."""
    first, deps, full, tasks_of = plan[1], plan[2], plan[6], plan[7]
    stands, stamp, _, relay = work
    tasks, cursor, edges = out
    k, host, mark, turn = what
    mine = _task(plan, relay, k, host)
    if turn == 1 and mine >= tasks_of[len(full)]:
        tasks[mine].operation = k
        tasks[mine].host = host
    for n in range(first[k], first[k + 1]):
        r = stands[deps[n]]
        if r >= 0 and stamp[r] != mark:
            stamp[r] = mark
            t = _task(plan, relay, r, host)
            if turn == 1:
                tasks[mine].waits += 1
                cursor[t + 1] += 1
            else:
                edges[cursor[t]] = mine
                cursor[t] += 1
