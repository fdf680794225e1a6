"""Networks and accelerators as Markdown rows, to which docs/workloads.md is held, and a network's times as a JSON object."""

from __future__ import annotations

from collections.abc import Sequence

from collsim.units import FS_PER_SECOND
from collsim.workloads.accelerators.accelerator import Accelerator, PassTimes
from collsim.workloads.layers import Network

__all__ = ["accelerator_row", "network_row", "network_value"]


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


def network_value(network: Network, times: Sequence[PassTimes]) -> dict[str, object]:
    """Return a JSON object of `network` and the `times` of its layers on one node: counts, FLOP of a sample, seconds."""
    layers = [
        {
            "name": layer.name,
            "weights": layer.parameters,
            "other_parameters": layer.others,
            "flop": layer.flops,
            "forward_s": time.forward / FS_PER_SECOND,
            "input_gradient_s": time.input_gradient / FS_PER_SECOND,
            "weight_gradient_s": time.weight_gradient / FS_PER_SECOND,
        }
        for layer, time in zip(network.layers, times, strict=True)
    ]
    return {
        "network": network.name,
        "source": network.source,
        "weights": network.parameters,
        "parameters": network.all_parameters,
        "flop": network.flops,
        "computing_s": sum(time.total for time in times) / FS_PER_SECOND,
        "layers": layers,
    }
