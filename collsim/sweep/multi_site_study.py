"""Ways to train across sites as one call: a machine, a job in words, and a row for every way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collsim.errors import UnknownName
from collsim.network.config import NetworkConfig
from collsim.network.link_changes import LinkChange, parse_changes
from collsim.simulate import DEFAULT_ENGINE, prepare
from collsim.sweep.multi_site import fitting_ways, plot, runs, setting
from collsim.sweep.multi_site_job import job_of, with_wide_area_of
from collsim.sweep.multi_site_way import Setting, Way, frame, to_dict
from collsim.topology.graph import Topology
from collsim.units import format_bandwidth, format_time, parse_time
from collsim.workloads.multi_site import Job

if TYPE_CHECKING:
    import pandas as pd

    from collsim.report.picture import Picture

__all__ = ["USUAL", "SiteStudy", "multi_site"]

USUAL: dict[str, Any] = {
    "model": None,
    "parameters": None,
    "tokens": "60M",
    "tensor": None,
    "pipeline": None,
    "micro_batches": 16,
    "gradient_bytes": 2,
    "peak": "2.5P",
    "utilisation": "0.4",
}
"""What a job is unless it is said otherwise, as the options of `collsim workload sites`; model or parameters must be."""


@dataclass(frozen=True, eq=False)
class SiteStudy:
    """The `ways` that were run, in order, and the `setting` that they have in common."""

    setting: Setting
    ways: tuple[Way, ...]

    def __getitem__(self, name: str) -> Way:
        """Return the way called `name`. Raises UnknownName for one that was not run."""
        for way in self.ways:
            if way.name == name:
                return way
        raise UnknownName("way that was run", name, [way.name for way in self.ways])

    def frame(self) -> pd.DataFrame:
        """Return one row a way with what was asked of the machine: bytes, seconds, bytes/s."""
        return frame(self.setting, self.ways)

    def to_dict(self) -> dict[str, Any]:
        """Return what `collsim workload sites --json` writes."""
        return to_dict(self.setting, self.ways)

    def plot(self, path: str | Path | None = None) -> Picture | None:
        """Draw a bar a way into the image file `path`; without one the picture is returned, which shows itself."""
        return plot(self.setting, self.ways, path)

    def _table(self) -> tuple[list[str], list[list[str]]]:
        heads = ["way", "over WAN", "communication", "step", "law", "exposed", "speedup"]
        rows = []
        for way in self.ways:
            times = (way.communication, way.step, way.step_law, way.exposed)
            sent = format_bandwidth(way.sent).removesuffix("/s")
            rows.append([way.name, sent, *map(format_time, times), f"{self.ways[0].step / way.step:.3f}x"])
        return heads, rows

    def __str__(self) -> str:
        return "\n".join(
            f"{name:<13} {sent} over the wide area, step {step}, {exposed} exposed"
            for name, sent, _, step, _, exposed, _ in self._table()[1]
        )

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from collsim.report.picture import html_table

        return html_table(*self._table(), note="Speedup of the step over the first row.")


def multi_site(
    topology: str | Path | Topology,
    job: Job | Mapping[str, Any],
    ways: str | Sequence[str] | None = None,
    *,
    wan_rate: str | int | None = None,
    round_trip: str | int | None = None,
    loss: str | float | None = None,
    compute: str | int | None = None,
    rendezvous: bool = True,
    bandwidth: str | int | None = None,
    latency: str | int | None = None,
    network: NetworkConfig | Mapping[str, object] | str | None = None,
    engine: str = DEFAULT_ENGINE,
    seed: int = 0,
    fail: Sequence[str] = (),
    degrade: Mapping[str, float | str] | None = None,
    at: Sequence[str | LinkChange] = (),
) -> SiteStudy:
    """Time a training step of `job` across the sites of `topology` in each of `ways` (default all that suit).

    `job`: a `collsim.workloads.multi_site.Job`, or words by the names of the options of `collsim workload sites`, such as
    {"parameters": "100B", "tokens": "4M"} (see `USUAL`; tensor and pipeline for --tp and --pp). `wan_rate` of a link between
    sites, `round_trip` and `loss` stand in place of the machine's; `compute`: a GPU's own work in a step; `rendezvous`: late
    exchanges begin on all GPUs at once. The rest is as in `collsim.simulate.prepare`, times of `at` from the start of a
    step. Raises UsageError and RunError.

    >>> from collsim.sweep.multi_site_study import multi_site
    >>> found = multi_site("nvl2x2x2", {"parameters": "100M", "tokens": "64k"}, "flat,swap", compute="1s", engine="simpy")
    >>> found["swap"].sent < found["flat"].sent
    True
    """
    case = prepare(
        topology,
        bandwidth=bandwidth,
        latency=latency,
        network=network,
        engine=engine,
        seed=seed,
        fail=fail,
        degrade=degrade,
    )
    machine = with_wide_area_of(case.topology, {"wan_rate": wan_rate, "round_trip": round_trip, "loss": loss})
    for name in () if isinstance(job, Job) else job:
        if name not in USUAL:
            raise UnknownName("word of a job across sites", name, USUAL)
    what = job if isinstance(job, Job) else job_of({**USUAL, **job}, machine)
    step = setting(
        machine,
        what,
        network=case.network,
        engine=case.engine,
        seed=case.seed,
        compute=None if compute is None else parse_time(compute),
        rendezvous=rendezvous,
        faults=case.faults,
        changes=parse_changes(machine, at),
    )
    names = ways.split(",") if isinstance(ways, str) else ways
    chosen = fitting_ways(step.plant) if names is None else tuple(name.strip() for name in names)
    return SiteStudy(step, tuple(runs(step, chosen)))
