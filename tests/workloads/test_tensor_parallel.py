"""The traffic of tensor parallelism: CAAT-Net's published definition and every figure of its payload tables."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collsim.errors import InvalidValue, UnknownName
from collsim.workloads.load_transformer import load_transformer
from collsim.workloads.tensor_parallel import BF16, FP32, WIRES, Scheme, payload, stock
from collsim.workloads.tensor_parallel_stages import (
    Copy,
    Part,
    Sync,
    exchanges,
    forward_stages,
    step_stages,
    training_stages,
)

MODELS = ("caatnet-130m", "caatnet-1.1b", "caatnet-7b")
SMALL = replace(load_transformer("caatnet-130m"), layers=3)
OPTIONS = (
    Scheme(p=0.5),
    Scheme(p=0.5, ladder=True),
    Scheme(p=0.0, ladder=True, dropped=frozenset({0, 2})),
    Scheme("megatron", 1, BF16, BF16),
    Scheme("megatron", 1, BF16, BF16, ladder=True, dropped=frozenset({1})),
    Scheme("megatron", 1, BF16, BF16, sequence_parallel=True, ladder=True),
)


def training(shape, scheme, tokens=None):
    return exchanges(training_stages(shape, tokens or shape.sequence * shape.micro_batch, scheme))


def of(phase, found):
    return tuple(e for e in found if e.phase == phase)


def gigabytes(found):
    return f"{payload(found) / 1e9:.2f}"


# The published table of payloads per micro-batch: tensor elements, then GB at p = 1 and .5.
PAYLOADS = {
    "caatnet-130m": (50_331_648, ("2.52", "1.31"), ("2.52", "1.31"), ("4.93", "2.52")),
    "caatnet-1.1b": (134_217_728, ("12.08", "6.17"), ("12.08", "6.17"), ("23.89", "12.08")),
    "caatnet-7b": (134_217_728, ("17.45", "8.86"), ("17.45", "8.86"), ("34.63", "17.45")),
}


@pytest.mark.parametrize("model", MODELS)
def test_payload_of_a_micro_batch_is_the_published_one(model):
    shape = load_transformer(model)
    elements, forward, narrow, wide = PAYLOADS[model]
    assert shape.sequence * shape.micro_batch * shape.hidden == elements
    for place, p in enumerate((1.0, 0.5)):
        assert gigabytes(of("forward", training(shape, Scheme(p=p)))) == forward[place]
        assert gigabytes(of("backward", training(shape, Scheme(p=p, backward_wire=BF16)))) == narrow[place]
        assert gigabytes(of("backward", training(shape, Scheme(p=p)))) == wide[place]


@pytest.mark.parametrize(
    ("hidden", "layers", "count", "whole", "half"),
    [(4096, 32, 64, "2.15", "1.07"), (8192, 80, 160, "10.7", "5.4"), (16384, 126, 252, "33.8", "16.9")],
)
def test_payload_of_a_prompt_is_the_published_one_beside_the_embedding(hidden, layers, count, whole, half):
    shape = replace(load_transformer("llama2-7b"), hidden=hidden, layers=layers)
    for p, published in ((1.0, whole), (0.5, half)):
        embedding, *blocks = exchanges(forward_stages(shape, 4096, Scheme(p=p)))
        assert len(blocks) == count
        assert {e.size for e in blocks} == {int(p * 4096 * hidden * 2)}
        assert f"{payload(blocks) / 1e9:.{len(published.split('.')[1])}f}" == published
        assert (embedding.place, embedding.size, embedding.partial) == ("embedding", 4096 * hidden * 2, False)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("scheme", [stock(), Scheme(p=1), Scheme(p=0.5), Scheme(p=0.25, backward_wire=BF16)])
def test_every_pass_has_two_collectives_a_layer_and_one_more_whatever_p(model, scheme):
    shape = load_transformer(model)
    found = training(shape, scheme)
    assert len(of("forward", found)) == len(of("backward", found)) == 2 * shape.layers + 1
    assert {e.collective for e in found} == {"all-reduce"}


@pytest.mark.parametrize("model", MODELS)
def test_with_everything_summed_and_equal_wires_it_sends_what_megatron_sends(model):
    shape = load_transformer(model)
    for phase in ("forward", "backward"):
        ours, theirs = (of(phase, training(shape, s)) for s in (Scheme(p=1, backward_wire=BF16), stock()))
        assert sorted((e.collective, e.size) for e in ours) == sorted((e.collective, e.size) for e in theirs)
    # The forward passes are the same to the order; on the way back the full one is at the other end of the stack.
    assert [e.place for e in of("backward", training(shape, stock()))][:2] == ["head input", "mlp"]
    assert [e.place for e in of("backward", training(shape, Scheme(p=1)))][-2:] == ["attention", "stack entry"]


@settings(max_examples=30)
@given(st.integers(0, 64), st.sampled_from([BF16, FP32]), st.integers(1, 50))
def test_bytes_are_affine_in_p_and_the_intercept_is_one_full_all_reduce_a_pass(k, wire, tokens):
    shape = replace(SMALL, hidden=1024, heads=16)
    p, full = k / 64, tokens * 1024 * 2
    found = training(shape, Scheme(p=p, backward_wire=wire), tokens)
    assert payload(of("forward", found)) == full + 2 * shape.layers * k * full // 64
    assert payload(of("backward", found)) == full + 2 * shape.layers * k * full // 64 * wire // BF16


def test_channels_are_truncated_never_rounded():
    shape = load_transformer("caatnet-130m")
    assert {e.elements for e in training(shape, Scheme(p=0.3), 10) if e.partial} == {2300}
    assert {e.elements for e in training(shape, Scheme(p=0.9999), 10) if e.partial} == {7670}


def test_against_stock_half_the_channels_save_a_quarter_and_against_its_own_p_1_half():
    shape = load_transformer("caatnet-7b")
    megatron, own, half = (payload(training(shape, s)) for s in (stock(), Scheme(p=1), Scheme(p=0.5)))
    assert 1 - half / megatron == pytest.approx(0.25, abs=0.01)
    assert 1 - half / own == pytest.approx(0.5, abs=0.01)


def test_norm_gradients_are_summed_once_a_step_in_fp32_where_ranks_differ():
    shape = load_transformer("caatnet-7b")
    (norms,) = exchanges(step_stages(shape, Scheme(p=0.5)))
    assert (norms.elements, norms.size) == (65 * 4096, 65 * 4096 * 4)
    assert exchanges(step_stages(shape, stock())) == ()
    assert len(exchanges(step_stages(shape, stock(sequence_parallel=True)))) == 1


def test_sequence_parallelism_makes_a_reduce_scatter_and_an_all_gather_of_each():
    plain, split = training(SMALL, stock(), 64), training(SMALL, stock(sequence_parallel=True), 64)
    assert [e.collective for e in split] == ["reduce-scatter", "all-gather"] * len(plain)
    assert [e.size for e in split[::2]] == [e.size for e in split[1::2]] == [e.size for e in plain]
    assert payload(split) == payload(plain)


@pytest.mark.parametrize("p", [0.25, 0.5, 0.75])
@pytest.mark.parametrize("copies", ["needed", "always"])
def test_taking_apart_and_joining_moves_each_element_four_times(p, copies):
    found = training(SMALL, Scheme(p=p, copies=copies), 64)
    for exchange in found:
        whole = 64 * SMALL.hidden * (4 if exchange.phase == "backward" else 2)
        expected = (2 * p + 2 + 2 * (1 - p)) * whole if exchange.partial else 0
        assert exchange.packed + exchange.joined == expected == (4 * whole if exchange.partial else 0)


def test_copies_at_the_ends_are_those_that_something_is_left_to_do():
    whole = 64 * SMALL.hidden * 2

    def moved(**scheme):
        return {(e.packed, e.joined) for e in of("forward", training(SMALL, Scheme(**scheme), 64))[1:]}

    assert moved(p=1) == {(0, 0)}
    assert moved(p=1, copies="always") == {(2 * whole, 2 * whole)}
    assert moved(p=0) == {(0, 2 * whole)}
    assert moved(p=0.5, copies="none") == {(0, 0)}
    assert {(e.packed, e.joined) for e in training(SMALL, replace(stock(), copies="always"), 64)} == {(0, 0)}


@pytest.mark.parametrize("bits", sorted(set(WIRES.values())))
def test_fewer_bits_leave_the_number_of_collectives_and_the_full_ones(bits):
    found = training(SMALL, Scheme(p=0.5, forward_wire=bits, backward_wire=bits), 64)
    assert len(found) == 2 * (2 * SMALL.layers + 1)
    assert {e.size for e in found if e.partial} == {64 * 384 * bits // 8}
    assert {e.size for e in found if not e.partial} == {64 * 768 * 2}


def test_dropped_points_are_gone_from_both_passes():
    for name, back in (("megatron", "mlp"), ("caatnet", "attention")):
        found = training(SMALL, Scheme(name, 1, BF16, BF16, dropped=frozenset({1})))
        gone = [(e.place, e.layer) for e in found if e.layer == 1]
        assert len(found) == 4 * SMALL.layers
        assert gone == [("mlp", 1), ("attention" if back == "mlp" else "mlp", 1)]


@pytest.mark.parametrize("scheme", OPTIONS)
def test_stages_wait_for_earlier_ones_and_hold_every_part_once(scheme):
    stages = training_stages(SMALL, 8, scheme)
    assert all(k < index for index, stage in enumerate(stages) for k in stage.after)
    parts = [(stage.place, stage.phase, stage.layer) for stage in stages if isinstance(stage, Part)]
    assert len(parts) == len(set(parts)) == 2 * (2 * SMALL.layers + 2)


@pytest.mark.parametrize("scheme", [s for s in OPTIONS if not s.ladder])
def test_blocking_collectives_form_one_chain(scheme):
    stages = training_stages(SMALL, 8, scheme)
    assert all(index - 1 in stage.after for index, stage in enumerate(stages) if index)


@pytest.mark.parametrize("name", ["megatron", "caatnet"])
def test_a_ladder_block_does_not_wait_for_the_collective_before_it(name):
    """Block k waits for the all-reduce of block k - 2 there, and for that of block k + 2 back."""
    stages = training_stages(SMALL, 8, Scheme(name, 1, ladder=True))
    order = [(layer, place) for layer in range(SMALL.layers) for place in ("attention", "mlp")]
    for stage in stages:
        if not isinstance(stage, Part) or (stage.layer, stage.place) not in order:
            continue
        k = order.index((stage.layer, stage.place))
        waits = [stages[at].exchange for at in stage.after if isinstance(stages[at], Sync)]
        found = [order.index((e.layer, e.place)) for e in waits if e.layer is not None]
        if stage.phase == "forward":
            assert found == ([k - 2] if k > 1 else [])
        elif name == "megatron":
            assert found == ([k + 2] if k < len(order) - 2 else [])
        else:
            assert found == [k]
            (sync,) = (at for at in stage.after if isinstance(stages[at], Sync))
            sources = [stages[at] for at in stages[sync].after if isinstance(stages[at], Part)]
            expected = ["head"] if k >= len(order) - 2 else [order[k + 2][1]]
            assert [part.place for part in sources] == expected


def test_copies_stand_around_their_collective():
    kinds = [type(stage) for stage in forward_stages(SMALL, 8, Scheme(p=0.5))]
    assert kinds[:8] == [Part, Sync, Part, Copy, Sync, Copy, Part, Copy]


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_share_outside_0_to_1_is_refused(p):
    with pytest.raises(InvalidValue, match="not in 0 to 1"):
        Scheme(p=p)


def test_what_makes_no_scheme_is_refused():
    with pytest.raises(UnknownName, match="megatron"):
        Scheme("megatrom")
    with pytest.raises(UnknownName, match="needed"):
        Scheme(copies="need")
    with pytest.raises(InvalidValue, match="every channel"):
        Scheme("megatron", 0.5)
    with pytest.raises(InvalidValue, match="Megatron's alone"):
        Scheme(sequence_parallel=True)
    with pytest.raises(InvalidValue, match="1 bit"):
        Scheme(forward_wire=0)
