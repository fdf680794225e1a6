"""What an engine returns, and the explained outcome that reports read: times, link loads, bounds, critical path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["CRITICAL_PARTS", "Result"]

CRITICAL_PARTS = (
    "serialisation",
    "latency",
    "router",
    "overhead",
    "reduction",
    "link_wait",
    "credit_wait",
    "port_wait",
    "step_wait",
    "compute",
)
"""Names of the parts of a critical path, in report order. Injection and ejection latency count as latency."""


@dataclass(frozen=True, eq=False)
class Result:
    """Times of one run of a program, in fs.

    `time`: completion of the last operation. `operation_finish`: int64[operations]. `message_ready`,
    `message_finish`: int64[messages], complete(m) of the model. `link_busy` (fs) and `link_bytes` (headers included):
    int64[links]. `host_exposed`: int64[hosts], time a host spent with communication unfinished and no computation
    running. `critical_path`: {part: fs}, summing to `time`, see CRITICAL_PARTS; None from engines that cannot tell.
    `critical_links`: {link id: fs} of the path spent serialising on or waiting for each link.
    `provenance`: engine, inputs' hash, versions, seed.
    """

    engine: str
    time: int
    operation_finish: NDArray[np.int64]
    message_ready: NDArray[np.int64]
    message_finish: NDArray[np.int64]
    link_busy: NDArray[np.int64]
    link_bytes: NDArray[np.int64]
    host_exposed: NDArray[np.int64]
    packets: int
    packet_hops: int
    critical_path: Mapping[str, int] | None = None
    critical_links: Mapping[int, int] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)
