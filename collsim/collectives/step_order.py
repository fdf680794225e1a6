"""A schedule swept step by step as arrays: which transfers belong to a step, and when their dependencies release them.

Closed forms and the analytic engine both walk schedules of millions of transfers this way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.schedule import Schedule

__all__ = ["StepOrder"]

IntArray = NDArray[np.int64]
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class StepOrder:
    """Transfers in order of steps (`by_step`, cut at `cuts`) and, likewise, the dependency sets first used in each step."""

    plan: Schedule
    by_step: IntArray
    cuts: IntArray
    sets: IntArray
    set_cuts: IntArray
    members: IntArray
    member_cuts: IntArray

    @classmethod
    def of(cls, plan: Schedule) -> StepOrder | None:
        """Return the order, or None when a dependency of some transfer is not of a smaller step."""
        sizes = np.diff(plan.set_offsets)
        needed = np.full(len(sizes), NEVER)
        np.minimum.at(needed, plan.dep_set, plan.step)
        latest = np.full(len(sizes), -1)
        if (sizes > 0).any():
            latest[sizes > 0] = np.maximum.reduceat(plan.step[plan.set_members], plan.set_offsets[:-1][sizes > 0])
        if (latest >= needed).any():
            return None
        used = np.flatnonzero((sizes > 0) & (needed < NEVER))
        sets = used[np.argsort(needed[used], kind="stable")]
        by_step = np.argsort(plan.step, kind="stable")
        steps, first = np.unique(plan.step[by_step], return_index=True)
        length = sizes[sets]
        member_cuts = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
        place = np.repeat(plan.set_offsets[sets] - member_cuts[:-1], length) + np.arange(member_cuts[-1])
        return cls(
            plan=plan,
            by_step=by_step,
            cuts=np.append(first, plan.transfers),
            sets=sets,
            set_cuts=np.searchsorted(needed[sets], np.append(steps, NEVER)),
            members=plan.set_members[place],
            member_cuts=member_cuts,
        )

    def sweep(self, finish: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
        """Yield, a step at a time, (transfer ids, when the last dependency of each is complete; 0 without any).

        `finish` int64[T] is read as the sweep goes: write the yielded transfers' times before asking for the next step.
        """
        released = np.zeros(len(self.plan.set_offsets), dtype=np.int64)
        for k in range(len(self.cuts) - 1):
            low, high = self.set_cuts[k], self.set_cuts[k + 1]
            if high > low:
                base = self.member_cuts[low]
                ends = finish[self.members[base : self.member_cuts[high]]]
                released[self.sets[low:high]] = np.maximum.reduceat(ends, self.member_cuts[low:high] - base)
            now = self.by_step[self.cuts[k] : self.cuts[k + 1]]
            yield now, released[self.plan.dep_set[now]]
