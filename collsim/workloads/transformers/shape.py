"""The shape of a decoder-only transformer: parameters, floating-point operations and cache bytes follow from it exactly.

What tensor parallelism puts on the wire depends on nothing but these numbers and the tokens. Counted as published: a product
of matrices takes two operations a multiply-accumulate; softmax, normalisation, rotations and activations are not counted.
Adding a shape costs a few lines in collsim/workloads/transformers (an entry point in the group "collsim.transformers"), or
a YAML file.
"""

from __future__ import annotations

from dataclasses import dataclass

from collsim.errors import InvalidValue
from collsim.registry import Registry

__all__ = ["NORMS", "TRANSFORMERS", "Parameters", "TransformerShape"]

NORMS = ("rmsnorm", "layernorm")
"""Kinds of normalisation: RMSNorm holds a gain a channel, LayerNorm a gain and a bias."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters by part; `attention`, `mlp` and `norms` of all layers together (`norms` with the final one)."""

    embedding: int
    positions: int
    attention: int
    mlp: int
    norms: int
    head: int

    @property
    def total(self) -> int:
        """All parts."""
        return self.embedding + self.positions + self.attention + self.mlp + self.norms + self.head


@dataclass(frozen=True, slots=True)
class TransformerShape:
    """A transformer of `layers` blocks, each an attention part and an MLP part, over a residual stream of `hidden` channels.

    `kv_heads`: key and value heads, fewer than `heads` where queries share them. `sequence` tokens a sample, `micro_batch`
    samples a micro-batch and `global_batch` samples a step are those it was trained with. `gated`: an MLP of three matrices
    (SwiGLU), else two. `tied`: the head is the embedding. `biases`: every matrix of a block has one. `norm`: one of NORMS,
    two a block and one before the head. `learned_positions`: a table of `sequence` vectors.
    Raises InvalidValue for numbers that make no model.
    """

    name: str
    title: str
    source: str
    layers: int
    hidden: int
    ffn: int
    heads: int
    kv_heads: int
    vocabulary: int
    sequence: int
    micro_batch: int = 1
    global_batch: int = 1
    gated: bool = True
    tied: bool = False
    biases: bool = False
    norm: str = "rmsnorm"
    learned_positions: bool = False

    def __post_init__(self) -> None:
        for field in (
            "layers",
            "hidden",
            "ffn",
            "heads",
            "kv_heads",
            "vocabulary",
            "sequence",
            "micro_batch",
            "global_batch",
        ):
            if getattr(self, field) < 1:
                raise InvalidValue(
                    f"The transformer '{self.name}' has {field} {getattr(self, field)}; give a whole number of at least 1."
                )
        if self.hidden % self.heads:
            raise InvalidValue(
                f"The transformer '{self.name}' divides {self.hidden} channels among {self.heads} heads; "
                "take a number of heads that divides the channels."
            )
        if self.heads % self.kv_heads:
            raise InvalidValue(
                f"The transformer '{self.name}' shares {self.kv_heads} key-value heads among {self.heads} heads; "
                "take a number of key-value heads that divides the heads."
            )
        if self.norm not in NORMS:
            raise InvalidValue(f"The transformer '{self.name}' has norm '{self.norm}'; write one of {', '.join(NORMS)}.")

    @property
    def head_dim(self) -> int:
        """Channels of a head."""
        return self.hidden // self.heads

    @property
    def kv_width(self) -> int:
        """Channels of the keys, and of the values."""
        return self.kv_heads * self.head_dim

    @property
    def norm_parameters(self) -> int:
        """Parameters of all norms, two a block and the final one; every tensor-parallel rank holds them whole."""
        return (2 * self.layers + 1) * self.hidden * (1 if self.norm == "rmsnorm" else 2)

    @property
    def parameters(self) -> int:
        """All parameters of the model."""
        return self.parts().total

    def check_shards(self, tp: int) -> None:
        """Raise InvalidValue if `tp` ranks cannot share the blocks: whole heads and equal slices of the MLP on each.

        Where there are fewer key-value heads than ranks, each is held by tp / kv_heads ranks.
        """
        if tp < 1:
            raise InvalidValue(f"A tensor-parallel degree of {tp} does not exist; give at least 1.")
        for what, number in (("heads", self.heads), ("channels of the MLP", self.ffn)):
            if number % tp:
                raise InvalidValue(
                    f"A tensor-parallel degree of {tp} does not divide the {number} {what} of {self.name}; "
                    f"take a divisor of {number}."
                )
        if self.kv_heads % tp and tp % self.kv_heads:
            raise InvalidValue(
                f"A tensor-parallel degree of {tp} neither divides nor is a multiple of the {self.kv_heads} key-value heads "
                f"of {self.name}; take one that does."
            )

    def shard_kv_width(self, tp: int) -> int:
        """Return the channels of keys (and of values) on one of `tp` ranks: at least one head, copied if heads are few."""
        self.check_shards(tp)
        return max(self.kv_heads // tp, 1) * self.head_dim

    def parts(self, tp: int = 1) -> Parameters:
        """Return the parameters that one of `tp` tensor-parallel ranks holds, by part; tp = 1 is the whole model.

        Query, key, value, gate and up matrices are cut by columns with their biases, output and down matrices by rows with
        their biases whole; embedding and head by rows of the vocabulary, rounded up; norms and positions are whole.
        """
        kv, h = self.shard_kv_width(tp), self.hidden
        ups = 2 if self.gated else 1
        columns, mlp_columns = h // tp + 2 * kv, ups * self.ffn // tp
        attention, mlp = h * columns + h // tp * h, h * mlp_columns + self.ffn // tp * h
        if self.biases:
            attention, mlp = attention + columns + h, mlp + mlp_columns + h
        rows = -(-self.vocabulary // tp)
        return Parameters(
            embedding=rows * h,
            positions=self.sequence * h if self.learned_positions else 0,
            attention=self.layers * attention,
            mlp=self.layers * mlp,
            norms=self.norm_parameters,
            head=0 if self.tied else rows * h,
        )

    def attention_flops(self, tokens: int, pairs: int, tp: int = 1) -> int:
        """Return the forward operations of one block's attention part on one of `tp` ranks.

        `pairs` counts (token, token it attends to): tokens x context where all of a context is computed.
        """
        kv, own = self.shard_kv_width(tp), self.hidden // tp
        return 2 * tokens * self.hidden * (2 * own + 2 * kv) + 4 * pairs * own

    def mlp_flops(self, tokens: int, tp: int = 1) -> int:
        """Return the forward operations of one block's MLP part on one of `tp` ranks."""
        self.check_shards(tp)
        return 2 * tokens * self.hidden * (self.ffn // tp) * (3 if self.gated else 2)

    def block_flops(self, tokens: int, context: int, tp: int = 1) -> int:
        """Return the forward operations of one block for `tokens` tokens that attend to `context` tokens each."""
        return self.attention_flops(tokens, tokens * context, tp) + self.mlp_flops(tokens, tp)

    def head_flops(self, tokens: int, tp: int = 1) -> int:
        """Return the forward operations of the head: the logits of `tokens` tokens over a rank's vocabulary."""
        return 2 * tokens * self.hidden * -(-self.vocabulary // tp)

    def forward_flops(self, tokens: int, context: int, tp: int = 1) -> int:
        """Return the forward operations of the whole model for `tokens` tokens that attend to `context` tokens each."""
        return self.layers * self.block_flops(tokens, context, tp) + self.head_flops(tokens, tp)

    def step_flops(self, samples: int | None = None) -> int:
        """Return the operations of a training step over `samples` sequences (`global_batch` of them by default).

        Forward and twice as much backward, without recomputation; attention over the full square of the sequence, as in
        the published formulas (Narayanan et al., SC 2021, section 5.1; Chowdhery et al., PaLM, appendix B).
        """
        tokens = (self.global_batch if samples is None else samples) * self.sequence
        return 3 * self.forward_flops(tokens, self.sequence)

    def cache_bytes(self, tokens: int, word: int = 2, tp: int = 1) -> int:
        """Return the bytes of keys and values of `tokens` tokens over all layers on one of `tp` ranks."""
        return 2 * self.layers * self.shard_kv_width(tp) * tokens * word


TRANSFORMERS: Registry[TransformerShape] = Registry("transformer", "collsim.workloads.transformers", "collsim.transformers")
