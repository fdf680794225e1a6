"""GoogLeNet: nine inception modules, each four paths side by side; written as a chain in the order of the paths."""

from __future__ import annotations

from dataclasses import replace

from collsim.workloads.layers import NETWORKS, Layer, Network, convolution, dense

__all__ = ["googlenet"]

INCEPTIONS = (
    ("3a", 28, 192, 64, 96, 128, 16, 32, 32),
    ("3b", 28, 256, 128, 128, 192, 32, 96, 64),
    ("4a", 14, 480, 192, 96, 208, 16, 48, 64),
    ("4b", 14, 512, 160, 112, 224, 24, 64, 64),
    ("4c", 14, 512, 128, 128, 256, 24, 64, 64),
    ("4d", 14, 512, 112, 144, 288, 32, 64, 64),
    ("4e", 14, 528, 256, 160, 320, 32, 128, 128),
    ("5a", 7, 832, 256, 160, 320, 32, 128, 128),
    ("5b", 7, 832, 384, 192, 384, 48, 128, 128),
)
"""Name, size, channels; filters of 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, and the projection behind the pooling."""


def biased(name: str, size: int, channels: int, filters: int, kernel: int, stride: int = 1) -> Layer:
    """Return a convolution that keeps the size but for its stride, with a bias a filter."""
    return convolution(name, size, channels, filters, kernel, stride=stride, padding=kernel // 2, others=filters)


def inception(name: str, size: int, channels: int, *filters: int) -> list[Layer]:
    """Return the six convolutions of one module, filters in the order of INCEPTIONS."""
    one, three_reduce, three, five_reduce, five, pool = filters
    return [
        biased(f"{name}.1x1", size, channels, one, 1),
        biased(f"{name}.3x3reduce", size, channels, three_reduce, 1),
        biased(f"{name}.3x3", size, three_reduce, three, 3),
        biased(f"{name}.5x5reduce", size, channels, five_reduce, 1),
        biased(f"{name}.5x5", size, five_reduce, five, 5),
        biased(f"{name}.pool", size, channels, pool, 1),
    ]


def googlenet() -> Network:
    """Return GoogLeNet without the two auxiliary classifiers."""
    return Network(
        name="googlenet",
        title="GoogLeNet (Inception v1)",
        source="Szegedy et al., CVPR 2015, table 1",
        reading="weights without biases (8,280), network without the auxiliary classifiers; MULTITREE counts three layers "
        "otherwise: googlenet-isca21",
        layers=(
            biased("conv1", 224, 3, 64, 7, stride=2),
            biased("conv2.reduce", 56, 64, 64, 1),
            biased("conv2", 56, 64, 192, 3),
            *(layer for module in INCEPTIONS for layer in inception(*module)),
            dense("classifier", 1024, 1000, others=1000),
        ),
    )


def googlenet_isca21() -> Network:
    """Return GoogLeNet with the three shapes of SCALE-Sim's layer table that differ from the published ones."""
    otherwise = {
        "4c.5x5": convolution("4c.5x5", 14, 24, 64, 1),
        "5a.3x3reduce": convolution("5a.3x3reduce", 7, 532, 160, 1),
        "5b.5x5": convolution("5b.5x5", 7, 32, 128, 5, padding=2),
    }
    published = googlenet()
    return replace(
        published,
        name="googlenet-isca21",
        title="GoogLeNet with three layers of other shapes",
        reading="as MULTITREE (ISCA 2021) counts it, after SCALE-Sim's layer table: 4c.5x5 is 1 x 1, 5a.3x3reduce sees 532 "
        "channels, 5b.5x5 sees 32",
        layers=tuple(replace(otherwise.get(layer.name, layer), others=0) for layer in published.layers),
    )


NETWORKS.add("googlenet", googlenet())
NETWORKS.add("googlenet-isca21", googlenet_isca21())
