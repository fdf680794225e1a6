"""What the MULTITREE paper and its authors' simulator give, to stand beside what was simulated here."""

from __future__ import annotations

SIMULATOR: dict[str, dict[str, dict[int, float]]] = {
    "torus4x4": {
        "RING": {32: 3.35, 128: 5.72, 512: 6.95, 2048: 7.34},
        "DBTREE": {32: 3.08, 128: 4.29, 512: 4.36, 2048: 3.94},
        "2D-RING": {32: 5.57, 128: 7.94, 512: 16.04, 2048: 17.39},
        "MULTITREE": {32: 9.34, 128: 12.04, 512: 14.28, 2048: 21.78},
        "MULTITREEMSG": {32: 10.07, 128: 13.98, 512: 19.48, 2048: 24.82},
    },
    "mesh4x4": {
        "RING": {32: 3.35, 128: 5.72, 512: 6.95},
        "DBTREE": {32: 2.91, 128: 3.89, 512: 4.16},
        "2D-RING": {32: 4.01, 128: 5.11, 512: 6.97},
        "MULTITREE": {32: 6.10, 128: 7.57, 512: 8.83},
        "MULTITREEMSG": {32: 6.17, 128: 8.52, 512: 10.37},
    },
    "bigraph4x8": {
        "RING": {32: 0.92, 512: 5.07, 2048: 6.54},
        "DBTREE": {32: 1.74, 512: 3.72},
        "HDRM": {32: 3.39, 512: 6.76, 2048: 7.11},
        "MULTITREE": {32: 6.29, 512: 7.55, 2048: 7.64},
        "MULTITREEMSG": {32: 6.58, 512: 8.03, 2048: 8.15},
    },
}
"""All-reduce bandwidth of the authors' simulator, GiB/s, by network, scheme and KiB."""

DENSE = ("ncf", "transformer-isca21")
"""The networks whose gradients are large for what they compute."""
CONVOLUTIONS = ("alexnet", "fasterrcnn", "googlenet-isca21", "resnet50")
"""Those that the paper's 34 % and 15 % speak of."""

MEANS = {
    ("MULTITREE", "RING"): 2.2,
    ("MULTITREE", "2D-RING"): 1.51,
    ("MULTITREEMSG", "RING"): 2.3,
    ("MULTITREEMSG", "2D-RING"): 1.56,
}
"""The paper's all-reduce speed-ups on the 8x8 torus, mean of the networks."""
MESSAGE_OVER_RING, MESSAGE_OVER_RING_2D = MEANS["MULTITREEMSG", "RING"], MEANS["MULTITREEMSG", "2D-RING"]
