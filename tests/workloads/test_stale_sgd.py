"""DC-S3GD and its neighbours on real numbers: agreement of all workers, staleness of one, momentum SGD where N is 1."""

from itertools import islice

import numpy as np
import pytest

from collsim.errors import InvalidValue
from collsim.workloads.stale_sgd import (
    Momentum,
    Workers,
    asynchronous,
    compensation,
    dcs3gd,
    local_sgd,
    pipe_sgd,
    ssgd,
)

SIZE = 40


def noisy(weights, worker, iteration):
    """The gradient of a bowl that is not quadratic, with noise of its own for every worker and iteration."""
    noise = np.random.default_rng([worker, iteration]).normal(size=weights.size)
    return np.tanh(weights) + 0.1 * weights + 0.3 * noise


def group(count=8, rate=0.05, momentum=0.9, gradient=noisy):
    return Workers(gradient, np.random.default_rng(9).normal(size=SIZE), count, Momentum(rate, momentum))


def run(weights, steps):
    return list(islice(weights, steps))


@pytest.mark.parametrize("strength", [0.0, 0.2])
def test_all_workers_agree_to_rounding_after_every_iteration(strength):
    for rows in run(dcs3gd(group(), strength), 400):
        assert rows.shape == (8, SIZE)
        assert np.abs(rows - rows[0]).max() <= 1e-14


@pytest.mark.parametrize("strength", [0.0, 0.2])
def test_one_worker_is_sgd_with_momentum_exactly(strength):
    alone = [rows[0] for rows in run(dcs3gd(group(1), strength), 50)]
    weights, velocity = group(1).start.copy(), np.zeros(SIZE)
    for iteration, found in enumerate(alone):
        velocity = 0.9 * velocity - 0.05 * noisy(weights, 0, iteration)
        weights = weights + velocity
        assert (found == weights).all()
    assert all((a == b).all() for a, b in zip(alone, run(ssgd(group(1)), 50), strict=True))


def test_staleness_is_exactly_one():
    """A gradient sees all updates but the last one of the others, and its own of it; sums enter one iteration later."""
    seen = {}

    def watched(weights, worker, iteration):
        seen[worker, iteration] = weights.copy()
        return noisy(weights, worker, iteration)

    rate = 0.05
    agreed = [group().start, *(rows[0] for rows in run(dcs3gd(group(rate=rate, momentum=0.0, gradient=watched), 0.0), 20))]
    for k in range(1, 21):
        updates = [-rate * noisy(seen[i, k - 1], i, k - 1) for i in range(8)]
        assert agreed[k] == pytest.approx(agreed[k - 1] + np.mean(updates, axis=0), abs=1e-13)
        for i in range(8):
            assert seen[i, k] == pytest.approx(agreed[k - 1] + updates[i], abs=1e-13)


def test_the_correction_is_a_fifth_as_long_as_the_gradient_and_of_first_order():
    gradients, distance = np.random.default_rng(1).normal(size=(2, 3, SIZE))
    found = compensation(gradients, distance, 0.2)
    assert np.linalg.norm(found, axis=1) == pytest.approx(0.2 * np.linalg.norm(gradients, axis=1))
    assert (np.sign(found) == np.sign(distance)).all()
    scale = found / (gradients * gradients * distance)
    assert (scale > 0).all()
    assert scale == pytest.approx(np.tile(scale[:, :1], SIZE))
    assert (compensation(gradients, np.zeros_like(distance), 0.2) == 0).all()
    assert (compensation(np.zeros_like(gradients), distance, 0.2) == 0).all()
    assert np.isfinite(compensation(1e-200 * gradients, distance, 0.2)).all()


def test_compensation_changes_what_is_learnt_and_only_with_several_workers():
    plain, corrected = (run(dcs3gd(group(), strength), 5)[-1] for strength in (0.0, 0.2))
    assert not np.allclose(plain, corrected)


def test_equal_workers_are_one_worker():
    def same(weights, worker, iteration):
        return noisy(weights, 0, iteration)

    many, one = (run(dcs3gd(group(count, gradient=same)), 30)[-1][0] for count in (4, 1))
    assert many == pytest.approx(one, abs=1e-13)


def test_pipe_sgd_steps_along_the_gradient_before():
    found = run(pipe_sgd(group(momentum=0.0)), 2)
    first = np.mean([noisy(group().start, i, 0) for i in range(8)], axis=0)
    second = np.mean([noisy(group().start, i, 1) for i in range(8)], axis=0)
    assert found[0] == pytest.approx(group().start - 0.05 * first)
    assert found[1] == pytest.approx(found[0] - 0.05 * second)


def test_local_sgd_with_one_step_and_no_momentum_is_synchronous():
    local, plain = (run(make, 20)[-1] for make in (local_sgd(group(momentum=0.0), 1), ssgd(group(momentum=0.0))))
    assert local == pytest.approx(plain, abs=1e-13)
    later = run(local_sgd(group(momentum=0.0), 4), 20)[-1]
    assert not np.allclose(later, plain)


def test_one_asynchronous_worker_is_sgd_with_momentum():
    alone = run(asynchronous(group(1), [0] * 20), 20)
    assert all((a == b).all() for a, b in zip(alone, run(ssgd(group(1)), 20), strict=True))


def test_an_asynchronous_worker_sees_what_the_server_had_when_it_fetched():
    seen = []

    def watched(weights, worker, iteration):
        seen.append((worker, iteration, weights.copy()))
        return noisy(weights, worker, iteration)

    states = run(asynchronous(group(2, gradient=watched), [0, 1, 1, 0]), 4)
    assert [(worker, iteration) for worker, iteration, _ in seen] == [(0, 0), (1, 0), (1, 1), (0, 1)]
    for place, state in ((2, states[1]), (3, states[0])):
        assert (seen[place][2] == state).all()
    plain = run(asynchronous(group(2), [0, 1, 1, 0]), 4)
    corrected = run(asynchronous(group(2), [0, 1, 1, 0], 0.5), 4)
    assert (plain[0] == corrected[0]).all()
    assert not np.allclose(plain[3], corrected[3])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Momentum(0),
        lambda: Momentum(0.1, 1.0),
        lambda: group(0),
        lambda: next(dcs3gd(group(), -0.1)),
        lambda: next(local_sgd(group(), 0)),
    ],
)
def test_nonsense_is_refused(make):
    with pytest.raises(InvalidValue):
        make()
