"""The three models of CAAT-Net: Llama-like, with untied embeddings and 32,000 words."""

from __future__ import annotations

from collsim.workloads.transformers.shape import TRANSFORMERS, TransformerShape

__all__: list[str] = []

SOURCE = "Lamprecht et al., CAAT-Net, NeurIPS 2025 (arXiv 2506.19645): the training scripts of its Megatron fork"

for shape in (
    TransformerShape(
        name="caatnet-130m",
        title="CAAT-Net's model of 130 million parameters",
        source=SOURCE,
        layers=12,
        hidden=768,
        ffn=2048,
        heads=16,
        kv_heads=16,
        vocabulary=32_000,
        sequence=1024,
        micro_batch=64,
        global_batch=256,
    ),
    TransformerShape(
        name="caatnet-1.1b",
        title="CAAT-Net's model of 1.1 billion parameters",
        source=SOURCE,
        layers=22,
        hidden=2048,
        ffn=5632,
        heads=32,
        kv_heads=8,
        vocabulary=32_000,
        sequence=2048,
        micro_batch=32,
        global_batch=1024,
    ),
    TransformerShape(
        name="caatnet-7b",
        title="CAAT-Net's model of 7 billion parameters",
        source=SOURCE,
        layers=32,
        hidden=4096,
        ffn=11_008,
        heads=32,
        kv_heads=32,
        vocabulary=32_000,
        sequence=4096,
        micro_batch=8,
        global_batch=1024,
    ),
):
    TRANSFORMERS.add(shape.name, shape)
