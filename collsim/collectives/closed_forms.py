"""Closed forms: the textbook time of each algorithm in alpha and beta, and the same law evaluated to the femtosecond.

`LAWS` holds the formulas as functions of ranks, bytes, alpha (seconds a message) and beta (seconds a byte of one link
direction): what a paper would print. `closed_form` evaluates the law of a given schedule exactly, with chunk sizes rounded
down to bytes, packets, and unequal pairs of ranks: the maximum over all chains of messages in which each waits for the one
before or for its port, of the sum of their lone times. On equal links and chunks that is the formula. Collectives cannot
see the network, so the lone times are handed in. Sources: Chan et al., Collective communication (2007) for the laws of
single phases; Patarasu and Yuan (2009) for the ring; Sanders, Speck and Träff (2009) for the two trees.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.schedule import Schedule
from collsim.collectives.step_order import StepOrder
from collsim.units import check_time

__all__ = ["LAWS", "ONE_NIC", "Alone", "ClosedForm", "Law", "Turns", "closed_form", "shares_links", "two_dimensional_ring"]

IntArray = NDArray[np.int64]
Time = Callable[[int, int, Fraction, Fraction], Fraction]
Turns = Literal["step", "arrival", "any"]
"""What a port sends first of several ready messages: the lowest step, the one ready first (then the least id), or who knows;
then a form is exact only where none ever waits for another."""


@dataclass(frozen=True, slots=True)
class Law:
    """A formula in words and `time(n, S, alpha, beta)` in seconds, exact; n ranks, S bytes; None where it needs more."""

    text: str
    time: Time | None = None


@dataclass(frozen=True, slots=True)
class ClosedForm:
    """The law of a schedule: `text`, `time` in fs, and whether the law promises that time to the tick (`exact`).

    It does where ports send in the order of steps by themselves. Otherwise the network decides who goes first, and `time` is
    that of the order of steps; where different steps would then meet on a link (MULTITREE), that of lock step. `without`:
    settings of the run that bear on its time and that no law knows, for which nothing is promised either.
    """

    text: str
    time: int
    exact: bool
    without: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Alone:
    """Lone times of the T transfers of a schedule: int64[T] each, fs.

    `duration` from the grant of the first link to completion. `port`: a number for the first link of the path, which the
    transfer holds for `port_gap`; `path`: a number for the whole path, on which the next transfer follows no sooner than
    `path_gap` (the time of the slowest link). `delay`: overhead and injection before every message.
    """

    duration: IntArray
    port: IntArray
    port_gap: IntArray
    path: IntArray
    path_gap: IntArray
    delay: int = 0


def _log2(ranks: int) -> int:
    """Return ceil(log2 n), the rounds of a doubling."""
    return (ranks - 1).bit_length()


def _phase(n: int, size: int, beta: Fraction) -> Fraction:
    """Return (n-1)/n S beta: what reduce-scatter and all-gather move at least through one port."""
    return Fraction(n - 1, n) * size * beta


def chain(n: int, size: int, alpha: Fraction, beta: Fraction, segments: int) -> Fraction:
    """Return the time of a broadcast along a chain in `segments`: (n-1) alpha + (n-2+m) S/m beta."""
    return (n - 1) * alpha + Fraction(n - 2 + segments, segments) * size * beta


def two_dimensional_ring(dims: tuple[int, int], size: int, alpha: Fraction, beta: Fraction) -> Fraction:
    """Return the time of a 2-D ring all-reduce on a x b: 2(a-1+b-1) alpha + 2 S beta [(a-1)/a + (b-1)/(a b)]."""
    a, b = dims
    return 2 * (a + b - 2) * alpha + 2 * size * beta * (Fraction(a - 1, a) + Fraction(b - 1, a * b))


def two_full_sweeps(side: int, size: int, alpha: Fraction, beta: Fraction) -> Fraction:
    """Return the time of 2d-ring-isca21 on a k x k torus: 4(k-1) alpha + (k-1)/k S beta, four links a rank at once."""
    return 4 * (side - 1) * alpha + Fraction(side - 1, side) * size * beta


def hierarchical(group: int, groups: int, size: int, alpha: Fraction, beta: Fraction) -> Fraction:
    """Return the time of rings inside `groups` groups of `group` ranks and across: a 2-D ring of these numbers."""
    return two_dimensional_ring((group, groups), size, alpha, beta)


def multitree(n: int, size: int, alpha: Fraction, beta: Fraction, steps: int) -> Fraction:
    """Return the time of MULTITREE in lock step: 2S (alpha + S_bytes/n beta), `steps` S a phase."""
    return 2 * steps * (alpha + Fraction(size, n) * beta)


def double_tree(size: int, alpha: Fraction, beta: Fraction, segments: int, steps: int) -> Fraction:
    """Return the time of a double binary tree in lock step: `steps` times alpha + S/(2m) beta, m `segments` a tree.

    All-reduce takes about 4 log2 n + 4(m-1) steps where up and down share a port, so 2 S beta when m is large; half as
    many more than the first segment needs where they overlap on links of their own.
    """
    return steps * (alpha + Fraction(size, 2 * segments) * beta)


LAWS: dict[tuple[str, str], Law] = {
    ("ring", "all-reduce"): Law("2(n-1) alpha + 2(n-1)/n S beta", lambda n, s, a, b: 2 * (n - 1) * a + 2 * _phase(n, s, b)),
    ("ring", "reduce-scatter"): Law("(n-1) alpha + (n-1)/n S beta", lambda n, s, a, b: (n - 1) * a + _phase(n, s, b)),
    ("ring", "all-gather"): Law("(n-1) alpha + (n-1)/n S beta", lambda n, s, a, b: (n - 1) * a + _phase(n, s, b)),
    ("ring", "broadcast"): Law("(n-1) alpha + (n-2+m)/m S beta, m segments along a chain"),
    ("ring", "reduce"): Law("(n-1) alpha + (n-2+m)/m S beta, m segments along a chain"),
    ("bidirectional-ring", "all-reduce"): Law(
        "2(n-1) alpha + (n-1)/n S beta", lambda n, s, a, b: 2 * (n - 1) * a + _phase(n, s, b)
    ),
    ("bidirectional-ring", "reduce-scatter"): Law(
        "(n-1) alpha + (n-1)/(2n) S beta", lambda n, s, a, b: (n - 1) * a + _phase(n, s, b) / 2
    ),
    ("bidirectional-ring", "all-gather"): Law(
        "(n-1) alpha + (n-1)/(2n) S beta", lambda n, s, a, b: (n - 1) * a + _phase(n, s, b) / 2
    ),
    ("bidirectional-ring", "broadcast"): Law("(n-1) alpha + (n-2+m)/(2m) S beta, m segments along each of two chains"),
    ("bidirectional-ring", "reduce"): Law("(n-1) alpha + (n-2+m)/(2m) S beta, m segments along each of two chains"),
    ("recursive-doubling", "all-reduce"): Law("k alpha + k S beta, k = log2 n", lambda n, s, a, b: _log2(n) * (a + s * b)),
    ("recursive-doubling", "all-gather"): Law(
        "k alpha + (n-1)/n S beta, k = log2 n", lambda n, s, a, b: _log2(n) * a + _phase(n, s, b)
    ),
    ("halving-doubling", "all-reduce"): Law(
        "2k alpha + 2(n-1)/n S beta, k = log2 n", lambda n, s, a, b: 2 * _log2(n) * a + 2 * _phase(n, s, b)
    ),
    ("halving-doubling", "reduce-scatter"): Law(
        "k alpha + (n-1)/n S beta, k = log2 n", lambda n, s, a, b: _log2(n) * a + _phase(n, s, b)
    ),
    ("halving-doubling", "all-gather"): Law(
        "k alpha + (n-1)/n S beta, k = log2 n", lambda n, s, a, b: _log2(n) * a + _phase(n, s, b)
    ),
    ("binomial-tree", "all-reduce"): Law(
        "2k (alpha + S beta), k = ceil(log2 n)", lambda n, s, a, b: 2 * _log2(n) * (a + s * b)
    ),
    ("binomial-tree", "broadcast"): Law("k (alpha + S beta), k = ceil(log2 n)", lambda n, s, a, b: _log2(n) * (a + s * b)),
    ("binomial-tree", "reduce"): Law("k (alpha + S beta), k = ceil(log2 n)", lambda n, s, a, b: _log2(n) * (a + s * b)),
    ("double-binary-tree", "all-reduce"): Law("about 2 log2(n) alpha + 2 S beta, pipelined"),
    ("double-binary-tree", "broadcast"): Law("about log2(n) alpha + S beta, pipelined"),
    ("double-binary-tree", "reduce"): Law("about log2(n) alpha + S beta, pipelined"),
    ("direct", "all-reduce"): Law(
        "2 alpha + 2/n S beta, a link to every peer", lambda n, s, a, b: 2 * a + Fraction(2 * s, n) * b
    ),
    ("direct", "reduce-scatter"): Law("alpha + S/n beta, a link to every peer", lambda n, s, a, b: a + Fraction(s, n) * b),
    ("direct", "all-gather"): Law("alpha + S/n beta, a link to every peer", lambda n, s, a, b: a + Fraction(s, n) * b),
    ("direct", "all-to-all"): Law("alpha + S/n beta, a link to every peer", lambda n, s, a, b: a + Fraction(s, n) * b),
    ("direct", "broadcast"): Law("alpha + S beta, a link to every peer", lambda n, s, a, b: a + s * b),
    ("direct", "reduce"): Law("alpha + S beta, a link to every peer", lambda n, s, a, b: a + s * b),
    ("bruck", "all-gather"): Law(
        "k alpha + (n-1)/n S beta, k = ceil(log2 n)", lambda n, s, a, b: _log2(n) * a + _phase(n, s, b)
    ),
    ("bruck", "all-to-all"): Law("k alpha + S beta sum over rounds of the blocks moved, k = ceil(log2 n)"),
    ("2d-ring", "all-reduce"): Law("2(a-1+b-1) alpha + 2 S beta [(a-1)/a + (b-1)/(a b)], over the number of parts at once"),
    ("2d-ring", "reduce-scatter"): Law("(a-1+b-1) alpha + S beta [(a-1)/a + (b-1)/(a b)], over the number of parts at once"),
    ("2d-ring", "all-gather"): Law("(a-1+b-1) alpha + S beta [(a-1)/a + (b-1)/(a b)], over the number of parts at once"),
    ("2d-ring-isca21", "all-reduce"): Law("4(k-1) alpha + (k-1)/k S beta on k x k"),
    ("hdrm", "all-reduce"): Law(
        "2k alpha + 2(n-1)/n S beta, k = log2 n", lambda n, s, a, b: 2 * _log2(n) * a + 2 * _phase(n, s, b)
    ),
    **{
        ("forest", name): Law("(m-1) periods and the span of one piece, m pieces a tree, in the order of steps")
        for name in ("all-reduce", "reduce-scatter", "all-gather", "broadcast", "reduce")
    },
    ("hierarchical", "all-reduce"): Law("reduce-scatter inside k + all-reduce of S/k across + all-gather inside"),
    ("hierarchical", "reduce-scatter"): Law("reduce-scatter inside k + reduce-scatter of S/k across"),
    ("hierarchical", "all-gather"): Law("all-gather of S/k across + all-gather inside k"),
    ("multitree", "all-reduce"): Law("at most 2 T (alpha + S/n beta) in the order of steps, T steps a phase"),
    ("multitree", "reduce-scatter"): Law("at most T (alpha + S/n beta) in the order of steps, T steps"),
    ("multitree", "all-gather"): Law("at most T (alpha + S/n beta) in the order of steps, T steps"),
}


ONE_NIC: dict[str, Law] = {
    "all-reduce": Law("2 alpha + 2(n-1)/n S beta, one NIC a rank", lambda n, s, a, b: 2 * a + 2 * _phase(n, s, b)),
    "reduce-scatter": Law("alpha + (n-1)/n S beta, one NIC a rank", lambda n, s, a, b: a + _phase(n, s, b)),
    "all-gather": Law("alpha + (n-1)/n S beta, one NIC a rank", lambda n, s, a, b: a + _phase(n, s, b)),
    "all-to-all": Law("alpha + (n-1)/n S beta, one NIC a rank", lambda n, s, a, b: a + _phase(n, s, b)),
    "broadcast": Law("alpha + (n-1) S beta, one NIC a rank", lambda n, s, a, b: a + (n - 1) * s * b),
    "reduce": Law("alpha + (n-1) S beta, one NIC a rank", lambda n, s, a, b: a + (n - 1) * s * b),
}
"""Laws of the direct algorithm where a rank reaches all peers through one link, as around a switch."""


def closed_form(
    plan: Schedule,
    size: int,
    alone: Alone,
    *,
    shared: bool = False,
    clear: Callable[[IntArray], bool] | None = None,
    turns: Turns = "step",
) -> ClosedForm | None:
    """Return the closed form of `plan` on buffers of `size` bytes; None where there is none.

    There is none for an algorithm without a law, where transfers of one step share links (`shared`, see `shares_links`),
    and where those of different steps meet on one: `clear` is asked whether starts int64[T] (fs, first grants) leave every
    link to one step at a time. MULTITREE then falls back to its lock-step law, which needs no such promise. `turns`: what
    ports send first, see Turns. Raises ClockOverflow.
    """
    law = LAWS.get((plan.algorithm, plan.collective.whole.name))
    order = StepOrder.of(plan)
    if law is None or shared or order is None or (plan.algorithm == "multitree" and plan.variant):
        # MULTITREE in segments moves by a timetable, of which its law knows nothing.
        return None
    start, finish, in_order = _chains(order, plan.message_bytes(size) > 0, alone, turns)
    if clear is None or clear(start):
        return ClosedForm(law.text, int(finish.max(initial=0)), in_order)
    if plan.algorithm != "multitree":
        return None
    longest = np.zeros(plan.steps, dtype=np.int64)
    np.maximum.at(longest, plan.step, alone.duration)
    together = check_time(sum(longest.tolist()) + alone.delay * plan.steps)
    text = law.text.removeprefix("at most ").replace(" in the order of steps", "")
    return ClosedForm(f"{text}, in lock step", together, False)


def _chains(order: StepOrder, sent: NDArray[np.bool_], alone: Alone, turns: Turns) -> tuple[IntArray, IntArray, bool]:
    """Return (first grants, completions) of transfers that wait for dependencies, port and path in the order of steps.

    And whether ports send in that order by themselves, see `_in_turn`. `sent`: bool[T], transfers with bytes.
    """
    start, finish = np.zeros(len(sent), dtype=np.int64), np.zeros(len(sent), dtype=np.int64)
    lines = [(alone.port, alone.port_gap), (alone.path, alone.path_gap)]
    free = [np.zeros(int(line.max(initial=-1)) + 1, dtype=np.int64) for line, _ in lines]
    latest, last = np.full_like(free[0], -1), np.full_like(free[0], -1)
    longest, in_order = int(alone.duration.max(initial=0)) + alone.delay, True
    for now, released in order.sweep(finish):
        start[now] = ready = released + alone.delay
        moving, asked = now[sent[now]], ready[sent[now]]
        port = alone.port[moving]
        in_order = in_order and _in_turn(turns, moving, asked, (free[0][port], latest[port], last[port]))
        waited_for = asked > free[0][port] if turns == "step" else np.ones(len(moving), dtype=np.bool_)
        latest[port[waited_for]], last[port[waited_for]] = asked[waited_for], moving[waited_for]
        for (line, _), until in zip(lines, free, strict=True):
            start[moving] = np.maximum(start[moving], until[line[moving]])
        check_time(int(start[now].max()) + longest)
        finish[now] = start[now] + alone.duration[now]
        for (line, gap), until in zip(lines, free, strict=True):
            until[line[moving]] = start[moving] + gap[moving]
    return start, finish, in_order


def _in_turn(turns: Turns, moving: IntArray, asked: IntArray, before: tuple[IntArray, IntArray, IntArray]) -> bool:
    """Say whether ports send transfers `moving` of one step, ready at `asked`, after all those of earlier steps.

    `before` them at their ports: when the port is free, when its latest message was ready (step: the latest that it stood
    idle for), and which one that was. An idle port must not have begun a later step before an earlier one was ready.
    """
    free, latest, last = before
    if turns == "any":
        return bool((asked >= free).all())
    if turns == "arrival":
        return bool(((asked > latest) | (asked == latest) & (moving > last)).all())
    return bool((asked >= latest).all())


def shares_links(plan: Schedule, size: int, offsets: IntArray, links: IntArray) -> bool:
    """Say whether two transfers of one step, both with bytes, cross one link.

    `links[offsets[t]:offsets[t + 1]]`: link ids of the path of transfer t.
    """
    hops = np.diff(offsets)
    busy = np.repeat(plan.message_bytes(size) > 0, hops)
    crossings = np.repeat(plan.step.astype(np.int64), hops)[busy] * (int(links.max(initial=0)) + 1) + links[busy]
    return len(np.unique(crossings)) < len(crossings)
