"""ResNet-50, and its first stages for the networks that are built on them."""

from __future__ import annotations

from collsim.workloads.layers import NETWORKS, Layer, Network, convolution, dense

__all__ = ["resnet50", "stages"]

STAGES = ((3, 64, 256), (4, 128, 512), (6, 256, 1024), (3, 512, 2048))
"""Of conv2_x to conv5_x: blocks, filters of the first two convolutions, filters of the third."""


def stages(count: int) -> list[Layer]:
    """Return conv1 and the first `count` of the four stages of bottleneck blocks, for an image of 224 x 224.

    The first convolution of a stage strides, as published (later variants stride in the second).
    """
    layers = [convolution("conv1", 224, 3, 64, 7, stride=2, padding=3)]
    size, channels = 56, 64
    for number, (blocks, narrow, wide) in enumerate(STAGES[:count], start=2):
        for block in range(blocks):
            stride = 2 if number > 2 and block == 0 else 1
            name = f"conv{number}.{block + 1}"
            layers.append(convolution(f"{name}.reduce", size, channels, narrow, 1, stride=stride))
            layers.append(convolution(f"{name}.middle", size // stride, narrow, narrow, 3, padding=1))
            layers.append(convolution(f"{name}.expand", size // stride, narrow, wide, 1))
            if block == 0:
                layers.append(convolution(f"{name}.shortcut", size, channels, wide, 1, stride=stride))
            size, channels = size // stride, wide
    return layers


def resnet50() -> Network:
    """Return ResNet-50 for ImageNet."""
    return Network(
        name="resnet50",
        title="ResNet-50",
        source="He et al., CVPR 2016, table 1",
        reading="without batch normalisation (53,120) and the bias of the classifier (1,000)",
        layers=(*stages(4), dense("classifier", 2048, 1000)),
    )


NETWORKS.add("resnet50", resnet50())
