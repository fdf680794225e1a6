"""What MULTITREE (ISCA 2021) trains: weights of each network, and cycles of an iteration with one sample an array.

The cycles of ResNet-50 are known to three digits; those of AlexNet are not comparable, because their layer shapes differ.
"""

WEIGHTS = {
    "alphagozero-isca21": 1_573_620,
    "alexnet": 3_745_824,
    "googlenet-isca21": 6_854_208,
    "ncf": 11_042_704,
    "fasterrcnn": 13_258_944,
    "resnet50": 25_502_912,
    "transformer-isca21": 77_418_328,
}
CYCLES = {
    "alphagozero-isca21": 1_251_840,
    "googlenet-isca21": 9_400_242,
    "ncf": 1_471_482,
    "fasterrcnn": 17_052_317,
    "resnet50": 18_100_000,
    "transformer-isca21": 10_833_549,
}
