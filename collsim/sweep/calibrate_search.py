"""The search behind a calibration: points of two numbers, times simulated at them, and the least squares in between.

A law through three simulated points is exact near them, because times are linear in pieces; rounds of solving it and
simulating where it leads end at the best point (docs/calibrate.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from collsim.errors import InvalidValue
from collsim.interop.nccl_tests import MeasuredRow
from collsim.simulate import Case
from collsim.topology.graph import Topology

__all__ = ["Fit", "Setting", "Simulate", "cuts", "fitted_case", "scaled", "search", "too_slow"]

Array = NDArray[np.float64]

ROUNDS = 12
CLOSE = 1e-4
"""A round that changes both numbers by less than this share is the last."""
BLIND = 1e-2
"""A number that changes no time by this share of its own change is not told by these sizes."""
DIGITS = 4
GOOD = 0.05
"""Root mean square below which one fit will do."""
FEWEST, MOST_PARTS = 3, 5
"""Rows that a part has at least, and parts that a table is cut into at most."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A point of the fit: `overhead` fs a message over that of the case, `efficiency` of link rates, share of `latency`."""

    overhead: int = 0
    efficiency: float = 1.0
    latency: float = 1.0


def fitted_case(case: Case, setting: Setting) -> Case:
    """Return `case` on links and with an overhead as `setting` says; schedules and proofs are shared."""
    nic = replace(case.network.nic, message_overhead=case.network.nic.message_overhead + setting.overhead)
    return replace(case, topology=scaled(case.topology, setting), network=replace(case.network, nic=nic))


def scaled(topology: Topology, setting: Setting) -> Topology:
    """Return `topology` with rates times the efficiency (six digits kept) and latencies times their share."""
    rates = [max(1, _rounded(rate * setting.efficiency, 6)) for rate in topology.bandwidth.tolist()]
    delays = [_rounded(delay * setting.latency, 6) for delay in topology.latency.tolist()]
    return replace(topology, bandwidth=np.array(rates, dtype=np.int64), latency=np.array(delays, dtype=np.int64))


def _rounded(value: float, digits: int) -> int:
    return int(Fraction(f"{value:.{digits - 1}e}"))


class Simulate:
    """Times of all rows at a setting, fs; counts the simulations made and keeps the last settings asked for."""

    def __init__(self, case: Case, algorithm: str, rows: Sequence[MeasuredRow], progress: Callable[[int], None]) -> None:
        self.case, self.algorithm, self.rows, self.progress = case, algorithm, tuple(rows), progress
        self.made = 0
        self.known: dict[Setting, Array] = {}

    def __call__(self, setting: Setting) -> Array:
        """Return the times at `setting`, one a row; InvalidValue where something takes none."""
        from collsim.engines.engine import ENGINES
        from collsim.program import single_call

        if setting not in self.known:
            case, times = fitted_case(self.case, setting), []
            engine = ENGINES.get(case.engine)
            for row in self.rows:
                schedule, _ = case.plan(self.algorithm, row.size)
                times.append(engine(case.topology, single_call(schedule, row.size), case.network, seed=case.seed).time)
                self.made += 1
                self.progress(self.made)
            if min(times) <= 0:
                raise InvalidValue(f"{self.algorithm} takes no time at {self.rows[0].size} B, so there is nothing to fit.")
            self.known[setting] = np.array(times, dtype=np.float64)
        return self.known[setting]


@dataclass(frozen=True, eq=False)
class Fit:
    """Where a search ended: the point, its cost (sum of squares) and the linear law around it."""

    point: Setting
    cost: float
    base: Array
    slopes: Array
    values: Array
    by_latency: bool
    rounds: int

    @property
    def jacobian(self) -> Array:
        """d log(time) / d value, [rows, 2]."""
        return np.asarray(self.slopes / self.base[:, None])

    @property
    def told(self) -> tuple[bool, bool]:
        """Whether the sizes fitted tell (overhead or latency, efficiency)."""
        sway = np.abs(self.jacobian * np.maximum(self.values, 1e-30)).max(axis=0)
        return bool(sway[0] >= BLIND or self.values[0] == 0), bool(sway[1] >= BLIND)

    def error(self, rows: int) -> tuple[float, float] | None:
        """Return the standard errors of (overhead or latency, efficiency) by the linear law; None with no row to spare."""
        normal = self.jacobian.T @ self.jacobian
        if rows <= 2 or not np.linalg.cond(normal * np.outer(self._scale, self._scale)) < 1e12:
            return None
        spread = np.sqrt(np.diag(np.linalg.inv(normal)) * self.cost / (rows - 2))
        return float(spread[0]), float(spread[1] / self.values[1] ** 2)

    @property
    def _scale(self) -> Array:
        return np.asarray(1 / np.maximum(np.sqrt((self.jacobian**2).sum(axis=0)), 1e-300))


