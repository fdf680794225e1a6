"""What becomes of an attempt to send a packet: the way it takes, the links that lose it, what is left of its way.

Split from ends.py, which keeps account of what the ends hear of it (rules 28, 30 and 32).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from collsim.engines.compiled.access import (
    dead_of,
    flow_at,
    hop_at,
    lane_at,
    link_at,
    message_at,
    message_first_of,
    note_at,
    packet_at,
    score_at,
)
from collsim.engines.compiled.codes import HOME, LEAST_QUEUED, OUT, SPRAY, TURN, UNDECIDED
from collsim.engines.compiled.events import after
from collsim.engines.compiled.ways import launch, mix, take, word
from collsim.engines.reference.ends import FEEDBACK, MOST_EACH
from collsim.jit.compile import small_kernel
from collsim.network.loss import ALL, LOSS
from collsim.topology.routing.walk import QUEUES

__all__ = ["again", "choose_path", "loses", "no_way", "path_of", "rest"]


@small_kernel
def _draw(s: Any, kind: Any, message: int, n: Any) -> Any:
    m = message_at(s, message)
    h = mix(mix(kind) ^ word(s.seed))
    h = mix(h ^ word(m.call))
    h = mix(h ^ word(message - message_first_of(s, m.call)))
    return mix(mix(h ^ word(n.index)) ^ word(n.attempt))


@small_kernel
def choose_path(s: Any, link: int, note: int) -> None:
    """Take the path of least score behind `link`, those from a draw on first among equals."""
    n, wire = note_at(s, note), link_at(s, link)
    message = flow_at(s, n.flow).message
    m = message_at(s, message)
    first = m.scores + wire.door * m.paths
    begin = np.int64(_draw(s, word(FEEDBACK), message, n) % word(m.paths))
    each = wire.full_ser if 0 <= wire.full_ser < MOST_EACH else MOST_EACH
    best, least = 0, -1
    for k in range(m.paths):
        nth = (begin + k) % m.paths
        score = score_at(s, first + nth)
        cost = score.waited + score.out * each
        if least < 0 or cost < least:
            best, least = nth, cost
    score_at(s, first + best).out += 1
    n.path = first + best


@small_kernel
def path_of(s: Any, link: int, note: int) -> Any:
    """Return the pick of the path that a note's packet has got behind `link`."""
    m = message_at(s, flow_at(s, note_at(s, note).flow).message)
    return word(note_at(s, note).path - m.scores - link_at(s, link).door * m.paths)


@small_kernel
def again(s: Any, note: int, pick: Any, leg: int) -> tuple[Any, int]:
    """Return (pick, leg) behind its first link of a note's packet: another way if it was sent before (rule 30)."""
    attempt = note_at(s, note).attempt
    if s.multipath in (SPRAY, LEAST_QUEUED):
        by_turn = s.multipath == LEAST_QUEUED and attempt >= QUEUES
        return pick + word(attempt), TURN if by_turn else leg
    if attempt > 0 and leg == UNDECIDED:
        return pick, OUT if attempt % 2 else HOME
    return pick, leg


@small_kernel
def loses(s: Any, link: int, note: int) -> bool:
    """Tell whether `link`, just granted to a packet, loses it (rule 28)."""
    threshold = link_at(s, link).loss
    if threshold == 0 or threshold == word(ALL):
        return bool(threshold)
    n = note_at(s, note)
    return mix(_draw(s, word(LOSS), flow_at(s, n.flow).message, n) ^ word(link)) < threshold


@small_kernel
def rest(s: Any, packet: int) -> int:
    """Return the latencies of the links that are left to a packet just granted one, in an idle network."""
    p, total = packet_at(s, packet), 0
    m = message_at(s, p.message)
    if m.hop >= 0:
        for k in range(m.hop + p.at + 1, m.hop + m.hops):
            total = after(s, total, link_at(s, lane_at(s, hop_at(s, k).lane).link).latency)
        return total
    node, leg = link_at(s, p.previous).target, p.leg
    counter, previous, pick = p.counter, p.previous, p.pick
    if leg == UNDECIDED:
        leg = HOME
    while node != m.target and not s.fault:
        link, _, counter, pick, leg = take(s, node, m.target, counter, previous, pick, p.stop, leg, 0)
        previous, node = link, link_at(s, link).target
        total = after(s, total, link_at(s, link).latency)
    return total


@small_kernel
def no_way(s: Any, message: int, index: int) -> bool:
    """Tell whether a packet that draws a stop has no way left: each crosses a link that drops to the end (rule 28)."""
    link, _, counter, pick, stop, leg = launch(s, message, index)
    if dead_of(s, link) <= s.now:
        return True
    if leg == UNDECIDED:
        return _leads_nowhere(s, message, link, counter, pick, stop, HOME) and _leads_nowhere(
            s, message, link, counter, pick, stop, OUT
        )
    return _leads_nowhere(s, message, link, counter, pick, stop, leg)


@small_kernel
def _leads_nowhere(s: Any, message: int, previous: int, counter: int, pick: Any, stop: int, leg: int) -> bool:  # noqa: PLR0917
    """Tell whether the way behind a first link, `previous`, on a leg crosses a link that drops to the end."""
    node, target = link_at(s, previous).target, message_at(s, message).target
    while node != target and not s.fault:
        previous, _, counter, pick, leg = take(s, node, target, counter, previous, pick, stop, leg, 0)
        if dead_of(s, previous) <= s.now:
            return True
        node = link_at(s, previous).target
    return False
