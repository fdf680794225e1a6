"""The model that is trained: a perceptron of two layers on the handwritten digits that ship with scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
INPUTS, HIDDEN, CLASSES = 64, 32, 10
CUTS = np.cumsum([INPUTS * HIDDEN, HIDDEN, HIDDEN * CLASSES])
PARAMETERS = int(CUTS[-1]) + CLASSES
TRAINED = 1500
"""Of 1,797 digits; the others are for the test."""


@dataclass(frozen=True, eq=False)
class Digits:
    """Images float64[n, 64] in 0..1 and their classes int64[n], for training and for the test, in an order drawn by seed."""

    images: FloatArray
    classes: NDArray[np.int64]
    test_images: FloatArray
    test_classes: NDArray[np.int64]


def digits(seed: int) -> Digits:
    """Return the digits, divided by the seed. Needs scikit-learn (extra "experiments")."""
    from sklearn.datasets import load_digits

    data = load_digits()
    order = np.random.default_rng([seed, 1]).permutation(len(data.data))
    images, classes = data.data[order] / 16, data.target[order].astype(np.int64)
    return Digits(images[:TRAINED], classes[:TRAINED], images[TRAINED:], classes[TRAINED:])


def start(seed: int) -> FloatArray:
    """Return the first weights, float64[PARAMETERS]."""
    draw = np.random.default_rng([seed, 2])
    first = draw.normal(0, INPUTS**-0.5, INPUTS * HIDDEN)
    second = draw.normal(0, HIDDEN**-0.5, HIDDEN * CLASSES)
    return np.concatenate([first, np.zeros(HIDDEN), second, np.zeros(CLASSES)])


def forward(weights: FloatArray, images: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the hidden layer float64[n, HIDDEN] and the logarithms of the probabilities float64[n, CLASSES]."""
    first, shift, second, last = np.split(weights, CUTS)
    hidden = np.tanh(images @ first.reshape(INPUTS, HIDDEN) + shift)
    scores = hidden @ second.reshape(HIDDEN, CLASSES) + last
    scores -= scores.max(axis=1, keepdims=True)
    return hidden, scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def loss(weights: FloatArray, images: FloatArray, classes: NDArray[np.int64]) -> float:
    """Return the mean cross-entropy."""
    _, logs = forward(weights, images)
    return float(-logs[np.arange(len(classes)), classes].mean())


def accuracy(weights: FloatArray, images: FloatArray, classes: NDArray[np.int64]) -> float:
    """Return the share of images that are classified right."""
    return float((forward(weights, images)[1].argmax(axis=1) == classes).mean())


def gradient(weights: FloatArray, images: FloatArray, classes: NDArray[np.int64]) -> FloatArray:
    """Return the gradient of the loss, float64[PARAMETERS]."""
    hidden, logs = forward(weights, images)
    error = np.exp(logs)
    error[np.arange(len(classes)), classes] -= 1
    error /= len(classes)
    back = (error @ np.split(weights, CUTS)[2].reshape(HIDDEN, CLASSES).T) * (1 - hidden**2)
    return np.concatenate([(images.T @ back).ravel(), back.sum(axis=0), (hidden.T @ error).ravel(), error.sum(axis=0)])


class Batches:
    """Mini-batches of `size` images for each worker and iteration; the same for every scheme."""

    def __init__(self, data: Digits, size: int, seed: int):
        self.data, self.size, self.seed = data, size, seed
        self.known: dict[tuple[int, int], NDArray[np.int64]] = {}

    def __call__(self, weights: FloatArray, worker: int, iteration: int) -> FloatArray:
        """Return the gradient at `weights` on the mini-batch of a worker and an iteration."""
        key = worker, iteration
        if key not in self.known:
            draw = np.random.default_rng([self.seed, 3, *key])
            self.known[key] = draw.integers(0, len(self.data.images), self.size)
        chosen = self.known[key]
        return gradient(weights, self.data.images[chosen], self.data.classes[chosen])
