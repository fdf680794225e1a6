"""AMD Instinct MI300X as a roofline."""

from __future__ import annotations

from collsim.workloads.accelerators.accelerator import ACCELERATORS
from collsim.workloads.accelerators.roofline import Roofline

__all__: list[str] = []

GIGA = 10**9

ACCELERATORS.add(
    "mi300x",
    Roofline(
        name="mi300x",
        about="AMD Instinct MI300X, 192 GB: 1,307 TFLOP/s bf16, 2,615 fp8, 5.3 TB/s",
        source="AMD Instinct MI300X data sheet (2023); SemiAnalysis (2024) measured 620 TFLOP/s bf16, 0.47 of it",
        peaks={
            "bf16": 1_307_400 * GIGA,
            "fp16": 1_307_400 * GIGA,
            "fp8": 2_614_900 * GIGA,
            "tf32": 653_700 * GIGA,
            "fp32": 163_400 * GIGA,
        },
        memory_bandwidth=5_300 * GIGA,
        memory=192 * GIGA,
    ),
)
