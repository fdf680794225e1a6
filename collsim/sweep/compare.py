"""Algorithms against each other over sizes on one machine: the speedup table and its figure.

Runs come one by one from `runs`, so that whoever stops early keeps what is done; an algorithm that the machine does not
suit is kept with its reason and the others go on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collsim.errors import AlgorithmUnsuitable, InvalidValue, RunError
from collsim.result import Outcome
from collsim.simulate import Case, prepare
from collsim.topology.graph import Topology
from collsim.units import FS_PER_SECOND, format_size, format_time, parse_count, parse_size

if TYPE_CHECKING:
    import pandas as pd

    from collsim.interop.nccl_tests import Measured
    from collsim.report.picture import Picture

__all__ = ["DEFAULT_SIZES", "Comparison", "Refusal", "beside", "compare", "parse_sizes", "runs", "split_algorithms"]

DEFAULT_SIZES = "32KiB:64MiB:x4"

MAX_SIZES = 1000


@dataclass(frozen=True, slots=True)
class Refusal:
    """An algorithm that could not run at `size` bytes, and the sentence that says why."""

    algorithm: str
    size: int
    reason: str


@dataclass(frozen=True, eq=False)
class Comparison:
    """Outcomes of algorithms (in the order given) over sizes; speedups are over the first algorithm that ran a size.

    `measured` is a run on real hardware to hold beside them, None where there is none.
    """

    algorithms: tuple[str, ...]
    sizes: tuple[int, ...]
    outcomes: tuple[Outcome, ...]
    refusals: tuple[Refusal, ...] = ()
    measured: Measured | None = None

    def outcome(self, algorithm: str, size: str | int) -> Outcome | None:
        """Return the outcome of `algorithm` at `size` (bytes, or text like "1MiB"); None when it did not run."""
        size = parse_size(size)
        return next((o for o in self.outcomes if o.algorithm == algorithm and o.size == size), None)

    def reference(self, size: int) -> Outcome | None:
        """Return the outcome that speedups at `size` are over: the first algorithm's, or the next one that ran."""
        found = (self.outcome(name, size) for name in self.algorithms)
        return next((o for o in found if o is not None), None)

    def speedup(self, outcome: Outcome) -> float:
        """Return the time of the reference at this size over the time of `outcome`."""
        reference = self.reference(outcome.size)
        if reference is None or reference.result.time == outcome.result.time:
            return 1.0
        return reference.result.time / max(outcome.result.time, 1)

    def over_measured(self, outcome: Outcome) -> float | None:
        """Return the time of `outcome` over the time measured at its size; None where none was measured."""
        time = None if self.measured is None else self.measured.time(outcome.size)
        return None if time is None else outcome.result.time / time

    def nccl_tests(self, algorithm: str) -> str:
        """Return the runs of `algorithm` as a table of nccl-tests; InvalidValue where there are none, or no such table."""
        from collsim.interop.nccl_tests import to_nccl_tests

        own = [o for o in self.outcomes if o.algorithm == algorithm]
        if not own:
            raise InvalidValue(f"{algorithm} ran at no size, so there is no table of nccl-tests to write.")
        first = own[0]
        hosts = [first.topology.names[host] for host in first.schedule.ranks_to_hosts]
        about = f"{first.algorithm} on {first.topology.name}, simulated by collsim, {first.result.engine} engine"
        times = [(o.size, o.result.time) for o in own]
        return to_nccl_tests(times, first.schedule.collective, hosts, about)

    def best(self, size: str | int) -> Outcome | None:
        """Return the fastest outcome at `size` (bytes, or text like "1MiB"); ties go to the algorithm named first.

        None where nothing ran; InvalidValue, with the sizes there are, for one that was not asked for.
        """
        size = parse_size(size)
        if size not in self.sizes:
            raise InvalidValue(
                f"Nothing was run at {format_size(size)}; sizes are {', '.join(map(format_size, self.sizes))}."
            )
        return min((o for o in self.outcomes if o.size == size), key=lambda o: o.result.time, default=None)

    def complete(self, size: int) -> bool:
        """Say whether every algorithm has run or refused at `size`; not so where a comparison was interrupted."""
        sizes = [*(o.size for o in self.outcomes), *(r.size for r in self.refusals)]
        return sizes.count(size) == len(self.algorithms)

    def records(self) -> list[dict[str, Any]]:
        """Return one flat dict a run: sizes in bytes, times in seconds, rates in bytes/s."""
        return [
            {
                "algorithm": o.algorithm,
                "size_bytes": o.size,
                "time_s": o.time_s,
                "algbw_bytes_per_s": o.algbw,
                "busbw_bytes_per_s": o.busbw,
                "speedup": self.speedup(o),
                "bound_s": o.bound.time / FS_PER_SECOND,
                "percent_of_bound": o.percent_of_bound,
                "closed_form_s": None if o.closed_form is None else o.closed_form.time / FS_PER_SECOND,
                "steps": o.schedule.steps,
                "verified": True,
                "verification": o.proof.method,
                "wall_s": o.wall,
            }
            | self._beside(o)
            for o in self.outcomes
        ]

    def _beside(self, outcome: Outcome) -> dict[str, Any]:
        """Return the columns of a measured run at the size of `outcome`; none where nothing was measured at all."""
        if self.measured is None:
            return {}
        time = self.measured.time(outcome.size)
        seconds = None if time is None else time / FS_PER_SECOND
        return {"measured_s": seconds, "time_over_measured": self.over_measured(outcome)}

    def frame(self) -> pd.DataFrame:
        """Return `records` as a frame, one row a run."""
        import pandas as pd

        return pd.DataFrame(self.records())

    def to_dict(self) -> dict[str, Any]:
        """Return what `collsim compare --json` writes."""
        first = self.outcomes[0] if self.outcomes else None
        return {
            "topology": first.topology.name if first else None,
            "collective": first.schedule.collective.text if first else None,
            "engine": first.result.engine if first else None,
            "algorithms": list(self.algorithms),
            "sizes_bytes": list(self.sizes),
            "runs": self.records(),
            "refused": [{"algorithm": r.algorithm, "size_bytes": r.size, "reason": r.reason} for r in self.refusals],
        }

    def plot(self, path: str | Path | None = None, metric: str = "time") -> Picture | None:
        """Draw "time", "bandwidth" (both with the bound) or "speedup" over size into the image `path`.

        Without a path the picture is returned: as the value of a notebook's cell it shows itself.
        """
        from collsim.report.picture import picture
        from collsim.report.plot import plot_comparison

        ran, rows = {o.size for o in self.outcomes}, self.measured.rows if self.measured else ()
        beside = {row.size: row.time / FS_PER_SECOND for row in rows if row.size in ran}
        if metric == "speedup":
            from collsim.report.plot_speedups import plot_speedups

            return picture(lambda place: plot_speedups([(o, self.speedup(o)) for o in self.outcomes], place), path)
        return picture(lambda place: plot_comparison(self.outcomes, place, metric, beside), path)

    def __str__(self) -> str:
        return "\n".join(
            f"{format_size(o.size):>10}  {o.algorithm:<24} {format_time(o.result.time):>10} {self.speedup(o):7.2f}x"
            for o in self.outcomes
        )

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from collsim.report.picture import html_table
        from collsim.sweep.compare_table import comparison_table

        left = [f"{name} left out: {reason}" for name, reason in {r.algorithm: r.reason for r in self.refusals}.items()]
        return html_table(*comparison_table(self), left=2, note=" ".join(["* fastest at this size.", *left]))


