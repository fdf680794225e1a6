"""AlphaGo Zero: a tower of residual blocks on a Go board, with a head for the move and one for the winner."""

from __future__ import annotations

from dataclasses import replace

from collsim.workloads.layers import NETWORKS, Network, convolution, dense

__all__ = ["alphagozero"]

BOARD, PLANES, FILTERS = 19, 17, 256
POINTS = BOARD * BOARD


def alphagozero(blocks: int = 19) -> Network:
    """Return the network with `blocks` residual blocks; published are 19 and 39."""
    tower = [
        convolution(f"block{block}.conv{part}", BOARD, FILTERS, FILTERS, 3, padding=1)
        for block in range(1, blocks + 1)
        for part in (1, 2)
    ]
    return Network(
        name="alphagozero",
        title=f"AlphaGo Zero with {blocks} residual blocks",
        source="Silver et al., Nature 550 (2017), methods, neural network architecture",
        reading="MULTITREE counts one residual block: alphagozero-isca21",
        layers=(
            convolution("conv", BOARD, PLANES, FILTERS, 3, padding=1),
            *tower,
            convolution("value.conv", BOARD, FILTERS, 1, 1),
            dense("value.dense1", POINTS, 256),
            dense("value.dense2", 256, 1),
            convolution("policy.conv", BOARD, FILTERS, 2, 1),
            dense("policy.dense", 2 * POINTS, POINTS + 1),
        ),
    )


NETWORKS.add("alphagozero", alphagozero())
NETWORKS.add(
    "alphagozero-isca21",
    replace(
        alphagozero(1),
        name="alphagozero-isca21",
        title="AlphaGo Zero with one residual block",
        reading="as MULTITREE (ISCA 2021) counts it, after SCALE-Sim's layer table",
    ),
)
