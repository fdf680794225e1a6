"""What there is to say of a transformer on an accelerator: rows on the whole, a table of its parts, and one for the docs."""

from __future__ import annotations

from dataclasses import asdict

from collsim.units import FS_PER_SECOND, format_size, format_time
from collsim.workloads.accelerators.roofline import Roofline
from collsim.workloads.transformer_compute import PartTime, TransformerTimes
from collsim.workloads.transformers.shape import TransformerShape

__all__ = [
    "PART_HEADS",
    "part_table",
    "shape_rows",
    "shape_text",
    "times_rows",
    "times_value",
    "transformer_row",
    "work_text",
]

PART_HEADS = ["part", "times", "parameters", "GFLOP", "MB moved", "forward", "backward", "by memory"]
"""Under "by memory" stands the share of the forward time that kernels take whose bytes take longer than their operations."""


def shape_text(shape: TransformerShape) -> str:
    """Return the shape in a line."""
    heads = f"{shape.heads} heads of {shape.head_dim}"
    if shape.kv_heads < shape.heads:
        heads += f" that share {shape.kv_heads} keys and values"
    gated = "gated MLP" if shape.gated else "MLP"
    return (
        f"{shape.layers} layers of {shape.hidden:,} channels, {gated} of {shape.ffn:,}, {heads}, "
        f"vocabulary of {shape.vocabulary:,}{', tied' if shape.tied else ''}"
    )


def shape_rows(shape: TransformerShape) -> list[tuple[str, str]]:
    """Return (label, text) rows on the model itself."""
    parts = shape.parts()
    named = [
        ("embedding", parts.embedding),
        ("positions", parts.positions),
        ("attention", parts.attention),
        ("MLP", parts.mlp),
        ("norms", parts.norms),
        ("head", parts.head),
    ]
    listed = ", ".join(f"{name} {count:,}" for name, count in named if count)
    batch = f"{shape.global_batch:,} sequences of {shape.sequence:,} tokens"
    return [
        ("Transformer", shape.title),
        ("Source", shape.source),
        ("Shape", shape_text(shape)),
        ("Parameters", f"{shape.parameters:,}: {listed}"),
        ("Training", f"{batch} a step, {shape.step_flops():.4g} FLOP; micro-batch of {shape.micro_batch}"),
        ("Cache", f"{format_size(shape.cache_bytes(1))} of keys and values a token in 2 B each"),
    ]


def work_text(times: TransformerTimes) -> str:
    """Return what the pass is over."""
    work = times.work
    plural = "s" * (work.samples > 1)
    if work.trained:
        return f"training, {work.samples} sequence{plural} of {work.tokens:,} tokens, forward and back"
    if work.tokens == 1:
        return f"decoding, one token of {work.samples} sequence{plural} with a context of {work.context:,}"
    return f"prefill, {work.samples} prompt{plural} of {work.tokens:,} tokens"


def times_rows(
    shape: TransformerShape, machine: Roofline, times: TransformerTimes, tp: int, precision: str | None = None
) -> list[tuple[str, str]]:
    """Return (label, text) rows on one of `tp` ranks: what it is, holds and takes, and what it reaches of the peak."""
    chosen = precision or machine.precision
    word = machine.word(chosen)
    held = shape.parts(tp).total
    cache = 0 if times.work.trained else times.work.samples * shape.cache_bytes(times.work.context, word, tp)
    taken = held * word + cache
    text = f"{held:,} parameters, {_gigabytes(held * word)} in {chosen}"
    if cache:
        text += f", and {_gigabytes(cache)} of keys and values"
    fits = f"{100 * taken / machine.memory:.3g} % of {_gigabytes(machine.memory)}"
    reached = times.flops * FS_PER_SECOND / max(times.forward, 1) / machine.peak(chosen)
    rate = times.work.rows * FS_PER_SECOND / max(times.total, 1)
    peak = f"{machine.peak(chosen) / 1e12:,.4g} TFLOP/s {chosen}"
    rows = [
        ("Work", work_text(times)),
        ("Rank", f"one of {tp}: {machine.about}"),
        (
            "Rates",
            f"products at {machine.compute_efficiency:g} of {peak}, memory at {machine.memory_efficiency:g} of its rate",
        ),
        ("Holds", f"{text}: {fits}"),
        (
            "Computing",
            f"{format_time(times.total)} without communication: {_number(rate)} tokens/s, {100 * reached:.3g} % of the peak",
        ),
    ]
    if taken > machine.memory:
        rows.append(("Note", f"this does not fit the memory of {machine.name}; share it among more ranks."))
    return rows


