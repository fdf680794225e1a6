"""What a comparison of transports found: every run, and what the runs of one condition and transport have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    """

    condition: str
    transport: str
    seed: int
    time_s: float
    slowdown: float
    load: float
    load_links: int
    busiest: str
    packets: int
    lost: int
    repeated: int
    discarded: int
    reorder_peak: int
    packet_hops: int
    wall_s: float


@dataclass(frozen=True, slots=True)
class Cell:
    """The runs of one transport under one condition: means, and the least and most of time, slowdown and load.

    `busiest`: that of the slowest run; `reorder_peak`: the largest of all runs; `seeds`: how many there were.
    """

    condition: str
    transport: str
    seeds: int
    time_s: float
    time_min_s: float
    time_max_s: float
    slowdown: float
    slowdown_min: float
    slowdown_max: float
    load: float
    load_min: float
    load_max: float
    load_links: int
    busiest: str
    packets: float
    lost: float
    repeated: float
    discarded: float
    reorder_peak: int
    packet_hops: float
    wall_s: float

    @classmethod
    def of(cls, runs: Sequence[Point]) -> Cell:
        """Return the cell of `runs`, at least one, all of one condition and transport."""

        def mean(of: Callable[[Point], float]) -> float:
            values = [of(p) for p in runs]
            # One run stays what it is, and so do equal ones: a mean of floats may differ in the last digit.
            return values[0] if min(values) == max(values) else fmean(values)

        first, slowest = runs[0], max(runs, key=lambda p: p.time_s)
        return cls(
            condition=first.condition,
            transport=first.transport,
            seeds=len(runs),
            time_s=mean(lambda p: p.time_s),
            time_min_s=min(p.time_s for p in runs),
            time_max_s=slowest.time_s,
            slowdown=mean(lambda p: p.slowdown),
            slowdown_min=min(p.slowdown for p in runs),
            slowdown_max=slowest.slowdown,
            load=mean(lambda p: p.load),
            load_min=min(p.load for p in runs),
            load_max=max(p.load for p in runs),
            load_links=first.load_links,
            busiest=slowest.busiest,
            packets=mean(lambda p: p.packets),
            lost=mean(lambda p: p.lost),
            repeated=mean(lambda p: p.repeated),
            discarded=mean(lambda p: p.discarded),
            reorder_peak=max(p.reorder_peak for p in runs),
            packet_hops=mean(lambda p: p.packet_hops),
            wall_s=mean(lambda p: p.wall_s),
        )


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
        return "\n".join(f"{c.condition:<24} {c.transport:<13} {c.slowdown:.3f}x, load {c.load:.2f}" for c in self.cells)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from collsim.report.picture import html_table
        from collsim.sweep.transports_table import note, table

        return html_table(*table(self), left=2, note=note(self))
