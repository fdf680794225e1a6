"""A trace: what every rank does, as GOAL and Chakra files say it, before it meets a machine.

Operations of a rank are numbered; each waits for others of its rank to end or to start. A send and a receive on two ranks
make a message. Times are fs, sizes bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from collsim.collectives.collective import Collective
from collsim.errors import FileFormatError
from collsim.units import MAX_BYTES, MAX_TIME

__all__ = ["ANY", "CALC", "COLLECTIVE", "MOST_RANKS", "RECV", "SEND", "Trace", "TraceOp", "place"]

CALC, SEND, RECV, COLLECTIVE = "calc", "send", "recv", "collective"
ANY = -1
"""Peer or tag of a receive that takes any."""
MOST_RANKS = 1 << 20


@dataclass(frozen=True, slots=True)
class TraceOp:
    """One operation of a rank.

    `kind`: CALC for `duration` fs on the rank's computing unit `unit` (operations of one unit take turns; -1: beside all
    others), SEND of `size` bytes to rank `peer`, RECV from it (ANY allowed), or COLLECTIVE among `group` (a name in
    `Trace.groups`; empty: all ranks). `ended`, `started`: operations of the rank that must have ended or started before.
    `line`: where it stands in a file, 0 if nowhere.
    """

    kind: str
    duration: int = 0
    size: int = 0
    peer: int = ANY
    tag: int = 0
    ended: tuple[int, ...] = ()
    started: tuple[int, ...] = ()
    unit: int = 0
    label: str = ""
    collective: Collective | None = None
    group: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Trace:
    """Operations by rank; `eager`: a send has ended for its rank once it has started, not when it is delivered.

    `groups`: ranks of each named group. `notes`: sentences a reader must know. Raises FileFormatError, with `origin` and the
    line, for times, sizes, ranks and dependencies that cannot be.
    """

    ranks: tuple[tuple[TraceOp, ...], ...]
    eager: bool = True
    groups: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    origin: str = field(default="trace", compare=False)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.ranks) <= MOST_RANKS:
            raise FileFormatError(f"{self.origin}: {len(self.ranks)} ranks; a trace has 1 to {MOST_RANKS:,}.")
        for name, members in self.groups.items():
            if not members or len(set(members)) != len(members) or any(not 0 <= m < len(self.ranks) for m in members):
                raise FileFormatError(
                    f"{self.origin}: the group '{name}' names ranks twice, none, or others than 0..{len(self.ranks) - 1}."
                )
        for rank, operations in enumerate(self.ranks):
            for index, operation in enumerate(operations):
                self._check(rank, index, operation)

    def _check(self, rank: int, index: int, operation: TraceOp) -> None:
        what, count = "", len(self.ranks[rank])
        if not 0 <= operation.duration <= MAX_TIME:
            what = f"computes for {operation.duration} fs, which is negative or beyond the clock of 2.56 hours"
        elif not 0 <= operation.size < MAX_BYTES:
            what = f"has {operation.size} bytes; take 0 to under 2^62"
        elif operation.kind in (SEND, RECV) and not (ANY if operation.kind == RECV else 0) <= operation.peer < len(
            self.ranks
        ):
            what = f"names rank {operation.peer}; ranks are 0..{len(self.ranks) - 1}"
        elif operation.group and operation.group not in self.groups:
            what = f"names the group '{operation.group}', which is not known"
        elif any(not 0 <= d < count or d == index for d in (*operation.ended, *operation.started)):
            what = "waits for itself or for an operation that is not there"
        if what:
            raise FileFormatError(f"{place(self, rank, index)} {what}.")


def place(trace: Trace, rank: int, index: int) -> str:
    """Return the words by which errors name an operation: "x.goal, line 7: rank 0, send 'l2'"."""
    operation = trace.ranks[rank][index]
    line = f", line {operation.line}" if operation.line else ""
    name = f" '{operation.label[:40]}'" if operation.label else f" {index}"
    return f"{trace.origin}{line}: rank {rank}, {operation.kind}{name}"
