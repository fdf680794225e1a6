"""Time of a transformer's parts: the operations of the shape, the bytes of weights and cache, and where memory decides."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collsim.errors import InvalidValue
from collsim.workloads.accelerators.roofline import Roofline, roofline
from collsim.workloads.transformer_compute import Work, decode, prefill, train, transformer_times
from collsim.workloads.transformers.shape import TRANSFORMERS

LLAMA = TRANSFORMERS.get("llama2-7b")
H100 = roofline("h100")
INFINITE = 10**18


def bound(by):
    """A machine on which only one of both counts: 1 PFLOP/s, or 1 TB/s."""
    peaks, bandwidth = ({"bf16": 10**15}, INFINITE) if by == "compute" else ({"bf16": INFINITE}, 10**12)
    return Roofline("bound", "", "", peaks, bandwidth, 1, compute_efficiency=1.0, memory_efficiency=1.0)


@pytest.mark.parametrize("name", list(TRANSFORMERS))
@pytest.mark.parametrize("tp", [1, 8])
def test_operations_are_those_of_the_shape(name, tp):
    shape = TRANSFORMERS.get(name)
    for work in (train(shape, 2, causal=False), replace(prefill(1000), causal=False), decode(500, 3)):
        times = transformer_times(shape, roofline("gaudi3"), work, tp=tp)
        assert times.attention.flops + times.mlp.flops == shape.block_flops(work.rows, work.context, tp)
        assert times.head.flops == shape.head_flops(work.samples * work.logits, tp)


def test_a_training_step_takes_the_published_operations():
    """At the peak, nothing but operations: three forward passes of PaLM's formula."""
    times = transformer_times(LLAMA, bound("compute"), train(LLAMA, 1, causal=False))
    assert times.total == pytest.approx(LLAMA.step_flops(1), rel=1e-5)  # fs at 1 PFLOP/s; the rest is adding and norms


def test_a_token_reads_every_weight_and_the_cache():
    """Decoding at batch 1 is what its bytes take: the weights but the embedding, and keys and values of the context."""
    context = 2048
    times = transformer_times(LLAMA, bound("memory"), decode(context))
    parts = LLAMA.parts()
    bytes_read = 2 * (parts.attention + parts.mlp + parts.head) + LLAMA.cache_bytes(context)
    assert times.forward == pytest.approx(bytes_read * 1000, rel=2e-3)
    h100 = transformer_times(LLAMA, H100, decode(context))
    assert h100.forward == pytest.approx(bytes_read / (3.35e12 * 0.9) * 1e15, rel=2e-3)


def test_batches_share_the_weights_until_arithmetic_decides():
    alone, together = (transformer_times(LLAMA, H100, decode(128, batch)).mlp.forward for batch in (1, 64))
    assert together < 1.1 * alone
    long, longer = (transformer_times(LLAMA, H100, prefill(tokens)).mlp.forward for tokens in (4096, 8192))
    assert longer == pytest.approx(2 * long, rel=0.1)


def test_a_large_prompt_runs_at_the_arithmetic():
    times = transformer_times(LLAMA, H100, prefill(8192))
    reached = times.flops / (times.forward / 1e15) / 989.4e12
    assert 0.55 < reached < 0.7


def test_masked_pairs_are_skipped():
    assert Work(3, 10).pairs == 3 * 55
    assert Work(3, 10, causal=False).pairs == 300
    assert Work(2, 4, cached=6).pairs == 2 * (24 + 10)
    assert decode(7).pairs == decode(7).context == 7


@given(tp=st.sampled_from([1, 2, 4, 8]), tokens=st.integers(1, 5000), samples=st.integers(1, 8))
def test_more_ranks_never_take_longer_and_never_less_than_their_share(tp, tokens, samples):
    work = prefill(tokens, samples)
    whole, shard = (transformer_times(LLAMA, H100, work, tp=ranks) for ranks in (1, tp))
    for one, part in zip(whole.parts, shard.parts, strict=True):
        assert part.forward <= one.forward <= tp * part.forward
        assert part.forward == sum(part.times)
        assert part.backward == 2 * part.forward


def test_sequence_parallel_ranks_norm_their_slice():
    work = train(LLAMA, 1)
    plain, sliced = (transformer_times(LLAMA, H100, work, tp=8, sequence_parallel=s) for s in (False, True))
    assert sliced.attention.kernels[0].moved * 8 == plain.attention.kernels[0].moved
    assert sliced.attention.kernels[1:] == plain.attention.kernels[1:]
    assert sliced.mlp.forward < plain.mlp.forward


def test_precision_and_passes():
    work = train(LLAMA, 1)
    bf16, fp8 = (transformer_times(LLAMA, H100, work, tp=8, precision=p) for p in ("bf16", "fp8"))
    assert fp8.total < bf16.total
    assert bf16.backward == 2 * bf16.forward
    assert transformer_times(LLAMA, H100, prefill(10)).backward == 0
    assert transformer_times(LLAMA, H100, work).head.kernels[-1].name == "loss"
    assert train(LLAMA).samples == LLAMA.micro_batch


def test_every_kernel_pays_the_overhead():
    slow = replace(H100, overhead=10**9)
    quick, late = (transformer_times(LLAMA, machine, decode(10)) for machine in (H100, slow))
    for one, other in zip(quick.parts, late.parts, strict=True):
        assert other.forward - one.forward == len(one.kernels) * 10**9


@pytest.mark.parametrize(
    ("wrong", "cure"),
    [
        (lambda: prefill(0), "does not exist"),
        (lambda: decode(0), "does not exist"),
        (lambda: Work(1, 2, logits=3), "no more logits"),
        (lambda: transformer_times(LLAMA, H100, prefill(1), tp=5), "divide the 32 heads"),
        (lambda: transformer_times(LLAMA, roofline("v100"), prefill(1), precision="bf16"), "v100"),
    ],
)
def test_what_cannot_be_computed_is_refused(wrong, cure):
    with pytest.raises(InvalidValue, match=cure):
        wrong()
