"""Neural collaborative filtering: embeddings of users and items, a product of one pair, a small network on the other."""

from __future__ import annotations

from collsim.workloads.layers import NETWORKS, Network, dense

__all__ = ["ncf"]


def ncf(users: int = 138_000, items: int = 138_000, factors: int = 8) -> Network:
    """Return NeuMF with `factors` predictive factors; embeddings are dense layers over one-hot vectors, as published."""
    wide = 4 * factors
    return Network(
        name="ncf",
        title=f"NCF (NeuMF), {factors} factors, {users:,} users and {items:,} items",
        source="He et al., WWW 2017, section 3 (embeddings are fully connected layers on one-hot vectors)",
        reading="without biases; the numbers of users and items are MULTITREE's (MovieLens-20M has 138,493 and 26,744: "
        "6,612,184 weights)",
        layers=(
            dense("gmf.user", users, factors),
            dense("gmf.item", items, factors),
            dense("mlp.user", users, wide),
            dense("mlp.item", items, wide),
            dense("mlp.dense1", 2 * wide, wide),
            dense("mlp.dense2", wide, wide // 2),
            dense("mlp.dense3", wide // 2, factors),
            dense("prediction", 2 * factors, 1),
        ),
    )


NETWORKS.add("ncf", ncf())
