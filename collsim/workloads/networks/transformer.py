"""The Transformer of "Attention is all you need", base model: encoder and decoder of six blocks each."""

from __future__ import annotations

from collsim.workloads.layers import NETWORKS, Layer, Network, dense, lookup, product

__all__ = ["transformer"]

WIDTH, INNER, HEADS, BLOCKS = 512, 2048, 8, 6
DEPTH = WIDTH // HEADS
NORM = 2 * WIDTH
"""Gain and shift of the layer normalisation behind every attention and every feed-forward network."""


def attention(name: str, tokens: int, *, across: bool = False) -> list[Layer]:
    """Return the layers of one multi-head attention over `tokens` tokens; `across` takes keys and values from elsewhere."""
    if across:
        projections = [
            dense(f"{name}.query", WIDTH, WIDTH, rows=tokens),
            dense(f"{name}.keyvalue", WIDTH, 2 * WIDTH, rows=tokens),
        ]
    else:
        projections = [dense(f"{name}.qkv", WIDTH, 3 * WIDTH, rows=tokens)]
    return [
        *projections,
        product(f"{name}.scores", tokens, DEPTH, tokens, heads=HEADS),
        product(f"{name}.context", tokens, tokens, DEPTH, heads=HEADS),
        dense(f"{name}.output", WIDTH, WIDTH, rows=tokens, others=NORM),
    ]


def transformer(tokens: int = 32, vocabulary: int = 33_708) -> Network:
    """Return the base model; a sample is a pair of sentences of `tokens` tokens each, without masks."""
    layers = [lookup("embedding", vocabulary, WIDTH, rows=2 * tokens)]
    for side in ("encoder", "decoder"):
        for block in range(1, BLOCKS + 1):
            name = f"{side}{block}"
            layers += attention(f"{name}.self", tokens)
            if side == "decoder":
                layers += attention(f"{name}.cross", tokens, across=True)
            layers.append(dense(f"{name}.inner", WIDTH, INNER, rows=tokens, others=INNER))
            layers.append(dense(f"{name}.outer", INNER, WIDTH, rows=tokens, others=WIDTH + NORM))
    # The output layer multiplies by the embedding, which holds the weights: their gradient is whole only at the embedding.
    layers.append(dense("logits", WIDTH, vocabulary, rows=tokens, trained=False))
    others = sum(layer.others for layer in layers)
    return Network(
        name="transformer",
        title=f"Transformer, base model, sentences of {tokens} tokens",
        source="Vaswani et al., NIPS 2017, section 3 and table 3",
        reading=f"weights without the biases of feed-forward networks and layer normalisation ({others:,}); one embedding "
        "for both sides and the output; vocabulary (that of MLPerf's reference) and sentence length are choices; MULTITREE "
        "counts otherwise: transformer-isca21",
        layers=tuple(layers),
    )


def transformer_isca21(vocabulary: int = 33_708) -> Network:
    """Return what MULTITREE counts: one token, each head by itself with an output map of its own, products as weights."""
    layers: list[Layer] = []
    for side, attentions in (("encoder", 1), ("decoder", 2)):
        layers.append(Layer(f"{side}.embedding", WIDTH, 1, 1, vocabulary))
        for block in range(1, BLOCKS + 1):
            for head in range(1, attentions * HEADS + 1):
                name = f"{side}{block}.head{head}"
                layers += [dense(f"{name}.{part}", WIDTH, DEPTH) for part in ("query", "key", "value")]
                layers.append(dense(f"{name}.scores", 1, DEPTH, rows=DEPTH))
                layers.append(dense(f"{name}.context", DEPTH, 1, rows=DEPTH))
                layers.append(dense(f"{name}.output", WIDTH, WIDTH))
            layers.append(dense(f"{side}{block}.inner", WIDTH, INNER))
            layers.append(dense(f"{side}{block}.outer", INNER, WIDTH))
    layers.append(dense("output", WIDTH, WIDTH))
    return Network(
        name="transformer-isca21",
        title="Transformer with an output map a head, one token a sample",
        source="Vaswani et al., NIPS 2017, as read by SCALE-Sim's layer table",
        reading="as MULTITREE (ISCA 2021) counts it: 512 x 512 output weights for every head, an embedding of one column, "
        "attention products counted as weights",
        layers=tuple(layers),
    )


NETWORKS.add("transformer", transformer())
NETWORKS.add("transformer-isca21", transformer_isca21())
