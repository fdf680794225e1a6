"""Fitting a machine to a measured table: what a message costs, how fast the links really are, and how good that fit is.

The fit is made on the simulator itself, so that simulating with its settings reproduces its figures. Two numbers are fitted:
a message overhead (or, where links are stated slower to answer than they are, a share of their latency) and an efficiency,
by which every link rate is multiplied. With a given schedule the simulated time at every size is a maximum of sums in the
overhead and in 1/efficiency; each round simulates three points around the last one, takes the time as linear between them,
and solves the least squares of log(simulated/measured), in which every size counts alike. docs/calibrate.md says more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collsim.errors import InvalidValue
from collsim.interop.nccl_tests import Measured, MeasuredRow
from collsim.simulate import Case
from collsim.sweep.calibrate_search import Setting, Simulate, cuts, fitted_case, search, too_slow
from collsim.units import FS_PER_SECOND

__all__ = ["Calibration", "Setting", "calibrate", "calibrate_parts", "fitted_case", "select"]

Array = NDArray[np.float64]

FEWEST = 2


@dataclass(frozen=True, eq=False)
class Calibration:
    """A fit and how good it is; times in fs, one a fitted row.

    `error`: standard errors of (overhead in fs, or share of latency; efficiency), None with two rows, which any two numbers
    fit. `told`: whether these sizes tell each of the two. `cuts`: the sizes from which another overhead and efficiency fit
    much better, none where one fit will do, and `left` the root mean square that fits of the parts would leave.
    """

    case: Case
    algorithm: str
    rows: tuple[MeasuredRow, ...]
    setting: Setting
    times: tuple[int, ...]
    error: tuple[float, float] | None
    told: tuple[bool, bool]
    cuts: tuple[int, ...]
    left: float
    rounds: int
    by_latency: bool = field(default=False)

    @property
    def fitted(self) -> Case:
        """The case with the fitted settings: what to simulate with from now on."""
        return fitted_case(self.case, self.setting)

    @property
    def errors(self) -> tuple[float, ...]:
        """Simulated over measured time less one, a row."""
        return tuple(time / row.time - 1 for time, row in zip(self.times, self.rows, strict=True))

    @property
    def rms(self) -> float:
        """Root mean square of log(simulated/measured), about the relative error of a typical row."""
        return float(np.sqrt(np.mean(_logs(self.times, self.rows) ** 2)))

    @property
    def r2(self) -> float:
        """Share of the variance of log measured time that the fit explains."""
        measured = np.log([row.time for row in self.rows])
        spread = float(((measured - measured.mean()) ** 2).sum())
        return 1 - float((_logs(self.times, self.rows) ** 2).sum()) / spread if spread else 1.0

    def records(self) -> list[dict[str, Any]]:
        """Return one flat dict a row: bytes, seconds, and the relative error."""
        return [
            {
                "size_bytes": row.size,
                "measured_s": row.time / FS_PER_SECOND,
                "fitted_s": time / FS_PER_SECOND,
                "relative_error": error,
            }
            for row, time, error in zip(self.rows, self.times, self.errors, strict=True)
        ]


def select(measured: Measured, least: int = 0, most: int | None = None) -> tuple[MeasuredRow, ...]:
    """Return the rows from `least` to `most` bytes; InvalidValue where fewer than two are left."""
    rows = tuple(row for row in measured.rows if row.size >= least and (most is None or row.size <= most))
    if len(rows) < FEWEST:
        raise InvalidValue(
            f"{measured.origin} has {len(rows)} of {len(measured.rows)} rows in the sizes asked for; two numbers need two."
        )
    return rows


def calibrate(
    case: Case,
    measured: Measured,
    algorithm: str = "ring",
    *,
    least: int = 0,
    most: int | None = None,
    progress: Callable[[int], None] = lambda simulations: None,
) -> Calibration:
    """Return the fit of `case` with `algorithm` to the rows of `measured` from `least` to `most` bytes.

    `progress` is told the number of simulations made. Raises InvalidValue for a table of another collective or number of
    ranks or with fewer than two rows, and what `Case.run` raises.
    """
    measured.check(case.collective, len(case.hosts))
    rows = select(measured, least, most)
    simulate = Simulate(case, algorithm, rows, progress)
    fit = search(simulate, by_latency=False)
    if fit.point.overhead == 0 and case.topology.latency.any() and too_slow(simulate, fit.point):
        other = search(simulate, by_latency=True)
        fit = other if other.cost < fit.cost else fit
    final = simulate(fit.point)
    return Calibration(
        case,
        algorithm,
        rows,
        fit.point,
        tuple(int(time) for time in final),
        fit.error(len(rows)),
        fit.told,
        *cuts(fit, rows),
        fit.rounds,
        fit.by_latency,
    )


def calibrate_parts(
    case: Case,
    measured: Measured,
    algorithm: str = "ring",
    *,
    least: int = 0,
    most: int | None = None,
    progress: Callable[[int], None] = lambda simulations: None,
) -> tuple[Calibration, ...]:
    """Return a fit for each range of sizes that behaves in its own way, from the smallest sizes to the largest.

    Where one fit will not do the sizes are parted at its `cuts`. Arguments and errors as of `calibrate`.
    """
    whole = calibrate(case, measured, algorithm, least=least, most=most, progress=progress)
    if not whole.cuts:
        return (whole,)
    starts, sizes = (whole.rows[0].size, *whole.cuts), [row.size for row in whole.rows]
    ends = (*(max(size for size in sizes if size < cut) for cut in whole.cuts), sizes[-1])
    return tuple(
        calibrate(case, measured, algorithm, least=low, most=high, progress=progress)
        for low, high in zip(starts, ends, strict=True)
    )


def _logs(times: Sequence[int], rows: Sequence[MeasuredRow]) -> Array:
    return np.asarray(np.log([time / row.time for time, row in zip(times, rows, strict=True)]))
