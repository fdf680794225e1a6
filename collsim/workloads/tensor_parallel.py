"""What tensor parallelism puts on the wire: the collectives of a pass, in order, for stock Megatron and for CAAT-Net.

CAAT-Net (Lamprecht et al., NeurIPS 2025, arXiv 2506.19645) sums only the first int(p h) of the h channels of the residual
stream over the ranks; the others stay private to each. Everything follows from the model's shape, the tokens of a pass and
the scheme: which tensors are summed where, how many bytes, and what is copied in memory to take a tensor apart and join it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from collsim.collectives.channels import synchronised_channels
from collsim.errors import InvalidValue, UnknownName, nearest
from collsim.workloads.transformers.shape import TransformerShape

__all__ = [
    "BF16",
    "COPIES",
    "FP32",
    "SCHEMES",
    "WIRES",
    "Exchange",
    "Scheme",
    "backward_exchange",
    "dropped_layers",
    "forward_exchange",
    "norm_exchange",
    "on_the_wire",
    "payload",
    "single_exchange",
    "stock",
    "wire_bits",
]

SCHEMES = ("megatron", "caatnet")
COPIES = ("needed", "always", "none")
WIRES = {"fp32": 32, "bf16": 16, "fp16": 16, "fp8": 8, "int8": 8, "int6": 6, "int4": 4}
"""Bits of a number on the wire. Scales that quantised numbers come with are not counted."""
BF16, FP32 = WIRES["bf16"], WIRES["fp32"]
ATTENTION, MLP = "attention", "mlp"


@dataclass(frozen=True, slots=True)
class Scheme:
    """How the ranks of a tensor-parallel group keep their residual streams together.

    `name`: "megatron" sums every channel, "caatnet" the first int(p h). `forward_wire`, `backward_wire`: bits of a number in
    the all-reduces of blocks, either pass; CAAT-Net's code sends gradients in fp32. `sequence_parallel`: every all-reduce is
    a reduce-scatter and an all-gather (Megatron only). `dropped`: layers without the all-reduce behind attention (Sync-Point
    Drop). `ladder`: a block reads the residual stream from before the last all-reduce, which computing then hides
    (Ladder-Residual). `copies`: what taking a tensor apart and joining it costs, see `Exchange`: as "needed" (nothing at
    p = 1), "always" (at p = 1 as well), or "none" (kernels that do it on the way). Raises InvalidValue and UnknownName.
    """

    name: str = "caatnet"
    p: float = 1.0
    forward_wire: int = BF16
    backward_wire: int = FP32
    sequence_parallel: bool = False
    dropped: frozenset[int] = frozenset()
    ladder: bool = False
    copies: str = "needed"

    def __post_init__(self) -> None:
        for what, value, known in (("scheme", self.name, SCHEMES), ("way to count copies", self.copies, COPIES)):
            if value not in known:
                raise UnknownName(what, value, known, nearest(value, known))
        if not 0 <= self.p <= 1:
            raise InvalidValue(f"The share p = {self.p:g} is not in 0 to 1: it is the part of the channels that is summed.")
        if min(self.forward_wire, self.backward_wire) < 1:
            raise InvalidValue("A number on the wire has at least 1 bit.")
        if self.name == "megatron" and self.p != 1:
            raise InvalidValue(f"Megatron sums every channel, so p = {self.p:g} means nothing to it; take caatnet or p = 1.")
        if self.sequence_parallel and self.name != "megatron":
            raise InvalidValue(
                "CAAT-Net's private channels differ between ranks, so sequence parallelism is Megatron's alone."
            )


def stock(sequence_parallel: bool = False) -> Scheme:
    """Return stock Megatron: every channel, bf16 both ways."""
    return Scheme("megatron", 1.0, BF16, BF16, sequence_parallel)


def wire_bits(name: str) -> int:
    """Return the bits of a number on the wire called `name`; UnknownName for others than WIRES."""
    if name not in WIRES:
        raise UnknownName("number on the wire", name, WIRES)
    return WIRES[name]


def dropped_layers(text: str, layers: int) -> frozenset[int]:
    """Return the layers of a share ("50%", spread evenly) or of a list with ranges ("0,4-7") of 0 to `layers` - 1.

    Raises InvalidValue.
    """
    if text.endswith("%"):
        share = re.fullmatch(r"\d+(\.\d+)?", text[:-1].strip())
        if share is None or float(share[0]) > 100:
            raise InvalidValue(f"Cannot read the share of layers '{text}'; write 0% to 100%.")
        count = int(float(share[0]) * layers / 100)
        return frozenset(k * layers // count for k in range(count))
    found: set[int] = set()
    for part in text.split(","):
        ends = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part)
        if ends is None or int(ends[2] or ends[1]) >= layers or int(ends[1]) > int(ends[2] or ends[1]):
            raise InvalidValue(
                f"Cannot read the layers '{part}'; write a share like 50%, or a list of 0 to {layers - 1} like 0,4-7."
            )
        found.update(range(int(ends[1]), int(ends[2] or ends[1]) + 1))
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One collective of a tensor-parallel group: `size` bytes of `elements` numbers, handed to `collective`.

    `place`: "embedding", "attention", "mlp", "head input", "stack entry" or "norm gradients"; `phase`: "forward",
    "backward" or "step"; `layer` of a block, else None; `partial`: some channels stay private.
    `packed`, `joined`: bytes that a rank's memory moves before and after. Packing reads and writes the channels that are
    summed; joining reads and writes all channels once and the private ones once more, to scale them by the root of the
    number of ranks: 2 p + 2 + 2 (1 - p) element moves of the tensor, for any p between 0 and 1.
    """

    collective: str
    place: str
    phase: str
    layer: int | None
    elements: int
    size: int
    partial: bool = False
    packed: int = 0
    joined: int = 0

    @property
    def label(self) -> str:
        """The place in words: "all-reduce attention 3 forward"."""
        layer = "" if self.layer is None else f" {self.layer}"
        return f"{self.collective} {self.place}{layer} {self.phase}"


