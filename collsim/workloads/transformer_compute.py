"""How long a tensor-parallel rank computes on each part of a transformer, in training, on a prompt, and token by token.

A block has two parts, attention up to its output projection and the MLP up to its down projection; after each of them stock
tensor parallelism puts an all-reduce. A part is a handful of kernels, each under the roofline of its operations and bytes.
Attention is one kernel that keeps its scores on chip (FlashAttention); adding to the residual stream is one kernel with the
norm behind it. Going back takes every kernel twice: the gradients of its inputs and of its weights.
"""

from __future__ import annotations

from dataclasses import dataclass

from collsim.errors import InvalidValue, UnknownName
from collsim.workloads.accelerators.roofline import Roofline
from collsim.workloads.transformers.shape import TransformerShape

__all__ = [
    "MODES",
    "Kernel",
    "PartTime",
    "TransformerTimes",
    "Work",
    "decode",
    "prefill",
    "train",
    "transformer_times",
    "work_of",
]

MODES = ("train", "prefill", "decode")
"""What a transformer does: a micro-batch forward and back, a prompt, or one more token of each sequence."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one pass is over: `samples` sequences, each with `tokens` new tokens behind `cached` ones.

    `logits`: tokens of a sequence whose logits are wanted. `causal`: tokens do not attend to later ones and the kernel
    skips those. `trained`: a backward pass follows.
    """

    samples: int
    tokens: int
    cached: int = 0
    logits: int = 1
    causal: bool = True
    trained: bool = False

    def __post_init__(self) -> None:
        if min(self.samples, self.tokens) < 1 or self.cached < 0 or not 0 <= self.logits <= self.tokens:
            raise InvalidValue(
                f"A pass over {self.samples} sequences of {self.tokens} tokens behind {self.cached} with {self.logits} "
                "logits does not exist; give at least one of each, and no more logits than tokens."
            )

    @property
    def rows(self) -> int:
        """New tokens of all sequences: the rows of every product with weights."""
        return self.samples * self.tokens

    @property
    def context(self) -> int:
        """Tokens of a sequence whose keys and values are read."""
        return self.cached + self.tokens

    @property
    def pairs(self) -> int:
        """Pairs (token, token it attends to) of all sequences."""
        within = self.tokens * (self.tokens + 1) // 2 if self.causal else self.tokens**2
        return self.samples * (self.tokens * self.cached + within)


def train(shape: TransformerShape, samples: int | None = None, *, causal: bool = True) -> Work:
    """Return a micro-batch of `samples` whole sequences (those of `shape` by default), forward and back."""
    return Work(
        shape.micro_batch if samples is None else samples, shape.sequence, logits=shape.sequence, causal=causal, trained=True
    )


def prefill(tokens: int, samples: int = 1) -> Work:
    """Return the pass over prompts of `tokens` tokens; the logits of the last one are wanted."""
    return Work(samples, tokens)


def decode(context: int, samples: int = 1) -> Work:
    """Return the pass over one token of each sequence, which attends to `context` tokens, itself the last of them."""
    return Work(samples, 1, cached=context - 1)


def work_of(mode: str, shape: TransformerShape, samples: int | None = None, tokens: int | None = None) -> Work:
    """Return the pass of `mode`, one of MODES, over `samples` sequences.

    `tokens` of a sequence, a prompt or a context, by default the sequence of `shape`. Where `samples` is left out, training
    takes the micro-batch of `shape` and the other two take one. Raises UnknownName for another mode.
    """
    length = shape.sequence if tokens is None else tokens
    if mode == "train":
        return Work(shape.micro_batch if samples is None else samples, length, logits=length, trained=True)
    if mode == "prefill":
        return prefill(length, 1 if samples is None else samples)
    if mode == "decode":
        return decode(length, 1 if samples is None else samples)
    raise UnknownName("mode", mode, MODES)


@dataclass(frozen=True, slots=True)
class Kernel:
    """`flops` operations that move `moved` bytes between memory and arithmetic."""

    name: str
    flops: int
    moved: int


@dataclass(frozen=True, slots=True)
class PartTime:
    """A part of the model on one rank: its forward kernels and the time of each, fs."""

    name: str
    kernels: tuple[Kernel, ...]
    times: tuple[int, ...]

    @property
    def flops(self) -> int:
        """Operations of the forward pass."""
        return sum(kernel.flops for kernel in self.kernels)

    @property
    def moved(self) -> int:
        """Bytes that the forward pass moves."""
        return sum(kernel.moved for kernel in self.kernels)

    @property
    def forward(self) -> int:
        """Time of the forward pass, fs."""
        return sum(self.times)

    @property
    def backward(self) -> int:
        """Time of the backward pass, fs: twice the forward one."""
        return 2 * self.forward


