"""What one point of a sweep is to everything around it: fields to list, inputs to hash, and work that gives a flat row.

`run` is one collective; each workload adds itself with a file in collsim/sweep/runners (or an entry point in the group
"collsim.sweep_runners"). Points are prepared in one process and worked off in others, so work can be pickled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from collsim.registry import Registry
from collsim.sweep.fields import Field

__all__ = ["RUN", "RUNNERS", "Call", "Kept", "Prepared", "Runner", "Work"]

RUN = "run"
"""The runner that is meant unless another is named."""

Kept = dict[Any, Any]
"""What a worker keeps from one point to the next of the same group, by names of the runner's own."""


class Work(Protocol):
    """A point ready to run. Points of one `group` share what is kept, such as a machine with its schedules.

    It may have `check(kept)`, which raises the UsageError that `run` would begin with, as of an algorithm that does not
    suit the machine, without running anything.
    """

    @property
    def group(self) -> str:
        """A name of what is shared."""

    def run(self, kept: Kept) -> dict[str, Any]:
        """Return results by name: numbers, text, truth values or None, `time_fs` among them. Raises CollsimError."""


@dataclass(frozen=True, eq=False)
class Call:
    """Work that is a function of a module and what it is `given`: it returns the results, see `Work`.

    `refuses`: a function of the same that raises UsageError where the other would begin with one; see `Work`.
    """

    group: str
    function: Callable[[Any, Kept], dict[str, Any]]
    given: Any
    refuses: Callable[[Any, Kept], None] | None = None

    def run(self, kept: Kept) -> dict[str, Any]:
        """Return what the function does. Raises CollsimError."""
        return self.function(self.given, kept)

    def check(self, kept: Kept) -> None:
        """Raise the UsageError that a run would begin with, where that is known."""
        if self.refuses is not None:
            self.refuses(self.given, kept)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A point that can be run. `inputs`: all that its results depend on, as JSON; equal inputs are one point.

    `shown`: parameters that tables call otherwise than they were written, such as files by their names.
    """

    inputs: dict[str, Any]
    work: Work
    shown: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Runner:
    """A kind of point. `prepare(parameters, kept)` gives what is run; it raises UsageError for a point that cannot be."""

    name: str
    title: str
    fields: tuple[Field, ...]
    prepare: Callable[[Mapping[str, Any], Kept], Prepared]


RUNNERS: Registry[Runner] = Registry("workload of sweeps", "collsim.sweep.runners", "collsim.sweep_runners")
