"""Points of a sweep that are what `collsim run` runs: one collective on one machine by one algorithm at one size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from collsim.result import Outcome
from collsim.simulate import Case
from collsim.sweep.fields import AT, COLLECTIVE, MACHINE, PLACEMENT, SIZE, TOPOLOGY, algorithm_field, count_field
from collsim.sweep.inputs import algorithm_once, case_inputs, case_of, check_algorithm, machine_label
from collsim.sweep.runner import RUN, RUNNERS, Kept, Prepared, Runner
from collsim.units import FS_PER_SECOND

__all__ = ["RunWork", "results_of"]


@dataclass(frozen=True, eq=False)
class RunWork:
    """One run of `algorithm` at `size` bytes, and one of `baseline` beside it where there is one."""

    case: Case
    algorithm: str
    size: int
    baseline: str | None

    @property
    def group(self) -> str:
        """Runs that share schedules, their proofs and bounds: those of one collective among the same hosts of a machine."""
        case = self.case
        return f"run {case.topology.digest} {hash(case.hosts)} {case.collective.text} {case.collective.root}"

    def check(self, kept: Kept) -> None:
        """Raise the UsageError of an algorithm that does not suit."""
        for algorithm in (self.algorithm, self.baseline):
            check_algorithm(self.case, algorithm, self.size, kept)

    def run(self, kept: Kept) -> dict[str, Any]:
        """Return what came out. Raises CollsimError."""
        # Schedules and proofs depend neither on network nor on engine and seed, which are all that differs in a group.
        first: Case = kept.setdefault("case", self.case)
        case = replace(self.case, topology=first.topology, known=first.known, widths=first.widths)
        outcome = case.run(self.algorithm, self.size)
        if self.baseline is not None:
            base = kept_run(kept, case, self.baseline, self.size)
            outcome = replace(outcome, baseline=base)
        return results_of(outcome)


def kept_run(kept: Kept, case: Case, algorithm: str, size: int) -> Outcome:
    """Return the outcome of a baseline, which many points have in common, run once for all that follow each other."""
    key = algorithm, size, case.network, case.engine, case.seed, case.changes
    if kept.get("baseline", (None,))[0] != key:
        kept["baseline"] = key, case.run(algorithm, size)
    outcome: Outcome = kept["baseline"][1]
    return outcome


def results_of(o: Outcome) -> dict[str, Any]:
    """Return an outcome as a flat row: times in fs and in seconds, sizes in bytes, rates in bytes/s."""
    bottleneck, result, form = o.bottleneck, o.result, o.closed_form
    return {
        "hosts": o.topology.hosts,
        "ranks": o.schedule.ranks,
        "time_fs": result.time,
        "time_s": o.time_s,
        "algbw_bytes_per_s": o.algbw,
        "busbw_bytes_per_s": o.busbw,
        "bound_fs": o.bound.time,
        "bound_s": o.bound.time / FS_PER_SECOND,
        "bound_kind": o.bound.kind,
        "bound_exact": o.bound.exact,
        "percent_of_bound": o.percent_of_bound,
        "closed_form_fs": None if form is None else form.time,
        "closed_form_exact": None if form is None else form.exact,
        "baseline_time_fs": None if o.baseline is None else o.baseline.result.time,
        "speedup": o.speedup,
        "steps": o.schedule.steps,
        "transfers": o.schedule.transfers,
        "packets": result.packets,
        "packet_hops": result.packet_hops,
        "train_fraction": result.train_fraction,
        "bottleneck_link": o.topology.link_name(bottleneck),
        "bottleneck_use": float(o.link_use[bottleneck]),
        "bottleneck_bytes": int(result.link_bytes[bottleneck]),
        "mean_link_use": float(o.link_use.mean()),
        **{f"critical_{part}_fs": int(time) for part, time in (result.critical_path or {}).items()},
        "verified": True,  # an outcome exists only after its proof
        "verification": o.proof.method,
        "segments": o.schedule.segments,
        "variant": o.schedule.variant,
        "warnings": " ".join(o.warnings),
        **{f"provenance_{name}": value for name, value in result.provenance.items()},
    }


def _prepare(parameters: Mapping[str, Any], kept: Kept) -> Prepared:
    case, algorithm, baseline = case_of(parameters, kept), parameters["algorithm"], parameters["baseline"]
    inputs = {
        **case_inputs(case, kept),
        "size": parameters["size"],
        **algorithm_once(algorithm, "algorithm", kept),
        **algorithm_once(baseline, "baseline", kept),
    }
    shown = {
        "topology": machine_label(parameters["topology"], kept),
        **{name: inputs[name] for name in ("algorithm", "baseline")},
    }
    return Prepared(inputs, RunWork(case, algorithm, parameters["size"], baseline), shown)


FIELDS = (
    TOPOLOGY,
    *MACHINE,
    PLACEMENT,
    AT,
    COLLECTIVE,
    count_field("root", "roots", (0,)),
    SIZE,
    algorithm_field("algorithm", "algorithms", ("multitree",)),
    algorithm_field("baseline", "baselines", (None,), extra=(None,)),
)
RUNNERS.add(RUN, Runner(RUN, "one collective, as collsim run times it", FIELDS, _prepare))
