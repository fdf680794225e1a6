"""NVIDIA's data-centre GPUs as rooflines, the modules with NVLink (SXM). Rates are dense, half of those with sparsity."""

from __future__ import annotations

from collsim.workloads.accelerators.accelerator import ACCELERATORS
from collsim.workloads.accelerators.roofline import Roofline

__all__: list[str] = []

TERA, GIGA = 10**12, 10**9
AMPERE = {"bf16": 312 * TERA, "fp16": 312 * TERA, "tf32": 156 * TERA, "fp32": 19_500 * GIGA}
HOPPER = {
    "bf16": 989_400 * GIGA,
    "fp16": 989_400 * GIGA,
    "fp8": 1_978_900 * GIGA,
    "tf32": 494_700 * GIGA,
    "fp32": 66_900 * GIGA,
}

for entry in (
    Roofline(
        name="v100",
        about="NVIDIA V100 SXM2, 32 GB: 125 TFLOP/s fp16, 0.9 TB/s",
        source="NVIDIA Tesla V100 GPU Architecture white paper (WP-08608-001, 2017), table 1; 32 GB since 2018",
        peaks={"fp16": 125 * TERA, "fp32": 15_700 * GIGA},
        memory_bandwidth=900 * GIGA,
        memory=32 * GIGA,
        precision="fp16",
    ),
    Roofline(
        name="a100-40gb",
        about="NVIDIA A100 SXM4, 40 GB: 312 TFLOP/s bf16, 1.555 TB/s",
        source="NVIDIA A100 Tensor Core GPU Architecture white paper (2020), A100 with 40 GB",
        peaks=AMPERE,
        memory_bandwidth=1_555 * GIGA,
        memory=40 * GIGA,
    ),
    Roofline(
        name="a100",
        about="NVIDIA A100 SXM4, 80 GB: 312 TFLOP/s bf16, 2.039 TB/s",
        source="NVIDIA A100 Tensor Core GPU data sheet (2021), A100 80GB SXM",
        peaks=AMPERE,
        memory_bandwidth=2_039 * GIGA,
        memory=80 * GIGA,
    ),
    Roofline(
        name="h100",
        about="NVIDIA H100 SXM5, 80 GB: 989.4 TFLOP/s bf16, 1,979 fp8, 3.35 TB/s",
        source="NVIDIA H100 Tensor Core GPU Architecture white paper (2022), H100 SXM5; bandwidth of the data sheet",
        peaks=HOPPER,
        memory_bandwidth=3_350 * GIGA,
        memory=80 * GIGA,
    ),
    Roofline(
        name="h200",
        about="NVIDIA H200 SXM, 141 GB: arithmetic of H100, 4.8 TB/s",
        source="NVIDIA H200 Tensor Core GPU data sheet (2024), H200 SXM",
        peaks=HOPPER,
        memory_bandwidth=4_800 * GIGA,
        memory=141 * GIGA,
    ),
    Roofline(
        name="b200",
        about="NVIDIA B200 on HGX, 180 GB: 2.25 PFLOP/s bf16, 4.5 fp8, 8 TB/s",
        source="NVIDIA HGX B200, https://www.nvidia.com/en-us/data-center/hgx/, an eighth of the board",
        peaks={"bf16": 2_250 * TERA, "fp16": 2_250 * TERA, "fp8": 4_500 * TERA, "tf32": 1_125 * TERA, "fp32": 75 * TERA},
        memory_bandwidth=8_000 * GIGA,
        memory=180 * GIGA,
    ),
    Roofline(
        name="gb200",
        about="NVIDIA Blackwell GPU of GB200 NVL72, 186 GB: 2.5 PFLOP/s bf16, 5 fp8, 8 TB/s",
        source="NVIDIA GB200 NVL72, https://www.nvidia.com/en-us/data-center/gb200-nvl72/, a seventy-second of the rack",
        peaks={"bf16": 2_500 * TERA, "fp16": 2_500 * TERA, "fp8": 5_000 * TERA, "tf32": 1_250 * TERA, "fp32": 80 * TERA},
        memory_bandwidth=8_000 * GIGA,
        memory=186 * GIGA,
    ),
):
    ACCELERATORS.add(entry.name, entry)
