"""The buffer that `auto` stands for (rule 10): what a round trip needs, so that a lone message never waits for credit.

Packet engines size their buffers by it, and closed forms hold only where buffers are no smaller.
"""

from __future__ import annotations

from collsim.network.config import NetworkConfig
from collsim.units import FS_PER_SECOND, serialisation_fs

__all__ = ["auto_buffer"]


def auto_buffer(bandwidth: int, latency: int, network: NetworkConfig) -> int:
    """Return the bytes of each channel of a link of `bandwidth` (bytes/s) and `latency` (fs) under buffer = auto.

    The least multiple of the largest packet, header included, that covers 2 latency + router_delay + head + ser at the
    link's rate, plus one largest packet.
    """
    header = network.packet.header
    largest = network.packet.packet_payload + header
    whole = serialisation_fs(largest, bandwidth)
    head = max(1, serialisation_fs(header, bandwidth)) if network.router.switching == "cut-through" else whole
    round_trip = 2 * latency + network.router.router_delay + head + whole
    return (-(-round_trip * bandwidth // (FS_PER_SECOND * largest)) + 1) * largest
