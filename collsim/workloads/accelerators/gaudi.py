"""Intel Gaudi 2 and 3 as rooflines: the accelerators that CAAT-Net was trained on."""

from __future__ import annotations

from collsim.workloads.accelerators.accelerator import ACCELERATORS
from collsim.workloads.accelerators.roofline import Roofline

__all__: list[str] = []

TERA, GIGA = 10**12, 10**9
SOURCE = "Intel Gaudi 3 AI Accelerator White Paper (2024), comparison of Gaudi 2 and Gaudi 3"

for entry in (
    Roofline(
        name="gaudi2",
        about="Intel Gaudi 2, 96 GB: 432 TFLOP/s bf16, 865 fp8, 2.46 TB/s",
        source=SOURCE,
        peaks={"bf16": 432 * TERA, "fp8": 865 * TERA},
        memory_bandwidth=2_460 * GIGA,
        memory=96 * GIGA,
    ),
    Roofline(
        name="gaudi3",
        about="Intel Gaudi 3 (HL-325L), 128 GB: 1,835 TFLOP/s bf16 and fp8, 3.7 TB/s",
        source=SOURCE,
        peaks={"bf16": 1_835 * TERA, "fp8": 1_835 * TERA, "tf32": 459 * TERA, "fp32": 229 * TERA},
        memory_bandwidth=3_700 * GIGA,
        memory=128 * GIGA,
    ),
):
    ACCELERATORS.add(entry.name, entry)
