"""The partially synchronised backward pass is the exact gradient of its forward pass, and sends what the generator says."""

from dataclasses import replace

import numpy as np
import pytest
from oracles.partial_transformer import (
    ATTENTION,
    MLP,
    Counted,
    Network,
    Scheme,
    Shape,
    counts,
    dense,
    example,
    slope,
    worst_error,
)

from collsim.collectives.channels import synchronised_channels
from collsim.workloads import tensor_parallel as wire
from collsim.workloads.load_transformer import load_transformer
from collsim.workloads.tensor_parallel_stages import exchanges, step_stages, training_stages

FRACTIONS = (1, 0.75, 0.5, 0.25, 0)
SHAPE = Shape()
TINY = Shape(layers=1, hidden=8, heads=2, ffn=4, vocabulary=4, batch=1, sequence=3)
EXACT = 1e-13
"""What rounding leaves of a relative error; the largest found is 5e-15."""
LEAST = 1e-3
"""A mistake makes at least so much of a relative error."""


def gradient(network):
    loss = network.forward()
    return loss, network.backward()


def same(one, other):
    """Tell whether two {name: gradient} agree to rounding."""
    return one.keys() == other.keys() and all(np.allclose(one[k], other[k], rtol=0, atol=1e-13) for k in one)


@pytest.mark.parametrize("p", FRACTIONS)
@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_backward_is_the_exact_gradient_of_forward(p, ranks):
    for seed in range(3):
        network = example(SHAPE, ranks, Scheme(p), seed)
        assert worst_error(network, seed)[0] < EXACT


