"""AlexNet's convolutions, as MULTITREE (ISCA 2021) trains them: without the three dense layers behind."""

from __future__ import annotations

from collsim.workloads.layers import NETWORKS, Network, convolution

__all__ = ["alexnet"]


def alexnet() -> Network:
    """Return the five convolutions, each over all channels."""
    return Network(
        name="alexnet",
        title="AlexNet, its 5 convolutions",
        source="Krizhevsky et al., NIPS 2012, section 3.5; input 227 x 227, which its strides need",
        reading="the second, fourth and fifth see all channels; divided between two devices as published they hold "
        "2,332,704 weights; the dense layers (58,621,952) are left out",
        layers=(
            convolution("conv1", 227, 3, 96, 11, stride=4),
            convolution("conv2", 27, 96, 256, 5, padding=2),
            convolution("conv3", 13, 256, 384, 3, padding=1),
            convolution("conv4", 13, 384, 384, 3, padding=1),
            convolution("conv5", 13, 384, 256, 3, padding=1),
        ),
    )


NETWORKS.add("alexnet", alexnet())
