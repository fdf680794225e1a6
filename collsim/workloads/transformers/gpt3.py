"""GPT-3 175B: biases, LayerNorm, learned positions, and a head that is the embedding."""

from __future__ import annotations

from collsim.workloads.transformers.shape import TRANSFORMERS, TransformerShape

__all__: list[str] = []

TRANSFORMERS.add(
    "gpt3-175b",
    TransformerShape(
        name="gpt3-175b",
        title="GPT-3 175B",
        source="Brown et al., NeurIPS 2020 (arXiv 2005.14165), table 2.1, 174,600 M parameters in table D.1; "
        "1,536 sequences a step are those of MLPerf Training's GPT-3 (published: 3.2 M tokens)",
        layers=96,
        hidden=12_288,
        ffn=49_152,
        heads=96,
        kv_heads=96,
        vocabulary=50_257,
        sequence=2048,
        global_batch=1536,
        gated=False,
        tied=True,
        biases=True,
        norm="layernorm",
        learned_positions=True,
    ),
)
