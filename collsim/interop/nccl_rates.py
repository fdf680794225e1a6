"""Rated rates of the links in NCCL's topology XML, which states counts, generations and lanes but no rates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

from collsim.errors import FileFormatError

__all__ = ["NVLINK", "XGMI", "numa_rate", "nvlink_rate", "pcie_rate", "xgmi_rate"]

NVLINK = ((60, 20), (70, 25), (86, 14), (87, 25), (100, 50))
"""(from this compute capability on, rated GB/s of one NVLink and direction): P100 20, V100 25, A100 25, H100 25, GB200 50.

sm 86 has NVLink 3 with four lanes of half the width: 112.5 GB/s both ways over four links, so 14 each.
"""
XGMI = {"906": 46, "908": 46, "90a": 50, "910": 50, "940": 64, "941": 64, "942": 64, "950": 76.8}
"""Rated GB/s of one xGMI link (Infinity Fabric, 16 lanes) and direction by the GPU's `gcn`: MI50 and MI100 at 23 GT/s, MI200
at 25, MI300 at 32, MI350 at 38.4. Older files say 910 for 90a."""
_PCIE = {"2.5": Fraction(8, 10), "5.0": Fraction(8, 10), "5": Fraction(8, 10)}
_PCIE |= dict.fromkeys(("8.0", "8", "16.0", "16", "32.0", "32"), Fraction(128, 130))
_PCIE |= dict.fromkeys(("64.0", "64"), Fraction(242, 256))
"""What line coding leaves of a lane's transfers: 8b/10b, 128b/130b, and the flits of PCIe 6."""
_SPEED = re.compile(r"\s*(\d+(?:\.\d+)?)\s*GT/s(\s+PCIe)?\s*")
_NUMA = ((0xCF, 40), (0x8F, 22), (0x55, 10), (0, 6))


def numa_rate(cpu: Mapping[str, str]) -> int:
    """Return bytes/s that NCCL takes the link of a NUMA node with the attributes `cpu` to another to have."""
    arch, vendor = cpu.get("arch", "x86_64"), cpu.get("vendor", "")
    if arch != "x86_64":
        return {"ppc64": 32, "arm64": 6}.get(arch, 6) * 10**9
    model = cpu.get("modelid", "")
    if vendor == "GenuineIntel":
        number = int(model) if re.fullmatch(r"\d{1,6}", model) else 0
        return next(rate for least, rate in _NUMA if number >= least) * 10**9
    return 16 * 10**9


def nvlink_rate(sm: str, place: str) -> int:
    """Return bytes/s of one NVLink and direction of a GPU of compute capability `sm` (70, 80, 90, ...)."""
    if not re.fullmatch(r"\d{2,3}", sm) or int(sm) < NVLINK[0][0]:
        raise FileFormatError(f"{place}: a GPU with NVLinks has sm '{sm}'; known are 60 and later.")
    return [rate for least, rate in NVLINK if int(sm) >= least][-1] * 10**9


def xgmi_rate(gcn: str, place: str) -> int:
    """Return bytes/s of one xGMI link and direction of an AMD GPU whose `gcn` is like "908" or "gfx942"."""
    rate = XGMI.get(gcn.lower().removeprefix("gfx").partition(":")[0])
    if rate is None:
        raise FileFormatError(f"{place}: a GPU with xGMI links has gcn '{gcn[:20]}'; known are {', '.join(XGMI)}.")
    return round(rate * 10**9)


def pcie_rate(speed: str, width: str, place: str) -> int:
    """Return bytes/s of a PCIe link from "16.0 GT/s PCIe" and its lanes; 16 lanes where a virtual machine says 0."""
    found = _SPEED.fullmatch(speed)
    if speed and found is None:
        raise FileFormatError(f"{place}: the link_speed '{speed}' is not like '16.0 GT/s PCIe'.")
    lane = found[1] if found else "8.0"  # what NCCL takes where the kernel knows no speed
    if lane not in _PCIE:
        raise FileFormatError(f"{place}: no generation of PCIe has {lane} GT/s; known are {', '.join(_PCIE)}.")
    if width and not re.fullmatch(r"\d{1,2}", width):
        raise FileFormatError(f"{place}: the link_width '{width}' is no number of lanes.")
    lanes = int(width or 0) or 16
    return int(Fraction(lane) * _PCIE[lane] * lanes * 10**9 / 8)
