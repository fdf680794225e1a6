"""What an accelerator is to a workload: three times for each layer, found by name.

A node is one accelerator, however many processing elements it has. Models differ in what they know of a layer (a systolic
array its folds, a roofline its operations and bytes) and answer the same three questions. Adding one costs one file in
collsim/workloads/accelerators (or an entry point in the group "collsim.accelerators").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from collsim.registry import Registry
from collsim.workloads.layers import Layer

__all__ = ["ACCELERATORS", "Accelerator", "PassTimes", "pass_times"]


class Accelerator(Protocol):
    """Computing time of one node; all times in fs, `samples` the samples of a mini-batch on this node."""

    @property
    def name(self) -> str:
        """Name in the registry."""
        ...

    @property
    def about(self) -> str:
        """What it is, in a line."""
        ...

    @property
    def source(self) -> str:
        """Where its parameters come from."""
        ...

    def forward(self, layer: Layer, samples: int) -> int:
        """Return the time of the outputs of `layer`."""
        ...

    def input_gradient(self, layer: Layer, samples: int) -> int:
        """Return the time of the gradient with respect to the inputs of `layer`, which the layer before it needs."""
        ...

    def weight_gradient(self, layer: Layer, samples: int) -> int:
        """Return the time of the gradient with respect to the weights (or second factor) of `layer`, summed over samples."""
        ...


ACCELERATORS: Registry[Accelerator] = Registry("accelerator", "collsim.workloads.accelerators", "collsim.accelerators")


@dataclass(frozen=True, slots=True)
class PassTimes:
    """The times of one layer on one node, fs."""

    forward: int
    input_gradient: int
    weight_gradient: int

    @property
    def backward(self) -> int:
        """Both gradients, fs."""
        return self.input_gradient + self.weight_gradient

    @property
    def total(self) -> int:
        """All three passes, fs."""
        return self.forward + self.backward


def pass_times(accelerator: Accelerator, layer: Layer, samples: int) -> PassTimes:
    """Return the three times of `layer` for `samples` samples of a node."""
    return PassTimes(
        accelerator.forward(layer, samples),
        accelerator.input_gradient(layer, samples),
        accelerator.weight_gradient(layer, samples),
    )
