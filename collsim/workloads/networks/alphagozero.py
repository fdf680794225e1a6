"""AlphaGo Zero: a tower of residual blocks on a Go board, with a head for the move and one for the winner."""

from __future__ import annotations

from dataclasses import replace

from collsim.workloads.layers import NETWORKS, Layer, Network, convolution, dense

__all__ = ["alphagozero"]

BOARD, PLANES, FILTERS = 19, 17, 256
POINTS = BOARD * BOARD


def normed(name: str, channels: int, filters: int, kernel: int) -> Layer:
    """Return a convolution over the board with a batch normalisation (gain and shift) behind it."""
    return convolution(name, BOARD, channels, filters, kernel, padding=kernel // 2, others=2 * filters)


def alphagozero(blocks: int = 19) -> Network:
    """Return the network with `blocks` residual blocks; published are 19 and 39."""
    tower = [normed(f"block{block}.conv{part}", FILTERS, FILTERS, 3) for block in range(1, blocks + 1) for part in (1, 2)]
    layers = (
        normed("conv", PLANES, FILTERS, 3),
        *tower,
        normed("value.conv", FILTERS, 1, 1),
        dense("value.dense1", POINTS, 256, others=256),
        dense("value.dense2", 256, 1, others=1),
        normed("policy.conv", FILTERS, 2, 1),
        dense("policy.dense", 2 * POINTS, POINTS + 1, others=POINTS + 1),
    )
    biases = sum(layer.others for layer in layers if layer.name.partition(".")[2].startswith("dense"))
    norms = sum(layer.others for layer in layers) - biases
    return Network(
        name="alphagozero",
        title=f"AlphaGo Zero with {blocks} residual blocks",
        source="Silver et al., Nature 550 (2017), methods, neural network architecture",
        reading=f"weights without batch normalisation ({norms:,}) and the biases of dense layers ({biases}); no total is "
        "published; MULTITREE counts one residual block: alphagozero-isca21",
        layers=layers,
    )


NETWORKS.add("alphagozero", alphagozero())
NETWORKS.add(
    "alphagozero-isca21",
    replace(
        alphagozero(1),
        name="alphagozero-isca21",
        title="AlphaGo Zero with one residual block",
        reading="as MULTITREE (ISCA 2021) counts it, after SCALE-Sim's layer table",
        layers=tuple(replace(layer, others=0) for layer in alphagozero(1).layers),
    ),
)
