"""What a comparison of transports found: every run, and what the runs of one condition and transport have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from collsim.network.link_changes import describe_changes
from collsim.simulate import Case
from collsim.units import FS_PER_SECOND

if TYPE_CHECKING:
    import pandas as pd

    from collsim.report.picture import Picture

__all__ = ["Cell", "Point", "Study", "cells_of"]


@dataclass(frozen=True, slots=True)
class Point:
    """One run: times in seconds, `slowdown` against the ideal, `load` largest over mean busy time of usable links.

    These are the links between switches that messages could cross (`collsim.network.usable_links`), `load_links` of them.
    `lost`, `repeated`, `discarded` packets; `reorder_peak` bytes at the host that needed most; `busiest` link by name.
    `stalled`: why the run cannot end, "" if it did; one that stalled has no times and no load, and nothing is counted.
    """

    condition: str
    transport: str
    seed: int
    time_s: float | None = None
    slowdown: float | None = None
    load: float | None = None
    load_links: int = 0
    busiest: str = ""
    packets: int = 0
    lost: int = 0
    repeated: int = 0
    discarded: int = 0
    reorder_peak: int = 0
    packet_hops: int = 0
    wall_s: float = 0.0
    stalled: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """The runs of one transport under one condition: means, and the least and most of time, slowdown and load.

    `busiest`: that of the slowest run; `reorder_peak`: the largest of all runs; `seeds`: how many there were, of which
    `stalls` stalled, the first of them because of `stalled`. All else is of those that ended, None where none did.
    """

    condition: str
    transport: str
    seeds: int
    time_s: float | None
    time_min_s: float | None
    time_max_s: float | None
    slowdown: float | None
    slowdown_min: float | None
    slowdown_max: float | None
    load: float | None
    load_min: float | None
    load_max: float | None
    load_links: int
    busiest: str
    packets: float
    lost: float
    repeated: float
    discarded: float
    reorder_peak: int
    packet_hops: float
    wall_s: float
    stalls: int
    stalled: str

    @classmethod
    def of(cls, runs: Sequence[Point]) -> Cell:
        """Return the cell of `runs`, at least one, all of one condition and transport."""
        ended = [p for p in runs if not p.stalled]
        stalled = [p.stalled for p in runs if p.stalled]
        slowest = max(ended, key=lambda p: p.time_s or 0, default=runs[0])
        counts = ("packets", "lost", "repeated", "discarded", "packet_hops", "wall_s")
        return cls(
            condition=runs[0].condition,
            transport=runs[0].transport,
            seeds=len(runs),
            **_spread(ended, "time_s", "time_min_s", "time_max_s"),
            **_spread(ended, "slowdown", "slowdown_min", "slowdown_max"),
            **_spread(ended, "load", "load_min", "load_max"),
            load_links=runs[0].load_links,
            busiest=slowest.busiest,
            **{name: _mean([getattr(p, name) for p in ended or runs]) for name in counts},
            reorder_peak=max(p.reorder_peak for p in runs),
            stalls=len(stalled),
            stalled="".join(stalled[:1]),
        )


def _spread(runs: Sequence[Point], name: str, least: str, most: str) -> dict[str, Any]:
    """Return mean, least and most of a column, by their names in a cell; all None without a run."""
    values = [getattr(p, name) for p in runs]
    return {name: _mean(values), least: min(values), most: max(values)} if values else dict.fromkeys((name, least, most))


def _mean(values: Sequence[float]) -> float:
    """Return the mean; one run stays what it is, and so do equal ones, where one of floats may differ in the last digit."""
    return values[0] if min(values) == max(values) else fmean(values)


def cells_of(points: Sequence[Point]) -> tuple[Cell, ...]:
    """Return the cell of every condition and transport, in the order of their first runs."""
    groups: dict[tuple[str, str], list[Point]] = {}
    for point in points:
        groups.setdefault((point.condition, point.transport), []).append(point)
    return tuple(Cell.of(runs) for runs in groups.values())


@dataclass(frozen=True, eq=False)
class Study:
    """Points of one study in the order they ran; `ideal` fs on an ideal fabric, `bound` fs of any algorithm.

    `seeds`: how many each transport was to have, `case.seed` and those after it.
    """

    case: Case
    algorithm: str
    size: int
    ideal: int
    bound: int
    points: tuple[Point, ...]
    seeds: int = 1

    @property
    def cells(self) -> tuple[Cell, ...]:
        """One entry a condition and transport: means and ranges over its seeds."""
        return cells_of(self.points)

    def frame(self) -> pd.DataFrame:
        """Return one row a condition and transport, columns as the fields of `Cell`."""
        import pandas as pd

        return pd.DataFrame([asdict(cell) for cell in self.cells], columns=list(Cell.__slots__))

    def runs(self) -> pd.DataFrame:
        """Return one row a run, columns as the fields of `Point`."""
        import pandas as pd

        return pd.DataFrame([asdict(p) for p in self.points], columns=list(Point.__slots__))

    def to_dict(self) -> dict[str, Any]:
        """Return what `collsim workload transports --json` writes."""
        from collsim import __version__

        return {
            "topology": self.case.topology.name,
            "collective": self.case.collective.name,
            "algorithm": self.algorithm,
            "size_bytes": self.size,
            "ideal_s": self.ideal / FS_PER_SECOND,
            "bound_s": self.bound / FS_PER_SECOND,
            "engine": self.case.engine,
            "seed": self.case.seed,
            "seeds": self.seeds,
            "link_changes": list(describe_changes(self.case.topology, self.case.changes)),
            "changed_settings": self.case.network.changed(),
            "cells": [asdict(cell) for cell in self.cells],
            "runs": [asdict(p) for p in self.points],
            "collsim_version": __version__,
        }

    def plot(self, path: str | Path | None = None) -> Picture | None:
        """Draw slowdowns and link loads, with their ranges, into the image file `path`; OutputError if impossible.

        Without a path the picture is returned, which shows itself in a notebook.
        """
        from collsim.report.picture import picture
        from collsim.report.transport_bars import plot_transports

        title = f"{self.case.collective.name} by {self.algorithm} on {self.case.topology.name}"
        rows = [asdict(cell) for cell in self.cells]
        return picture(lambda where: plot_transports(rows, where, title), path)

    def __str__(self) -> str:
        rows = [(f"{c.condition:<24} {c.transport:<13}", c.slowdown, c.load) for c in self.cells]
        return "\n".join(f"{name} " + (f"{x:.3f}x, load {load:.2f}" if x and load else "stalls") for name, x, load in rows)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from collsim.report.picture import html_table
        from collsim.sweep.transports_table import note, table

        return html_table(*table(self), left=2, note=note(self))
