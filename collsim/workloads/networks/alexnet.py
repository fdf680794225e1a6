"""AlexNet: its convolutions, as MULTITREE (ISCA 2021) trains them, and the whole network as it was published."""

from __future__ import annotations

from dataclasses import replace

from collsim.workloads.layers import NETWORKS, Layer, Network, convolution, dense

__all__ = ["alexnet", "alexnet_2012"]

SOURCE = "Krizhevsky et al., NIPS 2012, section 3.5; input 227 x 227, which its strides need"
DIVIDED = ("conv2", "conv4", "conv5")
"""Convolutions that see the maps of their own device alone, of two."""


def convolutions() -> tuple[Layer, ...]:
    """Return the five convolutions, each over all channels, with a bias a filter."""
    return (
        convolution("conv1", 227, 3, 96, 11, stride=4, others=96),
        convolution("conv2", 27, 96, 256, 5, padding=2, others=256),
        convolution("conv3", 13, 256, 384, 3, padding=1, others=384),
        convolution("conv4", 13, 384, 384, 3, padding=1, others=384),
        convolution("conv5", 13, 384, 256, 3, padding=1, others=256),
    )


def alexnet() -> Network:
    """Return the five convolutions, each over all channels."""
    return Network(
        name="alexnet",
        title="AlexNet, its 5 convolutions",
        source=SOURCE,
        reading="weights without biases (1,376); the second, fourth and fifth see all channels; divided between two devices "
        "as published they hold 2,332,704 weights; the dense layers (58,621,952) are left out: alexnet-2012 has both",
        layers=convolutions(),
    )


def alexnet_2012() -> Network:
    """Return the whole network on two devices: three convolutions in two groups, and the dense layers."""
    return Network(
        name="alexnet-2012",
        title="AlexNet on two devices",
        source=SOURCE,
        reading="weights without biases (10,568); published are 60 million parameters",
        layers=(
            *(replace(layer, groups=2) if layer.name in DIVIDED else layer for layer in convolutions()),
            dense("dense1", 6 * 6 * 256, 4096, others=4096),
            dense("dense2", 4096, 4096, others=4096),
            dense("classifier", 4096, 1000, others=1000),
        ),
    )


NETWORKS.add("alexnet", alexnet())
NETWORKS.add("alexnet-2012", alexnet_2012())
