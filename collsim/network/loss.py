"""Which packets a link loses: a draw for every packet, attempt and link, a function of integers alone (rule 28).

Both engines call the same function, so they lose the same packets, whatever the order of events.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from collsim.errors import InvalidValue
from collsim.network.config import NetworkConfig
from collsim.network.link_changes import LinkChange, first_loss
from collsim.topology.graph import Topology
from collsim.topology.routing.splitmix import fold
from collsim.units import PER_BILLION, format_time

__all__ = ["ALL", "LOSS", "is_lost", "loss_thresholds", "loses_any", "threshold"]

LOSS = 0x6C6F7373
"""First word of every draw ("loss" in ASCII), so that losses have nothing in common with the draws of routing."""
ALL = 2**64 - 1
"""The threshold of a link that loses every packet, whatever the draw."""


def threshold(parts: int) -> int:
    """Return below which draws of 64 bits a link loses packets that loses `parts` of a billion; ALL for all of them."""
    return ALL if parts == PER_BILLION else (parts << 64) // PER_BILLION


def loss_thresholds(topology: Topology, network: NetworkConfig) -> NDArray[np.uint64]:
    """Return uint64[L]: a link loses the packets whose draw of 64 bits is below this, 0 for a link that loses none.

    A link that states its loss has that one, every other the setting `loss`.
    """
    parts = first_loss(topology, network)
    known = {part: threshold(part) for part in set(parts.tolist())}
    return np.array([known[part] for part in parts.tolist()], dtype=np.uint64)


def loses_any(topology: Topology, network: NetworkConfig, changes: Sequence[LinkChange] = ()) -> bool:
    """Tell whether any link loses packets at the start, or after one of `changes` (as `settled` has them).

    Raises InvalidValue for losses under message-based flow control.
    """
    parts = first_loss(topology, network)
    change = next((change for change in changes if change.loss), None)
    lossy = bool(parts.any())
    if network.transport.flow_control == "message" and (lossy or change is not None):
        link = int(np.argmax(parts > 0)) if change is None or lossy else change.link
        since = "" if change is None or lossy else f" from {format_time(change.time)} on"
        raise InvalidValue(
            f"Link {topology.link_name(link)} of '{topology.name}' loses packets{since}, and "
            "flow_control=message reserves channels from the first packet of a message to its last; use flow_control=credit."
        )
    return lossy or change is not None


def is_lost(threshold: int, seed: int, message: tuple[int, int], packet: tuple[int, int], link: int) -> bool:
    """Tell whether `link` loses a packet: `message` is (call, transfer), `packet` (index in the message, attempt from 0)."""
    return threshold == ALL or (threshold > 0 and fold(LOSS, seed, *message, *packet, link) < threshold)