def compare(
    topology: str | Path | Topology,
    algorithms: str | Sequence[str] = ("ring", "multitree"),
    sizes: str | Sequence[str | int] | None = None,
    measured: str | Path | Measured | None = None,
    **settings: Any,
) -> Comparison:
    """Run every algorithm (one, or several) at every size; `settings` are those of `collsim.simulate.prepare`.

    `measured`: a table of nccl-tests (a path, or read already) to hold beside the runs; `sizes` default to its own, else to
    "32KiB:64MiB:x4". Raises what `prepare` raises, and InvalidValue for a table of another collective or number of ranks;
    an algorithm that does not suit is listed in `refusals`.
    """
    names = tuple(split_algorithms(algorithms)) if isinstance(algorithms, str) else tuple(algorithms)
    case = prepare(topology, **settings)
    table = beside(case, measured)
    amounts = parse_sizes(sizes) if sizes is not None else table.sizes if table else parse_sizes(DEFAULT_SIZES)
    return collect(names, amounts, list(runs(case, names, amounts)), table)


def beside(case: Case, measured: str | Path | Measured | None) -> Measured | None:
    """Return the measured run, read if it is a path and checked against the collective and the ranks of `case`."""
    if measured is None:
        return None
    from collsim.interop.nccl_tests import Measured
    from collsim.interop.nccl_tests_read import read_nccl_tests

    table = measured if isinstance(measured, Measured) else read_nccl_tests(measured)
    table.check(case.collective, len(case.hosts))
    return table


