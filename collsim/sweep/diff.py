"""Two files of results beside each other: points that only one has, and what differs between those that both have.

A point is the same in both if it was asked for with the same inputs, whatever version of collsim, of a machine's file or of
an algorithm's file it was run with; which of these differ is told with the change.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collsim.errors import InvalidValue
from collsim.sweep.inputs import DIGESTS, hash_of
from collsim.sweep.results import Results, flat
from collsim.sweep.store import REFUSED, Row

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Change", "Diff", "change_of", "compare_results"]

OTHERWISE = ("warnings", "wall_s", "train_fraction")
"""Results that say how a run went and not what came out."""


@dataclass(frozen=True, slots=True)
class Change:
    """A point that both files have and that came out differently.

    `what`: names of the results that differ, "status" among them. `because`: inputs that differ, of DIGESTS.
    """

    before: Row
    after: Row
    what: tuple[str, ...]
    because: tuple[str, ...]

    @property
    def ratio(self) -> float | None:
        """Time after over time before; None where one of them has none."""
        times = self.before.results.get("time_fs"), self.after.results.get("time_fs")
        return times[1] / times[0] if times[0] and times[1] is not None else None

    def to_dict(self) -> dict[str, Any]:
        """Return one flat row: the point, both statuses and times, the ratio, what differs and why it may."""
        return {
            **{name: flat(value) for name, value in self.after.point.items()},
            "status_before": self.before.status,
            "status_after": self.after.status,
            "time_fs_before": self.before.results.get("time_fs"),
            "time_fs_after": self.after.results.get("time_fs"),
            "ratio": self.ratio,
            "differs": ", ".join(self.what),
            "because": ", ".join(self.because) or None,
            "values": {name: [self.before.results.get(name), self.after.results.get(name)] for name in self.what},
        }


@dataclass(frozen=True, eq=False)
class Diff:
    """What changed from one file to another. `same`: how many points came out alike within `tolerance`."""

    before: str
    after: str
    changes: tuple[Change, ...]
    only_before: tuple[Row, ...]
    only_after: tuple[Row, ...]
    same: int
    tolerance: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.changes or self.only_before or self.only_after)

    def frame(self) -> pd.DataFrame:
        """Return the changes as a frame, one row a point."""
        import pandas as pd

        rows = [{name: value for name, value in change.to_dict().items() if name != "values"} for change in self.changes]
        return pd.DataFrame(rows)

    def to_dict(self) -> dict[str, Any]:
        """Return what `collsim diff --json` writes."""
        return {
            "before": self.before,
            "after": self.after,
            "tolerance": self.tolerance,
            "same": self.same,
            "changes": [change.to_dict() for change in self.changes],
            "only_before": [row.point for row in self.only_before],
            "only_after": [row.point for row in self.only_after],
        }


def compare_results(before: Results, after: Results, tolerance: float = 0.0) -> Diff:
    """Return what differs between two files of results.

    Numbers that differ by up to `tolerance` of the larger one are alike; text and truth values are alike or not. Where a
    file has a point several times, from several versions, the latest counts. Raises InvalidValue for a tolerance below 0.
    """
    if not 0 <= tolerance < 1:
        raise InvalidValue(f"The tolerance {tolerance:g} is not in 0..1; 0.01 lets numbers differ by one percent.")
    old, new = _latest(before), _latest(after)
    _pair_refused(old, new)
    changes, same = [], 0
    for point, row in new.items():
        if point in old:
            change = change_of(old[point], row, tolerance)
            same += change is None
            changes += [] if change is None else [change]
    changes.sort(key=lambda change: -max(change.ratio or 0, 1 / change.ratio if change.ratio else 0))
    return Diff(
        str(Path(before.source)),
        str(Path(after.source)),
        tuple(changes),
        tuple(row for point, row in old.items() if point not in new),
        tuple(row for point, row in new.items() if point not in old),
        same,
        tolerance,
    )


def _latest(results: Results) -> dict[str, Row]:
    """Return {point: its latest row}."""
    found = {}
    for row in sorted(results.rows, key=lambda row: row.finished):
        point = hash_of({name: value for name, value in row.inputs.items() if name not in DIGESTS})
        found[point] = row
    return found


def _pair_refused(old: dict[str, Row], new: dict[str, Row]) -> None:
    """Let points meet that one file has refused: known by what was asked for, not by what they would depend on."""
    lonely = {_asked(row): key for key, row in new.items() if key not in old}
    for key in [key for key in old if key not in new]:
        other = lonely.get(_asked(old[key]))
        if other is not None and REFUSED in (old[key].status, new[other].status):
            new[key] = new.pop(other)


def _asked(row: Row) -> str:
    return hash_of({"kind": row.kind, "point": row.point})


def change_of(before: Row, after: Row, tolerance: float) -> Change | None:
    """Return what differs between two rows of a point by more than `tolerance`, None where nothing does."""
    names = dict.fromkeys((*before.results, *after.results))
    compared = [name for name in names if name not in OTHERWISE and not name.startswith("provenance_")]
    what = [name for name in compared if not _alike(before.results.get(name), after.results.get(name), tolerance)]
    what = ["status"] * (before.status != after.status) + (what if before.status == after.status else [])
    if before.status == after.status and before.error != after.error:
        what.append("error")
    if not what:
        return None
    because = [name for name in DIGESTS if before.inputs.get(name) != after.inputs.get(name)]
    return Change(before, after, tuple(what), tuple(because))


def _alike(before: Any, after: Any, tolerance: float) -> bool:
    if isinstance(before, bool) or isinstance(after, bool) or not isinstance(before, int | float):
        return bool(before == after)
    if not isinstance(after, int | float):
        return False
    return before == after or abs(before - after) <= tolerance * max(abs(before), abs(after))