def part_table(
    shape: TransformerShape, machine: Roofline, times: TransformerTimes, tp: int, precision: str | None = None
) -> list[list[str]]:
    """Return the rows under PART_HEADS: each part once with how often it occurs, and their sum."""
    held, layers = shape.parts(tp), shape.layers
    norms = held.norms // (2 * layers + 1)
    parameters = (
        held.embedding + held.positions,
        held.attention // layers + norms,
        held.mlp // layers + norms,
        # A tied head multiplies by the embedding, which is counted there.
        held.head + norms,
    )
    rows = []
    for part, count in zip(times.parts, parameters, strict=True):
        often = layers if part in (times.attention, times.mlp) else 1
        rows.append(_cells(part, often, count, machine, times, precision))
    moved = sum(part.moved * (layers if part in (times.attention, times.mlp) else 1) for part in times.parts)
    backward = format_time(times.backward) if times.work.trained else ""
    total = ["all", "1", f"{held.total:,}", _number(times.flops / 1e9), _number(moved / 1e6)]
    return [*rows, [*total, format_time(times.forward), backward, ""]]


def _cells(
    part: PartTime, often: int, parameters: int, machine: Roofline, times: TransformerTimes, precision: str | None
) -> list[str]:
    timed = zip(part.kernels, part.times, strict=True)
    waits = sum(time for kernel, time in timed if machine.memory_decides(kernel.flops, kernel.moved, precision))
    backward = format_time(part.backward) if times.work.trained else ""
    counts = [f"{parameters:,}", _number(part.flops / 1e9), _number(part.moved / 1e6)]
    return [part.name, str(often), *counts, format_time(part.forward), backward, f"{100 * waits / part.forward:.0f} %"]


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.4g} GB"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def times_value(
    shape: TransformerShape, machine: Roofline, times: TransformerTimes, tp: int, precision: str | None = None
) -> dict[str, object]:
    """Return a JSON object of one of `tp` ranks: the shape, what it holds, and each part with its kernels, in seconds."""
    chosen = precision or machine.precision
    parts = [
        {
            "name": part.name,
            "times": shape.layers if part in (times.attention, times.mlp) else 1,
            "forward_s": part.forward / FS_PER_SECOND,
            "backward_s": part.backward / FS_PER_SECOND if times.work.trained else None,
            "kernels": [
                {**asdict(kernel), "forward_s": time / FS_PER_SECOND}
                for kernel, time in zip(part.kernels, part.times, strict=True)
            ],
        }
        for part in times.parts
    ]
    return {
        "transformer": asdict(shape),
        "parameters": shape.parameters,
        "step_flop": shape.step_flops(),
        "accelerator": machine.name,
        "precision": chosen,
        "compute_efficiency": machine.compute_efficiency,
        "memory_efficiency": machine.memory_efficiency,
        "tp": tp,
        "work": asdict(times.work),
        "rank_parameters": asdict(shape.parts(tp)),
        "forward_s": times.forward / FS_PER_SECOND,
        "computing_s": times.total / FS_PER_SECOND,
        "parts": parts,
    }


def transformer_row(shape: TransformerShape) -> str:
    """Return the Markdown row of a transformer: name, shape, batch, parameters, source."""
    numbers = (shape.layers, shape.hidden, shape.ffn, f"{shape.heads} / {shape.kv_heads}", shape.vocabulary, shape.sequence)
    cells = [f"{n:,}" if isinstance(n, int) else n for n in numbers]
    batch = f"{shape.micro_batch} / {shape.global_batch:,}"
    return f"| `{shape.name}` | {' | '.join(cells)} | {batch} | {shape.parameters:,} | {shape.source} |"
