"""How a train moves that is alone: every packet of a message on every link, once a shape (rules 7 to 10 and 21).

Packet j on link i is granted at g(j, i) = max(g(j, i-1) + way, g(j-1, i) + ser), the later of its own way there and the end
of the packet before it; docs/trains.md derives it. Going through the packets needs no assumption about which are equal
and shows each one's residence in each buffer, which the test of room needs. Once equal packets follow each other at an even
pace on every link they do so up to the last but one, which is gone to at once: a message of 2^40 packets takes no longer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from collsim.engines.compiled.trains.layout import LIMIT
from collsim.jit.compile import kernel, small_kernel

__all__ = ["charges", "move"]


@kernel
def move(shapes: Any, legs: Any, kinds: Any, rules: Any) -> bool:
    """Fill `shapes` and their `legs`; return False where a train would not find room, or times grow beyond LIMIT."""
    fine = True
    for s in range(len(shapes)):
        if shapes[s].kind >= 0:
            fine = fine and _move(shapes[s], legs, kinds, rules)
    return fine


@small_kernel
def _move(shape: Any, legs: Any, kinds: Any, rules: Any) -> bool:
    count = -(-shape.size // rules.payload)
    rest = shape.size - (count - 1) * rules.payload
    links = kinds.link[kinds.first[shape.kind] : kinds.first[shape.kind + 1]]
    own = legs[shape.first : shape.first + len(links)]
    shape.packets = count
    shape.wire = shape.size + rules.header + (count - 1) * rules.later
    if len(links) == 1:
        hold = _total(kinds, links[0], count, rest, rules)
        if hold > LIMIT:
            return False
        own[0].begin, own[0].end, own[0].busy = 0, hold, hold
    elif not _cross(shape, own, (count, rest), links, kinds, rules):
        return False
    shape.hold = own[0].end
    shape.arrive = own[len(links) - 1].end + kinds.latency[links[len(links) - 1]]
    return bool(shape.arrive <= LIMIT and shape.arrive + shape.after <= LIMIT)


@small_kernel
def _total(kinds: Any, link: int, count: int, rest: int, rules: Any) -> int:
    """Return the fs that all packets hold `link`; LIMIT + 1 where that is too long."""
    if count == 1:
        return int(ser(kinds, link, rest + rules.header))
    middle = ser(kinds, link, rules.payload + rules.later)
    if middle > 0 and count > LIMIT // middle:
        return LIMIT + 1
    ends = ser(kinds, link, rules.payload + rules.header) + ser(kinds, link, rest + rules.later)
    return int(ends + (count - 2) * middle)


@small_kernel
def _cross(shape: Any, legs: Any, cut: Any, links: Any, kinds: Any, rules: Any) -> bool:
    """Move all packets over several links; False where a packet stays too long in a buffer for its room."""
    (count, rest), hops = cut, len(links)
    grant, sending = np.zeros(hops, dtype=np.int64), np.zeros(hops, dtype=np.int64)
    times, ways = np.zeros(hops, dtype=np.int64), np.zeros(hops, dtype=np.int64)
    stay, busy = np.zeros(hops, dtype=np.int64), np.zeros(hops, dtype=np.int64)
    apart = np.zeros(hops, dtype=np.int64)
    j = -1
    while j < count - 1:
        j += 1
        if j < 2 or j == count - 1:
            pace(kinds, links, packet_bytes(rules, count, rest, j), rules, times, ways)
        for i in range(hops):
            behind = grant[i] + sending[i]
            if i:
                behind = max(behind, grant[i - 1] + ways[i])
                stay[i - 1] = max(stay[i - 1], behind + times[i] - grant[i - 1])
            apart[i], grant[i] = behind - grant[i], behind
            sending[i] = times[i]
            busy[i] += times[i]
            if j == 0:
                legs[i].begin = behind
        if grant[hops - 1] > LIMIT:
            return False
        if 2 <= j < count - 3 and even(apart, times):
            skipped = count - 3 - j
            if skipped > LIMIT // apart[hops - 1]:
                return False
            for i in range(hops):
                grant[i] += skipped * apart[i]
                busy[i] += skipped * times[i]
            j += skipped
    for i in range(hops):
        legs[i].end, legs[i].busy = grant[i] + sending[i], busy[i]
        if rules.finite and i < hops - 1:
            around = stay[i] + kinds.latency[links[i]] - 1
            if np.floor(around * kinds.rate[links[i]]) + rules.largest > kinds.capacity[links[i]]:
                if shape.wire > kinds.capacity[links[i]]:
                    return False
                shape.tight = 1
    return True


@small_kernel
def even(apart: Any, times: Any) -> bool:
    """Whether packets of equal size that hold the links for `times` go on to come `apart`, in fs.

    Each link then goes at the pace of the one before it or, being slower, at its own. Where it goes at its own the link is
    what a packet waits for, and what comes no faster never changes that; else a packet is granted when it asks.
    """
    slowest = np.int64(0)
    for i in range(len(apart)):
        slowest = max(slowest, times[i])
        if apart[i] != slowest:
            return False
    return True


@small_kernel
def packet_bytes(rules: Any, count: int, rest: int, j: int) -> int:
    """Return the bytes of packet j (from 0) of `count`, header included, where the last carries `rest` (rules 2 and 21)."""
    payload = rest if j == count - 1 else rules.payload
    return int(payload + (rules.later if j else rules.header))


@small_kernel
def pace(kinds: Any, links: Any, size: int, rules: Any, times: Any, ways: Any) -> None:
    """Fill, for a packet of `size` bytes, ser on each link and the time from its grant on the link before to asking here."""
    for i in range(len(links)):
        times[i] = ser(kinds, links[i], size)
        if i:
            lead = times[i - 1]
            if rules.cut_through:
                head = max(1, ser(kinds, links[i - 1], min(rules.header, size)))
                lead = max(head, times[i - 1] - times[i])
            ways[i] = kinds.latency[links[i - 1]] + lead + rules.router_delay


@small_kernel
def ser(kinds: Any, link: int, size: int) -> int:
    """Return the fs that `size` bytes hold a link of kind `link` (rule 1)."""
    return int(size * kinds.whole[link] + -(-size * kinds.part[link] // kinds.divisor[link]))


@kernel
def charges(size: int, links: Any, kinds: Any, rules: Any) -> Any:
    """Return int64[hops]: the serialisation on each link on the way back from the last tail to the first grant.

    The walk of reference/critical.py: from a grant to the packet's own grant on the link before where that decided, ties
    included, else to the grant of the packet before it on this link. `charge[i]` is the row of the packet at hand on link i.
    """
    hops = len(links)
    count = -(-size // rules.payload)
    rest = size - (count - 1) * rules.payload
    grant, sending = np.zeros(hops, dtype=np.int64), np.zeros(hops, dtype=np.int64)
    times, ways = np.zeros(hops, dtype=np.int64), np.zeros(hops, dtype=np.int64)
    charge = np.zeros((hops, hops), dtype=np.int64)
    apart, waited = np.zeros(hops, dtype=np.int64), np.zeros(hops, dtype=np.bool_)
    j = -1
    while j < count - 1:
        j += 1
        if j < 2 or j == count - 1:
            pace(kinds, links, packet_bytes(rules, count, rest, j), rules, times, ways)
        for i in range(hops):
            before, behind = grant[i], grant[i] + sending[i]
            waited[i] = not (i and grant[i - 1] + ways[i] >= behind)
            if not waited[i]:
                grant[i] = grant[i - 1] + ways[i]
                charge[i] = charge[i - 1]
                charge[i, i - 1] += ways[i] - kinds.latency[links[i - 1]] - rules.router_delay
            else:
                grant[i] = behind
                charge[i, i] += sending[i]
            apart[i] = grant[i] - before
            sending[i] = times[i]
        if 2 <= j < count - 3 and even(apart, times):
            skipped = count - 3 - j
            for i in range(hops):
                grant[i] += skipped * apart[i]
                # A link that lets packets ask when they come is charged what the one before it is: by the next packet.
                if waited[i]:
                    charge[i, i] += skipped * times[i]
            j += skipped
    charge[hops - 1, hops - 1] += sending[hops - 1]
    return charge[hops - 1].copy()
