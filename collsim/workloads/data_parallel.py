"""Iterations of data-parallel training as a program: what all schemes share, from the work of a rank to the operations.

A scheme (one file each in collsim/workloads/schemes) says when ranks compute, exchange gradients and update. It is given as
a builder of programs, a law for the time of an iteration without noise, and a recurrence for the end of every iteration with
it; law and recurrence take an exchange as something that begins when its last rank is there and ends everywhere at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.schedule import Schedule
from collsim.errors import InvalidValue
from collsim.program import Call, Compute, Operation, Program, Send
from collsim.registry import Registry

__all__ = ["SCHEMES", "Exchange", "Prediction", "Scheme", "Work", "Writer", "Written", "part"]

IntArray = NDArray[np.int64]
Row = list[tuple[int, ...]]
"""Of each rank, the operations that something later waits for on its host."""


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """What is to be done. Times in fs, N ranks, K iterations.

    `hosts`: host of each rank. `compute`: int64[K, N], forward and backward. `typical`: the same without noise. `update`:
    what an update takes, on all ranks. `size`: bytes of all gradients. `buckets`: (bytes, share of computing after which
    they are there) in that order. `plan`: the schedule of an all-reduce of so many bytes. `eta`: the share of computing
    during which communication makes progress. `local_steps`: steps between two averages of local SGD; `delay`: steps by
    which their use is put off. `servers`: hosts of the parameter servers. `rendezvous`: all-reduces begin when the last
    rank is there and end everywhere at once. `initiators`: int64[K], who starts the partial all-reduce of eager SGD.
    Raises InvalidValue.
    """

    hosts: tuple[int, ...]
    compute: IntArray
    typical: int
    update: int
    size: int
    plan: Callable[[int], Schedule]
    buckets: tuple[tuple[int, Fraction], ...] = ()
    eta: Fraction = Fraction(1)
    local_steps: int = 4
    delay: int = 0
    servers: tuple[int, ...] = ()
    rendezvous: bool = False
    initiators: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __post_init__(self) -> None:
        if not 0 <= self.eta <= 1:
            raise InvalidValue(f"The overlap efficiency {float(self.eta):g} is not in 0..1; 1 overlaps fully, 0 not at all.")
        if self.iterations < 1:
            raise InvalidValue(f"There are {self.iterations} iterations to run; take 1 or more.")
        if self.size < 1:
            raise InvalidValue("There are no gradients to sum; give a payload of 1 byte or more.")
        if self.local_steps < 1:
            raise InvalidValue(f"Local SGD takes {self.local_steps} steps between averages; take 1 or more.")
        if not 0 <= self.delay <= self.local_steps:
            raise InvalidValue(
                f"An average used {self.delay} steps late is not there before the next one; take 0 to {self.local_steps}."
            )

    @property
    def ranks(self) -> int:
        """Number of ranks N."""
        return len(self.hosts)

    @property
    def iterations(self) -> int:
        """Number of iterations K."""
        return len(self.compute)


@dataclass(frozen=True, slots=True, eq=False)
class Exchange:
    """One exchange of gradients or weights among all ranks, which iteration `iteration` posted.

    `posted`: int64[N], the operation that completes when a rank posts it. `calls`: its operations. `after`: int64[N],
    operations that complete when it is over on a rank, where that is not when its calls are.
    """

    iteration: int
    posted: IntArray
    calls: tuple[int, ...]
    after: IntArray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A program and what is needed to read its result.

    `computed`: int64[K, N], the operation that ends the computing of an iteration; `ended`: int64[K, N, S], those that
    end the iteration on a rank; `update`: fs of it that the rank updates.
    """

    program: Program
    computed: IntArray
    ended: IntArray
    update: int
    exchanges: tuple[Exchange, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What is expected when each all-reduce takes as long as alone: `ended`, int64[K, N] fs."""

    ended: IntArray


@dataclass(frozen=True, slots=True)
class Scheme:
    """A scheme. `law_text`: its time of an iteration in words of T_c, T_ar and T_u.

    `write(work)` returns the program; `law(work, times)` the fs of an iteration without noise, a fraction where only
    several together are whole, and `predict(work, times)` the end of every iteration on every rank, or None where nothing
    is known. `times`: the all-reduce alone, of each bucket where `buckets`, else of everything in one entry; for servers
    the exchange of one rank alone, and what the bytes of all ranks take one way at a server. `asynchronous`: ranks do not
    wait for each other. `rounds`: iterations come in rounds of `local_steps`.
    """

    name: str
    about: str
    source: str
    law_text: str
    write: Callable[[Work], Written]
    law: Callable[[Work, Sequence[int]], Fraction]
    predict: Callable[[Work, Sequence[int]], Prediction | None]
    buckets: bool = False
    asynchronous: bool = False
    rounds: bool = False


SCHEMES: Registry[Scheme] = Registry("scheme", "collsim.workloads.schemes", "collsim.schemes")


def part(times: IntArray, share: Fraction) -> IntArray:
    """Return floor(share x time) of each of `times`, exactly."""
    if share.denominator == 1:
        return times * int(share)
    values = [time * share.numerator // share.denominator for time in times.ravel().tolist()]
    return np.array(values, dtype=np.int64).reshape(times.shape)


@dataclass(slots=True, eq=False)
class Writer:
    """Writes operations. `ready`: of each rank, what its next computation waits for."""

    work: Work
    ready: Row
    operations: list[Operation] = field(default_factory=list)
    computed: list[list[int]] = field(default_factory=list)
    ended: list[list[tuple[int, ...]]] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)

    @classmethod
    def of(cls, work: Work) -> Writer:
        """Return a writer of nothing yet."""
        return cls(work, [()] * work.ranks)

    def add(self, operation: Operation) -> int:
        """Write one operation and return its index."""
        self.operations.append(operation)
        return len(self.operations) - 1

    def row(self, times: Sequence[int], waits: Row, label: str) -> Row:
        """Let every rank compute for its time once `waits` are complete on its host."""
        hosts = self.work.hosts
        return [(self.add(Compute(h, t, w, label)),) for h, t, w in zip(hosts, times, waits, strict=True)]

    def pieces(self, iteration: int, shares: Sequence[Fraction]) -> list[Row]:
        """Let every rank compute iteration `iteration`, and return what is complete at each of the rising `shares` of it."""
        times = self.work.compute[iteration]
        done, waits, found = np.zeros_like(times), self.ready, []
        for share in (*shares, Fraction(1)):
            reached = part(times, share)
            if share == 1 or (reached > done).any():
                waits = self.row((reached - done).tolist(), waits, f"compute {iteration}")
            found.append(waits)
            done = reached
        self.computed.append([op for (op,) in waits])
        return found[:-1]

    @property
    def whole(self) -> Row:
        """What is complete on each rank when it has computed its iteration."""
        return [(op,) for op in self.computed[-1]]

    def update(self, waits: Row) -> None:
        """Let every rank update and end the iteration once `waits` are complete."""
        self.ready = self.row([self.work.update] * self.work.ranks, waits, f"update {len(self.ended)}")
        self.ended.append(list(self.ready))

    def reduce(self, iteration: int, posted: Row, sizes: Sequence[int], starts: Sequence[Row], before: Row) -> Row:
        """Write the all-reduces of `iteration`, one behind the other: k has `sizes[k]` bytes and waits for `starts[k]`.

        `posted`: single operations whose completion posts the first; `before`: what the first waits for besides. Returns
        what to wait for until all of them are over.
        """
        calls, over = [], before
        for size, start in zip(sizes, starts, strict=True):
            waits = both(start, over)
            waits = self._meet(waits) if self.work.rendezvous else waits
            everything = tuple(dict.fromkeys(op for wait in waits for op in wait))
            calls.append(self.add(Call(self.work.plan(size), size, everything, f"all-reduce {iteration}")))
            over = [(calls[-1],)] * self.work.ranks
            over = self._meet(over) if self.work.rendezvous else over
        after = np.array([wait[-1] for wait in over]) if self.work.rendezvous else None
        self.exchanges.append(Exchange(iteration, np.array([op for (op,) in posted]), tuple(calls), after))
        return over

    def _meet(self, waits: Row) -> Row:
        """Return what is complete on each rank once `waits` are on all: empty messages to the first and back, in no time."""
        first, *rest = self.work.hosts
        come = [self.add(Send(h, first, 0, w, "meet")) for h, w in zip(rest, waits[1:], strict=True)]
        everyone = (*waits[0], *come)
        go = [self.add(Send(first, h, 0, everyone, "meet")) for h in rest]
        return [(go[0],), *((op,) for op in go)]

    def written(self, update: int | None = None) -> Written:
        """Return what has been written."""
        return Written(
            Program(tuple(self.operations)),
            np.array(self.computed, dtype=np.int64),
            np.array(self.ended, dtype=np.int64),
            self.work.update if update is None else update,
            tuple(self.exchanges),
        )


def both(one: Row, other: Row) -> Row:
    """Return what waits for both."""
    return [(*a, *b) for a, b in zip(one, other, strict=True)]
