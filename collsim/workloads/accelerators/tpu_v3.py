"""Google TPU v3 as a roofline: one chip of two cores."""

from __future__ import annotations

from collsim.workloads.accelerators.accelerator import ACCELERATORS
from collsim.workloads.accelerators.roofline import Roofline

__all__: list[str] = []

ACCELERATORS.add(
    "tpu-v3",
    Roofline(
        name="tpu-v3",
        about="Google TPU v3, a chip of two cores, 32 GB: 123 TFLOP/s bf16, 0.9 TB/s",
        source="Jouppi et al., A Domain-Specific Supercomputer for Training Deep Neural Networks, CACM 63 (2020)",
        peaks={"bf16": 123 * 10**12},
        memory_bandwidth=900 * 10**9,
        memory=32 * 10**9,
    ),
)
