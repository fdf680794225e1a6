"""What an engine runs: computations and collective calls over groups of ranks, with dependencies between them.

A single `collsim run` is a program of one call. Operations are named by their index in the program.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.schedule import Schedule
from collsim.errors import InvalidValue

__all__ = ["Arrivals", "Call", "Compute", "Operation", "Program", "Send", "single_call"]


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
    """A point-to-point message of `size` bytes from host to host; complete on both when it is delivered."""

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
    """

    operations: tuple[Operation, ...]

    def __post_init__(self) -> None:
        for index, operation in enumerate(self.operations):
            if any(not 0 <= d < index for d in operation.deps):
                raise InvalidValue(f"Operation {index} depends on one that does not come before it; reorder the program.")
            if isinstance(operation, Compute) and operation.duration < 0:
                raise InvalidValue(f"Operation {index} computes for a negative time.")
            if isinstance(operation, Call | Send) and operation.size < 0:
                raise InvalidValue(f"Operation {index} has a negative size.")

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


def _messages(operation: Operation) -> int:
    if isinstance(operation, Call):
        return operation.schedule.transfers
    if isinstance(operation, Arrivals):
        return len(operation.source)
    return 1 if isinstance(operation, Send) else 0
