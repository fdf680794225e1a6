"""Faster R-CNN up to its region proposals, as MULTITREE (ISCA 2021) trains it, on ResNet-50 to conv4_x."""

from __future__ import annotations

from collsim.workloads.layers import NETWORKS, Network, convolution
from collsim.workloads.networks.resnet import stages

__all__ = ["fasterrcnn"]

ANCHORS = 9


def fasterrcnn() -> Network:
    """Return the shared convolutions and the region proposal network, for an image of 224 x 224."""
    return Network(
        name="fasterrcnn",
        title="Faster R-CNN, ResNet-50 to conv4_x and region proposals",
        source="Ren et al., NIPS 2015, section 3 (9 anchors); backbone He et al., CVPR 2016",
        reading="weights without batch normalisation and biases; the detector "
        "behind the proposals (conv5_x, 14,942,208, and its two outputs) is left out, images are "
        "224 x 224 instead of 600 and more",
        layers=(
            *stages(3),
            convolution("proposal.conv", 14, 1024, 512, 3, padding=1, others=512),
            convolution("proposal.boxes", 14, 512, 4 * ANCHORS, 1, others=4 * ANCHORS),
            convolution("proposal.scores", 14, 512, 2 * ANCHORS, 1, others=2 * ANCHORS),
        ),
    )


NETWORKS.add("fasterrcnn", fasterrcnn())
