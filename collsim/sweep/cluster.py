"""Points worked off on other machines, through a scheduler of dask.distributed that somebody has started.

Points go in small groups, so that the worker that gets one keeps machine and schedules for all of it. Dask gives the points
of a worker that has died to another one; what a worker had not handed over is worked off again, and written once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

from collsim.errors import InvalidValue, RunError, UsageError
from collsim.sweep.answer import Answer, Bench, answer
from collsim.sweep.executors import Answers
from collsim.sweep.processes import Processes
from collsim.sweep.runner import Work
from collsim.sweep.store import FAILED

__all__ = ["Cluster"]

MOST_TOGETHER = 8
"""Points that one task holds at most."""
PATIENCE = "10s"
_of_thread = threading.local()
"""What each thread of a dask worker keeps between tasks; caches alone, which no result depends on."""


class Cluster:
    """The workers of the scheduler at `address`, like "tcp://10.0.0.1:8786"; to be closed.

    A point that takes longer than `timeout_s` seconds is failed. Raises UsageError where distributed is not installed,
    nobody answers, or workers have another version of collsim.
    """

    def __init__(self, address: str, timeout_s: float | None = None):
        try:
            import distributed
        except ImportError:
            raise UsageError("A sweep on a cluster needs dask.distributed; run: pip install 'collsim[cluster]'.") from None
        self._address, self._timeout_s = address, timeout_s
        try:
            self._client: Any = distributed.Client(address, timeout=PATIENCE, set_as_default=False)  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            raise InvalidValue(
                f"No dask scheduler answers at '{address}' ({type(error).__name__}); start one with 'dask scheduler', "
                "workers with 'dask worker ADDRESS', and give the address that it prints, like tcp://10.0.0.1:8786."
            ) from None
        try:
            self._check()
        except BaseException:
            self.close()
            raise

    def _check(self) -> None:
        from collsim import __version__

        try:
            versions: dict[str, str] = self._client.run(_version)
        except Exception as error:
            text = " ".join(f"{type(error).__name__}: {error}".split())
            raise UsageError(f"A worker of {self._address} cannot run collsim ({text}); install it there.") from None
        if not versions:
            raise UsageError(
                f"The scheduler at {self._address} has no workers; start some with 'dask worker {self._address}'."
            )
        for worker, version in versions.items():
            if version != __version__:
                raise UsageError(
                    f"The worker {worker} has collsim {version} and this is {__version__}; install one version everywhere."
                )

    @property
    def count(self) -> int:
        """How many points are worked off at the same time."""
        return sum(self._client.ncores().values())

    def answers(self, works: Sequence[Work]) -> Iterator[Answers]:
        """See `Executor`. Raises RunError when the scheduler is lost."""
        import distributed

        given: dict[str, list[int]] = {}

        def submit(numbers: list[int]) -> Any:
            future = self._client.submit(work_off, [works[number] for number in numbers], self._timeout_s, pure=False)
            given[future.key] = numbers
            return future

        together = max(1, min(MOST_TOGETHER, len(works) // (4 * max(self.count, 1))))
        futures = [submit(numbers) for numbers in _portions(works, together)]
        running: Any = distributed.as_completed(futures, loop=self._client.loop)  # type: ignore[no-untyped-call]
        for batch in running.batches():
            found: Answers = []
            for future in batch:
                if future.status in ("pending", "lost") and self._client.status == "running":
                    # Its worker died with the answers between doing it and handing them over; dask has it done again.
                    running.add(future)
                    continue
                numbers = given.pop(future.key)
                result = self._result(future)
                if isinstance(result, list):
                    found += zip(numbers, result, strict=True)
                    continue
                if len(numbers) > 1:
                    # One of them takes its worker down; each by itself shows which.
                    for number in numbers:
                        running.add(submit([number]))
                else:
                    found.append((numbers[0], Answer(FAILED, result)))
            yield found

    def _result(self, future: Any) -> list[Answer] | str:
        """Return the answers of a task, or why there are none. Raises RunError when the scheduler is lost."""
        try:
            if future.status in ("finished", "error"):
                answers: list[Answer] = future.result()
                return answers
        except OSError:
            pass  # the connection was lost since
        except Exception as error:
            text = " ".join(f"{type(error).__name__}: {error}".split())
            return f"Its workers died or could not answer ({text}), most likely for lack of memory."
        raise RunError(
            f"The connection to the scheduler at {self._address} is lost; repeat the command when it is back: what was "
            "answered is kept."
        )

    def close(self) -> None:
        """Give up what is not done yet and leave the cluster as it was."""
        self._client.close(timeout=PATIENCE)


def _portions(works: Sequence[Work], most: int) -> list[list[int]]:
    """Return the numbers of all points, those of one group together, up to `most` of them in one portion."""
    groups: dict[str, list[int]] = {}
    for number, work in enumerate(works):
        groups.setdefault(work.group, []).append(number)
    return [numbers[k : k + most] for numbers in groups.values() for k in range(0, len(numbers), most)]


def _version() -> str:
    from collsim import __version__

    return __version__


def work_off(works: Sequence[Work], timeout_s: float | None) -> list[Answer]:
    """Return the answers to `works`, on a worker; in a process of their own where they may have to be ended."""
    if timeout_s is not None:
        found = dict(pair for batch in Processes(1, timeout_s).answers(works) for pair in batch)
        return [found[number] for number in range(len(works))]
    if not hasattr(_of_thread, "bench"):
        _of_thread.bench = Bench()
    return [answer(work, _of_thread.bench) for work in works]
