"""Noise: mean and variation, the same draws for everybody, refusals."""

from fractions import Fraction

import numpy as np
import pytest

from collsim.errors import InvalidValue, UnknownName
from collsim.workloads.jitter import DISTRIBUTIONS, Jitter, parse_late, parse_straggler


@pytest.mark.parametrize("name", list(DISTRIBUTIONS))
@pytest.mark.parametrize("variation", [0.05, 0.5])
def test_mean_and_variation_are_those_asked_for(name, variation):
    times = Jitter(variation, name, seed=1).times(10**12, 400, 250)
    assert times.dtype == np.int64
    assert times.min() > 0
    assert times.mean() / 1e12 == pytest.approx(1, abs=5 * variation / 100_000**0.5)
    assert times.std() / 1e12 == pytest.approx(variation, rel=0.03)


def test_a_draw_depends_on_seed_rank_and_iteration_alone():
    large, small = (Jitter(0.2, seed=5).times(10**12, n, k) for n, k in ((9, 7), (4, 3)))
    assert (large[:3, :4] == small).all()
    assert len(set(large.ravel().tolist())) == 63
    assert not (Jitter(0.2, seed=6).times(10**12, 4, 3) == small).any()


def test_slow_and_late_ranks_come_on_top():
    calm, noisy = Jitter(0.1, seed=2), Jitter(0.1, seed=2, slow=((1, Fraction(3, 2)),), late=((2, 1, 77),))
    before, after = calm.times(10**9, 4, 3), noisy.times(10**9, 4, 3)
    assert after[:, 1].tolist() == [time * 3 // 2 for time in before[:, 1].tolist()]
    assert (after[:, 2] - before[:, 2]).tolist() == [0, 77, 0]
    assert (after[:, [0, 3]] == before[:, [0, 3]]).all()


def test_without_noise_all_times_are_the_base():
    assert Jitter().deterministic
    assert set(Jitter().times(123, 3, 2).ravel().tolist()) == {123}


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: Jitter(-0.1), "The jitter is -0.1"),
        (lambda: Jitter(float("nan")), "The jitter is nan"),
        (lambda: Jitter(slow=((0, Fraction(0)),)), "slower by a factor of 0"),
        (lambda: Jitter(late=((0, -1, 0),)), "in iteration -1"),
        (lambda: Jitter(0.7, "uniform").times(10, 2, 2), "at most 0.577"),
        (lambda: Jitter(1.5, "exponential").times(10, 2, 2), "at most 1"),
        (lambda: Jitter(slow=((4, Fraction(2)),)).times(10, 4, 2), "no rank 4"),
        (lambda: Jitter(late=((1, 2, 5),)).times(10, 4, 2), "no iteration 2"),
        (lambda: Jitter().times(10**18, 4, 10), "exceed the clock"),
        (lambda: parse_straggler("3"), "RANK:FACTOR"),
        (lambda: parse_straggler("3:x"), "RANK:FACTOR"),
        (lambda: parse_late("3:1"), "RANK:ITERATION:TIME"),
        (lambda: parse_late("3:1:2h"), "needs a unit"),
    ],
)
def test_noise_that_makes_no_sense_is_refused(make, words):
    with pytest.raises(InvalidValue, match=words):
        make()


def test_an_unknown_distribution_names_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'lognormal'"):
        Jitter(0.1, "lognorml")
