"""Llama 2 and 3: the open models that tensor-parallel studies measure."""

from __future__ import annotations

from collsim.workloads.transformers.shape import TRANSFORMERS, TransformerShape

__all__: list[str] = []

LLAMA2 = "Touvron et al., Llama 2, 2023 (arXiv 2307.09288), section 2.2 and table 1, and the released parameter files"

for shape in (
    TransformerShape(
        name="llama2-7b",
        title="Llama 2 7B",
        source=f"{LLAMA2}; 4 M tokens a step",
        layers=32,
        hidden=4096,
        ffn=11_008,
        heads=32,
        kv_heads=32,
        vocabulary=32_000,
        sequence=4096,
        global_batch=1024,
    ),
    TransformerShape(
        name="llama2-70b",
        title="Llama 2 70B",
        source=f"{LLAMA2}; 4 M tokens a step",
        layers=80,
        hidden=8192,
        ffn=28_672,
        heads=64,
        kv_heads=8,
        vocabulary=32_000,
        sequence=4096,
        global_batch=1024,
    ),
    TransformerShape(
        name="llama3-405b",
        title="Llama 3.1 405B",
        source="Grattafiori et al., The Llama 3 Herd of Models, 2024 (arXiv 2407.21783), tables 3 and 4; "
        "the vocabulary of the released files, 256 more than the paper's 128,000",
        layers=126,
        hidden=16_384,
        ffn=53_248,
        heads=128,
        kv_heads=8,
        vocabulary=128_256,
        sequence=8192,
        global_batch=2048,
    ),
):
    TRANSFORMERS.add(shape.name, shape)