def block_exchange(shape: TransformerShape, tokens: int, scheme: Scheme, phase: str, place: str, layer: int) -> Exchange:
    """Return the all-reduce of one block in one pass, over the first channels of `tokens` vectors."""
    summed = synchronised_channels(scheme.p, shape.hidden) if scheme.name == "caatnet" else shape.hidden
    whole, elements = tokens * shape.hidden, tokens * summed
    bits = scheme.forward_wire if phase == "forward" else scheme.backward_wire
    packed, joined = _copies(scheme, whole, elements, max(bits, BF16) // 8)
    partial = summed < shape.hidden
    return Exchange("all-reduce", place, phase, layer, elements, -(-elements * bits // 8), partial, packed, joined)


def _copies(scheme: Scheme, whole: int, summed: int, word: int) -> tuple[int, int]:
    """Return bytes moved in memory before and after an all-reduce of `summed` of `whole` elements of `word` bytes."""
    split = summed < whole
    if scheme.name == "megatron" or scheme.copies == "none" or not (split or scheme.copies == "always"):
        return 0, 0
    scaled = 2 * (whole - summed)
    # With nothing to sum there is nothing to take out and put back; what is private is scaled all the same.
    return (2 * summed * word, (2 * whole + scaled) * word) if summed else (0, scaled * word)


def single_exchange(shape: TransformerShape, tokens: int, place: str, phase: str) -> Exchange:
    """Return an all-reduce of every channel in bf16, once a pass: embedding, head's input or stack's entry."""
    elements = tokens * shape.hidden
    return Exchange("all-reduce", place, phase, None, elements, elements * BF16 // 8)


def forward_exchange(shape: TransformerShape, tokens: int, scheme: Scheme, place: str, layer: int) -> Exchange | None:
    """Return the all-reduce behind a block; None where the scheme drops it."""
    dropped = place == ATTENTION and layer in scheme.dropped
    return None if dropped else block_exchange(shape, tokens, scheme, "forward", place, layer)


def backward_exchange(shape: TransformerShape, tokens: int, scheme: Scheme, place: str, layer: int) -> Exchange | None:
    """Return the all-reduce that belongs to a block on the way back; None where the scheme drops that of the way there.

    Megatron sums the gradient of a block's input when the block is through, CAAT-Net that of its output before. What
    attention's all-reduce kept apart is Megatron's input of the MLP, so there the MLP's is dropped.
    """
    gone = MLP if scheme.name == "megatron" else ATTENTION
    dropped = place == gone and layer in scheme.dropped
    return None if dropped else block_exchange(shape, tokens, scheme, "backward", place, layer)


def norm_exchange(shape: TransformerShape, scheme: Scheme) -> Exchange | None:
    """Return the all-reduce of the norms' gradients in fp32, once an optimiser step; None where every rank has the sum.

    Ranks that read different residual streams, or different tokens (sequence parallelism), have different gradients: with
    stock Megatron those of layers with a dropped all-reduce alone.
    """
    elements = shape.norm_parameters
    if scheme.name == "megatron" and not scheme.sequence_parallel:
        elements = elements // (2 * shape.layers + 1) * 2 * len(scheme.dropped)
    if not elements:
        return None
    return Exchange("all-reduce", "norm gradients", "step", None, elements, elements * FP32 // 8)


def on_the_wire(exchange: Exchange, scheme: Scheme) -> tuple[Exchange, ...]:
    """Return `exchange`, or the reduce-scatter and the all-gather that sequence parallelism makes of it."""
    if not scheme.sequence_parallel or exchange.phase == "step":
        return (exchange,)
    own = (exchange.place, exchange.phase, exchange.layer, exchange.elements, exchange.size, exchange.partial)
    return Exchange("reduce-scatter", *own, exchange.packed), Exchange("all-gather", *own, 0, exchange.joined)


def payload(exchanges: Iterable[Exchange]) -> int:
    """Return the bytes handed to all-reduces; a reduce-scatter and an all-gather count as the one that they make."""
    return sum(e.size * (2 if e.collective == "all-reduce" else 1) for e in exchanges) // 2
