"""VGG-16: thirteen convolutions, and three dense layers that hold nine tenths of its weights."""

from __future__ import annotations

from collsim.workloads.layers import NETWORKS, Layer, Network, convolution, dense

__all__ = ["vgg16"]

STAGES = ((224, 3, 64, 2), (112, 64, 128, 2), (56, 128, 256, 3), (28, 256, 512, 3), (14, 512, 512, 3))
"""Of each stage: pixels a side, channels of its input, filters, convolutions; pooling halves the sides behind it."""


def vgg16() -> Network:
    """Return configuration D for an image of 224 x 224."""
    layers: list[Layer] = []
    for stage, (size, channels, filters, count) in enumerate(STAGES, start=1):
        for number in range(1, count + 1):
            name, depth = f"conv{stage}.{number}", channels if number == 1 else filters
            layers.append(convolution(name, size, depth, filters, 3, padding=1, others=filters))
    return Network(
        name="vgg16",
        title="VGG-16",
        source="Simonyan and Zisserman, ICLR 2015, table 1, configuration D",
        reading="weights without biases (13,416)",
        layers=(
            *layers,
            dense("dense1", 7 * 7 * 512, 4096, others=4096),
            dense("dense2", 4096, 4096, others=4096),
            dense("classifier", 4096, 1000, others=1000),
        ),
    )


NETWORKS.add("vgg16", vgg16())