def collect(
    names: Sequence[str], sizes: Sequence[int], done: Sequence[Outcome | Refusal], measured: Measured | None = None
) -> Comparison:
    """Return the comparison of what `runs` has yielded so far, with a `measured` run beside it."""
    outcomes = tuple(item for item in done if isinstance(item, Outcome))
    refusals = tuple(item for item in done if isinstance(item, Refusal))
    return Comparison(tuple(names), tuple(sizes), outcomes, refusals, measured)


def runs(case: Case, algorithms: Sequence[str], sizes: Sequence[int]) -> Iterator[Outcome | Refusal]:
    """Yield an outcome or a refusal for every size and algorithm, sizes outermost."""
    from collsim.collectives.algorithm import parse_algorithm

    for name in algorithms:
        parse_algorithm(name)
    for size in sizes:
        for name in algorithms:
            try:
                yield case.run(name, size)
            except (AlgorithmUnsuitable, RunError) as error:
                yield Refusal(name, size, str(error))


def parse_sizes(sizes: str | int | Sequence[str | int]) -> tuple[int, ...]:
    """Return bytes of "1MiB", "1MiB,4MiB", "32KiB:64MiB:x4" (factors) or "1MiB:4MiB:+1MiB" (steps), or of a list.

    The end is included when a step meets it. Raises InvalidValue for a range that is empty, endless or over 1,000 long.
    """
    if not isinstance(sizes, str):
        values = [parse_size(s) for s in ([sizes] if isinstance(sizes, int) else sizes)]
    else:
        values = [size for part in sizes.split(",") for size in _expand(part.strip())]
    if not values or min(values) < 1:
        why = "none at all" if not values else f"{min(values)} bytes, which no collective carries"
        raise InvalidValue(f"The sizes '{sizes}' hold {why}; write sizes of 1 byte or more, like 32KiB:64MiB:x4.")
    return tuple(dict.fromkeys(values))


def split_algorithms(text: str) -> list[str]:
    """Return ["ring", "multitree:ports=1,order=id"] of "ring,multitree:ports=1,order=id": key=value stays with its name."""
    names: list[str] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        if names and "=" in part and ":" not in part and ":" in names[-1]:
            names[-1] += f",{part}"
        else:
            names.append(part)
    return list(dict.fromkeys(names))


def _expand(text: str) -> list[int]:
    parts = text.split(":")
    if len(parts) == 1:
        return [parse_size(text)]
    if len(parts) != 3 or parts[2][:1] not in ("x", "+"):
        raise InvalidValue(f"Cannot read the sizes '{text}'; write a range like 32KiB:64MiB:x4 or 1MiB:4MiB:+1MiB.")
    low, high = parse_size(parts[0]), parse_size(parts[1])
    grows = parts[2].startswith("x")
    step = parse_count(parts[2][1:], "factor of the sizes", 2) if grows else parse_size(parts[2][1:])
    if not 1 <= low <= high or step < 1:
        raise InvalidValue(f"The sizes '{text}' rise from at least 1 byte to no less, by a step above zero.")
    values = [low]
    while (after := values[-1] * step if grows else values[-1] + step) <= high:
        values.append(after)
        if len(values) > MAX_SIZES:
            raise InvalidValue(f"The sizes '{text}' are more than {MAX_SIZES:,}; take a larger step.")
    return values
