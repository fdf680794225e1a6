"""Compute noise: how long each rank computes in each iteration, from a seed and counters alone.

The draw of (rank, iteration) is a hash of seed, rank and iteration, so it depends neither on the scheme nor on the number of
ranks: schemes are compared on the same noise, and both engines see the same program. Slow ranks and late ones come on top.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from collsim.errors import InvalidValue
from collsim.registry import Registry
from collsim.topology.routing.splitmix import fold_array
from collsim.units import FS_PER_SECOND, MAX_TIME, format_time, parse_count, parse_time

__all__ = ["DISTRIBUTIONS", "Jitter", "parse_late", "parse_straggler", "uniform_draws"]

FloatArray = NDArray[np.float64]
DISTRIBUTIONS: Registry[Callable[[FloatArray, float], FloatArray]] = Registry("jitter distribution")
STREAM = 0x6A69747465720000
"""Sets these draws apart from others that hash the same seed."""
EXACT = 2**53


def uniform_draws(seed: int, stream: int, rank: NDArray[np.int64], iteration: NDArray[np.int64]) -> FloatArray:
    """Return float64 in (0, 1), never its ends, for int64 ranks and iterations that broadcast together."""
    words = fold_array(seed, stream, rank, iteration)
    return np.asarray(((words >> np.uint64(11)).astype(np.float64) + 0.5) / EXACT, dtype=np.float64)


@DISTRIBUTIONS.register("lognormal")
def _lognormal(u: FloatArray, variation: float) -> FloatArray:
    from scipy.special import ndtri

    square = np.log1p(variation**2)
    return np.asarray(np.exp(np.sqrt(square) * ndtri(u) - square / 2), dtype=np.float64)


@DISTRIBUTIONS.register("gamma")
def _gamma(u: FloatArray, variation: float) -> FloatArray:
    from scipy.special import gammaincinv

    shape = 1 / variation**2
    return np.asarray(gammaincinv(shape, u) / shape, dtype=np.float64)


@DISTRIBUTIONS.register("exponential")
def _exponential(u: FloatArray, variation: float) -> FloatArray:
    if variation > 1:
        raise InvalidValue(f"A shifted exponential varies by at most 1, not {variation:g}; take lognormal or gamma.")
    return np.asarray(1 - variation - variation * np.log(u), dtype=np.float64)


@DISTRIBUTIONS.register("uniform")
def _uniform(u: FloatArray, variation: float) -> FloatArray:
    if variation > 3**-0.5:
        raise InvalidValue(f"A uniform time of mean 1 varies by at most 0.577, not {variation:g}; take lognormal or gamma.")
    return np.asarray(1 + variation * 3**0.5 * (2 * u - 1), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Jitter:
    """Noise of mean 1 and coefficient of variation `variation`, drawn from `distribution` with `seed`.

    `slow`: (rank, factor) of ranks that compute factor times as long in every iteration. `late`: (rank, iteration, fs) of
    single delays, iterations from 0. Raises InvalidValue for negative or endless numbers, UnknownName for a distribution.
    """

    variation: float = 0.0
    distribution: str = "lognormal"
    seed: int = 0
    slow: tuple[tuple[int, Fraction], ...] = ()
    late: tuple[tuple[int, int, int], ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.variation <= 10:
            raise InvalidValue(f"The jitter is {self.variation:g}; a coefficient of variation lies between 0 and 10.")
        DISTRIBUTIONS.get(self.distribution)
        for rank, factor in self.slow:
            if factor <= 0:
                raise InvalidValue(f"Rank {rank} is slower by a factor of {float(factor):g}; factors are above 0.")
        for rank, iteration, time in self.late:
            if iteration < 0 or time < 0:
                raise InvalidValue(f"Rank {rank} is late by {time} fs in iteration {iteration}; both are at least 0.")

    @property
    def deterministic(self) -> bool:
        """Whether all ranks compute equally long in all iterations."""
        return not self.variation and not self.slow and not self.late

    def times(self, base: int, ranks: int, iterations: int) -> NDArray[np.int64]:
        """Return int64[iterations, ranks] fs of computing where `base` fs are the mean.

        Raises InvalidValue for a slow or late rank or a late iteration that does not exist, and for times beyond the clock.
        """
        self._check(ranks, iterations)
        factors = np.ones((iterations, ranks))
        if self.variation:
            rank, iteration = np.arange(ranks), np.arange(iterations)[:, None]
            draws = uniform_draws(self.seed, STREAM, rank, iteration)
            factors = DISTRIBUTIONS.get(self.distribution)(draws, self.variation)
        slowest = max([Fraction(1), *(factor for _, factor in self.slow)])
        delays = sum(time for _, _, time in self.late)
        if base * Fraction(float(factors.max())) * slowest * iterations + delays >= MAX_TIME:
            raise InvalidValue(f"{iterations} iterations of {format_time(base)} exceed the clock of 2.56 hours; take fewer.")
        times = np.rint(base * factors).astype(np.int64) if self.variation else np.full((iterations, ranks), base)
        for place, factor in self.slow:
            times[:, place] = [int(value * factor) for value in times[:, place].tolist()]
        for place, row, time in self.late:
            times[row, place] += time
        return times

    def _check(self, ranks: int, iterations: int) -> None:
        for rank in (*(r for r, _ in self.slow), *(r for r, _, _ in self.late)):
            if not 0 <= rank < ranks:
                raise InvalidValue(f"There is no rank {rank} to be slow or late; ranks are 0 to {ranks - 1}.")
        for _, iteration, _ in self.late:
            if iteration >= iterations:
                raise InvalidValue(f"There is no iteration {iteration} to be late in; they are 0 to {iterations - 1}.")


def parse_straggler(text: str) -> tuple[int, Fraction]:
    """Return (rank, factor) of "3:1.5". Raises InvalidValue."""
    rank, colon, factor = text.partition(":")
    try:
        if not colon:
            raise ValueError
        return parse_count(rank, "rank"), Fraction(factor)
    except (ValueError, ZeroDivisionError):
        raise InvalidValue(f"Cannot read the straggler '{text}'; write RANK:FACTOR, like 3:1.5.") from None


def parse_late(text: str) -> tuple[int, int, int]:
    """Return (rank, iteration, fs) of "3:10:5ms". Raises InvalidValue."""
    parts = text.split(":")
    if len(parts) != 3:
        raise InvalidValue(f"Cannot read the late rank '{text}'; write RANK:ITERATION:TIME, like 3:10:5ms.")
    time = parse_time(parts[2])
    if time > FS_PER_SECOND * 3600:
        raise InvalidValue(f"The delay '{parts[2]}' is longer than an hour; give a shorter one.")
    return parse_count(parts[0], "rank"), parse_count(parts[1], "iteration"), time