@pytest.mark.parametrize("p", FRACTIONS)
def test_every_single_derivative_of_a_tiny_model_is_exact(p):
    network = example(TINY, 2, Scheme(p), 3)
    _, found = gradient(network)
    for name, value in network.held.items():
        wanted = np.zeros(value.shape)
        for place in np.ndindex(value.shape):
            one = np.zeros(value.shape)
            one[place] = 1
            wanted[place] = slope(network, {name: one})
        np.testing.assert_allclose(found[name], wanted, rtol=0, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("p", FRACTIONS)
def test_central_differences_agree(p):
    """The same by plain real numbers, in case complex ones go another way."""
    network = example(SHAPE, 4, Scheme(p), 5)
    _, found = gradient(network)
    draw = np.random.default_rng(5)
    direction = {name: draw.normal(size=value.shape) for name, value in network.held.items()}
    wanted, step = sum((found[name] * direction[name]).sum() for name in found), 1e-5
    ends = []
    for sign in (1, -1):
        held = {name: value + sign * step * direction[name] for name, value in network.held.items()}
        ends.append(Network(SHAPE, held, network.scheme, network.tokens, network.targets).forward())
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("ranks", [2, 4])
@pytest.mark.parametrize("seed", range(3))
def test_at_p_1_it_is_stock_tensor_parallelism_and_a_single_rank(ranks, seed):
    ours, stock = example(SHAPE, ranks, Scheme(1), seed), example(SHAPE, ranks, Scheme(1, megatron=True), seed)
    (loss, found), (stock_loss, stock_found) = gradient(ours), gradient(stock)
    assert loss == stock_loss
    assert same(found, stock_found)
    single = Network(SHAPE, dense(ours.held), Scheme(1), ours.tokens, ours.targets)
    single_loss, single_found = gradient(single)
    assert single_loss == pytest.approx(loss, rel=1e-13)
    assert same(dense(found), single_found)
    assert worst_error(stock, seed)[0] < EXACT


@pytest.mark.parametrize("p", FRACTIONS)
def test_summed_channels_are_the_same_on_all_ranks_and_private_ones_are_not(p):
    network = example(SHAPE, 4, Scheme(p))
    network.forward()
    stream, k = network.saved["stream"], synchronised_channels(p, SHAPE.hidden)
    assert np.ptp(stream[..., :k], axis=0).max(initial=0) == 0
    assert k == SHAPE.hidden or (np.ptp(stream[..., k:], axis=0) > 0).all()


@pytest.mark.parametrize(
    "left_out", [(MLP, "backward"), (ATTENTION, "backward"), ("stack entry", "backward"), ("norm gradients", "step")]
)
@pytest.mark.parametrize("p", [1, 0.5])
def test_each_sum_of_the_backward_pass_is_needed(left_out, p):
    assert worst_error(example(SHAPE, 2, Scheme(p), deaf=[left_out]))[0] > LEAST


@pytest.mark.parametrize("p", [0.75, 0.5, 0])
def test_private_channels_are_scaled_on_the_way_back_as_well(p):
    network = example(SHAPE, 2, Scheme(p))
    network.forward()
    network.scheme = replace(network.scheme, root=1.0)
    direction = {"query 0": np.ones(network.held["query 0"].shape)}
    wanted = slope(example(SHAPE, 2, Scheme(p)), direction)
    assert abs(network.backward()["query 0"].sum() - wanted) > LEAST * abs(wanted)


@pytest.mark.parametrize("p", [1, 0.5])
def test_a_reduced_skip_path_is_no_gradient(p):
    class Reduced(Network):
        """Goes on with the reduced gradient on the skip path too."""

        def _layer_back(self, layer, stream):
            for place in (MLP, ATTENTION):
                stream = self._meet(stream, place, "backward", layer)
                stream = stream + self._block_back(place, layer, stream)
            return stream

    right = example(SHAPE, 2, Scheme(p))
    assert worst_error(Reduced(SHAPE, right.held, right.scheme, right.tokens, right.targets))[0] > LEAST


@pytest.mark.parametrize("p", FRACTIONS)
def test_sums_where_megatron_has_them_are_the_gradient_at_p_1_alone(p):
    """Megatron sums at the head's input and at the input side of blocks."""
    error = worst_error(example(SHAPE, 2, Scheme(p, megatron=True)))[0]
    assert error < EXACT if p == 1 else error > LEAST


@pytest.mark.parametrize("p", FRACTIONS)
@pytest.mark.parametrize("dropped", [{0}, {1}, {0, 1}])
def test_sync_point_drop_has_an_exact_gradient_too(p, dropped):
    scheme = Scheme(p, dropped=frozenset(dropped))
    assert worst_error(example(SHAPE, 2, scheme))[0] < EXACT
    passes = counts(SHAPE, 2, scheme)
    for phase in ("forward", "backward"):
        assert sum(c.phase == phase for c in passes) == 2 * SHAPE.layers + 1 - len(dropped)


@pytest.mark.parametrize("ranks", [2, 4])
def test_sync_point_drop_at_p_1_is_that_of_stock_tensor_parallelism(ranks):
    ours, stock = (example(SHAPE, ranks, Scheme(1, megatron, frozenset({1}))) for megatron in (False, True))
    (loss, found), (stock_loss, stock_found) = gradient(ours), gradient(stock)
    assert loss == stock_loss
    assert same(found, stock_found)
    assert loss != example(SHAPE, ranks, Scheme(1)).forward()


@pytest.mark.parametrize("p", [*FRACTIONS, 0.3])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_passes_make_2l_and_1_collectives_of_known_size(p, layers):
    shape = replace(SHAPE, layers=layers)
    network = example(shape, 2, Scheme(p))
    gradient(network)
    n, part = shape.elements, shape.elements // shape.hidden * int(p * shape.hidden)
    down = [Counted(place, "forward", layer, part) for layer in range(layers) for place in (ATTENTION, MLP)]
    up = [replace(c, phase="backward") for c in reversed(down)]
    assert network.group.counts == [
        Counted("embedding", "forward", None, n),
        *down,
        *up,
        Counted("stack entry", "backward", None, n),
        Counted("norm gradients", "step", None, (2 * layers + 1) * shape.hidden),
    ]
    assert network.group.loss == 3 * [Counted("loss", "forward", None, shape.batch * shape.sequence)]


@pytest.mark.parametrize("p", [*FRACTIONS, 0.3])
@pytest.mark.parametrize("dropped", [(), (0,), (0, 1)])
def test_the_generator_sends_what_the_numbers_send(p, dropped):
    scheme = Scheme(p, dropped=frozenset(dropped))
    assert generated(wire.Scheme(p=p, dropped=frozenset(dropped))) == list(counts(SHAPE, 2, scheme))


@pytest.mark.parametrize("dropped", [(), (1,)])
def test_the_generator_sends_what_the_numbers_send_with_stock_tensor_parallelism(dropped):
    found = generated(replace(wire.stock(), dropped=frozenset(dropped)))
    assert found == list(counts(SHAPE, 2, Scheme(1, megatron=True, dropped=frozenset(dropped))))


def generated(scheme):
    """Return what the traffic generator says, in the oracle's words."""
    model = replace(
        load_transformer("caatnet-130m"),
        layers=SHAPE.layers,
        hidden=SHAPE.hidden,
        heads=SHAPE.heads,
        kv_heads=SHAPE.heads,
        ffn=SHAPE.ffn,
        vocabulary=SHAPE.vocabulary,
        sequence=SHAPE.sequence,
    )
    stages = (*training_stages(model, SHAPE.batch * SHAPE.sequence, scheme), *step_stages(model, scheme))
    return [Counted(e.place, e.phase, e.layer, e.elements) for e in exchanges(stages)]
