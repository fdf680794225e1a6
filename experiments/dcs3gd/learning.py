"""What each scheme learns: loss after every iteration of simulated workers on real digits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count, islice

import numpy as np
from model import Batches, FloatArray, accuracy, digits, loss, start

from collsim.workloads.stale_sgd import Momentum, Workers, asynchronous, dcs3gd, local_sgd, pipe_sgd, ssgd

SCHEMES = ("ssgd", "dcs3gd", "stale", "pipe-sgd", "local-sgd", "asgd")
"""`stale` is DC-S3GD with lambda_0 = 0."""
LOCAL_STEPS = 4
GLOBAL_BATCH = 128
STEPS = 200
TARGET = 0.05


def workers_of(workers: int, rate: float, seed: int, momentum: float = 0.9) -> tuple[Workers, Batches]:
    """Return workers that share mini-batches of GLOBAL_BATCH digits, and the digits."""
    batches = Batches(digits(seed), GLOBAL_BATCH // workers, seed)
    return Workers(batches, start(seed), workers, Momentum(rate, momentum)), batches


def weights_of(scheme: str, group: Workers, order: Sequence[int] | None = None) -> Iterator[FloatArray]:
    """Yield the weights after each iteration of a scheme; `order`: of arrivals at the server, by default in turn."""
    if scheme == "asgd":
        turn = (k % group.count for k in count()) if order is None else order
        return islice(asynchronous(group, turn), group.count - 1, None, group.count)
    if scheme == "local-sgd":
        return local_sgd(group, LOCAL_STEPS)
    if scheme in ("dcs3gd", "stale"):
        return (rows[0] for rows in dcs3gd(group, 0.2 if scheme == "dcs3gd" else 0.0))
    return {"ssgd": ssgd, "pipe-sgd": pipe_sgd}[scheme](group)


def curve(
    scheme: str, workers: int, rate: float, seed: int, steps: int = STEPS, order: Sequence[int] | None = None
) -> tuple[list[float], float]:
    """Return the training loss after each of `steps` iterations, and the accuracy on the test digits after the last."""
    group, batches = workers_of(workers, rate, seed)
    data, losses, weights = batches.data, [], group.start
    with np.errstate(over="ignore", invalid="ignore"):
        for weights in islice(weights_of(scheme, group, order), steps):
            losses.append(loss(weights, data.images, data.classes))
        return losses, accuracy(weights, data.test_images, data.test_classes)


def reached(losses: Sequence[float], target: float = TARGET) -> int | None:
    """Return how many iterations it took to get to the target, None where it was not reached."""
    return next((k + 1 for k, value in enumerate(losses) if value < target), None)
