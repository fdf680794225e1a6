"""Links that change in a run (rule 27): other constants or losses for the packets granted from now on, or no grants.

A link that has failed counts as already in the list of links to arbitrate without being there, so that nobody can put it in:
runs in which nothing changes pay nothing for this.
"""

from __future__ import annotations

from typing import Any

from collsim.engines.compiled.access import change_at, link_at, number_at
from collsim.engines.compiled.events import poke
from collsim.jit.compile import small_kernel

__all__ = ["DOWN", "change_link"]

DOWN = 2
"""What `dirty` of a link says while it has failed."""


@small_kernel
def change_link(s: Any, number: int) -> None:
    """Let change `number` happen, in phase 1 of its tick."""
    change = change_at(s, number)
    wire, link = link_at(s, change.link), change.link
    wire.full_ser, wire.full_head = change.full_ser, change.full_head
    wire.whole, wire.part, wire.divisor = change.whole, change.part, change.divisor
    wire.safe, wire.most, wire.loss = change.safe, change.most, change.loss
    if change.fails:
        if wire.dirty == 1:
            _unlist(s, link)
        wire.dirty = DOWN
    elif wire.dirty == DOWN:
        wire.dirty, wire.restored_at = 0, s.now
        poke(s, link)


@small_kernel
def _unlist(s: Any, link: int) -> None:
    """Take `link` out of the list of this tick."""
    at = 0
    while number_at(s.at_dirty, at).value != link:
        at += 1
    s.dirties -= 1
    number_at(s.at_dirty, at).value = number_at(s.at_dirty, s.dirties).value
