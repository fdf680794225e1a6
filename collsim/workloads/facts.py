"""The registered networks and accelerators as Markdown rows, so that docs/workloads.md can be held to the facts on board."""

from __future__ import annotations

from collsim.workloads.accelerators.accelerator import Accelerator
from collsim.workloads.layers import Network

__all__ = ["accelerator_row", "network_row"]


def network_row(network: Network) -> str:
    """Return the table row of a network: name, title, layers, weights, all parameters where counted, forward
    GFLOP of a sample, source, reading.
    """
    whole = f"{network.all_parameters:,}" if network.all_parameters > network.parameters else ""
    counts = (str(len(network.layers)), f"{network.parameters:,}", whole, f"{network.flops / 1e9:.3g}")
    return f"| `{network.name}` | {' | '.join((network.title, *counts, network.source, network.reading))} |"


def accelerator_row(accelerator: Accelerator) -> str:
    """Return the table row of an accelerator: name, what it is, source."""
    return f"| `{accelerator.name}` | {accelerator.about} | {accelerator.source} |"
