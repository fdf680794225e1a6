"""Part 3: one iteration of training the seven networks on the 8x8 torus, all-reduces after back-propagation or during it.

`shapes`: `authors` are layers without padding and with the gradient of the network's own input, as the study's simulator
computes; `authors, needed` leaves that gradient out; `published` does so too and pads as published. `bucket`: bytes from
which gradients travel, 0 for every layer by itself, `all` for one all-reduce of everything.
"""

from __future__ import annotations

from collections.abc import Iterator

from measure import machine
from schemes import HIERARCHICAL, MESSAGE, MULTITREE, RING, RING_2D, Scheme, preset_of

from collsim.engines.engine import ENGINES
from collsim.workloads.accelerators.accelerator import ACCELERATORS
from collsim.workloads.layers import NETWORKS, Network
from collsim.workloads.layerwise import Training, distinct_buckets, training_iteration

KEY = ("model", "shapes", "network", "scheme", "overlap", "bucket", "samples_a_node", "algorithm", "preset", "settings")
VALUES = ("time_fs", "compute_fs", "communication_fs", "exposed_fs", "all_reduces", "gradient_bytes", "skipped")
MOST_MESSAGES = 3_000_000
"""Messages of an iteration that is run: 3 GB, half a minute. The 891 layers of the Transformer one by one are 7 million."""
MODELS = {
    "alexnet": "AlexNet",
    "alphagozero-isca21": "AlphaGoZero",
    "fasterrcnn": "FasterRCNN",
    "googlenet-isca21": "GoogLeNet",
    "ncf": "NCF",
    "resnet50": "ResNet50",
    "transformer-isca21": "Transformer",
}
"""Networks with the study's layer tables, and names to print."""
TRAINED = (RING, RING_2D, HIERARCHICAL, MULTITREE, MESSAGE)
TORUS, SAMPLES = "torus8x8", 16
BUCKETS = (0, *(2**k for k in range(16, 29, 2)))
ONE = "all"


def cases(quick: bool = False) -> list[dict[str, str]]:
    """Return the key columns of every run."""
    if quick:
        return [row for model in ("alexnet", "ncf") for row in _rows(model, "authors", "torus4x4", TRAINED)]
    rows: list[dict[str, str]] = []
    for model in MODELS:
        rows += _rows(model, "authors", TORUS, TRAINED)
    rows += _rows("alexnet", "authors, needed", TORUS, TRAINED)
    for shapes in ("authors, needed", "published"):
        for model in MODELS:
            rows += [row for row in _rows(model, shapes, TORUS, TRAINED) if row["bucket"] == ONE]
    return list({tuple(row.values()): row for row in rows}.values())


def _rows(model: str, shapes: str, topology: str, schemes: tuple[Scheme, ...]) -> Iterator[dict[str, str]]:
    sizes = [str(size) for size in distinct_buckets(NETWORKS.get(model), BUCKETS)]
    for overlap, bucket in (("no", ONE), ("no", "0"), *(("yes", size) for size in sizes)):
        for scheme in schemes:
            yield {
                "model": model,
                "shapes": shapes,
                "network": topology,
                "scheme": scheme.name,
                "overlap": overlap,
                "bucket": bucket,
                "samples_a_node": str(SAMPLES),
                "algorithm": scheme.algorithm,
                "preset": preset_of(topology),
                "settings": " ".join(f"{k}={v}" for k, v in scheme.settings_on(topology)),
            }


def shaped(case: dict[str, str]) -> Network:
    """Return the network of a case with the layers that `shapes` says."""
    network = NETWORKS.get(case["model"])
    return network if case["shapes"] == "published" else network.unpadded()


def run(case: dict[str, str]) -> dict[str, object]:
    """Return the row of `case`."""
    setup = machine(case["network"], case["preset"], case["settings"])
    training = Training(
        samples=int(case["samples_a_node"]),
        overlap=case["overlap"] == "yes",
        bucket=None if case["bucket"] == ONE else int(case["bucket"]),
        first_input_gradient=case["shapes"] == "authors",
    )
    accelerator = ACCELERATORS.get("multitree-isca21")
    iteration = training_iteration(shaped(case), accelerator, lambda size: setup.plan(case["algorithm"], size)[0], training)
    if iteration.program.messages > MOST_MESSAGES:
        return {**case, "all_reduces": len(iteration.buckets), "skipped": f"more than {MOST_MESSAGES:,} messages"}
    result = ENGINES.get(setup.engine)(setup.topology, iteration.program, setup.network)
    parts = iteration.breakdown(result)
    return {
        **case,
        "time_fs": parts.time,
        "compute_fs": parts.compute,
        "communication_fs": parts.communication,
        "exposed_fs": parts.exposed,
        "all_reduces": len(iteration.buckets),
        "gradient_bytes": iteration.gradient_bytes,
        "skipped": "",
    }
