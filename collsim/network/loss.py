"""Which packets a link loses: a draw for every packet, attempt and link, a function of integers alone (rule 28).

Both engines call the same function, so they lose the same packets, whatever the order of events.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collsim.errors import InvalidValue
from collsim.network.config import NetworkConfig
from collsim.topology.graph import Topology
from collsim.topology.routing.splitmix import fold
from collsim.units import PER_BILLION, parse_loss

__all__ = ["LOSS", "is_lost", "loss_thresholds"]

LOSS = 0x6C6F7373
"""First word of every draw ("loss" in ASCII), so that losses have nothing in common with the draws of routing."""


def loss_thresholds(topology: Topology, network: NetworkConfig) -> NDArray[np.uint64]:
    """Return uint64[L]: a link loses the packets whose draw of 64 bits is below this, 0 for a link that loses none.

    A link that states its loss has that one, every other the setting `loss`. Raises InvalidValue for losses under
    message-based flow control.
    """
    parts = np.where(topology.loss > 0, topology.loss, parse_loss(network.transport.loss))
    if network.transport.flow_control == "message" and parts.any():
        raise InvalidValue(
            f"Link {topology.link_name(int(np.argmax(parts > 0)))} of '{topology.name}' loses packets, and "
            "flow_control=message reserves channels from the first packet of a message to its last; use flow_control=credit."
        )
    known = {part: (part << 64) // PER_BILLION for part in set(parts.tolist())}
    return np.array([known[part] for part in parts.tolist()], dtype=np.uint64)


def is_lost(threshold: int, seed: int, message: tuple[int, int], packet: tuple[int, int], link: int) -> bool:
    """Tell whether `link` loses a packet: `message` is (call, transfer), `packet` (index in the message, attempt from 0)."""
    return threshold > 0 and fold(LOSS, seed, *message, *packet, link) < threshold
