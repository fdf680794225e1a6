"""Who works points off: what that means, and the plainest kind, this process. Others are in processes and in cluster."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Protocol

from collsim.sweep.answer import Answer, Bench, answer
from collsim.sweep.runner import Work

__all__ = ["TOGETHER_S", "Answers", "Executor", "Here", "Waiting", "cores"]

Answers = list[tuple[int, Answer]]
"""What came of some points, by their number."""

TOGETHER_S = 0.2
"""How long answers are collected at most before they are written together."""


class Executor(Protocol):
    """Whoever works off points: yields what came of some of them, in any order, until all have been answered once."""

    def answers(self, works: Sequence[Work]) -> Iterator[Answers]:
        """Yield the answers to all `works`, each by its number in the sequence. Raises CollsimError when it cannot go on."""


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Here:
    """One point after another in this process."""

    def answers(self, works: Sequence[Work]) -> Iterator[Answers]:
        """See `Executor`."""
        bench, waiting = Bench(), Waiting(works)
        last, batch, since = "", Answers(), perf_counter()
        while waiting:
            number = waiting.take(last)
            last = works[number].group
            try:
                batch.append((number, answer(works[number], bench)))
            except KeyboardInterrupt:
                yield batch
                raise
            # Writing waits for the disk, which here nobody uses to work on.
            if perf_counter() - since > TOGETHER_S or not waiting:
                yield batch
                batch, since = [], perf_counter()


class Waiting:
    """Numbers of points that wait, by group."""

    def __init__(self, works: Sequence[Work]):
        self._groups: dict[str, deque[int]] = {}
        self._works, self._left = works, len(works)
        for number, work in enumerate(works):
            self._groups.setdefault(work.group, deque()).append(number)

    def __len__(self) -> int:
        return self._left

    def take(self, last: str) -> int:
        """Return the next point for who was at the group `last`: of the same group, else of the largest one."""
        queue = self._groups.get(last) or max(self._groups.values(), key=len)
        self._left -= 1
        return queue.popleft()

    def put_back(self, number: int) -> None:
        """Let the point wait once more, before the others of its group."""
        self._left += 1
        self._groups[self._works[number].group].appendleft(number)
