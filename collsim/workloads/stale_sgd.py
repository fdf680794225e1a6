"""Distributed SGD on real numbers: N simulated workers that compute, exchange and update as each scheme says, in numpy.

Programs tell how long iterations take; this tells what they learn. Every function yields weights, one vector an iteration,
and asks a `Gradient` of the user's for gradients, so that any model will do. Nothing here knows of time: for a loss over
simulated time put the k-th weights beside the end of iteration k of the simulated timeline.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collsim.errors import InvalidValue

__all__ = ["Gradient", "Momentum", "Workers", "asynchronous", "compensation", "dcs3gd", "local_sgd", "pipe_sgd", "ssgd"]

FloatArray = NDArray[np.float64]

Gradient = Callable[[FloatArray, int, int], FloatArray]
"""gradient(weights float64[P], worker, iteration) -> float64[P], on the mini-batch of that worker and iteration."""


@dataclass(frozen=True, slots=True)
class Momentum:
    """SGD with momentum: v = momentum v - rate g, and v is the step. Raises InvalidValue for numbers that cannot be."""

    rate: float
    momentum: float = 0.9

    def __post_init__(self) -> None:
        if not self.rate > 0:
            raise InvalidValue(f"The learning rate is {self.rate:g}; take one above 0.")
        if not 0 <= self.momentum < 1:
            raise InvalidValue(f"The momentum is {self.momentum:g}; it lies in 0..1, 1 left out.")

    def step(self, velocity: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return the next velocity, which is what is added to the weights; both float64[..., P]."""
        return np.asarray(self.momentum * velocity - self.rate * gradient, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Workers:
    """`count` workers that start at `start` (float64[P]), ask `gradient` and step by `optimiser`, each on its own."""

    gradient: Gradient
    start: FloatArray
    count: int
    optimiser: Momentum

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InvalidValue(f"There are {self.count} workers; take 1 or more.")

    def gradients(self, weights: FloatArray, iteration: int) -> FloatArray:
        """Return float64[N, P], the gradient of each worker at its row of `weights` (or at the one vector of all)."""
        points = np.broadcast_to(weights, (self.count, weights.shape[-1]))
        return np.stack([self.gradient(point, worker, iteration) for worker, point in enumerate(points)])


def ssgd(workers: Workers) -> Iterator[FloatArray]:
    """Yield the weights after each iteration of synchronous SGD: a step along the mean gradient."""
    weights, velocity, iteration = workers.start.copy(), np.zeros_like(workers.start), 0
    while True:
        velocity = workers.optimiser.step(velocity, workers.gradients(weights, iteration).mean(axis=0))
        weights = weights + velocity
        yield weights
        iteration += 1


def compensation(gradients: FloatArray, distance: FloatArray, strength: float) -> FloatArray:
    """Return lambda g * g * D, what DC-S3GD adds to g (equation 17); all float64[N, P].

    lambda = strength |g| / |g * g * D| of each row, so the correction is `strength` as long as the gradient. A row whose
    correction has no length (D = 0, or a product that underflows) gets none.
    """
    bent = gradients * gradients * distance
    length = np.linalg.norm(bent, axis=-1, keepdims=True)
    scale = np.divide(np.linalg.norm(gradients, axis=-1, keepdims=True), length, out=np.zeros_like(length), where=length > 0)
    return np.asarray(strength * scale * bent, dtype=np.float64)


def dcs3gd(workers: Workers, strength: float = 0.2) -> Iterator[FloatArray]:
    """Yield float64[N, P] after each iteration of DC-S3GD (arXiv 1911.02516): rows agree to rounding.

    `strength` is lambda_0; 0 is stale-synchronous SGD without compensation. The update of iteration k is part of what is
    yielded in iteration k + 1: by then its sum has come. With one worker this is SGD with momentum.
    """
    if strength < 0:
        raise InvalidValue(f"The strength of the compensation is {strength:g}; take 0 for none or more, 0.2 as published.")
    weights = np.tile(workers.start, (workers.count, 1))
    own = workers.optimiser.step(np.zeros_like(weights), workers.gradients(weights, 0))
    velocity, iteration = own, 1
    while True:
        total = own.sum(axis=0)
        weights = weights + own
        gradients = workers.gradients(weights, iteration)
        distance = total / workers.count - own
        corrected = gradients + compensation(gradients, distance, strength) if strength else gradients
        velocity = own = workers.optimiser.step(velocity, corrected)
        weights = weights + distance
        yield weights
        iteration += 1


def pipe_sgd(workers: Workers) -> Iterator[FloatArray]:
    """Yield the weights after each iteration of Pipe-SGD of width 2: a step along the mean gradient of the one before."""
    weights, velocity = workers.start.copy(), np.zeros_like(workers.start)
    before, iteration = workers.gradients(weights, 0).mean(axis=0), 1
    while True:
        coming = workers.gradients(weights, iteration).mean(axis=0)
        velocity = workers.optimiser.step(velocity, before)
        weights, before = weights + velocity, coming
        yield weights
        iteration += 1


def local_sgd(workers: Workers, local_steps: int = 4) -> Iterator[FloatArray]:
    """Yield the mean of the workers' weights after each iteration of local SGD; they are set to it every `local_steps`.

    Velocities stay with their workers.
    """
    if local_steps < 1:
        raise InvalidValue(f"Local SGD takes {local_steps} steps between averages; take 1 or more.")
    weights = np.tile(workers.start, (workers.count, 1))
    velocity, iteration = np.zeros_like(weights), 0
    while True:
        velocity = workers.optimiser.step(velocity, workers.gradients(weights, iteration))
        weights = weights + velocity
        mean = weights.mean(axis=0)
        if (iteration + 1) % local_steps == 0:
            weights = np.tile(mean, (workers.count, 1))
        yield mean
        iteration += 1


def asynchronous(workers: Workers, arrivals: Iterable[int], strength: float = 0.0) -> Iterator[FloatArray]:
    """Yield the server's weights after each of the `arrivals`, the workers in the order in which their gradients come.

    Each is applied at 1/N of the rate, as one of N that a synchronous step would average, and its worker goes on from what
    the server then has. `strength`: lambda of DC-ASGD (arXiv 1609.08326), which adds lambda g * g * (w - w_bak).
    """
    server, velocity = workers.start.copy(), np.zeros_like(workers.start)
    copies = np.tile(workers.start, (workers.count, 1))
    done = [0] * workers.count
    optimiser = Momentum(workers.optimiser.rate / workers.count, workers.optimiser.momentum)
    for worker in arrivals:
        gradient = workers.gradient(copies[worker], worker, done[worker])
        if strength:
            gradient = gradient + strength * gradient * gradient * (server - copies[worker])
        velocity = optimiser.step(velocity, gradient)
        server = server + velocity
        copies[worker] = server
        done[worker] += 1
        yield server
