"""What an engine runs: computations and collective calls over groups of ranks, with dependencies between them.

A single `collsim run` is a program of one call. Operations are named by their index in the program.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.schedule import Schedule
from collsim.errors import ClockOverflow, InvalidValue
from collsim.units import FS_PER_SECOND, MAX_BYTES, MAX_TIME

__all__ = ["MOST_STEPS", "Arrivals", "Call", "Compute", "Operation", "Program", "Send", "single_call"]

MOST_STEPS = 2**31
"""Steps stay below this in a program: engines keep one a message, in 32 bits (docs/decisions.md)."""


@dataclass(frozen=True, slots=True)
class Compute:
    """`duration` fs of work on node `host`, started when every operation in `deps` is complete on that host.

    Computations of one host that are ready at the same time run side by side; chain them by dependencies to serialise.
    """

    host: int
    duration: int
    deps: tuple[int, ...] = ()
    label: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One run of `schedule` on buffers of `size` bytes; the schedule is shared between calls, never copied.

    A transfer may start once every operation in `deps` is complete on its source host. The call is complete on a host
    when every transfer that starts or ends there is complete, and no sooner than its deps there.
    """

    schedule: Schedule
    size: int
    deps: tuple[int, ...] = ()
    label: str = ""


@dataclass(frozen=True, slots=True)
class Send:
    """A point-to-point message of `size` bytes from host to host; complete on both when it is delivered.

    `step`: what NICs and arbiters that go by steps order it by, 0 to MOST_STEPS - 1.
    """

    source: int
    target: int
    size: int
    deps: tuple[int, ...] = ()
    label: str = ""
    step: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """M independent messages, each sent at a time of its own: what open-loop traffic is made of.

    `source`, `target`: int64[M] hosts; `size`: int64[M] bytes; `start`: int64[M] fs, counted from the start of the
    operation on the source host. Message k does what Compute(source[k], start[k], deps) and a Send behind it would do, but
    an operation costs a task a host, and these are one operation however many messages they are. Their step is 0; routing
    draws by their number within the operation. Raises InvalidValue for columns that differ in length or are negative.
    """

    source: NDArray[np.int64]
    target: NDArray[np.int64]
    size: NDArray[np.int64]
    start: NDArray[np.int64]
    deps: tuple[int, ...] = ()
    label: str = ""

    def __post_init__(self) -> None:
        columns = (self.source, self.target, self.size, self.start)
        if len({column.shape for column in columns}) > 1 or self.source.ndim != 1:
            lengths = ", ".join(str(column.shape) for column in columns)
            raise InvalidValue(
                f"Source, target, size and start of arrivals have the shapes {lengths}; give one row a message."
            )
        for name, column in (("size", self.size), ("start", self.start)):
            if len(column) and int(column.min()) < 0:
                raise InvalidValue(
                    f"Message {int(column.argmin())} of the arrivals has the {name} {int(column.min())}; use 0 or more."
                )


Operation = Compute | Call | Send | Arrivals


@dataclass(frozen=True, slots=False)
class Program:
    """Operations in an order in which dependencies point backwards (operation k depends on operations below k).

    Messages are numbered through the program: operation by operation, a call's transfers in the schedule's order,
    arrivals in their own; this number is the `id` of the network model.

    Raises InvalidValue for dependencies that do not point backwards, for sizes that are negative or 2^62 bytes or more in
    all, and for steps below 0 or from MOST_STEPS on; ClockOverflow for a computation longer than the clock counts. No
    engine sees any of these.
    """

    operations: tuple[Operation, ...]

    def __post_init__(self) -> None:
        for index, operation in enumerate(self.operations):
            if any(not 0 <= d < index for d in operation.deps):
                raise InvalidValue(f"Operation {index} depends on one that does not come before it; reorder the program.")
            if isinstance(operation, Compute):
                _check_duration(index, operation.duration)
            else:
                _check_size(index, operation)
        steps: dict[int, tuple[int, int, int]] = {}
        for index, operation in enumerate(self.operations):
            if isinstance(operation, Send):
                _check_steps(index, operation.step, operation.step)
            elif isinstance(operation, Call) and id(operation.schedule) not in steps:
                step = operation.schedule.step
                steps[id(operation.schedule)] = index, int(step.min(initial=0)), int(step.max(initial=0))
        for found in steps.values():
            _check_steps(*found)

    @cached_property
    def first_message(self) -> NDArray[np.int64]:
        """int64[operations + 1]: id of each operation's first message; the last entry is the number of messages."""
        counts = [_messages(operation) for operation in self.operations]
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    @property
    def messages(self) -> int:
        """Number of messages in the whole program."""
        return int(self.first_message[-1])


def single_call(schedule: Schedule, size: int) -> Program:
    """Return the program that runs `schedule` once on buffers of `size` bytes."""
    return Program((Call(schedule, size),))


def _check_duration(index: int, duration: int) -> None:
    if duration < 0:
        raise InvalidValue(f"Operation {index} computes for a negative time.")
    if duration > MAX_TIME:
        raise ClockOverflow(
            f"Operation {index} computes for {duration / FS_PER_SECOND:.3g} s, which exceeds the clock of 2.56 hours; "
            "give it a shorter time."
        )


def _check_size(index: int, operation: Call | Send | Arrivals) -> None:
    """Refuse bytes that do not fit the engines: of a message, or of all chunks of a call together."""
    if isinstance(operation, Arrivals):
        size = whole = int(operation.size.max(initial=0))
    elif isinstance(operation, Send):
        size = whole = operation.size
    else:
        size, plan = operation.size, operation.schedule
        whole = size * int(plan.cumulative[-1]) // plan.unit
    if size < 0:
        raise InvalidValue(f"Operation {index} has a negative size.")
    if max(size, whole) >= MAX_BYTES:
        raise InvalidValue(f"Operation {index} has messages of {max(size, whole)} bytes in all; stay under 2^62 bytes.")


def _check_steps(index: int, least: int, most: int) -> None:
    if least < 0 or most >= MOST_STEPS:
        raise InvalidValue(
            f"Operation {index} has step {least if least < 0 else most}; number steps from 0 to {MOST_STEPS - 1:,}."
        )


def _messages(operation: Operation) -> int:
    if isinstance(operation, Call):
        return operation.schedule.transfers
    if isinstance(operation, Arrivals):
        return len(operation.source)
    return 1 if isinstance(operation, Send) else 0
