"""The roofline: computing takes what its operations need at the rate of the arithmetic, or its bytes at that of the memory.

Rates are the vendor's for dense matrices; what is reached of them are two explicit efficiencies. Williams et al., Roofline,
Communications of the ACM 52 (2009).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from collsim.errors import InvalidValue, UnknownName
from collsim.units import FS_PER_SECOND, check_time
from collsim.workloads.accelerators.accelerator import ACCELERATORS
from collsim.workloads.layers import Layer

__all__ = ["COMPUTE_EFFICIENCY", "MEMORY_EFFICIENCY", "WORDS", "Roofline", "roofline", "rooflines"]

WORDS: Mapping[str, int] = {"fp32": 4, "tf32": 4, "fp16": 2, "bf16": 2, "fp8": 1}
"""Bytes of a number in memory by precision."""

COMPUTE_EFFICIENCY = 0.7
"""Share of the peak that products of matrices reach: about 720 of 989 TFLOP/s on H100 with the shapes of language models
(SemiAnalysis, MI300X vs H100 vs H200, 2024); best shapes reach 0.80 there and 0.86 on A100 (Bekman, Machine Learning
Engineering, maximum achievable matmul FLOPS). Whole training steps, with what is not a product, reach 0.4 to 0.5."""

MEMORY_EFFICIENCY = 0.9
"""Share of the memory's rated bandwidth that copies and BabelStream reach on recent GPUs, within a few hundredths."""


@dataclass(frozen=True, slots=True)
class Roofline:
    """An accelerator of `peaks` (FLOP/s of dense products, by precision) with `memory` bytes at `memory_bandwidth` bytes/s.

    `precision`: what it computes in unless told otherwise. `compute_efficiency`, `memory_efficiency` in (0, 1]: what is
    reached of either. `overhead`: fs that every kernel takes beyond its work; 0, because a queue that is ahead of the device
    hides launching, though a kernel started from Python takes some microseconds. Other values: dataclasses.replace.
    """

    name: str
    about: str
    source: str
    peaks: Mapping[str, int]
    memory_bandwidth: int
    memory: int
    precision: str = "bf16"
    compute_efficiency: float = COMPUTE_EFFICIENCY
    memory_efficiency: float = MEMORY_EFFICIENCY
    overhead: int = 0

    def __post_init__(self) -> None:
        for name, peak in self.peaks.items():
            if name not in WORDS:
                raise UnknownName("precision", name, WORDS)
            if peak < 1:
                raise InvalidValue(f"The accelerator '{self.name}' computes {peak} FLOP/s in {name}; leave {name} out.")
        if min(self.memory_bandwidth, self.memory) < 1:
            raise InvalidValue(f"The accelerator '{self.name}' has no memory or no bandwidth to it; give positive numbers.")
        for what, share in (("compute", self.compute_efficiency), ("memory", self.memory_efficiency)):
            if not 0 < share <= 1:
                raise InvalidValue(f"The {what} efficiency of '{self.name}' is {share}; it lies above 0 and at most at 1.")
        if self.overhead < 0:
            raise InvalidValue(f"The overhead of a kernel on '{self.name}' is {self.overhead} fs; it is at least 0.")
        self.peak()

    def peak(self, precision: str | None = None) -> int:
        """Return FLOP/s of dense products in `precision`, by default its own; InvalidValue if it has no such arithmetic."""
        return self.peaks[self._known(precision)]

    def word(self, precision: str | None = None) -> int:
        """Return the bytes of a number in `precision`, by default its own; InvalidValue as from `peak`."""
        return WORDS[self._known(precision)]

    def _known(self, precision: str | None) -> str:
        chosen = self.precision if precision is None else precision
        if chosen not in WORDS:
            raise UnknownName("precision", chosen, WORDS)
        if chosen not in self.peaks:
            raise InvalidValue(f"'{self.name}' does not compute in {chosen}; take {' or '.join(self.peaks)}.")
        return chosen

    def compute_time(self, flops: int, precision: str | None = None) -> Fraction:
        """Return fs that `flops` operations take the arithmetic, exactly."""
        return Fraction(flops * FS_PER_SECOND, self.peak(precision)) / Fraction(str(self.compute_efficiency))

    def memory_time(self, moved: int) -> Fraction:
        """Return fs that `moved` bytes take to and from the memory, exactly."""
        return Fraction(moved * FS_PER_SECOND, self.memory_bandwidth) / Fraction(str(self.memory_efficiency))

    def time(self, flops: int, moved: int, precision: str | None = None) -> int:
        """Return fs of a kernel of `flops` operations that moves `moved` bytes: the longer of the two, and the overhead."""
        longer = max(self.compute_time(flops, precision), self.memory_time(moved))
        return check_time(ceil(longer) + self.overhead)

    def memory_decides(self, flops: int, moved: int, precision: str | None = None) -> bool:
        """Tell whether the bytes of a kernel take longer than its operations."""
        return self.memory_time(moved) > self.compute_time(flops, precision)

    def forward(self, layer: Layer, samples: int) -> int:
        """Return fs: reads inputs and weights, writes outputs."""
        return self._layer(layer, samples)

    def input_gradient(self, layer: Layer, samples: int) -> int:
        """Return fs: reads output gradients and weights, writes input gradients; a lookup has none."""
        return 0 if layer.is_lookup else self._layer(layer, samples)

    def weight_gradient(self, layer: Layer, samples: int) -> int:
        """Return fs: reads inputs and output gradients, writes weight gradients."""
        return self._layer(layer, samples)

    def _layer(self, layer: Layer, samples: int) -> int:
        """Return fs of one pass; each multiplies as much and touches inputs, outputs and weights once."""
        outputs = layer.outputs * layer.filters * samples
        if layer.is_lookup:
            return self.time(0, 2 * outputs * self.word())
        inputs = layer.height * layer.width * layer.channels * samples
        # The second factor of a product of activations is another one for every sample.
        weights = layer.taps * layer.filters * (1 if layer.trained else samples)
        return self.time(layer.flops * samples, (inputs + weights + outputs) * self.word())


def rooflines() -> dict[str, Roofline]:
    """Return the registered accelerators that are rooflines, by name."""
    return {name: entry for name, entry in ACCELERATORS.items() if isinstance(entry, Roofline)}


def roofline(name: str) -> Roofline:
    """Return the registered roofline called `name`; InvalidValue if that accelerator knows layers only."""
    entry = ACCELERATORS.get(name)
    if not isinstance(entry, Roofline):
        raise InvalidValue(f"The accelerator '{name}' computes layers only; a transformer takes {', '.join(rooflines())}.")
    return entry
