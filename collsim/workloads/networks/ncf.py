"""Neural collaborative filtering: embeddings of users and items, a product of one pair, a small network on the other."""

from __future__ import annotations

from itertools import pairwise

from collsim.workloads.layers import NETWORKS, Network, dense

__all__ = ["ncf"]


def ncf(
    users: int = 138_000,
    items: int = 138_000,
    factors: int = 8,
    embedding: int | None = None,
    hidden: tuple[int, ...] | None = None,
) -> Network:
    """Return NeuMF with `factors` predictive factors; embeddings are dense layers over one-hot vectors, as published.

    `embedding`: width of the embeddings of the perceptron, default 4 `factors`; `hidden`: widths of its layers, default 4,
    2 and 1 times `factors`.
    """
    wide = 4 * factors if embedding is None else embedding
    widths = (2 * wide, *((4 * factors, 2 * factors, factors) if hidden is None else hidden))
    layers = (
        dense("gmf.user", users, factors),
        dense("gmf.item", items, factors),
        dense("mlp.user", users, wide),
        dense("mlp.item", items, wide),
        *(dense(f"mlp.dense{k}", a, b, others=b) for k, (a, b) in enumerate(pairwise(widths), start=1)),
        dense("prediction", factors + widths[-1], 1, others=1),
    )
    return Network(
        name="ncf",
        title=f"NCF (NeuMF), {factors} factors, {users:,} users and {items:,} items",
        source="He et al., WWW 2017, section 3 (embeddings are fully connected layers on one-hot vectors)",
        reading=f"weights without biases ({sum(layer.others for layer in layers)}); the numbers of users and items are "
        "MULTITREE's (MovieLens-20M has 138,493 and 26,744: 6,612,184 weights)",
        layers=layers,
    )


NETWORKS.add("ncf", ncf())