def search(simulate: Simulate, *, by_latency: bool) -> Fit:
    """Return the best point, from rounds of simulating three points and solving on the law through them."""
    measured = np.array([row.time for row in simulate.rows], dtype=np.float64)
    values = np.array([1.0 if by_latency else 0.0, 1.0])
    smallest = float(measured.min()) / 100
    best: Fit | None = None
    for round_ in range(1, ROUNDS + 1):
        point = _point(values, by_latency)
        values = np.array([point.latency if by_latency else point.overhead, 1 / point.efficiency])
        base = simulate(point)
        away = values[0] * (0.95 if values[0] else 0) if by_latency else values[0] * 1.05 + smallest / 50
        near = _point(np.array([away, values[1]]), by_latency), _point(np.array([values[0], values[1] * 1.05]), by_latency)
        steps = np.array(
            [
                (near[0].latency - point.latency) if by_latency else near[0].overhead - point.overhead,
                1 / near[1].efficiency - 1 / point.efficiency,
            ]
        )
        if steps[0] == 0:
            steps[0] = 1.0
        slopes = np.stack([(simulate(each) - base) / step for each, step in zip(near, steps, strict=True)], axis=1)
        cost = float((np.log(base / measured) ** 2).sum())
        fit = Fit(point, cost, base, slopes, values, by_latency, round_)
        if best is None or cost < best.cost:
            best = fit
        solved = _solve(fit, measured)
        # Between a point and one far off the law bends; half the way is nearer to where it holds.
        if best is not fit and cost > best.cost * 1.000001:
            solved = (solved + best.values) / 2
        if np.allclose(solved, values, rtol=CLOSE, atol=[smallest * CLOSE, 0] if not by_latency else [CLOSE, 0]):
            break
        values = solved
    assert best is not None  # there is at least one round
    return best


def _solve(fit: Fit, measured: Array) -> Array:
    """Return the values that fit best by the linear law: least squares of log(law/measured), both numbers bounded."""
    from scipy.optimize import least_squares

    scale = np.array([max(fit.values[0], float(measured.min()) / 100) if not fit.by_latency else 1.0, fit.values[1]])
    least = np.array([0.0, 1e-4])
    most = np.array([1.0 if fit.by_latency else np.inf, np.inf])
    constant = fit.base - fit.slopes @ fit.values
    floor = measured.min() * 1e-6

    def residual(x: Array) -> Array:
        return np.asarray(np.log(np.maximum(constant + fit.slopes @ (x * scale), floor) / measured))

    start = np.clip(fit.values / scale, least + 1e-9, np.where(np.isfinite(most), most / scale - 1e-9, most))
    return np.asarray(least_squares(residual, start, bounds=(least, most / scale), method="trf", xtol=1e-12).x * scale)


def _point(values: Array, by_latency: bool) -> Setting:
    """Return the setting of (overhead or latency, 1/efficiency), rounded as it is reported."""
    efficiency = float(f"{1 / values[1]:.{DIGITS - 1}e}")
    if by_latency:
        return Setting(0, efficiency, float(f"{min(values[0], 1.0):.{DIGITS - 1}e}"))
    # Below a tenth of a nanosecond a message overhead is none.
    overhead = _rounded(float(values[0]), DIGITS)
    return Setting(overhead if overhead >= 10**5 else 0, efficiency)


def too_slow(simulate: Simulate, point: Setting) -> bool:
    """Say whether, with no overhead at all, the smallest size is still simulated slower than measured."""
    return bool(simulate(point)[0] > 1.02 * simulate.rows[0].time)


def cuts(fit: Fit, rows: Sequence[MeasuredRow]) -> tuple[tuple[int, ...], float]:
    """Return the sizes at which parts begin that laws of their own fit much better, and the rms left, by the linear law.

    At least three rows a part; much better is half the root mean square, from one of 5 % upwards. None where one will do.
    """
    count, left = len(rows), float(np.sqrt(fit.cost / len(rows)))
    if left < GOOD:
        return (), left
    measured = np.array([row.time for row in rows], dtype=np.float64)
    one = {
        (low, high): _cost(fit, measured, slice(low, high))
        for low in range(count - FEWEST + 1)
        for high in range(low + FEWEST, count + 1)
        if low in (0, *range(FEWEST, count)) and high in (count, *range(count - FEWEST + 1))
    }
    # The cheapest way to part the first rows into so many parts, by the number of rows: its cost and where parts begin.
    best: dict[int, tuple[float, tuple[int, ...]]] = {high: (cost, ()) for (low, high), cost in one.items() if low == 0}
    chosen: tuple[int, ...] = ()
    for _ in range(2, min(MOST_PARTS, count // FEWEST) + 1):
        longer: dict[int, tuple[float, tuple[int, ...]]] = {}
        for (low, high), cost in one.items():
            if low in best and (high not in longer or best[low][0] + cost < longer[high][0]):
                longer[high] = best[low][0] + cost, (*best[low][1], low)
        best = longer
        rms = float(np.sqrt(best[count][0] / count)) if count in best else left
        if rms < left / 2:
            left, chosen = rms, best[count][1]
        if left < GOOD:
            break
    return tuple(rows[low].size for low in chosen), left


def _cost(fit: Fit, measured: Array, part: slice) -> float:
    own = replace(fit, base=fit.base[part], slopes=fit.slopes[part])
    law = own.base + own.slopes @ (_solve(own, measured[part]) - own.values)
    return float((np.log(np.maximum(law, 1.0) / measured[part]) ** 2).sum())
