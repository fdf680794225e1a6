"""What tensor-parallel runs have in common but for the scheme: machine, groups, model, work and device, from names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from collsim.errors import InvalidValue, UnknownName
from collsim.simulate import prepare
from collsim.sweep.tensor_parallel import TensorParallel
from collsim.sweep.tensor_parallel_plans import NATURAL, Plans
from collsim.topology.graph import Topology
from collsim.workloads.accelerators.roofline import roofline
from collsim.workloads.load_transformer import load_transformer
from collsim.workloads.rank_groups import Layout, rank_groups
from collsim.workloads.tensor_parallel import Scheme, dropped_layers, wire_bits
from collsim.workloads.transformer_compute import Work, decode, prefill
from collsim.workloads.transformers.shape import TransformerShape

__all__ = ["MODES", "USUAL", "scheme_from_words", "scheme_of", "setting"]

MODES = ("train", "prefill", "decode")
ACCELERATORS_OF = {
    "gaudi2": "gaudi2",
    "gaudi3": "gaudi3",
    "dgx-a100": "a100",
    "hgx-h100": "h100",
    "dgx1-v100": "v100",
    "dgx2": "v100",
    "nvl72": "gb200",
    "tpu-v3": "tpu-v3",
}
"""Start of a machine's name -> the accelerator in it."""
USUAL: dict[str, Any] = {
    "scheme": "caatnet",
    "forward_wire": "bf16",
    "backward_wire": None,
    "drop": None,
    "ladder": False,
    "copies": "needed",
}
"""What a scheme is unless it is said otherwise, by the names of the options of `collsim workload tp`."""


def setting(
    topology: str | Path | Topology,
    model: str | Path | TransformerShape,
    *,
    tp: int = 8,
    dp: int = 1,
    mode: str = "train",
    batch: int | None = None,
    sequence: int | None = None,
    micro_batches: int | None = None,
    accelerator: str | None = None,
    algorithm: str = NATURAL,
    **machine: Any,
) -> TensorParallel:
    """Return what is run but for the scheme: `dp` groups of `tp` ranks, side by side in the order of the placement.

    `model`: a name, a YAML file or a shape. `mode`: "train", "prefill" or "decode". `batch`: sequences of a group's
    micro-batch, prompts, or sequences that decode together (default: the model's micro-batch in training, else 1).
    `sequence`: tokens of a sequence or prompt, or those a new token attends to (default: the model's). `micro_batches` of a
    training step (default: the model's global batch over the groups). `accelerator`: default that of a known machine.
    `algorithm`: see `Plans`; `machine`: as `collsim.simulate.prepare` takes it. Raises UsageError.
    """
    if mode not in MODES:
        raise InvalidValue(f"The mode '{mode}' is none of {', '.join(MODES)}.")
    shape = model if isinstance(model, TransformerShape) else load_transformer(model)
    if tp < 2:
        raise InvalidValue(f"A tensor-parallel degree of {tp} has nothing to exchange; give at least 2.")
    base = prepare(topology, **machine)
    hosts = None if base.placement == "linear" else base.hosts
    groups = rank_groups(base.topology, Layout(tp=tp, dp=dp), hosts, shape=shape)
    tokens = shape.sequence if sequence is None else sequence
    samples = batch if batch is not None else shape.micro_batch if mode == "train" else 1
    if mode == "train":
        work = Work(samples, tokens, logits=tokens, trained=True)
        count = max(shape.global_batch // (samples * dp), 1) if micro_batches is None else micro_batches
    else:
        work = prefill(tokens, samples) if mode == "prefill" else decode(tokens, samples)
        count = 1
        if micro_batches is not None:
            raise InvalidValue(f"Micro-batches belong to training; leave them out for {mode}, or set the batch.")
    cases = tuple(replace(base, hosts=members, known={}) for members in groups.host_groups("tp"))
    device = roofline(_accelerator(base.topology.name) if accelerator is None else accelerator)
    return TensorParallel(shape, device, work, Plans(cases, algorithm), count, groups)


def _accelerator(machine: str) -> str:
    found = [name for start, name in ACCELERATORS_OF.items() if machine.startswith(start)]
    if not found:
        raise InvalidValue(f"Nothing is known of the accelerators of {machine}; name one, like --accelerator h100.")
    return found[0]


def scheme_from_words(words: Mapping[str, Any], layers: int, mode: str = MODES[0]) -> Scheme:
    """Return the scheme at p = 1 of some options, such as {"copies": "none"}. Raises UnknownName and InvalidValue."""
    for name in words:
        if name not in USUAL:
            raise UnknownName("word of a tensor-parallel scheme", name, USUAL)
    return scheme_of({**USUAL, **words, "mode": mode}, layers)


def scheme_of(options: Mapping[str, Any], layers: int) -> Scheme:
    """Return the scheme at p = 1 that the options of `collsim workload tp` ask for, by name.

    Raises UnknownName and InvalidValue.
    """
    if options["backward_wire"] is not None and options["mode"] != "train":
        raise InvalidValue(f"Gradients belong to training; leave the backward wire out for {options['mode']}.")
    if options["scheme"] == "megatron" and options["copies"] != USUAL["copies"]:
        raise InvalidValue(
            f"Stock Megatron sums whole tensors and copies nothing, so copies {options['copies']} mean nothing to it; leave "
            "them out or take caatnet."
        )
    usual = "bf16" if options["scheme"] == "megatron" else "fp32"
    scheme = Scheme(
        options["scheme"],
        1.0,
        wire_bits(options["forward_wire"]),
        wire_bits(options["backward_wire"] or usual),
        ladder=options["ladder"],
        copies=options["copies"],
    )
    return scheme if options["drop"] is None else replace(scheme, dropped=dropped_layers(options["drop"], layers))
