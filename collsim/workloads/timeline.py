"""When every rank computed, waited, updated and communicated: the result of a data-parallel program, read back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collsim.program import Call, Program
from collsim.result import Result
from collsim.workloads.data_parallel import Exchange, Work, Written

__all__ = ["Span", "Timeline", "timeline"]

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """One exchange: `posted`, `received`: int64[N] fs, on each rank; `iteration`: the one that posted it."""

    iteration: int
    posted: IntArray
    received: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """Iterations of N ranks in fs, int64[K, N]: computing from `begun` to `computed`, updating from `resumed` to `ended`.

    What lies between is waiting. `exchanges`: all-reduces, or gradients and weights of parameter servers.
    """

    begun: IntArray
    computed: IntArray
    resumed: IntArray
    ended: IntArray
    exchanges: tuple[Span, ...]

    @property
    def ranks(self) -> int:
        """Number of ranks N."""
        return int(self.ended.shape[1])

    @property
    def iterations(self) -> int:
        """Number of iterations K."""
        return len(self.ended)

    @property
    def periods(self) -> IntArray:
        """int64[K, N]: from the end of an iteration to that of the next, on each rank; the first counts from 0."""
        return np.asarray(np.diff(self.ended, axis=0, prepend=0), dtype=np.int64)

    @property
    def waits(self) -> IntArray:
        """int64[K, N]: what of each period is neither computing nor updating."""
        waits: IntArray = self.periods - (self.computed - self.begun) - (self.ended - self.resumed)
        return waits

    def steps(self) -> IntArray:
        """Return int64[K]: from the end of an iteration on the last rank to that of the next."""
        return np.asarray(np.diff(self.ended.max(axis=1), prepend=0), dtype=np.int64)


def timeline(work: Work, written: Written, result: Result) -> Timeline:
    """Return when what happened in `result`, a run of the program that `written` holds."""
    finish = result.operation_finish
    computed, ended = finish[written.computed], finish[written.ended].max(axis=2)
    spans = tuple(
        Span(e.iteration, finish[e.posted], _received(work, written.program, result, e)) for e in written.exchanges
    )
    return Timeline(computed - work.compute, computed, ended - written.update, ended, spans)


def _received(work: Work, program: Program, result: Result, exchange: Exchange) -> IntArray:
    """Return int64[N], when an exchange was over on each rank."""
    if exchange.after is not None:
        return np.asarray(result.operation_finish[exchange.after], dtype=np.int64)
    over = result.operation_finish[exchange.posted].copy()
    for call in exchange.calls:
        operation = program.operations[call]
        assert isinstance(operation, Call)
        plan, first = operation.schedule, int(program.first_message[call])
        finish = result.message_finish[first : first + plan.transfers]
        np.maximum.at(over, plan.src, finish)
        np.maximum.at(over, plan.dst, finish)
    return np.asarray(over, dtype=np.int64)
