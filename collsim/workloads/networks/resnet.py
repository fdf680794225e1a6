"""ResNet-50, -101 and -152, and their first stages for the networks that are built on them."""

from __future__ import annotations

from collsim.workloads.layers import NETWORKS, Layer, Network, convolution, dense

__all__ = ["resnet", "stages"]

WIDTHS = ((64, 256), (128, 512), (256, 1024), (512, 2048))
"""Of conv2_x to conv5_x: filters of the first two convolutions of a block, filters of the third."""

BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""Of each depth: blocks of conv2_x to conv5_x."""


def normed(name: str, size: int, channels: int, filters: int, kernel: int, stride: int = 1) -> Layer:
    """Return a convolution that keeps the size but for its stride, with a batch normalisation (gain and shift) behind it."""
    return convolution(name, size, channels, filters, kernel, stride=stride, padding=kernel // 2, others=2 * filters)


def stages(count: int, depth: int = 50) -> list[Layer]:
    """Return conv1 and the first `count` of the four stages of bottleneck blocks, for an image of 224 x 224.

    The first convolution of a stage strides, as published (later variants stride in the second).
    """
    layers = [normed("conv1", 224, 3, 64, 7, stride=2)]
    size, channels = 56, 64
    for number, (blocks, (narrow, wide)) in enumerate(zip(BLOCKS[depth][:count], WIDTHS, strict=False), start=2):
        for block in range(blocks):
            stride = 2 if number > 2 and block == 0 else 1
            name = f"conv{number}.{block + 1}"
            layers.append(normed(f"{name}.reduce", size, channels, narrow, 1, stride))
            layers.append(normed(f"{name}.middle", size // stride, narrow, narrow, 3))
            layers.append(normed(f"{name}.expand", size // stride, narrow, wide, 1))
            if block == 0:
                layers.append(normed(f"{name}.shortcut", size, channels, wide, 1, stride))
            size, channels = size // stride, wide
    return layers


def resnet(depth: int) -> Network:
    """Return ResNet of `depth` 50, 101 or 152 for ImageNet."""
    layers = (*stages(4, depth), dense("classifier", 2048, 1000, others=1000))
    norms = sum(layer.others for layer in layers[:-1])
    return Network(
        name=f"resnet{depth}",
        title=f"ResNet-{depth}",
        source="He et al., CVPR 2016, table 1",
        reading=f"weights without batch normalisation ({norms:,}) and the bias of the classifier (1,000)",
        layers=layers,
    )


for depth in BLOCKS:
    NETWORKS.add(f"resnet{depth}", resnet(depth))
