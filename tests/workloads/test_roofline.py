"""The roofline: rates as published, the longer of computing and moving, and the same three questions as any accelerator."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collsim.errors import ClockOverflow, InvalidValue, UnknownName
from collsim.workloads.accelerators.accelerator import ACCELERATORS, pass_times
from collsim.workloads.accelerators.roofline import WORDS, Roofline, roofline, rooflines
from collsim.workloads.layers import convolution, dense, lookup, product

DENSE = {  # TFLOP/s in the precision it computes in, GB/s, GB
    "v100": (125, 900, 32),
    "a100-40gb": (312, 1555, 40),
    "a100": (312, 2039, 80),
    "h100": (989.4, 3350, 80),
    "h200": (989.4, 4800, 141),
    "b200": (2250, 8000, 180),
    "gb200": (2500, 8000, 186),
    "gaudi2": (432, 2460, 96),
    "gaudi3": (1835, 3700, 128),
    "mi300x": (1307.4, 5300, 192),
    "tpu-v3": (123, 900, 32),
}


def plain(**changes):
    base = {"peaks": {"bf16": 10**12, "fp32": 10**11}, "memory_bandwidth": 10**9, "memory": 10**9}
    exact = {"compute_efficiency": 1.0, "memory_efficiency": 1.0}
    return Roofline("plain", "", "", **{**base, **exact, **changes})


def test_rates_are_the_dense_ones_published():
    assert set(rooflines()) == set(DENSE)
    for name, (teraflops, bandwidth, memory) in DENSE.items():
        entry = roofline(name)
        assert entry.peak() == pytest.approx(teraflops * 1e12)
        assert (entry.memory_bandwidth, entry.memory) == (bandwidth * 10**9, memory * 10**9)
    assert roofline("gb200").peak("fp8") == 5 * 10**15


def test_fewer_bits_are_never_slower():
    for entry in rooflines().values():
        by_word = sorted((WORDS[p], -peak) for p, peak in entry.peaks.items() if p != "fp32")
        assert by_word == sorted(by_word, key=lambda pair: pair[1])
        assert entry.peaks.get("fp32", 0) < entry.peak()


def test_a_kernel_takes_the_longer_of_its_operations_and_its_bytes():
    machine = plain()
    assert machine.time(10**6, 0) == 10**9  # a microsecond at 1 TFLOP/s
    assert machine.time(10**6, 10**3) == 10**9
    assert machine.time(10**6, 2 * 10**3) == 2 * 10**9
    assert machine.time(10**6, 0, "fp32") == 10**10
    assert machine.time(0, 0) == 0
    assert [machine.memory_decides(10**6, moved) for moved in (10**3, 2 * 10**3)] == [False, True]


def test_efficiencies_and_overhead_are_exact_and_times_round_up():
    machine = plain(compute_efficiency=0.7, memory_efficiency=0.9, overhead=5)
    assert machine.time(7 * 10**5, 0) == 10**9 + 5
    assert machine.time(0, 900) == 10**9 + 5
    assert plain(peaks={"bf16": 3 * 10**15}).time(1, 0) == 1
    assert plain(peaks={"bf16": 3 * 10**15}).time(4, 0) == 2


@given(flops=st.integers(0, 10**15), moved=st.integers(0, 10**12), more=st.integers(0, 10**12))
def test_more_work_never_takes_less(flops, moved, more):
    machine = roofline("h100")
    assert machine.time(flops, moved) <= machine.time(flops + more, moved)
    assert machine.time(flops, moved) <= machine.time(flops, moved + more)


def test_a_layer_moves_inputs_weights_and_outputs_once():
    layer = convolution("c", 8, 3, 5, 3, padding=1)
    slow, samples = plain(peaks={"bf16": 10**18}), 4
    moved = 2 * (samples * 8 * 8 * (3 + 5) + 27 * 5)
    for time in (slow.forward, slow.input_gradient, slow.weight_gradient):
        assert time(layer, samples) == moved * 10**6
    fast = plain(memory_bandwidth=10**18)
    assert fast.forward(layer, samples) == samples * layer.flops * 10**3


def test_products_of_activations_move_both_for_every_sample():
    machine = plain(peaks={"bf16": 10**18})
    scores = product("scores", 10, 64, 12, heads=8)
    assert machine.forward(scores, 3) == 3 * machine.forward(scores, 1)
    weights = dense("d", 64, 12, rows=10)
    assert machine.forward(weights, 3) < 3 * machine.forward(weights, 1)


def test_a_lookup_moves_what_it_picks():
    machine = plain()
    times = pass_times(machine, lookup("e", 1000, 8, rows=3), 4)
    assert (times.forward, times.input_gradient, times.weight_gradient) == (
        2 * 3 * 8 * 4 * 2 * 10**6,
        0,
        2 * 3 * 8 * 4 * 2 * 10**6,
    )


@pytest.mark.parametrize(
    ("changes", "cure"),
    [
        ({"compute_efficiency": 0.0}, "above 0"),
        ({"memory_efficiency": 1.5}, "at most at 1"),
        ({"overhead": -1}, "at least 0"),
        ({"memory_bandwidth": 0}, "positive"),
        ({"peaks": {"bf16": 0}}, "leave bf16 out"),
        ({"peaks": {"fp32": 1}}, "does not compute in bf16; take fp32"),
    ],
)
def test_rates_that_cannot_be_are_refused(changes, cure):
    with pytest.raises(InvalidValue, match=cure):
        plain(**changes)


def test_names_that_are_not_known_are_answered_with_what_is():
    with pytest.raises(UnknownName, match="'bf16'"):
        roofline("h100").time(1, 1, "bf-16")
    with pytest.raises(UnknownName, match="'bf16'"):
        plain(peaks={"bf-16": 1})
    with pytest.raises(InvalidValue, match=r"v100.*fp16 or fp32"):
        roofline("v100").peak("bf16")
    with pytest.raises(InvalidValue, match="computes layers only"):
        roofline("multitree-isca21")
    with pytest.raises(ClockOverflow):
        replace(ACCELERATORS.get("v100"), compute_efficiency=0.001).time(10**22, 0)