@dataclass(frozen=True, slots=True)
class TransformerTimes:
    """Times of one rank: `attention` and `mlp` of one of `layers` blocks, `embedding` and `head` once a pass."""

    layers: int
    work: Work
    embedding: PartTime
    attention: PartTime
    mlp: PartTime
    head: PartTime

    @property
    def parts(self) -> tuple[PartTime, ...]:
        """The four parts in the order of the forward pass."""
        return (self.embedding, self.attention, self.mlp, self.head)

    @property
    def forward(self) -> int:
        """Time of the forward pass through all blocks, fs, without communication."""
        return self.embedding.forward + self.layers * (self.attention.forward + self.mlp.forward) + self.head.forward

    @property
    def backward(self) -> int:
        """Time of the backward pass, fs; 0 where none follows."""
        return 2 * self.forward if self.work.trained else 0

    @property
    def total(self) -> int:
        """Both passes, fs."""
        return self.forward + self.backward

    @property
    def flops(self) -> int:
        """Operations of the forward pass on this rank."""
        return self.embedding.flops + self.layers * (self.attention.flops + self.mlp.flops) + self.head.flops


def transformer_times(
    shape: TransformerShape,
    accelerator: Roofline,
    work: Work,
    *,
    tp: int = 1,
    precision: str | None = None,
    sequence_parallel: bool = False,
) -> TransformerTimes:
    """Return the times of one of `tp` ranks that share every block of `shape`.

    `sequence_parallel`: each rank norms and adds only its slice of the tokens, rounded up (Korthikanti et al., MLSys 2023).
    Raises InvalidValue for a `tp` that does not divide the heads, or a precision that the accelerator does not have.
    """
    shape.check_shards(tp)
    word = accelerator.word(precision)
    stream_rows = -(-work.rows // tp) if sequence_parallel else work.rows
    # The sum and the block's input are read, the residual stream and its norm are written.
    stream = Kernel("add and norm", 0, 4 * stream_rows * shape.hidden * word)

    def timed(name: str, *kernels: Kernel) -> PartTime:
        return PartTime(name, kernels, tuple(accelerator.time(k.flops, k.moved, precision) for k in kernels))

    return TransformerTimes(
        layers=shape.layers,
        work=work,
        embedding=timed("embedding", _embedding(shape, work, word)),
        attention=timed("attention", stream, *_attention(shape, work, word, tp)),
        mlp=timed("mlp", stream, *_mlp(shape, work, word, tp)),
        head=timed("head", *_head(shape, work, word, tp)),
    )


def _product(name: str, rows: int, depth: int, columns: int, word: int) -> Kernel:
    """Return (rows x depth) times (depth x columns), each matrix moved once."""
    return Kernel(name, 2 * rows * depth * columns, (rows * depth + depth * columns + rows * columns) * word)


def _embedding(shape: TransformerShape, work: Work, word: int) -> Kernel:
    vectors = 3 if shape.learned_positions else 2
    return Kernel("lookup", 0, vectors * work.rows * shape.hidden * word)


def _attention(shape: TransformerShape, work: Work, word: int, tp: int) -> tuple[Kernel, ...]:
    own, kv = shape.hidden // tp, shape.shard_kv_width(tp)
    cache = 2 * work.samples * work.context * kv
    return (
        _product("query, key, value", work.rows, shape.hidden, own + 2 * kv, word),
        Kernel("attention", 4 * work.pairs * own, (2 * work.rows * own + cache) * word),
        _product("output", work.rows, own, shape.hidden, word),
    )


def _mlp(shape: TransformerShape, work: Work, word: int, tp: int) -> tuple[Kernel, ...]:
    width, ups = shape.ffn // tp, 2 if shape.gated else 1
    return (
        _product("gate and up" if shape.gated else "up", work.rows, shape.hidden, ups * width, word),
        Kernel("activation", 0, (ups + 1) * work.rows * width * word),
        _product("down", work.rows, width, shape.hidden, word),
    )


def _head(shape: TransformerShape, work: Work, word: int, tp: int) -> tuple[Kernel, ...]:
    rows, words = work.samples * work.logits, -(-shape.vocabulary // tp)
    kernels = (
        Kernel("norm", 0, 2 * rows * shape.hidden * word),
        _product("logits", rows, shape.hidden, words, word),
    )
    return (*kernels, Kernel("loss", 0, 2 * rows * words * word)) if work.trained else kernels
